"""Small graphs with a structure that a recommender must find."""

from dataclasses import replace

import numpy as np

from basketgraph.foundation.distributed.workers import OneProcess
from basketgraph.graph.model import LightGCN
from basketgraph.graph.partition import Part, ShardRange, csr_from_edges, whole_part
from basketgraph.graph.settings import GraphSettings
from basketgraph.graph.sparse import Csr

GROUPS = 4


def planted(users: int = 240, items: int = 80, per_user: int = 6, seed: int = 0) -> tuple[Csr, Csr]:
    """Train and test edges of users who like one quarter of the items each, now and then another item."""
    draw = np.random.default_rng(seed)
    rows, columns = [], []
    for user in range(users):
        liked = np.arange(items)[np.arange(items) % GROUPS == user % GROUPS]
        chosen = set(draw.choice(liked, per_user + 2, replace=False).tolist()) | {int(draw.integers(items))}
        rows.extend([user] * len(chosen))
        columns.extend(sorted(chosen, key=lambda _: draw.random()))
    users_of, items_of = np.array(rows), np.array(columns)
    held = np.zeros(len(users_of), bool)
    held[np.unique(users_of, return_index=True)[1]] = True  # one item of each user
    shape = (users, items)
    return csr_from_edges(users_of[~held], items_of[~held], None, shape), csr_from_edges(users_of[held], items_of[held], None, shape)


def model_of(edges: Csr, **settings: object) -> LightGCN:
    import torch

    given = GraphSettings.model_validate({"dim": 8, "epochs": 3, "batch_users": 64, "temperature": 0.2, **settings})
    return LightGCN(whole_part(edges), given, OneProcess(), torch.device("cpu"), threads=1)


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
