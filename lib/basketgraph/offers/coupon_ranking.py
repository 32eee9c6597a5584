"""Which coupons of a campaign a redeemer takes: own purchases of the coupon's items, and what everybody buys over the root of the coupon's size.

The weights are those of a conditional logit (McFadden 1974): among the coupons of the campaign, a redeemed one is chosen with the chance
exp(utility) / sum of exp(utility). They are learned from the redeemers of finished campaigns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, Window
from pyspark.sql import functions as F
from scipy.optimize import minimize

from basketgraph.offers.coupon_features import OPTION_FEATURES, option_features
from basketgraph.offers.redemption_quality import with_interval

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
Texts = NDArray[np.object_]

# weights where there are too few redemptions to learn from: own purchases, popularity over sqrt(size)
FIXED = (1.0, 0.0, 1.0, 0.0)
RIDGE = 1.0  # on half the squared distance from FIXED
TOPS = (5, 10)


class Options(NamedTuple):
    """Coupons that redeemers could choose among, columns of one length, those of a person and campaign together.

    group:    int64, the person and campaign: 0, 1, 2, ...   user: text.
    features: float64 [rows, option_features].   popularity, products: float64.   redeemed: float64, 1 or 0.
    """

    group: Ints
    user: Texts
    features: Floats
    popularity: Floats
    products: Floats
    redeemed: Floats


@dataclass(frozen=True)
class CouponModel:
    """weights: of `option_features`, learned or FIXED.   coupons: how many different coupons a redeemer redeems, on average."""

    weights: tuple[float, ...]
    coupons: float
    learned: bool

    def utility(self) -> Column:
        """For rows of `coupon_features.coupon_options`."""
        parts = [F.lit(weight) * column for weight, column in zip(self.weights, option_features(), strict=True)]
        return sum(parts[1:], parts[0])


def with_option_features(options: DataFrame) -> DataFrame:
    """Rows of `coupon_options` with the columns of `option_features`."""
    return options.select("*", *option_features())


def options_of(rows: pa.Table) -> Options:
    """rows: campaign_id, user_id, coupon_id, popularity, products, redeemed (boolean) and OPTION_FEATURES, in any order."""
    ordered = rows.sort_by([("campaign_id", "ascending"), ("user_id", "ascending"), ("coupon_id", "ascending")])
    users, campaigns = (np.asarray(ordered[name].to_pylist(), dtype=object) for name in ("user_id", "campaign_id"))
    is_new = np.append(True, (users[1:] != users[:-1]) | (campaigns[1:] != campaigns[:-1])) if len(users) else np.zeros(0, dtype=bool)
    numbers = [np.asarray(ordered[name].to_pylist(), dtype=np.float64) for name in ("popularity", "products", "redeemed")]
    features = np.column_stack([np.asarray(ordered[name].to_pylist(), dtype=np.float64) for name in OPTION_FEATURES])
    return Options(np.cumsum(is_new) - 1, users, features, *numbers)


def learn_choice(options: Options, *, least: int) -> CouponModel:
    """Weights that make what was redeemed likeliest; FIXED with fewer than `least` redemptions."""
    redeemed = float(options.redeemed.sum())
    groups = int(options.group.max(initial=-1)) + 1
    coupons = redeemed / groups if groups else 1.0
    if redeemed < least:
        return CouponModel(FIXED, max(1.0, coupons), learned=False)
    starts = np.flatnonzero(np.append(True, np.diff(options.group) > 0))
    of_group = np.add.reduceat(options.redeemed, starts)
    centre = np.array(FIXED)

    def loss(weights: Floats) -> tuple[float, Floats]:
        utility = options.features @ weights
        utility -= np.maximum.reduceat(utility, starts)[options.group]
        weight = np.exp(utility)
        total = np.add.reduceat(weight, starts)
        expected = (of_group / total)[options.group] * weight
        value = (of_group * np.log(total)).sum() - options.redeemed @ utility + 0.5 * RIDGE * ((weights - centre) ** 2).sum()
        return float(value), options.features.T @ (expected - options.redeemed) + RIDGE * (weights - centre)

    found = minimize(loss, centre, jac=True, method="L-BFGS-B").x
    return CouponModel(tuple(map(float, found)), max(1.0, coupons), learned=True)


def coupon_probabilities(options: DataFrame, model: CouponModel, *, kept: int) -> DataFrame:
    """Each person's best coupons of each campaign, and P(the person redeems the coupon).

    options: rows of `coupon_options` with `campaign_probability`, P(the person redeems anything of the campaign).
    kept:    coupons of a person and campaign.
    returns: the columns of `options`, probability, rank (1 is best, equal ones in order of their id). A redeemer takes `model.coupons` coupons, each
             drawn by the choice model: probability = campaign_probability x (1 - (1 - share)^coupons), which is at most campaign_probability.
    """
    whose = Window.partitionBy("campaign_id", "user_id")
    best_first = whose.orderBy(F.desc("utility"), F.asc("coupon_id"))
    with_utility = options.withColumn("utility", model.utility())
    weight = F.exp(F.col("utility") - F.max("utility").over(whose))
    share = F.col("weight") / F.sum("weight").over(whose)
    taken = F.lit(1.0) - F.pow(F.lit(1.0) - F.col("share"), F.lit(model.coupons))
    return (
        with_utility.withColumn("weight", weight)
        .withColumn("share", share)
        .withColumn("rank", F.row_number().over(best_first))
        .where(F.col("rank") <= kept)
        .withColumn("probability", F.col("campaign_probability") * taken)
        .drop("utility", "weight", "share")
    )


def places(score: Floats, group: Ints) -> Ints:
    """The place of each row within its group, 1 for the highest score; of equal scores in their order: int64 [rows]."""
    order = np.lexsort((np.arange(len(score)), -score, group))
    starts = np.flatnonzero(np.append(True, np.diff(group[order]) > 0))
    sizes = np.diff(np.append(starts, len(order)))
    found = np.empty(len(score), dtype=np.int64)
    found[order] = np.arange(len(order)) - np.repeat(starts, sizes) + 1
    return found


def choice_quality(options: Options, model: CouponModel, *, draws: int, seed: int) -> dict[str, Any]:
    """Share of redeemed coupons that stand among a redeemer's first 5 and 10: by the model, by popularity, by size, and at random."""
    utility = options.features @ np.array(model.weights)
    scores = {"model": utility, "popularity": options.popularity, "products": options.products}
    sizes = np.bincount(options.group)[options.group]

    def within(place: Ints, top: int, weights: Floats) -> float:
        redeemed = weights * options.redeemed
        return float(redeemed[place <= top].sum() / redeemed.sum()) if redeemed.sum() > 0 else np.nan

    found: dict[str, Any] = {"redeemed": int(options.redeemed.sum()), "redeemers": int(options.group.max(initial=-1)) + 1, "scores": {}}
    for name, score in scores.items():
        place = places(score, options.group)
        found["scores"][name] = {
            f"top_{top}": with_interval(lambda w, p=place, t=top: within(p, t, w), options.user, draws=draws, seed=seed)  # type: ignore[misc]
            for top in TOPS
        }
    chance = {top: np.minimum(1.0, top / sizes) for top in TOPS}
    redeemed = options.redeemed
    found["scores"]["random"] = {f"top_{top}": {"value": round(float((chance[top] * redeemed).sum() / max(redeemed.sum(), 1.0)), 5)} for top in TOPS}
    return found
