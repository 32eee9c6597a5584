"""Validation edges."""

import numpy as np

from basketgraph.graph.tune import split_edges
from support.planted_graphs import planted


def test_a_validation_split_keeps_an_edge_of_every_user_and_loses_none():
    train, _ = planted()
    fitted, held = split_edges(train, share=0.9, seed=1)
    assert (np.diff(fitted.indptr) >= 1).all()
    assert len(fitted.columns) + len(held.columns) == len(train.columns)
    assert len(held.columns) > 0.7 * len(train.columns)
    again, _ = split_edges(train, share=0.9, seed=1)
    assert np.array_equal(again.columns, fitted.columns)
