"""Transitions between items of a session: what is clicked after what."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from basketgraph.foundation.transitions import TransitionSettings, transition_matrix
from basketgraph.recall.matrix import Floats, Numbers
from basketgraph.recall.sessions import Sessions, prefixes


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
    return Transitions(transition_matrix(sessions.session, sessions.items, items, settings), settings)
