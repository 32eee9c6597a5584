"""What follows what: transitions between the items of a sequence, counted with less weight the farther they lie apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Array = NDArray[Any]


@dataclass(frozen=True)
class CountSettings:
    """Settings of the counts. A transition over `gap` steps counts 1/gap; a history's item k steps before its end weighs decay ** k."""

    steps: int = 10  # the longest gap
    backward: float = 0.3  # what a transition counts in the other direction
    row_power: float = 0.3  # item i's row is divided by its sum ** this
    column_power: float = 0.3  # item j's column by its sum ** this
    decay: float = 0.6


def transition_counts(sequences: Sequence[Array], items: int, settings: CountSettings) -> sparse.csr_matrix:
    """float32 [items, items]: what item j counts after item i, normalised by row and column."""
    flat = np.concatenate([np.zeros(0, np.int64), *sequences])
    owner = np.repeat(np.arange(len(sequences)), [len(one) for one in sequences])
    counts = sparse.csr_matrix((items, items))
    for gap in range(1, settings.steps + 1):
        same = owner[gap:] == owner[:-gap]
        before, after = flat[:-gap][same], flat[gap:][same]
        counts = counts + sparse.csr_matrix((np.full(len(before), 1 / gap), (before, after)), shape=(items, items))
    counts = counts + settings.backward * counts.T
    rows, columns = (np.maximum(np.asarray(counts.sum(axis)).ravel(), 1e-12) for axis in (1, 0))
    normalised = sparse.diags(rows**-settings.row_power) @ counts @ sparse.diags(columns**-settings.column_power)
    return normalised.tocsr().astype(np.float32)


def history_weights(histories: Sequence[Array], items: int, decay: float) -> sparse.csr_matrix:
    """float32 [histories, items]: the weight of each item of a history; a repeated item weighs the sum."""
    sizes = np.array([len(history) for history in histories])
    owner = np.repeat(np.arange(len(histories)), sizes)
    back = np.repeat(np.cumsum(sizes), sizes) - 1 - np.arange(sizes.sum())
    flat = np.concatenate([np.zeros(0, np.int64), *histories])
    return sparse.csr_matrix((decay ** back.astype(np.float32), (owner, flat)), shape=(len(histories), items), dtype=np.float32)


@dataclass(frozen=True)
class TransitionCounts:
    """Transition counts as a recommender."""

    matrix: sparse.csr_matrix
    decay: float

    @classmethod
    def of(cls, sequences: Sequence[Array], items: int, settings: CountSettings) -> "TransitionCounts":
        return cls(transition_counts(sequences, items, settings), settings.decay)

    def scores(self, histories: Sequence[Array]) -> Array:
        """float32 [histories, items], at least 0."""
        return np.asarray((history_weights(histories, self.matrix.shape[0], self.decay) @ self.matrix).toarray())
