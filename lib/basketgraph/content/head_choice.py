"""Choosing a linear head by validation, and judging it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from basketgraph.content.linear_head import LinearHead, fit_head
from basketgraph.foundation.classification import auc, calibration_error
from basketgraph.foundation.ranking import interval

LEVEL = 0.9
DRAWS = 200
VALIDATION = 0.2  # of the texts to learn from, the last ones
PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0)


def tuned_penalty(features: Any, labels: Sequence[str]) -> tuple[float, float]:
    """The penalty with the least logarithmic loss on the last fifth of the texts, and the `preference` of its head there."""
    cut = round((1 - VALIDATION) * len(labels))
    heads = {penalty: fit_head(features[:cut], labels[:cut], penalty) for penalty in PENALTIES}
    best = min(heads, key=lambda penalty: log_loss(heads[penalty], features[cut:], labels[cut:]))
    return best, preference(heads[best], features[cut:], labels[cut:])


def log_loss(head: LinearHead, features: Any, labels: Sequence[str]) -> float:
    """Mean of -ln of the probability of the true class; a class that the head does not know counts as 1e-9."""
    column = {name: number for number, name in enumerate(head.classes)}
    probabilities = head.probabilities(features)
    right = [probabilities[row, column[label]] if label in column else 0.0 for row, label in enumerate(labels)]
    return float(-np.log(np.maximum(right, 1e-9)).mean())


def preference(head: LinearHead, features: Any, labels: Sequence[str]) -> float:
    """AUC of two classes, where the labels have both; else accuracy."""
    probabilities, truth = head.probabilities(features), np.array(labels)
    area = auc(probabilities[:, 1], (truth == head.classes[1]).astype(float)) if len(head.classes) == 2 else np.nan
    return area if np.isfinite(area) else float((np.array(head.classes)[probabilities.argmax(axis=1)] == truth).mean())


def quality(head: LinearHead, features: Any, labels: Sequence[str], seed: int) -> dict[str, float]:
    """auc (of two classes, where the labels have both), accuracy, calibration_error (10 equal-count bins); the first two with `_low` and `_high`.

    Intervals are 90 % over texts. calibration_error: of the likelier class; of two classes of the second.
    """
    probabilities, truth, classes = head.probabilities(features), np.array(labels), np.array(head.classes)
    right = (classes[probabilities.argmax(axis=1)] == truth).astype(float)
    accuracy = interval(right, seed, level=LEVEL)
    found: dict[str, float] = {"accuracy": accuracy.mean, "accuracy_low": accuracy.low, "accuracy_high": accuracy.high}
    if len(classes) == 2:
        score, outcome = probabilities[:, 1], (truth == classes[1]).astype(float)
        found |= area_with_interval(score, outcome, seed) | {"calibration_error": calibration_error(score, outcome)}
    else:
        found["calibration_error"] = calibration_error(probabilities.max(axis=1), right)
    return {name: round(value, 5) for name, value in found.items()}


def area_with_interval(score: Any, outcome: Any, seed: int) -> dict[str, float]:
    """auc, auc_low and auc_high of scores; nothing where all or none have the outcome. score, outcome (0 or 1): [rows]."""
    area = auc(score, outcome)
    if not np.isfinite(area):
        return {}
    draw = np.random.default_rng(seed)
    drawn = [auc(score, outcome, draw.poisson(1.0, len(score)).astype(float)) for _ in range(DRAWS)]
    low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"auc": area, "auc_low": float(low), "auc_high": float(high)}
