"""How well scores and probabilities tell who has an outcome."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


def auc(score: Floats, outcome: Floats, weights: Floats | None = None) -> float:
    """Chance that a row with the outcome has the higher score; equal scores count half. NaN where all or none have it.

    score, outcome (0 or 1), weights (None: 1 each): [rows].
    """
    order = np.argsort(score, kind="stable")
    weight = np.ones(len(score)) if weights is None else weights[order]
    ordered, positive = score[order], weight * outcome[order]
    group = np.cumsum(np.append(0, ordered[1:] != ordered[:-1]))
    of_positive, of_negative = np.bincount(group, positive), np.bincount(group, weight - positive)
    below = np.cumsum(of_negative) - of_negative
    whole = of_positive.sum() * of_negative.sum()
    return float((of_positive * (below + of_negative / 2)).sum() / whole) if whole > 0 else float("nan")


def calibration_error(probability: Floats, outcome: Floats, bins: int = 10) -> float:
    """Mean over bins of equal count, by the probability, of |mean probability - share with the outcome|.

    probability, outcome (0 or 1): [rows], at least one.
    """
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    errors = [abs(float(probability[part].mean() - outcome[part].mean())) * len(part) for part in parts]
    return sum(errors) / len(order)
