"""Plain edge lists: `user item item ...` a line, as the field's benchmarks publish them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from basketgraph.config import Mistake
from basketgraph.graph.data import csr_from_edges
from basketgraph.graph.sparse import Csr


@dataclass(frozen=True)
class EdgeLists:
    """Edges by user over one numbering of users and items: the names, in order, and one matrix [users, items] for each file."""

    users: tuple[str, ...]
    items: tuple[str, ...]
    matrices: tuple[Csr, ...]


def read_edge_lists(paths: list[Path]) -> EdgeLists:
    """Read files over one numbering; names are numbered in numeric order where all are numbers. Raises Mistake on a file without an edge."""
    pairs = [_pairs(path) for path in paths]
    users = _names([pair[0] for pair in pairs])
    items = _names([pair[1] for pair in pairs])
    user_number, item_number = {name: n for n, name in enumerate(users)}, {name: n for n, name in enumerate(items)}
    matrices = []
    for user_names, item_names in pairs:
        edges = np.array([[user_number[u], item_number[i]] for u, i in zip(user_names, item_names, strict=True)], np.int64).reshape(-1, 2)
        edges = np.unique(edges, axis=0)
        matrices.append(csr_from_edges(edges[:, 0], edges[:, 1], None, (len(users), len(items))))
    return EdgeLists(users, items, tuple(matrices))


def _pairs(path: Path) -> tuple[list[str], list[str]]:
    users: list[str] = []
    items: list[str] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise Mistake(f"{path}: cannot be read", [f"file: want a readable edge list, have {error.strerror}"], "Name an existing file.") from error
    for line in lines:
        user, *names = line.split() or [""]
        users.extend([user] * len(names))
        items.extend(names)
    if not users:
        raise Mistake(f"{path}: holds no edge", ["lines: want `user item item ...`, have none with an item"], "Name a file in that format.")
    return users, items


def _names(groups: list[list[str]]) -> tuple[str, ...]:
    names = set().union(*groups)
    numeric = all(name.isdecimal() for name in names)
    return tuple(sorted(names, key=lambda name: (int(name), name) if numeric else (0, name)))
