"""Plain edge lists as one numbered matrix for each file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from basketgraph.foundation.item_lists import read_item_lists
from basketgraph.graph.partition import csr_from_edges
from basketgraph.graph.sparse import Csr


@dataclass(frozen=True)
class EdgeLists:
    """The names of users and items in order of their numbers, and one matrix [users, items] for each file."""

    users: tuple[str, ...]
    items: tuple[str, ...]
    matrices: tuple[Csr, ...]


def read_edge_lists(paths: Sequence[Path], say: Callable[[str], None] = lambda text: None) -> EdgeLists:
    """Read files with one numbering of users and items; names that are all numbers are numbered in numeric order.

    say:    is told of a header line that was left out.
    errors: UserError for a file without an edge, with columns of ratings, weights or times, or with other separators.
    """
    pairs = [_pairs(path, say) for path in paths]
    users = _names([pair[0] for pair in pairs])
    items = _names([pair[1] for pair in pairs])
    user_number, item_number = {name: n for n, name in enumerate(users)}, {name: n for n, name in enumerate(items)}
    matrices = []
    for user_names, item_names in pairs:
        edges = np.array([[user_number[u], item_number[i]] for u, i in zip(user_names, item_names, strict=True)], np.int64).reshape(-1, 2)
        edges = np.unique(edges, axis=0)
        matrices.append(csr_from_edges(edges[:, 0], edges[:, 1], None, (len(users), len(items))))
    return EdgeLists(users, items, tuple(matrices))


def _pairs(path: Path, say: Callable[[str], None]) -> tuple[list[str], list[str]]:
    lines = read_item_lists(path, say)
    return [line.owner for line in lines for _ in line.items], [item for line in lines for item in line.items]


def _names(groups: list[list[str]]) -> tuple[str, ...]:
    names = set().union(*groups)
    numeric = all(name.isdecimal() for name in names)
    return tuple(sorted(names, key=lambda name: (int(name), name) if numeric else (0, name)))
