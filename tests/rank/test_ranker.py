"""The ranker against planted tastes: what the prior knows, what trees add, and what happens without anything to learn from."""

import pickle

import numpy as np
import pytest

from basketgraph.rank.ranker import logistic, train
from support.rank_settings import trees

FEATURES = ("als_z", "ease_z", "hour")


def planted(users: int = 300, each: int = 20) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whether an item is bought follows als_z, and an hour of 3 whatever else; ease_z is noise, unknown for some."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(users * each, 3)).astype(np.float32)
    rows[:, 2] = rng.integers(0, 6, len(rows))
    chance = 1 / (1 + np.exp(-(1.5 * rows[:, 0] + 3 * (rows[:, 2] == 3) - 3)))
    rows[rng.random(len(rows)) < 0.2, 1] = np.nan
    return rows, (rng.random(len(rows)) < chance).astype(np.int64), np.full(users, each)


@pytest.mark.parametrize("objective", ["lambdarank", "binary"])
def test_trees_add_to_the_prior_what_no_source_knows(objective: str) -> None:
    rows, bought, groups = planted()
    ranker = train(rows, bought, groups, FEATURES, trees(objective=objective), seed=1)
    assert ranker.prior[0] > 1.0 > 5 * abs(ranker.prior[1])
    assert ranker.prior[2] == 0.0
    same = np.array([[0.5, 0.0, 3.0], [0.5, 0.0, 2.0], [-0.5, 0.0, 2.0]], dtype=np.float32)
    right, wrong, worst = ranker.score(same)
    assert right > wrong + 0.5 > worst + 0.5


def test_the_same_rows_and_seed_give_the_same_ranker() -> None:
    first, second = (train(*planted(), FEATURES, trees(), seed=1) for _ in range(2))
    assert first.version == second.version
    assert first.version != train(*planted(), FEATURES, trees(rounds=5), seed=1).version


RANKED = ("popularity_rank", "ease_rank", "als_z", "personal_frequency_rank")
UNKNOWN = np.nan


@pytest.mark.parametrize(
    ("rows", "hits"),
    [(0, 0), (39, 5), (60, 0), (60, 60)],
    ids=["nobody bought", "too few rows for a tree of two leaves of 20", "no hit", "nothing but hits"],
)
def test_where_there_is_too_little_to_learn_from_own_frequency_then_popularity_order_the_list(rows: int, hits: int) -> None:
    given, bought = np.zeros((rows, 4), dtype=np.float32), (np.arange(rows) < hits).astype(np.int64)
    ranker = train(given, bought, np.full(min(rows, 1), rows), RANKED, trees(min_rows=20), seed=1)
    candidates = np.array(
        [[1, 1, 9.0, 2], [9, 1, 9.0, 1], [1, 2, 9.0, UNKNOWN], [2, 1, 9.0, UNKNOWN], [UNKNOWN, 1, 9.0, UNKNOWN], [UNKNOWN, UNKNOWN, 9.0, UNKNOWN]],
        dtype=np.float32,
    )
    assert np.argsort(-ranker.score(candidates)).tolist() == [1, 0, 2, 3, 4, 5]
    assert pickle.loads(pickle.dumps(ranker)).score(candidates).tolist() == ranker.score(candidates).tolist()
    assert ranker.score(candidates[:0]).tolist() == []


def test_rows_for_one_tree_of_two_leaves_are_learned_from() -> None:
    rows, bought, groups = planted(users=2, each=20)
    ranker = train(rows, bought, groups, FEATURES, trees(min_rows=20), seed=1)
    assert (ranker.ladder, ranker.prior[0] > 0) == ((), True)
    assert np.isfinite(ranker.score(rows)).all()


def test_the_logistic_blend_is_the_maximum_of_its_penalised_likelihood() -> None:
    rng = np.random.default_rng(2)
    columns = rng.normal(size=(400, 2))
    bought = (rng.random(400) < 1 / (1 + np.exp(-(columns @ [1.0, -0.5] - 1)))).astype(np.int64)

    def loss(weights: np.ndarray) -> float:
        design = columns @ weights
        intercepts = np.linspace(-3, 1, 4001)
        scores = design[:, None] + intercepts
        return float((np.logaddexp(0, scores) - bought[:, None] * scores).sum(axis=0).min() + 0.5 * weights @ weights)

    best = logistic(columns, bought)
    for step in ([0.05, 0.0], [-0.05, 0.0], [0.0, 0.05], [0.0, -0.05]):
        assert loss(best) < loss(best + np.array(step))
