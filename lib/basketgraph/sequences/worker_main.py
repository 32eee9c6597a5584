"""One rank of a training over a sealed set of sequences: `python -m basketgraph.sequences.worker_main --settings JSON --shards DIR --model DIR`."""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from basketgraph.foundation.adam import Adam
from basketgraph.foundation.distributed.epoch_log import append_epoch
from basketgraph.foundation.distributed.launch import free_threads, watch_launcher
from basketgraph.foundation.distributed.workers import Workers, started_workers
from basketgraph.foundation.peak_memory import peak_memory_bytes
from basketgraph.foundation.tables.files import write_atomically
from basketgraph.sequences.checkpoints import Checkpoint
from basketgraph.sequences.model import SequenceModel
from basketgraph.sequences.packing import Array, SequenceRows, training_rows
from basketgraph.sequences.results import CHECKPOINT, MODEL, PROGRESS, RESULT, VECTORS, Result
from basketgraph.sequences.sequence_vectors import write_vectors
from basketgraph.sequences.settings import SequenceSettings
from basketgraph.sequences.train import first_vectors, train
from basketgraph.shards.manifest import read_manifest
from basketgraph.shards.reader import ShardSet


def train_shards(
    shards: Path, model_dir: Path, settings: SequenceSettings, workers: Workers, fingerprint: str = "", *, vectors: bool = False
) -> None:
    """Train on every `workers.size`-th shard from this rank's on, to the end, from the last checkpoint where there is one.

    Rank 0 writes progress and checkpoints, and at the end the model and the result; with `vectors` each rank writes those of its people.
    """
    started = time.monotonic()
    torch.set_num_threads(settings.threads or free_threads(workers.size))
    manifest = read_manifest(shards)
    manifest.check_ranks(workers.size)
    mine = range(workers.rank, manifest.shards, workers.size)
    sealed = ShardSet(shards, mine)
    people = {shard: sealed.sequences(shard) for shard in mine}
    rows, rows_total = packed_rows({shard: of_shard.items for shard, of_shard in people.items()}, manifest.shards, settings.length, workers)
    model = SequenceModel(manifest.items, settings)
    optimizer = Adam(model.parameters())
    checkpoint = Checkpoint(model_dir / CHECKPOINT, fingerprint, optimizer, workers)
    epochs = checkpoint.resume()
    if not epochs:
        first_vectors(model, rows, workers)
    for epoch in train(model, rows, rows_total, optimizer, workers, epochs.copy()):
        epochs.append(epoch)
        checkpoint.save(epochs)
        if workers.rank == 0:
            append_epoch(model_dir / PROGRESS, asdict(epoch))
    if vectors:
        write_vectors(model_dir / VECTORS, model, people, sealed.items().ids if workers.rank == 0 else None, workers)
    peak = workers.sum(torch.tensor(float(peak_memory_bytes()), dtype=torch.float64))
    if workers.rank == 0:
        torch.save({name: parameter.detach() for name, parameter in model.parameters().items()}, model_dir / MODEL)
        result = Result(
            fingerprint=fingerprint,
            losses=tuple(epoch.loss for epoch in epochs),
            seconds=round(time.monotonic() - started, 3),
            peak_memory_bytes=int(peak),
            ranks=workers.size,
        )
        write_atomically(model_dir / RESULT, result.model_dump_json())  # the last file: it marks the training as finished


def packed_rows(people: Mapping[int, Sequence[Array]], shards: int, length: int, workers: Workers) -> tuple[SequenceRows, int]:
    """This rank's rows, numbered through the shards of all ranks, and how many rows there are in all: alike, however many ranks share the shards.

    people: shard -> item indices of its people, of the shards of this rank.
    """
    packed = {shard: training_rows(items, length) for shard, items in people.items()}
    counts = torch.zeros(shards, dtype=torch.float64)
    for shard, rows in packed.items():
        counts[shard] = len(rows.index)
    counts = workers.sum(counts)
    first = (counts.cumsum(0) - counts).long().tolist()
    return SequenceRows.joined([rows.numbered_from(first[shard]) for shard, rows in packed.items()]), int(counts.sum())


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--settings", required=True, help="SequenceSettings as JSON")
    parser.add_argument("--shards", type=Path, required=True, help="a sealed set of sequences")
    parser.add_argument("--model", type=Path, required=True, help="an existing folder for the model")
    parser.add_argument("--vectors", action="store_true", help="write the vectors of people and items, too")
    parser.add_argument("--fingerprint", default="", help="of the set, the settings and the code; only a checkpoint with the same is resumed")
    options = parser.parse_args(arguments)
    watch_launcher()
    settings = SequenceSettings.model_validate_json(options.settings)
    train_shards(options.shards, options.model, settings, started_workers(), options.fingerprint, vectors=options.vectors)


if __name__ == "__main__":
    main(sys.argv[1:])
