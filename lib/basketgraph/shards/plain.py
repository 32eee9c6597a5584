"""Sealing a shard set from plain arrays, without Spark: for edge lists and small graphs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from basketgraph.shards.manifest import EMPTY, Kind, Manifest, ShardFile, described, manifest_of, seal_set

Array = NDArray[Any]


@dataclass(frozen=True)
class Nodes:
    """Users or items: their ids in order of the index, and float32 matrices [ids, width] of start vectors and features."""

    ids: Sequence[str]
    start: Array | None = None
    features: Array | None = None
    feature_names: tuple[str, ...] = ()

    def matrix(self, which: str) -> Array:
        values: Array | None = getattr(self, which)
        return np.zeros((len(self.ids), 0), np.float32) if values is None else np.ascontiguousarray(values, np.float32)


def seal_arrays(folder: Path, edges: tuple[Array, Array, Array], users: Nodes, items: Nodes, *, shards: int, cut: date) -> Manifest:
    """Seal edges (user index, item index, weight: parallel arrays) as `folder`; users fall into shards by runs of the index."""

    def fill(writing: Path) -> Manifest:
        files: list[ShardFile] = []
        for shard, (begin, end) in enumerate(_runs(len(users.ids), shards)):
            inside = (edges[0] >= begin) & (edges[0] < end)
            columns = {"user_index": edges[0][inside], "item_index": edges[1][inside], "weight": edges[2][inside].astype(np.float32)}
            files.append(_written(pa.table(columns), writing, "edges", shard))
            files.append(_written(_node_table("user", users, begin, end), writing, "users", shard))
        files.append(_written(_node_table("item", items, 0, len(items.ids)), writing, "items", None))
        width = users.matrix("start").shape[1]
        features = {"user_features": users.feature_names, "item_features": items.feature_names}
        return manifest_of(writing, files, cut=cut, tables={}, shards=shards, start_width=width, **features)

    return seal_set(folder, fill)


def seal_sequences(folder: Path, sequences: Sequence[Array], items: Nodes, *, shards: int, cut: date) -> Manifest:
    """Seal the items of each person in order, without users and edges, as `folder`; people fall into shards by runs of their number, their id.

    sequences: item indices, int64 [n] of each person, n from 0 on.
    """
    length = max((len(taken) for taken in sequences), default=0)

    def fill(writing: Path) -> Manifest:
        files: list[ShardFile] = []
        for shard, (begin, end) in enumerate(_runs(len(sequences), shards)):
            lists = np.full((end - begin, length), EMPTY, np.int32)
            for row, taken in enumerate(sequences[begin:end]):
                lists[row, : len(taken)] = taken
            columns = {"user_id": pa.array([f"{number:09d}" for number in range(begin, end)], pa.string()), "items": _lists(lists, pa.int32())}
            files.append(_written(pa.table(columns), writing, "sequences", shard))
        files.append(_written(_node_table("item", items, 0, len(items.ids)), writing, "items", None))
        fields = {"sequence_length": length, "start_width": 0, "user_features": (), "item_features": items.feature_names}
        return manifest_of(writing, files, cut=cut, tables={}, shards=shards, **fields)

    return seal_set(folder, fill)


def _runs(count: int, shards: int) -> list[tuple[int, int]]:
    """The first and the last index + 1 of each shard."""
    return list(pairwise(np.linspace(0, count, shards + 1).astype(np.int64).tolist()))


def _written(table: pa.Table, folder: Path, kind: Kind, shard: int | None) -> ShardFile:
    name = f"{kind}.parquet" if shard is None else f"{kind}-{shard:05d}.parquet"
    pq.write_table(table, folder / name)
    return described(folder, name, kind, shard)


def _node_table(name: str, nodes: Nodes, begin: int, end: int) -> pa.Table:
    columns = {f"{name}_index": pa.array(np.arange(begin, end)), f"{name}_id": pa.array(list(nodes.ids[begin:end]), pa.string())}
    for which in ("start", "features"):
        columns[which] = _lists(nodes.matrix(which)[begin:end], pa.float32())
    return pa.table(columns)


def _lists(rows: Array, kind: pa.DataType) -> pa.ListArray:
    """rows [n, width] as n lists of one length."""
    offsets = np.arange(len(rows) + 1, dtype=np.int32) * rows.shape[1]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(rows.ravel(), kind))
