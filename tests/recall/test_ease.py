"""The dual form of EASE against the formula of the paper."""

import numpy as np
import pyarrow as pa
from scipy import sparse

from basketgraph.recall.ease import ease
from basketgraph.recall.matrix import Edges


def some_edges(users: int = 12, items: int = 30) -> Edges:
    weights = sparse.random(users, items, 0.3, "csr", np.float32, random_state=1)
    return Edges(pa.array([f"u{u:02d}" for u in range(users)]), pa.array([f"i{i:02d}" for i in range(items)]), weights)


def test_the_dual_form_gives_the_scores_of_the_item_item_formula() -> None:
    edges, ridge = some_edges(), 3.0
    dense = edges.weights.toarray().astype(np.float64)
    inverse = np.linalg.inv(dense.T @ dense + ridge * np.eye(dense.shape[1]))
    between = -inverse / np.diag(inverse)
    np.fill_diagonal(between, 0)
    listed = pa.array(["i29", "i03", "i11"])
    got = ease(edges, listed, ridge).scores(edges.users)
    np.testing.assert_allclose(got, (dense @ between)[:, [29, 3, 11]], atol=1e-5)


def test_a_user_that_was_not_there_at_training_has_no_opinion() -> None:
    edges = some_edges()
    got = ease(edges, edges.items, 3.0).scores(pa.array(["u03", "stranger"]))
    assert np.isfinite(got[0]).all()
    assert np.isneginf(got[1]).all()


def test_a_listed_item_that_nobody_had_scores_zero() -> None:
    edges = some_edges()
    assert ease(edges, pa.array(["brand new"]), 3.0).scores(edges.users).tolist() == [[0.0]] * 12
