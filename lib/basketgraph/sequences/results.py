"""The files of a finished training. Imports no torch, so that a Spark driver can read them."""

from basketgraph.foundation.config import Settings

PROGRESS = "progress.jsonl"  # one line an epoch, as it ends
CHECKPOINT = "checkpoint.pt"  # the state after the last epoch; a killed training goes on from it
MODEL = "model.pt"  # the model's parameters by name
RESULT = "result.json"  # the last file that a training writes: where it is, the training is finished


class Result(Settings):
    """result.json."""

    fingerprint: str
    losses: tuple[float, ...]  # mean over all targets, an epoch each
    seconds: float  # of the ranks that finished it
    peak_memory_bytes: int  # all ranks together
    ranks: int
