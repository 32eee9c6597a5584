"""What follows what: transitions between the items of a sequence, counted with less weight the farther they lie apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from basketgraph.foundation.transitions import TransitionSettings, transition_matrix

Array = NDArray[Any]


COUNTS = TransitionSettings(backward=0.3, row_power=0.3, column_power=0.3, decay=0.6)  # where the search for the settings of a shop starts


def transition_counts(sequences: Sequence[Array], items: int, settings: TransitionSettings) -> sparse.csr_matrix:
    """`transition_matrix` of sequences of item numbers."""
    owner = np.repeat(np.arange(len(sequences)), [len(one) for one in sequences])
    return transition_matrix(owner, np.concatenate([np.zeros(0, np.int64), *sequences]), items, settings)


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
    def of(cls, sequences: Sequence[Array], items: int, settings: TransitionSettings) -> "TransitionCounts":
        return cls(transition_counts(sequences, items, settings), settings.decay)

    def scores(self, histories: Sequence[Array]) -> Array:
        """float32 [histories, items], at least 0."""
        return np.asarray((history_weights(histories, self.matrix.shape[0], self.decay) @ self.matrix).toarray())
