"""Boosted trees (LightGBM) that correct an existing score."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from basketgraph.foundation.config import Settings

if TYPE_CHECKING:
    import lightgbm

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]


class TreeSettings(Settings):
    """How many trees there are, and how they grow."""

    objective: Literal["lambdarank", "binary"]
    rounds: int
    learning_rate: float
    leaves: int
    min_rows: int  # in a leaf
    feature_fraction: float
    l2: float


@dataclass(frozen=True)
class Trees:
    """Trained trees as LightGBM's model text, so that they travel to workers and into a file; the empty text holds no tree."""

    model: str = ""

    def score(self, rows: Floats) -> NDArray[np.float64] | float:
        """What the trees add to a row's score. rows: float32 [rows, features], NaN where nothing is known. returns: [rows]."""
        if not self.model or not len(rows):
            return 0.0
        return np.asarray(self._booster.predict(rows, raw_score=True, num_threads=1), dtype=np.float64)

    @cached_property
    def _booster(self) -> lightgbm.Booster:
        """Parsed once in each process, which takes longer than scoring a batch."""
        import lightgbm  # here and below: whoever only reads settings does not wait for it

        return lightgbm.Booster(model_str=self.model)

    def __getstate__(self) -> dict[str, Any]:
        return {"model": self.model}  # without the parsed model


def train_trees(
    rows: Floats, labels: Ints, start: Floats, features: tuple[str, ...], settings: TreeSettings, *, seed: int, groups: Ints | None = None
) -> Trees:
    """Learn what has to be added to a score to predict the labels (LambdaRank, Burges 2010, or log loss).

    rows:   float32 [rows, features], NaN where nothing is known.   labels: [rows], 1 or 0.
    start:  [rows], the score that the trees start from.
    groups: [lists], how many rows each list has, in the order of the rows; lambdarank wants it.
    """
    import lightgbm

    ranking = settings.objective == "lambdarank"
    bins = {"max_bin": 63, "num_threads": 1, "verbosity": -1}
    data = lightgbm.Dataset(rows, labels, group=groups if ranking else None, init_score=start, feature_name=list(features), params=bins)
    parameters = {
        **bins,
        "objective": settings.objective,
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.min_rows,
        "feature_fraction": settings.feature_fraction,
        "lambda_l2": settings.l2,
        "lambdarank_truncation_level": 20,
        "boost_from_average": False,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,  # two threads on a busy machine wait for each other, several times longer than they work
    }
    return Trees(lightgbm.train(parameters, data, settings.rounds).model_to_string())
