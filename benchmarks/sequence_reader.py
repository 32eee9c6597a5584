"""People a second that the petastorm reader gives a training, beside pyarrow alone on the same sealed set, in one run.

    PYTHONPATH=lib .venv/bin/python benchmarks/sequence_reader.py [--people 200000] [--shards 8] [--longest 50]

Both end with the same sequences (compared once); pyarrow does not verify the files first. The least of three readings counts.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from basketgraph.shards.manifest import EMPTY, read_manifest, verify
from basketgraph.shards.plain import Nodes, seal_sequences
from basketgraph.shards.reader import ShardSet

Array = NDArray[np.int64]


def made_sequences(people: int, longest: int) -> list[Array]:
    draw = np.random.default_rng(0)
    return [draw.integers(12_000, size=size) for size in draw.integers(1, longest + 1, size=people)]


def by_petastorm(folder: Path) -> list[Array]:
    sealed = ShardSet(folder)
    return [items for shard in sealed.shards for items in sealed.sequences(shard).items]


def by_pyarrow(folder: Path) -> list[Array]:
    sequences: list[Array] = []
    for file in read_manifest(folder).of_kind("sequences"):
        table = pq.read_table(folder / file.name, columns=["user_id", "items"]).sort_by("user_id")
        lists = table["items"].combine_chunks().flatten().to_numpy().reshape(len(table), -1)
        sequences += [items[items != EMPTY] for items in lists]
    return sequences


def least_seconds(read: Callable[[], object]) -> float:
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        read()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--people", type=int, default=200_000)
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--longest", type=int, default=50, help="items of the longest sequence; the shortest has one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="basketgraph-bench-") as folder:
        sealed = Path(folder) / "set"
        manifest = seal_sequences(sealed, made_sequences(options.people, options.longest), Nodes(["item"]), shards=options.shards, cut=date.max)
        assert all(np.array_equal(one, other) for one, other in zip(by_petastorm(sealed), by_pyarrow(sealed), strict=True))
        seconds = {
            "petastorm, files verified": least_seconds(lambda: by_petastorm(sealed)),
            "of which: verifying": least_seconds(lambda: verify(sealed, manifest)),
            "pyarrow": least_seconds(lambda: by_pyarrow(sealed)),
        }
    for name, needed in seconds.items():
        print(f"{name:26} {options.people / needed:12,.0f} people a second  {needed / seconds['pyarrow']:5.2f} x pyarrow's time")


if __name__ == "__main__":
    main()
