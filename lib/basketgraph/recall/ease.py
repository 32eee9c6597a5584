"""EASE in its dual form, which inverts a users x users matrix (Steck 2019, arXiv 1905.03375)."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy import linalg, sparse

from basketgraph.recall.matrix import Edges, Floats, Numbers, places


@dataclass(frozen=True)
class Ease:
    """Scores of the listed items without the item-item matrix.

    With P = (X'X + lambda I)^-1 and K = (XX' + lambda I)^-1, P = (I - X'KX) / lambda, so that with m = diag(X'KX)
    X B = ((I - lambda K) X - X diag(m)) / (1 - m), all of whose inner sides are users.
    """

    users: pa.StringArray
    mixing: Floats  # [users, users]: I - lambda K
    weights: sparse.csr_matrix  # [users, listed]: X
    self_share: Floats  # [listed]: m

    def scores(self, user_ids: pa.Array) -> Floats:
        """float32 [users of the block, listed]; -inf for users that EASE was not fitted on."""
        rows = places(user_ids, self.users)
        known = rows >= 0
        scores = np.full((len(rows), len(self.self_share)), -np.inf, dtype=np.float32)
        own = self.weights[rows[known]]
        mixed = (self.weights.T @ self.mixing[rows[known]].T).T  # scipy is fast at sparse times dense
        scores[known] = (mixed - own.multiply(self.self_share).toarray()) / (1.0 - self.self_share)
        return scores


def ease(edges: Edges, listed: pa.StringArray, ridge: float) -> Ease:
    """Fit EASE on all edges, to score the `listed` items. It holds users^2 numbers: see `recall.ease_max_users`."""
    every = edges.weights
    gram = (every @ every.T).toarray().astype(np.float64)
    gram[np.diag_indices_from(gram)] += ridge
    inverse = linalg.cho_solve(linalg.cho_factor(gram, lower=True, overwrite_a=True), np.eye(len(gram)))
    columns = places(listed, edges.items)
    weights = with_columns(every, columns)
    mixing = (np.eye(len(gram)) - ridge * inverse).astype(np.float32)
    return Ease(edges.users, mixing, weights, _self_share(inverse.astype(np.float32), weights))


def _self_share(inverse: Floats, weights: sparse.csr_matrix, block: int = 4096) -> Floats:
    """diag(X'KX) by blocks of items; K X at once would be users x items numbers."""
    columns = weights.tocsc()
    parts = [columns[:, start : start + block] for start in range(0, columns.shape[1], block)]
    shares = [np.asarray(part.multiply((part.T @ inverse).T).sum(axis=0)).ravel() for part in parts]
    return np.asarray(np.concatenate(shares or [np.zeros(0)]), dtype=np.float32)


def with_columns(matrix: sparse.csr_matrix, columns: Numbers) -> sparse.csr_matrix:
    """The matrix's columns in the order of `columns`; -1 stands for an empty column."""
    present = np.flatnonzero(columns >= 0)
    choose = sparse.csr_matrix((np.ones(len(present), dtype=np.float32), (columns[present], present)), shape=(matrix.shape[1], len(columns)))
    return (matrix @ choose).tocsr()
