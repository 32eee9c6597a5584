"""The files of a finished training. Imports no torch, so that a Spark driver can read them."""

from pathlib import Path

from basketgraph.foundation.config import Settings
from basketgraph.foundation.paths import file_url, globbed

PROGRESS = "progress.jsonl"  # one line an epoch, as it ends
CHECKPOINT = "checkpoint.pt"  # the state after the last epoch; a killed training goes on from it
MODEL = "model.pt"  # the model's parameters by name
VECTORS = "vectors"  # users-<shard>.parquet and items.parquet, where they were asked for
RESULT = "result.json"  # the last file that a training writes: where it is, the training is finished


class Result(Settings):
    """result.json."""

    fingerprint: str
    losses: tuple[float, ...]  # mean over all targets, an epoch each
    seconds: float  # of the ranks that finished it
    peak_memory_bytes: int  # all ranks together
    ranks: int


def vector_files(model_dir: Path) -> dict[str, list[str]]:
    """table -> the Parquet files of a finished training that hold its rows, as URLs that Spark reads."""
    folder = model_dir / VECTORS
    files = {"gold.sequence_user_vectors": sorted(folder.glob("users-*.parquet")), "gold.sequence_item_vectors": [folder / "items.parquet"]}
    return {table: [globbed(file_url(path)) for path in paths] for table, paths in files.items()}
