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
    """Scores one setting's candidates. Text and numbers alone, so that it can be sent to workers."""

    features: tuple[str, ...]
    prior: Floats  # [features]: weights of the linear part; 0 for all but standardised scores
    trees: Trees
    ladder: tuple[str, ...] = ()  # where no ranker could be trained: recommenders whose ranks order the list

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
    """The ranker where there are too few rows to train one."""
    return Ranker(features, np.zeros(len(features)), Trees(), NAMES)


def train(rows: Floats, bought: Ints, groups: Ints, features: tuple[str, ...], settings: RankerSettings, seed: int) -> Ranker:
    """Train a ranker that puts what was bought first.

    rows:    float32 [rows, features], each user's rows together.   bought: [rows], 1 or 0.
    groups:  [users], how many rows each has.

    The trees correct a logistic blend of the recommenders: trained alone on a window's few hits among many candidates
    they are worse than the blend. Where no tree could be split, or nothing or all was bought, the ladder orders the list.
    """
    if bought.sum() in (0, len(bought)) or len(rows) < 2 * settings.min_rows:
        return ladder_ranker(features)
    chosen = np.array([name in {f"{recommender}_z" for recommender in settings.prior} for name in features])
    prior = np.zeros(len(features))
    prior[chosen] = logistic(np.nan_to_num(rows[:, chosen]), bought)
    trees = train_trees(rows, bought, prior_score(rows, prior), features, settings, seed=seed, groups=groups)
    return Ranker(features, prior, trees)


def prior_score(rows: Floats, prior: Floats) -> NDArray[np.float64]:
    """The linear part of the score; a missing standardised score counts as 0, the user's mean."""
    used = prior != 0
    return np.asarray(np.nan_to_num(rows[:, used]).astype(np.float64) @ prior[used], dtype=np.float64)


def ladder_score(rows: Floats, features: tuple[str, ...], ladder: tuple[str, ...]) -> NDArray[np.float64]:
    """Items placed by the first recommender, in its order, score above those placed by only the second, and so on; else 0."""
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
