"""What follows what in sequences of items: transitions counted with less weight the farther they lie apart."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


@dataclass(frozen=True)
class TransitionSettings:
    """steps: the longest gap between two items that counts, with 1 / gap; backward: what a transition counts in the other direction; row_power and
    column_power: of the sums by which counts are divided; decay: the weight of an item of a history over that of the one after it.
    """

    steps: int = 10
    backward: float = 0.5
    row_power: float = 1.0
    column_power: float = 0.1
    decay: float = 0.5


def transition_matrix(owner: NDArray[Any], flat: NDArray[Any], items: int, settings: TransitionSettings) -> sparse.csr_matrix:
    """float32 [items, items]: what item j counts after item i, normalised by row and column; an item may follow itself.

    owner, flat: the sequences one after the other: whose each item is, and the item. Items of one owner stand together, in order.
    """
    counts = sparse.csr_matrix((items, items))
    for gap in range(1, settings.steps + 1):
        same = owner[gap:] == owner[:-gap]
        before, after = flat[:-gap][same], flat[gap:][same]
        counts = counts + sparse.csr_matrix((np.full(len(before), 1 / gap), (before, after)), shape=(items, items))
    counts = counts + settings.backward * counts.T
    rows, columns = (np.maximum(np.asarray(counts.sum(axis)).ravel(), 1e-12) for axis in (1, 0))
    normalised = sparse.diags(rows**-settings.row_power) @ counts @ sparse.diags(columns**-settings.column_power)
    return normalised.tocsr().astype(np.float32)
