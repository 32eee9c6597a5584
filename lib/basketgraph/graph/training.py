"""Training on sealed shard sets: start the ranks, report their epochs, read the results. Imports no torch."""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from basketgraph.foundation.code_hash import module_code
from basketgraph.foundation.config import Settings
from basketgraph.foundation.distributed.epoch_log import reported_epochs
from basketgraph.foundation.distributed.launch import Launcher, run_ranks
from basketgraph.foundation.progress import at
from basketgraph.graph.results import EMBEDDINGS, PROGRESS, RESULT, Result
from basketgraph.graph.settings import GraphSettings
from basketgraph.shards.manifest import Manifest, read_manifest, verify

WORKER = "basketgraph.graph.worker_main"


def training_fingerprint(manifest: Manifest, settings: GraphSettings) -> str:
    """Hash of the set, the settings and the code that the model depends on: device, kernel and threads are left out."""
    numbers = settings.model_dump_json(exclude={"device", "kernel", "threads"})
    return hashlib.sha256(f"{manifest.fingerprint} {numbers} {module_code(WORKER)}".encode()).hexdigest()


class Training(Settings):
    """A sealed set, the folder of its model, and a folder for TensorBoard's events, where they are wanted."""

    shards: Path
    model: Path
    tensorboard: Path | None = None
    fingerprint: str = ""

    @classmethod
    def of_cut(cls, folder: Path, cut: date) -> "Training":
        """The training on a cut's sealed set, with its folders below `folder`."""
        day = str(cut)
        return cls(shards=folder / "shards" / day, model=folder / "models/graph" / day, tensorboard=folder / "tensorboard/graph" / day)

    @property
    def has_edges(self) -> bool:
        """Whether anything was bought before the cut; without an edge there is no graph to train on."""
        return read_manifest(self.shards).edges > 0


def train_each(
    trainings: Sequence[Training],
    settings: GraphSettings,
    *,
    ranks: int = 1,
    launcher: Launcher = "processes",
    on_epoch: Callable[[Training, dict[str, Any]], None] = lambda training, epoch: None,
) -> list[Result]:
    """Train on sealed sets one after the other with the same Horovod ranks, each from its last checkpoint, if any.

    on_epoch: called after each epoch with number, loss, learning_rate, gradient_norm and seconds.
    returns:  the result of each; the embeddings lie in <model>/embeddings. A finished training is not repeated.
    errors:   UserError for a set that does not match its manifest or for more ranks than shards, before any rank starts; RanksFailed where one fails.
    """
    named = []
    for training in trainings:
        manifest = read_manifest(training.shards)
        manifest.check_ranks(ranks)
        verify(training.shards, manifest)
        named.append(training.model_copy(update={"fingerprint": training_fingerprint(manifest, settings)}))
    unfinished = [training for training in named if not _is_finished(training)]
    for training in unfinished:
        training.model.mkdir(parents=True, exist_ok=True)
        (training.model / RESULT).unlink(missing_ok=True)
        (training.model / PROGRESS).unlink(missing_ok=True)
        shutil.rmtree(training.model / EMBEDDINGS, ignore_errors=True)
    if unfinished:  # starting ranks takes as long as training a small graph
        arguments = ["--settings", settings.model_dump_json()]
        for training in unfinished:
            arguments += ["--training", training.model_dump_json()]

        def report(number: int, epoch: dict[str, Any]) -> None:
            at("epochs done", number * settings.epochs + epoch["number"] + 1, len(unfinished) * settings.epochs)
            on_epoch(unfinished[number], epoch)

        with reported_epochs([training.model / PROGRESS for training in unfinished], report):
            run_ranks(WORKER, arguments, ranks, launcher=launcher, threads=settings.threads)
    return [read_result(training.model) for training in named]


def _is_finished(training: Training) -> bool:
    return (training.model / RESULT).is_file() and read_result(training.model).fingerprint == training.fingerprint


def read_result(model_dir: Path) -> Result:
    """The result of a finished training."""
    return Result.model_validate_json((model_dir / RESULT).read_text(encoding="utf-8"))
