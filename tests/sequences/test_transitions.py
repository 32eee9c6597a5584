"""Transition counts of a hand-worked example."""

import numpy as np
import pytest

from basketgraph.foundation.transitions import TransitionSettings
from basketgraph.sequences.transitions import history_weights, transition_counts


def test_transitions_count_by_their_gap_in_both_directions_and_by_row_and_column():
    settings = TransitionSettings(steps=2, backward=0.5, row_power=1, column_power=0)
    got = transition_counts([np.array([0, 1, 2, 3]), np.array([0, 1])], 4, settings).toarray()
    forward = np.array([[0, 2, 0.5, 0], [0, 0, 1, 0.5], [0, 0, 0, 1], [0, 0, 0, 0]])  # 0 to 3 is three steps apart
    counts = forward + 0.5 * forward.T
    np.testing.assert_allclose(got, counts / counts.sum(1, keepdims=True), rtol=1e-6)
    by_column = transition_counts([np.array([0, 1, 2, 3]), np.array([0, 1])], 4, TransitionSettings(2, 0.5, 0, 1)).toarray()
    np.testing.assert_allclose(by_column, counts / counts.sum(0), rtol=1e-6)


def test_recent_items_of_a_history_weigh_more_and_repeats_add_up():
    got = history_weights([np.array([2, 0, 2]), np.array([1])], 3, 0.5).toarray()
    assert got == pytest.approx(np.array([[0.5, 0, 1.25], [0, 1, 0]]))
