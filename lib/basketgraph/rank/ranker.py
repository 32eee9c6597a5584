"""The learned ranker: a linear prior over the recommenders, and boosted trees that correct it."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from basketgraph.foundation.recommenders import NAMES
from basketgraph.foundation.trees import Floats, Ints, Trees, train_trees
from basketgraph.rank.settings import RankerSettings


@dataclass(frozen=True)
class Ranker:
    """Orders one setting's candidates. Plain text and numbers, so that it travels to workers and into a file."""

    features: tuple[str, ...]
    prior: Floats  # [features]: weights of the linear part; 0 for all that is no standardised score of a recommender
    trees: Trees
    ladder: tuple[str, ...] = ()  # recommenders, the surest first, whose places alone order the list: there was too little to learn from

    @property
    def version(self) -> str:
        learnt = repr(self.features).encode() + self.prior.tobytes() + self.trees.model.encode()
        return hashlib.sha256(learnt + "".join(self.ladder).encode()).hexdigest()[:12]

    def score(self, rows: Floats) -> NDArray[np.float64]:
        """rows: float32 [rows, features], NaN where nothing is known. returns: [rows], higher is better."""
        if self.ladder:
            return ladder_score(rows, self.features, self.ladder)
        return prior_score(rows, self.prior) + self.trees.score(rows)


def ladder_ranker(features: tuple[str, ...]) -> Ranker:
    """What orders a list where there is too little to learn from."""
    return Ranker(features, np.zeros(len(features)), Trees(), NAMES)


def train(rows: Floats, bought: Ints, groups: Ints, features: tuple[str, ...], settings: RankerSettings, seed: int) -> Ranker:
    """Learn to put what was bought first.

    rows:    float32 [rows, features], each user's rows together.   bought: [rows], 1 or 0.
    groups:  [users], how many rows each has.
    The trees start from a logistic blend of the recommenders instead of from nothing: a window's few hits among a user's many candidates teach
    trees alone less than the recommenders know together. Where no tree could be split, or nothing or all was bought, the ladder orders the list.
    """
    if bought.sum() in (0, len(bought)) or len(rows) < 2 * settings.min_rows:
        return ladder_ranker(features)
    chosen = np.array([name in {f"{recommender}_z" for recommender in settings.prior} for name in features])
    prior = np.zeros(len(features))
    prior[chosen] = logistic(np.nan_to_num(rows[:, chosen]), bought)
    trees = train_trees(rows, bought, prior_score(rows, prior), features, settings, seed=seed, groups=groups)
    return Ranker(features, prior, trees)


def prior_score(rows: Floats, prior: Floats) -> NDArray[np.float64]:
    """The linear part; a recommender without an opinion counts as the user's mean, which is 0."""
    used = prior != 0
    return np.asarray(np.nan_to_num(rows[:, used]).astype(np.float64) @ prior[used], dtype=np.float64)


def ladder_score(rows: Floats, features: tuple[str, ...], ladder: tuple[str, ...]) -> NDArray[np.float64]:
    """What the first recommender placed, in its order, before what only the second did, and so on; 0 for what none of them placed."""
    score = np.zeros(len(rows))
    for step, recommender in enumerate(ladder):
        if f"{recommender}_rank" in features:
            rank = rows[:, features.index(f"{recommender}_rank")].astype(np.float64)
            here = (score == 0) & ~np.isnan(rank)
            score[here] = len(ladder) - step + 1 / (1 + rank[here])
    return score


def logistic(columns: Floats, bought: Ints, *, ridge: float = 1.0, steps: int = 12) -> NDArray[np.float64]:
    """Weights of a logistic regression with an intercept, by Newton's method; the intercept, which orders nothing, is not returned."""
    design = np.column_stack([columns.astype(np.float64), np.ones(len(columns))])
    share = bought.mean()
    weights = np.zeros(design.shape[1])
    weights[-1] = np.log(share / (1 - share))
    penalty = ridge * np.append(np.ones(design.shape[1] - 1), 0.0)
    for _ in range(steps):
        chance = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        slope = design.T @ (bought - chance) - penalty * weights
        curvature = (design.T * (chance * (1 - chance))) @ design + np.diag(penalty)
        weights += np.linalg.solve(curvature + 1e-9 * np.eye(len(weights)), slope)
    return np.asarray(weights[:-1], dtype=np.float64)
