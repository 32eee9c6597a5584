"""Small graphs with a structure that a recommender must find."""

import numpy as np

from basketgraph.graph.data import csr_from_edges, whole_part
from basketgraph.graph.model import LightGCN
from basketgraph.graph.settings import GraphSettings
from basketgraph.graph.sparse import Csr
from basketgraph.graph.workers import OneProcess

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
