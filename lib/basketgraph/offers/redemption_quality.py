"""How well probabilities of redemption fit what was redeemed later, with 90 % intervals by the Poisson bootstrap over people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from basketgraph.foundation.classification import auc

Floats = NDArray[np.floating[Any]]
Texts = NDArray[np.object_]
Statistic = Callable[[Floats], float]  # of weights [rows]

TOP = 0.2  # of the people, by score
BOUNDS = (0.05, 0.95)
SMALL = 20  # a campaign of fewer redeemers is small


def average_precision(score: Floats, outcome: Floats, weights: Floats) -> float:
    """Mean precision at the ranks of those with the outcome, equal scores at once."""
    order = np.argsort(-score, kind="stable")
    ordered, positive = score[order], weights[order] * outcome[order]
    ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)
    hits, people = np.cumsum(positive)[ends], np.cumsum(weights[order])[ends]
    new = np.diff(np.append(0.0, hits))
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(people > 0, hits / people, 0.0)
    return float((new * precision).sum() / hits[-1]) if hits[-1] > 0 else np.nan


def recall_in_top(score: Floats, outcome: Floats, weights: Floats, *, top: float = TOP) -> float:
    """Share of those with the outcome who are among the `top` share of the people with the highest scores; of equal scores at the border a part."""
    order = np.argsort(-score, kind="stable")
    ordered, positive = score[order], weights[order] * outcome[order]
    ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)
    hits, people = np.append(0.0, np.cumsum(positive)[ends]), np.append(0.0, np.cumsum(weights[order])[ends])
    return float(np.interp(top * people[-1], people, hits) / hits[-1]) if hits[-1] > 0 else np.nan


def with_interval(statistic: Statistic, users: Texts, *, draws: int, seed: int) -> dict[str, float | None]:
    """value, low, high of a statistic of weighted rows: 90 %, by Poisson weights of people (Hanley and MacGibbon 2006).   users: text [rows]."""
    _, person = np.unique(users.astype(str), return_inverse=True)
    people = int(person.max(initial=-1)) + 1
    rng = np.random.default_rng(seed)
    value = statistic(np.ones(len(users)))
    drawn = np.array([statistic(rng.poisson(1.0, people).astype(np.float64)[person]) for _ in range(draws)])
    drawn = drawn[np.isfinite(drawn)]
    low, high = np.quantile(drawn, BOUNDS) if len(drawn) else (np.nan, np.nan)
    return {name: round(float(one), 5) if np.isfinite(one) else None for name, one in (("value", value), ("low", low), ("high", high))}


def ranking_quality(score: Floats, outcome: Floats, users: Texts, *, draws: int, seed: int) -> dict[str, Any]:
    """auc, average_precision, recall_top_20: each {value, low, high}."""
    measures = {"auc": auc, "average_precision": average_precision, "recall_top_20": recall_in_top}
    return {
        name: with_interval(lambda weights, of=of: of(score, outcome, weights), users, draws=draws, seed=seed)  # type: ignore[misc]
        for name, of in measures.items()
    }


def redemption_quality(
    scores: Mapping[str, Floats],
    campaign: Texts,
    users: Texts,
    redeemed: Floats,
    reached: Mapping[str, float],
    *,
    model: str,
    draws: int,
    seed: int,
) -> dict[str, Any]:
    """Quality of each score, for all pairs together and for each campaign.

    scores:   name -> float64 [pairs], higher first; those of `model` are probabilities.
    reached:  campaign -> the share of its redeemers that are known already, 1 of a finished campaign; expected redeemers are so many.
    returns:  {"all": {"people", "redeemers", "expected", "scores": {name: ranking_quality}}, "campaigns": {id: the same}, "small": {"redeemers",
              "expected"} of finished campaigns of fewer than SMALL redeemers, "running": of those that still run}.
    """

    known = scores[model] * np.array([reached[one] for one in campaign])

    def judged(chosen: NDArray[np.bool_], among: Sequence[str]) -> dict[str, Any]:
        counts = {"people": int(chosen.sum()), "redeemers": int(redeemed[chosen].sum()), "expected": round(float(known[chosen].sum()), 2)}
        ranked = {name: ranking_quality(scores[name][chosen], redeemed[chosen], users[chosen], draws=draws, seed=seed) for name in among}
        return {**counts, "scores": ranked}

    every = np.ones(len(redeemed), dtype=bool)
    campaigns = {str(one): judged(campaign == one, list(scores)) for one in sorted(set(campaign))}
    whole = {name: of for name, of in campaigns.items() if reached[name] >= 1}
    small = [of for of in whole.values() if of["redeemers"] < SMALL]
    running = [of for name, of in campaigns.items() if name not in whole]
    return {
        "all": judged(every, list(scores)),
        "campaigns": campaigns,
        "small": _totals(small),
        "running": _totals(running),
    }


def _totals(of: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    return {"redeemers": sum(one["redeemers"] for one in of), "expected": round(sum(one["expected"] for one in of), 2)}
