"""One rank of trainings over sealed shard sets: `python -m basketgraph.graph.worker_main --settings JSON --training JSON [--training JSON ...]`."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from basketgraph.foundation.adam import Adam
from basketgraph.foundation.distributed.epoch_log import append_epoch
from basketgraph.foundation.distributed.launch import free_threads, watch_launcher
from basketgraph.foundation.distributed.workers import Workers, started_workers
from basketgraph.foundation.peak_memory import peak_memory_bytes
from basketgraph.foundation.tables.files import write_atomically
from basketgraph.graph.checkpoints import Checkpoints
from basketgraph.graph.export import write_serving
from basketgraph.graph.model import LightGCN
from basketgraph.graph.results import EMBEDDINGS, PROGRESS, RESULT, Result
from basketgraph.graph.settings import GraphSettings
from basketgraph.graph.shard_input import read_source
from basketgraph.graph.train import Epoch, train
from basketgraph.graph.training import Training


def choose_device(settings: GraphSettings, rank: int) -> torch.device:
    """CUDA where there is one and settings leave it open; ranks on one machine take turns over its devices."""
    if settings.device == "cpu" or (settings.device == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("HOROVOD_LOCAL_RANK", rank)) % max(torch.cuda.device_count(), 1))


def train_source(training: Training, settings: GraphSettings, workers: Workers) -> None:
    """Train to the end, from the last checkpoint where there is one; write embeddings, and on rank 0 progress and TensorBoard's events."""
    started = time.monotonic()
    source = read_source(training.shards, workers.rank, workers.size)
    model_dir = training.model
    threads = settings.threads or free_threads(workers.size)
    torch.set_num_threads(threads)
    model = LightGCN(source.part, settings, workers, choose_device(settings, workers.rank), threads)
    optimizer = Adam(model.parameters())
    checkpoints = Checkpoints(model_dir / "checkpoints", training.fingerprint, model, optimizer)
    epochs = checkpoints.resume()
    board = None
    if workers.rank == 0 and training.tensorboard is not None:
        from torch.utils.tensorboard import SummaryWriter

        board = SummaryWriter(str(training.tensorboard), purge_step=len(epochs))
    for epoch in train(model, optimizer, first_epoch=len(epochs)):
        epochs.append(epoch)
        checkpoints.save(epochs)
        if workers.rank == 0:
            append_epoch(model_dir / PROGRESS, {**asdict(epoch), "seconds": round(time.monotonic() - started, 3)})
        if board is not None:
            _log(board, epoch)
    write_serving(model_dir / EMBEDDINGS, model, source)
    peaks = torch.zeros(workers.size, dtype=torch.float64)
    peaks[workers.rank] = peak_memory_bytes()
    peaks = workers.sum(peaks)  # and everyone has written by now
    if board is not None:
        board.close()
    if workers.rank == 0:
        _finish(model_dir, training.fingerprint, settings, epochs, workers.size, time.monotonic() - started, int(peaks.sum()))


def _log(board: "object", epoch: Epoch) -> None:
    for name in ("loss", "learning_rate", "gradient_norm"):
        board.add_scalar(f"graph/{name}", getattr(epoch, name), epoch.number)  # type: ignore[attr-defined]
    board.flush()  # type: ignore[attr-defined]


def _finish(model_dir: Path, fingerprint: str, settings: GraphSettings, epochs: list[Epoch], ranks: int, seconds: float, peak: int) -> None:
    result = Result(
        fingerprint=fingerprint,
        losses=tuple(epoch.loss for epoch in epochs),
        seconds=round(seconds, 3),
        peak_memory_bytes=peak,
        dim=settings.dim,
        ranks=ranks,
        seed=settings.seed,
    )
    write_atomically(model_dir / RESULT, result.model_dump_json())  # the last file: it marks the training as finished


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--settings", required=True, help="GraphSettings as JSON")
    parser.add_argument("--training", action="append", required=True, help="a Training as JSON; several are done one after the other")
    options = parser.parse_args(arguments)
    watch_launcher()
    workers = started_workers()
    settings = GraphSettings.model_validate_json(options.settings)
    for text in options.training:
        train_source(Training.model_validate_json(text), settings, workers)


if __name__ == "__main__":
    main(sys.argv[1:])
