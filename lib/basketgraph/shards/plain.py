"""A sealed shard set from plain arrays, without Spark: for edge lists and small graphs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from basketgraph.shards.manifest import FORMAT, SCHEMA_HASH, Manifest, ShardFile, described, ids_sha256, seal_set

Array = NDArray[Any]


@dataclass(frozen=True)
class Nodes:
    """Users or items: their ids in order of the index, and float32 matrices [ids, width] of start vectors and features."""

    ids: Sequence[str]
    start: Array | None = None
    features: Array | None = None
    feature_names: tuple[str, ...] = field(default=())

    def matrix(self, which: str) -> Array:
        values: Array | None = getattr(self, which)
        return np.zeros((len(self.ids), 0), np.float32) if values is None else np.ascontiguousarray(values, np.float32)


def seal_arrays(folder: Path, edges: tuple[Array, Array, Array], users: Nodes, items: Nodes, *, shards: int, cut: date) -> Manifest:
    """Seal edges (user index, item index, weight: parallel arrays) as `folder`; users fall into shards by runs of the index."""

    def fill(writing: Path) -> Manifest:
        bounds = np.linspace(0, len(users.ids), shards + 1).astype(np.int64)
        files: list[ShardFile] = []
        for shard, (begin, end) in enumerate(pairwise(bounds)):
            inside = (edges[0] >= begin) & (edges[0] < end)
            columns = {"user_index": edges[0][inside], "item_index": edges[1][inside], "weight": edges[2][inside].astype(np.float32)}
            pq.write_table(pa.table(columns), writing / f"edges-{shard:05d}.parquet")
            files.append(described(writing, f"edges-{shard:05d}.parquet", "edges", shard, int(inside.sum())))
            pq.write_table(_node_table("user", users, int(begin), int(end)), writing / f"users-{shard:05d}.parquet")
            files.append(described(writing, f"users-{shard:05d}.parquet", "users", shard, int(end - begin)))
        pq.write_table(_node_table("item", items, 0, len(items.ids)), writing / "items.parquet")
        files.append(described(writing, "items.parquet", "items", None, len(items.ids)))
        return Manifest(
            format=FORMAT,
            cut=cut,
            tables={},
            schema_hash=SCHEMA_HASH,
            shards=shards,
            users=len(users.ids),
            items=len(items.ids),
            edges=len(edges[0]),
            start_width=users.matrix("start").shape[1],
            user_features=users.feature_names,
            item_features=items.feature_names,
            user_ids_sha256=ids_sha256(users.ids),
            item_ids_sha256=ids_sha256(items.ids),
            files=tuple(files),
        )

    return seal_set(folder, fill)


def _node_table(name: str, nodes: Nodes, begin: int, end: int) -> pa.Table:
    columns = {f"{name}_index": pa.array(np.arange(begin, end)), f"{name}_id": pa.array(list(nodes.ids[begin:end]), pa.string())}
    for which in ("start", "features"):
        rows = nodes.matrix(which)[begin:end]
        offsets = np.arange(len(rows) + 1, dtype=np.int32) * rows.shape[1]
        columns[which] = pa.ListArray.from_arrays(pa.array(offsets), pa.array(rows.ravel(), pa.float32()))
    return pa.table(columns)
