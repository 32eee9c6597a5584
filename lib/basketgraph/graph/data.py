"""One rank's part of a user-item graph: its users with all their edges, and all the items."""

from dataclasses import dataclass, replace

import numpy as np

from basketgraph.graph.sparse import Array, Csr


@dataclass(frozen=True)
class ShardRange:
    """The rows [begin, end) that a shard's users have in a part."""

    shard: int
    begin: int
    end: int


@dataclass(frozen=True)
class Part:
    """What one rank trains on.

    user_index:    int64 [users], ascending: each user's index in the whole graph, which has users_total of them.
    edges:         weights of the users' items, [users, items]; items ascend within a user.
    user_start:    float32 [users, width] or None: the vectors training starts from; item_start likewise.
    user_features: float32 [users, f] (f may be 0); item_features likewise.
    shards:        which rows belong to which shard, so that a checkpoint outlives a change of ranks.
    """

    users_total: int
    user_index: Array
    edges: Csr
    user_start: Array | None
    item_start: Array | None
    user_features: Array
    item_features: Array
    shards: tuple[ShardRange, ...]

    @property
    def users(self) -> int:
        return self.edges.rows

    @property
    def items(self) -> int:
        return self.edges.width


def csr_from_edges(users: Array, items: Array, weights: Array | None, shape: tuple[int, int]) -> Csr:
    """Rows of items from parallel arrays in any order; an edge that is given twice counts once for each time."""
    order = np.lexsort((items, users))
    indptr = np.zeros(shape[0] + 1, np.int64)
    np.cumsum(np.bincount(users, minlength=shape[0]), out=indptr[1:])
    values = np.ones(len(users), np.float32) if weights is None else weights.astype(np.float32)[order]
    return Csr(indptr, items.astype(np.int32)[order], values, shape[1])


def whole_part(edges: Csr, shards: int = 1) -> Part:
    """The part of the only rank: every user, nothing known but the edges."""
    bounds = np.linspace(0, edges.rows, shards + 1).astype(int)
    return Part(
        users_total=edges.rows,
        user_index=np.arange(edges.rows),
        edges=edges,
        user_start=None,
        item_start=None,
        user_features=np.zeros((edges.rows, 0), np.float32),
        item_features=np.zeros((edges.width, 0), np.float32),
        shards=tuple(ShardRange(shard, int(bounds[shard]), int(bounds[shard + 1])) for shard in range(shards)),
    )


def rank_part(whole: Part, rank: int, ranks: int) -> Part:
    """The shards of `whole` that fall to a rank: every `ranks`-th from its own number on."""
    mine = [shard for shard in whole.shards if shard.shard % ranks == rank]
    rows = np.concatenate([np.arange(shard.begin, shard.end) for shard in mine] or [np.zeros(0, np.int64)])
    lengths = np.diff(whole.edges.indptr)[rows]
    edge_rows = np.concatenate([np.arange(whole.edges.indptr[s.begin], whole.edges.indptr[s.end]) for s in mine] or [np.zeros(0, np.int64)])
    ranges, begin = [], 0
    for shard in mine:
        ranges.append(ShardRange(shard.shard, begin, begin + shard.end - shard.begin))
        begin = ranges[-1].end
    return replace(
        whole,
        user_index=whole.user_index[rows],
        edges=Csr(np.concatenate([[0], np.cumsum(lengths)]), whole.edges.columns[edge_rows], whole.edges.values[edge_rows], whole.items),
        user_start=None if whole.user_start is None else whole.user_start[rows],
        user_features=whole.user_features[rows],
        shards=tuple(ranges),
    )
