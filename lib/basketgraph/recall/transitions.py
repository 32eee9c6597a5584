"""Transitions between items of a session: what is clicked after what."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from basketgraph.recall.matrix import Floats, Numbers
from basketgraph.recall.sessions import Sessions, prefixes


@dataclass(frozen=True)
class TransitionSettings:
    """steps: clicks ahead that a click is counted for, each with 1 / steps; backward: the weight of the reverse direction; row_power and
    column_power: of the sums that counts are divided by; decay: the weight of a click of the prefix over that of the one after it.
    """

    steps: int = 10
    backward: float = 0.5
    row_power: float = 1.0
    column_power: float = 0.1
    decay: float = 0.5


@dataclass(frozen=True)
class Transitions:
    """matrix: float32 CSR [items, items], from the row's item to the column's."""

    matrix: sparse.csr_matrix
    settings: TransitionSettings

    def scores(self, sessions: Sessions, predicted: Numbers) -> Floats:
        """float32 [predictions, items]: transitions from the clicks of each prefix, summed with their weights."""
        before = prefixes(sessions, predicted, self.matrix.shape[0], lambda age, lengths: np.full(len(lengths), self.settings.decay**age))
        return np.asarray((before @ self.matrix).toarray(), dtype=np.float32)


def transitions(sessions: Sessions, items: int, settings: TransitionSettings) -> Transitions:
    """Count the transitions of training sessions; a step from an item to itself counts, too."""
    counts = sparse.csr_matrix((items, items), dtype=np.float32)
    for gap in range(1, settings.steps + 1):
        later = np.flatnonzero(sessions.place >= gap)
        values = np.full(len(later), 1.0 / gap, dtype=np.float32)
        counts += sparse.csr_matrix((values, (sessions.items[later - gap], sessions.items[later])), shape=(items, items))
    counts = counts + settings.backward * counts.T
    row_sums, column_sums = np.asarray(counts.sum(axis=1)).ravel(), np.asarray(counts.sum(axis=0)).ravel()
    scaled = sparse.diags(_power(row_sums, settings.row_power)) @ counts @ sparse.diags(_power(column_sums, settings.column_power))
    return Transitions(scaled.tocsr().astype(np.float32), settings)


def _power(sums: Floats, power: float) -> Floats:
    return np.asarray(np.where(sums > 0, np.maximum(sums, 1e-12) ** -power, 0.0), dtype=np.float32)
