"""Nearest sessions by the items that they share: vector session kNN (Ludewig and Jannach 2018, arXiv 1803.09587)."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from basketgraph.recall.matrix import Floats, Numbers
from basketgraph.recall.sessions import Sessions, prefixes


@dataclass(frozen=True)
class NeighbourSettings:
    """neighbours: sessions that vote; recent: the newest sessions of each item among which they are sought."""

    neighbours: int = 200
    recent: int = 2000


@dataclass(frozen=True)
class SessionNeighbours:
    """seeking: float32 CSR [items, sessions], 1 where one of the item's newest sessions has it; voting: float32 CSR [sessions, items], the
    inverse document frequency of each item of a session.
    """

    seeking: sparse.csr_matrix
    voting: sparse.csr_matrix
    settings: NeighbourSettings

    def scores(self, sessions: Sessions, predicted: Numbers) -> Floats:
        """float32 [predictions, items]: the votes of the sessions nearest to each prefix. A click of the prefix weighs by the square of its place."""
        before = prefixes(sessions, predicted, self.seeking.shape[0], lambda age, lengths: ((lengths - age) / lengths) ** 2)
        nearest = largest(before @ self.seeking, self.settings.neighbours)
        return np.asarray((nearest @ self.voting).toarray(), dtype=np.float32)


def session_neighbours(sessions: Sessions, items: int, settings: NeighbourSettings) -> SessionNeighbours:
    """Index training sessions, which are in the order of time."""
    held = sparse.csr_matrix((np.ones(len(sessions.items), np.float32), (sessions.session, sessions.items)), shape=(len(sessions), items))
    held.data[:] = 1.0  # an item clicked twice is in the session once
    by_item = held.T.tocsr()
    by_item.sort_indices()
    newer = np.repeat(by_item.indptr[1:], np.diff(by_item.indptr)) - np.arange(by_item.nnz)  # 1 is the item's newest session
    by_item.data[newer > settings.recent] = 0.0
    by_item.eliminate_zeros()
    holders = np.asarray(held.sum(axis=0)).ravel()
    frequency = np.log(len(sessions) / np.maximum(holders, 1.0)).astype(np.float32)
    return SessionNeighbours(by_item, (held @ sparse.diags(frequency)).tocsr().astype(np.float32), settings)


def largest(matrix: sparse.csr_matrix, count: int) -> sparse.csr_matrix:
    """The `count` largest values of each row; of equal ones those of the higher columns, which are the newer sessions."""
    matrix.sort_indices()
    keep = np.ones(matrix.nnz, dtype=bool)
    for row in np.flatnonzero(np.diff(matrix.indptr) > count):
        place = slice(matrix.indptr[row], matrix.indptr[row + 1])
        values = matrix.data[place]
        bound = np.partition(values, len(values) - count)[len(values) - count]
        above = values > bound
        ties = np.flatnonzero(values == bound)[-(count - int(above.sum())) :]
        above[ties] = True
        keep[place] = above
    values = np.where(keep, matrix.data, 0.0)
    kept = sparse.csr_matrix((values, matrix.indices.copy(), matrix.indptr.copy()), shape=matrix.shape)
    kept.eliminate_zeros()
    return kept
