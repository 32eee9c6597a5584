"""A linear head on text vectors: what a text is about, or how its writer felt, from labelled texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

Matrix = Any  # scipy CSR, or a dense array
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LinearHead:
    """Softmax regression. weights: float64 [features, classes]; bias: float64 [classes]; classes: their names, in order of the columns."""

    weights: Floats
    bias: Floats
    classes: tuple[str, ...]

    def probabilities(self, features: Matrix) -> Floats:
        """float64 [texts, classes] of features [texts, features]; rows sum to 1."""
        return np.asarray(softmax(np.asarray(features @ self.weights) + self.bias, axis=1))


def fit_head(features: Matrix, labels: Sequence[str], penalty: float) -> LinearHead:
    """Softmax regression by L-BFGS: the mean of the logarithmic loss plus penalty / (2 x texts) x the squared length of the weights.

    features: [texts, features], sparse or dense.   labels: the class of each text, of at least one class.
    """
    classes = tuple(sorted(set(labels)))
    column = {name: number for number, name in enumerate(classes)}
    wanted = np.array([column[label] for label in labels])
    rows, width = features.shape
    features = features.astype(np.float64)
    of_class = sparse.csr_matrix((np.ones(rows), (np.arange(rows), wanted)), shape=(rows, len(classes))).toarray()

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights, bias = flat[: -len(classes)].reshape(width, len(classes)), flat[-len(classes) :]
        logits = np.asarray(features @ weights) + bias
        value = (logsumexp(logits, axis=1) - logits[np.arange(rows), wanted]).mean() + penalty / (2 * rows) * (weights**2).sum()
        error = (softmax(logits, axis=1) - of_class) / rows
        gradient = np.asarray(features.T @ error) + penalty / rows * weights
        return float(value), np.concatenate([gradient.ravel(), error.sum(axis=0)])

    found = minimize(loss, np.zeros((width + 1) * len(classes)), jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
    return LinearHead(found[: -len(classes)].reshape(width, len(classes)), found[-len(classes) :], classes)
