"""One rank's part of a user-item graph: its users with all their edges, and all the items."""

from dataclasses import dataclass

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
    shards:        which rows belong to which shard, so that checkpoints fit any number of ranks.
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
    """A matrix [users, items] from parallel arrays in any order; repeated edges stay repeated."""
    order = np.lexsort((items, users))
    indptr = np.zeros(shape[0] + 1, np.int64)
    np.cumsum(np.bincount(users, minlength=shape[0]), out=indptr[1:])
    values = np.ones(len(users), np.float32) if weights is None else weights.astype(np.float32)[order]
    return Csr(indptr, items.astype(np.int32)[order], values, shape[1])


def whole_part(edges: Csr, shards: int = 1) -> Part:
    """The part of a single rank: all users, without start vectors and features."""
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
