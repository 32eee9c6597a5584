"""The door to LightGBM: a linear prior over the recommenders, and boosted trees that correct it (LambdaRank, Burges 2010)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from basketgraph.foundation.recommenders import NAMES
from basketgraph.rank.settings import Trees

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Ranker:
    """Orders one setting's candidates. Plain text and numbers, so that it travels to workers and into a file."""

    features: tuple[str, ...]
    prior: Floats  # [features]: weights of the linear part; 0 for all that is no standardised score of a recommender
    trees: str  # LightGBM's model text
    ladder: tuple[str, ...] = ()  # recommenders, the surest first, whose places alone order the list: there was too little to learn from

    @property
    def version(self) -> str:
        learnt = repr(self.features).encode() + self.prior.tobytes() + self.trees.encode()
        return hashlib.sha256(learnt + "".join(self.ladder).encode()).hexdigest()[:12]

    def score(self, rows: Floats) -> NDArray[np.float64]:
        """rows: float32 [rows, features], NaN where nothing is known. returns: [rows], higher is better."""
        if self.ladder:
            return ladder_score(rows, self.features, self.ladder)
        score = prior_score(rows, self.prior)
        if self.trees and len(rows):
            score = score + self._booster.predict(rows, raw_score=True, num_threads=1)
        return np.asarray(score, dtype=np.float64)

    @cached_property
    def _booster(self) -> lightgbm.Booster:
        """Read once in each process: a batch is scored sooner than its trees are read."""
        return lightgbm.Booster(model_str=self.trees)

    def __getstate__(self) -> dict[str, Any]:
        return {"features": self.features, "prior": self.prior, "trees": self.trees, "ladder": self.ladder}


def ladder_ranker(features: tuple[str, ...]) -> Ranker:
    """What orders a list where there is too little to learn from."""
    return Ranker(features, np.zeros(len(features)), "", NAMES)


def train(rows: Floats, bought: Ints, groups: Ints, features: tuple[str, ...], settings: Trees, seed: int) -> Ranker:
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
    data = lightgbm.Dataset(
        rows,
        bought,
        group=groups if settings.objective == "lambdarank" else None,
        init_score=prior_score(rows, prior),
        feature_name=list(features),
        params={"max_bin": 63, "num_threads": 1, "verbosity": -1},
    )
    booster = lightgbm.train(_parameters(settings, seed), data, settings.rounds)
    return Ranker(features, prior, booster.model_to_string())


def _parameters(settings: Trees, seed: int) -> dict[str, Any]:
    return {
        "objective": settings.objective,
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.min_rows,
        "feature_fraction": settings.feature_fraction,
        "lambda_l2": settings.l2,
        "lambdarank_truncation_level": 20,
        "boost_from_average": False,
        "max_bin": 63,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,  # two threads on a busy machine wait for each other, several times longer than they work
        "verbosity": -1,
    }


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
