"""Choosing the settings that differ from graph to graph, on validation edges."""

from collections.abc import Callable
from typing import Any

import numpy as np

from basketgraph.graph.evaluate import quality
from basketgraph.graph.export import Serving
from basketgraph.graph.partition import csr_from_edges
from basketgraph.graph.settings import GraphSettings
from basketgraph.graph.sparse import Csr

Fit = Callable[[Csr, GraphSettings], Serving]

AXES: tuple[tuple[str, tuple[Any, ...]], ...] = (  # one after the other, each from the best so far
    ("temperature", (0.1, 0.15, 0.2, 0.3, 0.4)),
    ("own_weight", (0.05, 0.1, 0.3, 0.5)),
    ("epochs", (5, 8, 12, 20)),
    ("user_power", (0.0, 0.5)),
    ("layers", (2, 3)),
)
BETAS = tuple(round(0.1 * step, 1) for step in range(13))
VALIDATION_SHARE = 0.1


def split_edges(train: Csr, *, share: float = VALIDATION_SHARE, seed: int = 0) -> tuple[Csr, Csr]:
    """Training edges less a random share of them, and that share; a user's only edge stays in training."""
    draw = np.random.default_rng(seed)
    degrees = np.diff(train.indptr)
    users = np.repeat(np.arange(train.rows), degrees)
    held = draw.random(len(users)) < share
    last = np.zeros(len(users), bool)
    last[train.indptr[1:][degrees > 0] - 1] = True
    all_held = np.bincount(users, weights=held, minlength=train.rows) >= degrees
    held &= ~(last & all_held[users])
    shape = (train.rows, train.width)
    kept = [csr_from_edges(users[mask], train.columns[mask], train.values[mask], shape) for mask in (~held, held)]
    return kept[0], kept[1]


def tune(train: Csr, valid: Csr, settings: GraphSettings, fit: Fit, *, fixed: frozenset[str], say: Callable[[str], None]) -> GraphSettings:
    """The settings with the best Recall@20 + NDCG@20 on `valid`, found axis by axis from `settings` on.

    fixed: axes that are not tried.   say: is told of each fit. Every fit is scored with every beta, which takes no training.
    """
    best, best_score = settings, -1.0
    for axis, values in AXES:
        if axis in fixed:
            continue
        centre = best
        for value in dict.fromkeys((getattr(centre, axis), *values)):
            candidate = centre.model_copy(update={axis: value})
            if best_score >= 0 and candidate == centre:
                continue  # seen on the axis before
            by_beta = zip(BETAS, quality(fit(train, candidate), train, valid, betas=BETAS), strict=True)
            beta, reached = max(by_beta, key=lambda pair: pair[1].both)
            say(f"{axis} {value:.4g}, beta {beta:.4g}, recall@20 {reached.recall:.4g}, ndcg@20 {reached.ndcg:.4g}")
            if reached.both > best_score:
                best, best_score = candidate.model_copy(update={"beta": beta}), reached.both
    return best
