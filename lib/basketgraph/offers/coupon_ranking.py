"""Which coupons of a campaign a redeemer takes: own purchases of the coupon's items, and what everybody buys, over the root of the coupon's size.

Chances are those of a conditional logit (McFadden 1974) with one weight: among the coupons of the campaign, a redeemed one is chosen with the chance
exp(weight x affinity) / sum of exp(weight x affinity). The weight is learned from the redeemers of finished campaigns; it does not change the order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Window
from pyspark.sql import functions as F
from scipy.optimize import minimize_scalar

from basketgraph.offers.coupon_features import affinity_log
from basketgraph.offers.redemption_quality import with_interval

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
Texts = NDArray[np.object_]

FIXED = 1.0  # the weight where there are too few redeemers to learn it from
STEEPEST = 5.0  # weight
TOPS = (5, 10)


class Options(NamedTuple):
    """Coupons that redeemers could choose among, columns of one length, those of a person and campaign together.

    group:    int64, the person and campaign: 0, 1, 2, ...   user: text.
    affinity: float64, as of `coupon_features.affinity_log`.   popularity, products: float64.   redeemed: float64, 1 or 0.
    """

    group: Ints
    user: Texts
    affinity: Floats
    popularity: Floats
    products: Floats
    redeemed: Floats


@dataclass(frozen=True)
class CouponModel:
    """weight: of the affinity.   coupons: how many different coupons a redeemer redeems, on average.   learned: or FIXED."""

    weight: float
    coupons: float
    learned: bool


def options_of(rows: pa.Table) -> Options:
    """rows: campaign_id, user_id, coupon_id, affinity, popularity, products, redeemed (boolean), in any order."""
    ordered = rows.sort_by([("campaign_id", "ascending"), ("user_id", "ascending"), ("coupon_id", "ascending")])
    users, campaigns = (np.asarray(ordered[name].to_pylist(), dtype=object) for name in ("user_id", "campaign_id"))
    is_new = np.append(True, (users[1:] != users[:-1]) | (campaigns[1:] != campaigns[:-1])) if len(users) else np.zeros(0, dtype=bool)
    numbers = [np.asarray(ordered[name].to_pylist(), dtype=np.float64) for name in ("affinity", "popularity", "products", "redeemed")]
    return Options(np.cumsum(is_new) - 1, users, *numbers)


def learn_choice(options: Options, *, least: int) -> CouponModel:
    """The weight that makes what was redeemed likeliest, each redeemer counting once; FIXED with fewer than `least` redeemers."""
    redeemed = float(options.redeemed.sum())
    groups = int(options.group.max(initial=-1)) + 1
    coupons = max(1.0, redeemed / groups) if groups else 1.0
    if groups < least:
        return CouponModel(FIXED, coupons, learned=False)
    starts = np.flatnonzero(np.append(True, np.diff(options.group) > 0))
    taken = options.redeemed / np.bincount(options.group, options.redeemed)[options.group]

    def loss(weight: float) -> float:
        utility = weight * options.affinity
        highest = np.maximum.reduceat(utility, starts)
        totals = highest + np.log(np.add.reduceat(np.exp(utility - highest[options.group]), starts))
        return float(totals.sum() - taken @ utility)

    return CouponModel(float(minimize_scalar(loss, bounds=(0.0, STEEPEST), method="bounded").x), coupons, learned=True)


def coupon_probabilities(options: DataFrame, model: CouponModel, *, kept: int) -> DataFrame:
    """Each person's best coupons of each campaign, and P(the person redeems the coupon).

    options: rows of `coupon_options` with `campaign_probability`, P(the person redeems anything of the campaign).
    kept:    coupons of a person and campaign.
    returns: the columns of `options`, probability, rank (1 is best, equal ones in order of their id). A redeemer takes `model.coupons` coupons, each
             drawn by the choice model: probability = campaign_probability x (1 - (1 - share)^coupons), which is at most campaign_probability.
    """
    whose = Window.partitionBy("campaign_id", "user_id")
    best_first = whose.orderBy(F.desc("affinity"), F.asc("coupon_id"))
    with_affinity = options.withColumn("affinity", affinity_log())
    weight = F.exp(F.lit(model.weight) * (F.col("affinity") - F.max("affinity").over(whose)))
    share = F.col("weight") / F.sum("weight").over(whose)
    taken = F.lit(1.0) - F.pow(F.lit(1.0) - F.col("share"), F.lit(model.coupons))
    return (
        with_affinity.withColumn("weight", weight)
        .withColumn("share", share)
        .withColumn("rank", F.row_number().over(best_first))
        .where(F.col("rank") <= kept)
        .withColumn("probability", F.col("campaign_probability") * taken)
        .drop("affinity", "weight", "share")
    )


def places(score: Floats, group: Ints) -> Ints:
    """The place of each row within its group, 1 for the highest score; of equal scores in their order: int64 [rows]."""
    order = np.lexsort((np.arange(len(score)), -score, group))
    starts = np.flatnonzero(np.append(True, np.diff(group[order]) > 0))
    sizes = np.diff(np.append(starts, len(order)))
    found = np.empty(len(score), dtype=np.int64)
    found[order] = np.arange(len(order)) - np.repeat(starts, sizes) + 1
    return found


def choice_quality(options: Options, *, draws: int, seed: int) -> dict[str, Any]:
    """How many of a redeemer's redeemed coupons stand among the first 5 and 10: by the model, by popularity, by size, and at random.

    returns: {"redeemed", "redeemers", "scores": {name: {"top_5", "top_10"}}}: each the mean over redeemers of the share of what they redeemed.
    """
    redeemers = int(options.group.max(initial=-1)) + 1
    count, starts = np.bincount(options.group, options.redeemed), np.flatnonzero(np.append(True, np.diff(options.group) > 0))
    users, sizes = options.user[starts], np.bincount(options.group)
    found: dict[str, Any] = {"redeemed": int(options.redeemed.sum()), "redeemers": redeemers, "scores": {}}
    for name, score in {"model": options.affinity, "popularity": options.popularity, "products": options.products}.items():
        place = places(score, options.group)
        shares = {top: np.bincount(options.group, options.redeemed * (place <= top)) / count for top in TOPS}
        found["scores"][name] = {
            f"top_{top}": with_interval(lambda w, s=share: _mean(s, w), users, draws=draws, seed=seed)  # type: ignore[misc]
            for top, share in shares.items()
        }
    chance = {f"top_{top}": {"value": round(float(np.minimum(1.0, top / sizes).mean()), 5)} for top in TOPS}
    found["scores"]["random"] = chance
    return found


def _mean(values: Floats, weights: Floats) -> float:
    return float(np.average(values, weights=weights)) if weights.sum() > 0 else np.nan
