"""Penalised regression on plain arrays: logistic for an outcome of 0 and 1, linear for an amount."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

Floats = NDArray[np.floating[Any]]

PENALTY = 1.0  # on half the squared length of the coefficients; features are standardised


def with_intercept(features: Floats) -> Floats:
    """features: [rows, features]. returns: [rows, 1 + features], the first column 1."""
    return np.column_stack([np.ones(len(features)), features])


def is_binary(outcome: Floats) -> bool:
    return bool(np.isin(outcome, (0.0, 1.0)).all())


def fit(features: Floats, outcome: Floats, *, binary: bool) -> Floats:
    """Coefficients [1 + features] that minimise the loss plus the penalty; the intercept comes first and is not penalised.

    features: [rows, features]; outcome: [rows].
    binary:   logistic loss, by L-BFGS; else squared error, in closed form.
    """
    rows = with_intercept(features)
    penalty = np.full(rows.shape[1], PENALTY)
    penalty[0] = 0.0
    if not binary:
        solution: Floats = np.linalg.solve(rows.T @ rows + np.diag(np.maximum(penalty, 1e-9)), rows.T @ outcome)
        return solution

    def loss(coefficients: Floats) -> tuple[float, Floats]:
        logits = rows @ coefficients
        value = np.logaddexp(0.0, logits).sum() - outcome @ logits + 0.5 * penalty @ coefficients**2
        return float(value), rows.T @ (expit(logits) - outcome) + penalty * coefficients

    coefficients: Floats = minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B").x
    return coefficients


def predict(coefficients: Floats, features: Floats, *, binary: bool) -> Floats:
    """Expected outcome [rows] of features [rows, features]."""
    linear: Floats = with_intercept(features) @ coefficients
    return np.asarray(expit(linear)) if binary else linear
