"""What a planned campaign's page tells: who was chosen, with which coupons, how many of them are expected to be redeemed, and at what cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pyspark.sql import functions as F

from basketgraph.offers.allocation_limits import Limits
from basketgraph.offers.budget_reserve import KEY, UNKNOWN_ERROR, probability_factors, simulated_costs
from basketgraph.offers.coupon_allocation import CouponAllocation

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

BOUNDS = (0.05, 0.95)


class Interval(NamedTuple):
    """90 % of the draws."""

    low: float
    high: float


def intervals(allocation: CouponAllocation, limits: Limits) -> dict[str, Interval]:
    """redemptions and cost_minor of the coupons given, over draws of who redeems with probabilities that may be off by `limits.error`."""
    factors = probability_factors(UNKNOWN_ERROR if limits.error is None else limits.error, 1, limits.draws, limits.seed)
    given = allocation.rows.select(*KEY, F.lit(0).cast("bigint").alias("budget"), "probability", "discount_minor")
    costs = simulated_costs(given, factors, seed=limits.seed)[:, 0]
    counts = simulated_costs(given.withColumn("discount_minor", F.lit(1.0)), factors, seed=limits.seed)[:, 0]
    return {name: Interval(*map(float, np.quantile(drawn, BOUNDS))) for name, drawn in (("redemptions", counts), ("cost_minor", costs))}


def segments(pairs: DataFrame, profiles: DataFrame, rows: DataFrame) -> list[dict[str, Any]]:
    """One dict for each lifecycle of the audience: lifecycle, people, probability (mean, of the campaign), chosen, coupons, redemptions (expected).

    pairs: user_id, campaign_probability of the audience.   profiles: gold.user_profiles rows of one day.   rows: of the allocation.
    """
    given = rows.groupBy("user_id").agg(F.count("*").alias("given"), F.sum("probability").alias("expected"))
    lifecycle = F.coalesce("lifecycle", F.lit("no profile"))
    people = pairs.join(profiles.select("user_id", "lifecycle"), "user_id", how="left").join(given, "user_id", how="left")  # one row a person
    found = people.groupBy(lifecycle.alias("lifecycle")).agg(
        F.count("*").alias("people"),
        F.avg("campaign_probability").alias("probability"),
        F.count("given").alias("chosen"),
        F.coalesce(F.sum("given"), F.lit(0)).alias("coupons"),
        F.coalesce(F.sum("expected"), F.lit(0.0)).alias("redemptions"),
    )
    return [row.asDict() for row in found.orderBy(F.desc("people"), "lifecycle").collect()]


def chosen_beside_others(pairs: DataFrame, rows: DataFrame) -> dict[str, float]:
    """Means of those who get coupons and of the others: probability (of the campaign), and the share of coupons for items that the person bought."""
    chosen = rows.select("user_id").distinct().withColumn("is_chosen", F.lit(True))
    means = pairs.join(chosen, "user_id", how="left").agg(
        F.avg(F.when(F.col("is_chosen"), F.col("campaign_probability"))).alias("chosen"),
        F.avg(F.when(F.col("is_chosen").isNull(), F.col("campaign_probability"))).alias("others"),
    )
    own = rows.agg(F.avg((F.col("own_lines") > 0).cast("double")).alias("own"))
    first, second = means.collect()[0], own.collect()[0]
    return {"chosen": first.chosen or 0.0, "others": first.others or 0.0, "own_share": second.own or 0.0}


def most_given(rows: DataFrame, coupons: DataFrame, items: DataFrame, *, most: int) -> list[dict[str, Any]]:
    """The coupons that most people get: coupon_id, name, given, redemptions, discount_minor, cost_minor, value_minor.

    coupons: campaign_id, coupon_id, item_id.   items: silver.items rows of one day; the name is the commonest category of the coupon's items.
    """
    best = (
        rows.groupBy("campaign_id", "coupon_id")
        .agg(
            F.count("*").alias("given"),
            F.sum("probability").alias("redemptions"),
            F.avg("discount_minor").alias("discount_minor"),
            F.sum("cost_minor").alias("cost_minor"),
            F.sum("value_minor").alias("value_minor"),
        )
        .orderBy(F.desc("given"), "coupon_id")
        .limit(most)
        .localCheckpoint()
    )
    category = F.coalesce("category", "department")
    of_items = coupons.join(best, ["campaign_id", "coupon_id"], how="left_semi").join(items.select("item_id", category.alias("name")), "item_id")
    names = of_items.where("name IS NOT NULL").groupBy("coupon_id", "name").count().groupBy("coupon_id")
    named = best.join(names.agg(F.max_by("name", F.struct("count", "name")).alias("name")), "coupon_id", how="left")
    return [row.asDict() for row in named.orderBy(F.desc("given"), "coupon_id").collect()]
