"""Rows a second that the petastorm reader gives a training, beside pyarrow alone on the same sealed set, in one run.

    PYTHONPATH=lib .venv/bin/python benchmarks/sequence_reader.py [--rows 200000] [--shards 8] [--length 50]

Both end with the same arrays (compared once); pyarrow does not verify the files first. The least of three readings counts.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from basketgraph.shards.manifest import read_manifest, verify
from basketgraph.shards.plain import Nodes, seal_sequences
from basketgraph.shards.reader import ShardSet
from basketgraph.shards.sequence_rows import COLUMNS, SequenceRows


def made_rows(rows: int, length: int) -> SequenceRows:
    items = np.random.default_rng(0).integers(12_000, size=(rows, length), dtype=np.int32)
    return SequenceRows(np.arange(rows), items, np.roll(items, -1, 1), np.tile(np.arange(length, dtype=np.int32), (rows, 1)))


def by_petastorm(folder: Path) -> SequenceRows:
    sealed = ShardSet(folder)
    return SequenceRows.joined([sealed.sequences(shard) for shard in sealed.shards])


def by_pyarrow(folder: Path) -> SequenceRows:
    tables = [pq.read_table(folder / file.name) for file in read_manifest(folder).of_kind("sequences")]
    parts = []
    for table in tables:
        lists = (table[name].combine_chunks().flatten().to_numpy().reshape(len(table), -1) for name in COLUMNS)
        parts.append(SequenceRows(table["row_index"].to_numpy(), *lists))
    return SequenceRows.joined(parts)


def least_seconds(read: Callable[[], object]) -> float:
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        read()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--length", type=int, default=50, help="entries of a row")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="basketgraph-bench-") as folder:
        sealed = Path(folder) / "set"
        manifest = seal_sequences(sealed, made_rows(options.rows, options.length), Nodes(["item"]), shards=options.shards, cut=date.max)
        one, other = by_petastorm(sealed), by_pyarrow(sealed)
        assert all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("index", *COLUMNS))
        seconds = {
            "petastorm, files verified": least_seconds(lambda: by_petastorm(sealed)),
            "of which: verifying": least_seconds(lambda: verify(sealed, manifest)),
            "pyarrow": least_seconds(lambda: by_pyarrow(sealed)),
        }
    for name, needed in seconds.items():
        print(f"{name:26} {options.rows / needed:12,.0f} rows a second  {needed / seconds['pyarrow']:5.2f} x pyarrow's time")


if __name__ == "__main__":
    main()
