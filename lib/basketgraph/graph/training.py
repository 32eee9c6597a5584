"""Training the recommender over a sealed shard set: start ranks, follow their epochs, say what came out. Imports no torch."""

import hashlib
import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from basketgraph.graph.results import EMBEDDINGS, PROGRESS, RESULT, Result
from basketgraph.graph.settings import GraphSettings
from basketgraph.launch import Launcher, run_ranks
from basketgraph.shards.manifest import Manifest, read_manifest, verify

POLL_SECONDS = 0.5


def training_fingerprint(manifest: Manifest, settings: GraphSettings) -> str:
    """Names a training: equal ones come to the same model. The machine's part of the settings is left out."""
    numbers = settings.model_dump_json(exclude={"device", "kernel", "threads"})
    return hashlib.sha256(f"{manifest.fingerprint} {numbers}".encode()).hexdigest()


def train_shards(
    shard_dir: Path,
    model_dir: Path,
    settings: GraphSettings,
    *,
    ranks: int = 1,
    launcher: Launcher = "processes",
    tensorboard: Path | None = None,
    on_epoch: Callable[[dict[str, Any]], None] | None = None,
) -> Result:
    """Train on a sealed set with Horovod ranks, from the last checkpoint of the same training where `model_dir` has one.

    on_epoch: called after each epoch with number, loss, learning_rate, gradient_norm and seconds.
    returns:  losses, seconds and peak memory; the embeddings lie in model_dir/embeddings. A training that is whole already is not repeated.
    errors:   Mistake for a set that does not match its manifest or for more ranks than shards; RanksFailed where a rank fails.
    """
    manifest = read_manifest(shard_dir)
    manifest.check_ranks(ranks)
    verify(shard_dir, manifest)
    fingerprint = training_fingerprint(manifest, settings)
    have = read_result(model_dir)
    if have is not None and have.fingerprint == fingerprint:
        return have
    model_dir.mkdir(parents=True, exist_ok=True)
    (model_dir / RESULT).unlink(missing_ok=True)
    (model_dir / PROGRESS).unlink(missing_ok=True)
    shutil.rmtree(model_dir / EMBEDDINGS, ignore_errors=True)
    arguments = ["--shards", str(shard_dir), "--model", str(model_dir), "--settings", settings.model_dump_json(), "--fingerprint", fingerprint]
    if tensorboard is not None:
        arguments += ["--tensorboard", str(tensorboard)]
    with _Follower(model_dir / PROGRESS, on_epoch):
        run_ranks("basketgraph.graph.rank", arguments, ranks, launcher=launcher, threads=settings.threads)
    result = read_result(model_dir)
    if result is None:
        raise RuntimeError(f"{model_dir}: the ranks ended without a result")
    return result


def read_result(model_dir: Path) -> Result | None:
    """The result of a whole training, or None."""
    path = model_dir / RESULT
    return Result.model_validate_json(path.read_text(encoding="utf-8")) if path.is_file() else None


class _Follower:
    """Reads the ranks' progress file while they run and hands each new line on, in order."""

    def __init__(self, path: Path, on_epoch: Callable[[dict[str, Any]], None] | None) -> None:
        self.path, self.on_epoch = path, on_epoch
        self.seen = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._follow, name="epochs", daemon=True)

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()
        self._read()

    def _follow(self) -> None:
        while not self.ended.wait(POLL_SECONDS):
            self._read()

    def _read(self) -> None:
        if self.on_epoch is None or not self.path.is_file():
            return
        lines = self.path.read_text(encoding="utf-8").split("\n")[:-1]  # a line without its end is still being written
        for line in lines[self.seen :]:
            self.on_epoch(json.loads(line))
        self.seen = len(lines)
