"""A rank's part of a sealed shard set."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from basketgraph.foundation.config import UserError
from basketgraph.graph.partition import Part, ShardRange
from basketgraph.graph.sparse import Array, Csr
from basketgraph.shards.manifest import read_manifest
from basketgraph.shards.reader import ShardSet


@dataclass(frozen=True)
class Source:
    """The part, and the ids of its users and of all items in order of their rows."""

    part: Part
    user_ids: Array
    item_ids: Array


def read_source(folder: Path, rank: int, ranks: int) -> Source:
    """Read every `ranks`-th shard from `rank` on. Raises UserError for a set that does not match its manifest."""
    manifest = read_manifest(folder)
    manifest.check_ranks(ranks)
    mine = range(rank, manifest.shards, ranks)
    sealed = ShardSet(folder, mine)
    items = sealed.items()
    ranges: list[ShardRange] = []
    users, rows, columns, weights = [], [], [], []
    begin = 0
    for shard in mine:
        of_shard, edges = sealed.users(shard), sealed.edges(shard)
        place = np.searchsorted(of_shard.index, edges.users)
        known = place < len(of_shard.index)
        if not (known.all() and np.array_equal(of_shard.index[place], edges.users)) or (len(edges.items) and edges.items.max() >= manifest.items):
            raise UserError(f"{folder}: shard {shard} has edges of users or items that the set lacks", cure="Seal the set again.")
        users.append(of_shard)
        rows.append(place + begin)
        columns.append(edges.items)
        weights.append(edges.weights)
        ranges.append(ShardRange(shard, begin, begin + len(of_shard.index)))
        begin = ranges[-1].end
    indptr = np.zeros(begin + 1, np.int64)
    np.cumsum(np.bincount(np.concatenate(rows), minlength=begin), out=indptr[1:])
    part = Part(
        users_total=manifest.users,
        user_index=np.concatenate([of_shard.index for of_shard in users]),
        edges=Csr(indptr, np.concatenate(columns).astype(np.int32), np.concatenate(weights), manifest.items),
        user_start=np.concatenate([of_shard.start for of_shard in users]) if manifest.start_width else None,
        item_start=items.start if manifest.start_width else None,
        user_features=np.concatenate([of_shard.features for of_shard in users]),
        item_features=items.features,
        shards=tuple(ranges),
    )
    return Source(part, np.concatenate([of_shard.ids for of_shard in users]), items.ids)
