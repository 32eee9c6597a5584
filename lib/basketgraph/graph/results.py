"""The files of a finished training. Imports no torch, so that a Spark driver can read them."""

from pathlib import Path

from basketgraph.foundation.config import Settings
from basketgraph.foundation.paths import file_url, globbed

PROGRESS = "progress.jsonl"  # one line an epoch, as it ends
RESULT = "result.json"  # the last file that a training writes: where it is, the training is finished
EMBEDDINGS = "embeddings"  # users-<shard>.parquet and items.parquet


class Result(Settings):
    """result.json."""

    fingerprint: str
    losses: tuple[float, ...]  # weighted mean over all positives, an epoch each
    seconds: float  # of the ranks that finished it, resumed epochs not among them
    peak_memory_bytes: int  # all ranks together
    dim: int
    ranks: int
    seed: int


def embedding_files(model_dir: Path) -> dict[str, list[str]]:
    """table -> the Parquet files of a finished training that hold its rows, as URLs that Spark reads."""
    folder = model_dir / EMBEDDINGS
    users, items = sorted(folder.glob("users-*.parquet")), [folder / "items.parquet"]
    files = {"gold.user_embeddings": users, "gold.item_embeddings": items}
    return {table: [globbed(file_url(path)) for path in paths] for table, paths in files.items()}
