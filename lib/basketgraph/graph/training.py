"""Training the recommender over a sealed shard set: start ranks, follow their epochs, say what came out. Imports no torch."""

import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any

from basketgraph.foundation.config import Settings
from basketgraph.foundation.distributed.launch import Launcher, run_ranks
from basketgraph.foundation.failures import handling
from basketgraph.foundation.progress import at
from basketgraph.graph.results import EMBEDDINGS, PROGRESS, RESULT, Result
from basketgraph.graph.settings import GraphSettings
from basketgraph.shards.manifest import Manifest, read_manifest, verify

POLL_SECONDS = 0.5


def training_fingerprint(manifest: Manifest, settings: GraphSettings) -> str:
    """Names a training: equal ones come to the same model. The machine's part of the settings is left out."""
    numbers = settings.model_dump_json(exclude={"device", "kernel", "threads"})
    return hashlib.sha256(f"{manifest.fingerprint} {numbers}".encode()).hexdigest()


class Training(Settings):
    """A sealed set, and the folders for what comes of training on it: checkpoints, embeddings and result; TensorBoard's events, where wanted."""

    shards: Path
    model: Path
    tensorboard: Path | None = None
    fingerprint: str = ""

    @classmethod
    def of_cut(cls, folder: Path, cut: date) -> "Training":
        """Where the sealed set and the model of a cut lie below `folder`."""
        return cls(
            shards=folder / "shards" / str(cut), model=folder / "models" / "graph" / str(cut), tensorboard=folder / "tensorboard" / "graph" / str(cut)
        )

    @property
    def has_edges(self) -> bool:
        """Whether anything was bought before the cut; without an edge there is no graph to train on."""
        return read_manifest(self.shards).edges > 0


def train_shards(
    shard_dir: Path,
    model_dir: Path,
    settings: GraphSettings,
    *,
    ranks: int = 1,
    launcher: Launcher = "processes",
    tensorboard: Path | None = None,
    on_epoch: Callable[[dict[str, Any]], None] = lambda epoch: None,
) -> Result:
    """`train_each` on one sealed set."""
    training = Training(shards=shard_dir, model=model_dir, tensorboard=tensorboard)
    (result,) = train_each([training], settings, ranks=ranks, launcher=launcher, on_epoch=lambda _, epoch: on_epoch(epoch))
    return result


def train_each(
    trainings: Sequence[Training],
    settings: GraphSettings,
    *,
    ranks: int = 1,
    launcher: Launcher = "processes",
    on_epoch: Callable[[Training, dict[str, Any]], None] = lambda training, epoch: None,
) -> list[Result]:
    """Train on sealed sets one after the other with the same Horovod ranks, each from the last checkpoint of the same training, if there is one.

    on_epoch: called after each epoch with number, loss, learning_rate, gradient_norm and seconds.
    returns:  losses, seconds and peak memory of each; the embeddings lie in <model>/embeddings. A training that is whole already is not repeated.
    errors:   UserError for a set that does not match its manifest or for more ranks than shards, before any rank starts; RanksFailed where one fails.
    """
    named = []
    for training in trainings:
        manifest = read_manifest(training.shards)
        manifest.check_ranks(ranks)
        verify(training.shards, manifest)
        named.append(training.model_copy(update={"fingerprint": training_fingerprint(manifest, settings)}))
    wanted = [training for training in named if not _is_whole(training)]
    for training in wanted:
        training.model.mkdir(parents=True, exist_ok=True)
        (training.model / RESULT).unlink(missing_ok=True)
        (training.model / PROGRESS).unlink(missing_ok=True)
        shutil.rmtree(training.model / EMBEDDINGS, ignore_errors=True)
    if wanted:  # starting ranks takes as long as training a small graph
        arguments = ["--settings", settings.model_dump_json(), *(text for t in wanted for text in ("--training", t.model_dump_json()))]
        with ExitStack() as followed:
            for number, training in enumerate(wanted):

                def told(epoch: dict[str, Any], training: Training = training, before: int = number * settings.epochs) -> None:
                    at("epochs done", before + epoch["number"] + 1, len(wanted) * settings.epochs)
                    on_epoch(training, epoch)

                followed.enter_context(_Follower(training.model / PROGRESS, told))
            run_ranks("basketgraph.graph.worker_main", arguments, ranks, launcher=launcher, threads=settings.threads)
    results = [read_result(training.model) for training in named]
    lacking = [str(training.model) for training, result in zip(named, results, strict=True) if result is None]
    if lacking:
        raise RuntimeError(f"{', '.join(lacking)}: the ranks ended without a result")
    return [result for result in results if result is not None]


def _is_whole(training: Training) -> bool:
    have = read_result(training.model)
    return have is not None and have.fingerprint == training.fingerprint


def read_result(model_dir: Path) -> Result | None:
    """The result of a whole training, or None."""
    path = model_dir / RESULT
    return Result.model_validate_json(path.read_text(encoding="utf-8")) if path.is_file() else None


class _Follower:
    """Reads the ranks' progress file while they run and hands each new line on, in order."""

    def __init__(self, path: Path, on_epoch: Callable[[dict[str, Any]], None]) -> None:
        self.path, self.on_epoch = path, on_epoch
        self.seen = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._follow, name="epochs", daemon=True)

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.ended.set()
        self.thread.join()
        with handling(error, f"{self.path}: not read to its end"):
            self._read()

    def _follow(self) -> None:
        while not self.ended.wait(POLL_SECONDS):
            self._read()

    def _read(self) -> None:
        if not self.path.is_file():
            return
        lines = self.path.read_text(encoding="utf-8").split("\n")[:-1]  # a line without its end is still being written
        for line in lines[self.seen :]:
            self.on_epoch(json.loads(line))
        self.seen = len(lines)
