"""Weighted edges as a sparse matrix with named rows and columns."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float32]
Numbers = NDArray[Any]


@dataclass(frozen=True)
class Edges:
    """users [u] and items [i]: sorted ids; weights: float32 CSR [u, i]."""

    users: pa.StringArray
    items: pa.StringArray
    weights: sparse.csr_matrix


def edges_matrix(edges: pa.Table) -> Edges:
    """`user_id, item_id, weight` rows, in any order, as a matrix. 8 bytes an edge: 100 million edges are 0.8 GB."""
    users, items = sorted_ids(edges["user_id"]), sorted_ids(edges["item_id"])
    place = (places(edges["user_id"], users), places(edges["item_id"], items))
    weights = edges["weight"].to_numpy().astype(np.float32)
    return Edges(users, items, sparse.csr_matrix((weights, place), shape=(len(users), len(items))))


def sorted_ids(ids: pa.ChunkedArray | pa.Array) -> pa.StringArray:
    """Distinct ids in the order of their code points, so that item numbers, and ties, are the same in every run."""
    return pa.array(sorted(pc.unique(ids).to_pylist()), pa.string())


def places(ids: pa.ChunkedArray | pa.Array, among: pa.StringArray) -> NDArray[np.int64]:
    """Each id's position in `among`; -1 where it is not there."""
    return np.asarray(pc.fill_null(pc.index_in(ids, value_set=among), -1), dtype=np.int64)
