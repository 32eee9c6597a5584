"""Training on a sealed set of sequences: start the ranks, report their epochs, read the result. Imports no torch."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from basketgraph.foundation.code_hash import module_code
from basketgraph.foundation.distributed.epoch_log import reported_epochs
from basketgraph.foundation.distributed.launch import Launcher, run_ranks
from basketgraph.sequences.results import PROGRESS, RESULT, VECTORS, Result
from basketgraph.sequences.settings import SequenceSettings
from basketgraph.shards.manifest import Manifest, read_manifest, verify

WORKER = "basketgraph.sequences.worker_main"


def training_fingerprint(manifest: Manifest, settings: SequenceSettings) -> str:
    """Hash of the set, the settings and the code that the model depends on: threads are left out."""
    numbers = settings.model_dump_json(exclude={"threads"})
    return hashlib.sha256(f"{manifest.fingerprint} {numbers} {module_code(WORKER)}".encode()).hexdigest()


def train_sequences(
    shards: Path,
    model_dir: Path,
    settings: SequenceSettings,
    *,
    ranks: int = 1,
    launcher: Launcher = "processes",
    on_epoch: Callable[[dict[str, Any]], None] = lambda epoch: None,
    vectors: bool = False,
) -> Result:
    """Train on a sealed set with `ranks` Horovod ranks, from the last checkpoint, if any; the model's parameters lie in <model_dir>/model.pt.

    A finished training is not repeated.

    vectors:  whether <model_dir>/vectors is to hold the vectors of people and items.
    on_epoch: called after each epoch with number, loss, learning_rate and seconds.
    errors:   UserError for a set that does not match its manifest or for more ranks than shards, before any rank starts; RanksFailed where one fails.
    """
    manifest = read_manifest(shards)
    manifest.check_ranks(ranks)
    verify(shards, manifest)
    fingerprint = training_fingerprint(manifest, settings)
    if vectors:
        fingerprint += "-vectors"
    if (model_dir / RESULT).is_file() and read_result(model_dir).fingerprint == fingerprint:
        return read_result(model_dir)
    model_dir.mkdir(parents=True, exist_ok=True)
    for name in (RESULT, PROGRESS):
        (model_dir / name).unlink(missing_ok=True)
    shutil.rmtree(model_dir / VECTORS, ignore_errors=True)
    arguments = ["--settings", settings.model_dump_json(), "--shards", str(shards), "--model", str(model_dir), "--fingerprint", fingerprint]
    arguments += ["--vectors"] if vectors else []
    with reported_epochs([model_dir / PROGRESS], lambda _, epoch: on_epoch(epoch)):
        run_ranks(WORKER, arguments, ranks, launcher=launcher, threads=settings.threads)
    return read_result(model_dir)


def read_result(model_dir: Path) -> Result:
    """The result of a finished training."""
    return Result.model_validate_json((model_dir / RESULT).read_text(encoding="utf-8"))
