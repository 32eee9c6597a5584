"""gold.coupon_allocation: which coupons of the open campaigns each person gets, under a budget for each campaign, with a reserve.

The value of a coupon for a person is P(redeem) x expected spend on its items, its cost P(redeem) x mean discount. Values follow from who redeems, not
from what a campaign changes: targeting was not randomised.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Window
from pyspark.sql import functions as F

from basketgraph.foundation.config import UserError
from basketgraph.foundation.progress import at
from basketgraph.offers.allocation import Allocation, allocate
from basketgraph.offers.allocation_limits import Coupon, Limits, terms_of
from basketgraph.offers.budget_reserve import planned_budgets, probability_factors, simulated_costs, within
from basketgraph.offers.coupon_terms import Floats, Terms
from basketgraph.offers.pairs import PAIRS, Pairs, cached_pairs

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import DataFrame

UNKNOWN_ERROR = 0.5  # of probabilities, where no earlier campaign tells: e^.5 is two thirds more than expected
ROUNDS = 8  # of allocation and draws, until each budget holds often enough
LAST_ROUNDS = 6  # more, in which the planned cost of what does not hold is halved: such budgets are about as large as one discount
STEP = 0.97  # of a planned budget that did not hold often enough


@dataclass(frozen=True)
class CouponAllocation:
    """rows: campaign_id, user_id, coupon_id, rank, probability, value_minor, cost_minor, and the other columns of the scores.   metrics: as JSON."""

    rows: DataFrame
    metrics: dict[str, Any]


def allocate_coupons(scores: DataFrame, coupons: Sequence[Coupon], limits: Limits) -> CouponAllocation:
    """Allocate coupons to people.

    scores:  rows of gold.coupon_scores of one day; a person may have the coupons that they have a row for. Without a discount a coupon has no row.
    coupons: of all rows, each once.
    errors:  UserError where there is nothing to give.
    """
    if not coupons:
        raise UserError("coupons cannot be allocated", ["want people with coupon scores and a known discount, have none"])
    places = {(one.campaign_id, one.coupon_id): place for place, one in enumerate(coupons)}
    placed = scores.join(F.broadcast(_places(scores, places)), ["campaign_id", "coupon_id"], how="inner").withColumns(
        {"value_minor": F.col("probability") * F.col("expected_spend_minor"), "cost_minor": F.col("probability") * F.col("discount_minor")}
    )
    pairs = cached_pairs(pair_rows(placed, len(coupons), limits.coupons_a_person))
    terms, names, categories = terms_of(pairs, coupons, limits)
    at("coupons under budgets")
    free = allocate(pairs, terms, seed=limits.seed)
    found, planned, held = (free, terms.budgets, None) if limits.level <= 0 else reserved(pairs, terms, placed, free, limits)
    rows = chosen_rows(found, placed).localCheckpoint()
    metrics = metrics_of(rows, free, found, terms, planned, held, names, categories)
    pairs.blocks.unpersist()
    return CouponAllocation(rows, metrics)


def _places(like: DataFrame, places: Mapping[tuple[str, str], int]) -> DataFrame:
    columns = [[key[0] for key in places], [key[1] for key in places], list(places.values())]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, (pa.string(), pa.string(), pa.int64()), strict=True)]
    return like.sparkSession.createDataFrame(pa.table(arrays, names=["campaign_id", "coupon_id", "coupon"]))


def pair_rows(placed: DataFrame, coupons: int, cap: int) -> DataFrame:
    """Rows of `pairs.PAIRS`.   placed: user_id, coupon (its place), value_minor, cost_minor; at most one row a person and coupon."""

    def dense(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            lists, people = batch.column("known"), batch.num_rows
            person = np.repeat(np.arange(people), pc.list_value_length(lists).to_numpy(zero_copy_only=False))
            known = lists.flatten()
            place = known.field("coupon").to_numpy(zero_copy_only=False)
            ends, arrays = pa.array(np.arange(people + 1) * coupons, pa.int32()), []
            for name, missing in (("value_minor", np.nan), ("cost_minor", 0.0)):
                whole = np.full((people, coupons), missing)
                whole[person, place] = known.field(name).to_numpy(zero_copy_only=False)
                arrays.append(pa.ListArray.from_arrays(ends, pa.array(whole.ravel())))
            columns = [batch.column("user_id"), *arrays, pa.array(np.full(people, cap), pa.int32())]
            yield pa.RecordBatch.from_arrays(columns, names=["user_id", "values", "costs", "cap"])

    known = F.collect_list(F.struct("coupon", "value_minor", "cost_minor")).alias("known")
    return placed.groupBy("user_id").agg(known).mapInArrow(dense, PAIRS)


def reserved(pairs: Pairs, terms: Terms, placed: DataFrame, free: Allocation, limits: Limits) -> tuple[Allocation, Floats, Floats]:
    """The allocation whose cost stays within each budget in a share `limits.level` of draws; the costs planned for it; and that share, by budget."""
    factors = probability_factors(UNKNOWN_ERROR if limits.error is None else limits.error, len(terms.budgets), limits.draws, limits.seed)
    given = _given(free, placed, terms)
    planned = planned_budgets(simulated_costs(given, factors, seed=limits.seed), terms.budgets, terms.budgets, level=limits.level)
    for number in range(1, ROUNDS + LAST_ROUNDS + 1):
        at("coupons under planned budgets, round", number)
        found = allocate(pairs, Terms(terms.budget_of, terms.category_of, planned, terms.floors), start=free.duals, seed=limits.seed)
        costs = simulated_costs(_given(found, placed, terms), factors, seed=limits.seed + number)
        held = within(costs, terms.budgets)
        if (held >= limits.level).all() or number == ROUNDS + LAST_ROUNDS:
            break
        smaller = np.minimum(planned_budgets(costs, planned, terms.budgets, level=limits.level), planned * STEP)
        if number >= ROUNDS:
            smaller = planned / 2
        planned = np.where(held >= limits.level, planned, smaller)
    return found, planned, held


def _given(found: Allocation, placed: DataFrame, terms: Terms) -> DataFrame:
    """budget, probability, discount_minor of the coupons of an allocation."""
    budget = F.array(*(F.lit(int(place)) for place in terms.budget_of))
    chosen = found.coupons.select("user_id", "coupon").join(placed, ["user_id", "coupon"], how="inner")  # one row a pair
    return chosen.select(budget[F.col("coupon").cast("int")].cast("bigint").alias("budget"), "probability", "discount_minor")


def chosen_rows(found: Allocation, placed: DataFrame) -> DataFrame:
    """The rows of `placed` that were chosen; rank is by value for the person."""
    best_first = Window.partitionBy("user_id").orderBy(F.desc("value_minor"), F.asc("coupon"))
    chosen = placed.drop("rank").join(found.coupons.select("user_id", "coupon"), ["user_id", "coupon"], how="inner")  # one row a pair
    return chosen.withColumn("rank", F.row_number().over(best_first)).drop("coupon")


def metrics_of(
    rows: DataFrame,
    free: Allocation,
    found: Allocation,
    terms: Terms,
    planned: Floats,
    held: Floats | None,
    names: Sequence[str],
    categories: Sequence[str],
) -> dict[str, Any]:
    """What is told of an allocation; money in minor units.

    budgets:    name -> budget, planned, expected_cost, shadow_price (value that one more minor unit would bring), within_budget (share of draws).
    floors:     category -> wanted, given, short.
    """
    counted = rows.agg(F.count("*").alias("coupons"), F.countDistinct("user_id").alias("people"), F.sum("probability").alias("redeemed")).collect()[0]
    budgets = {
        name: {
            "budget": round(float(terms.budgets[place]), 2),
            "planned": round(float(planned[place]), 2),
            "expected_cost": round(float(found.spend[place]), 2),
            "shadow_price": round(float(found.duals.budgets[place]), 4),
            "within_budget": None if held is None else round(float(held[place]), 4),
        }
        for place, name in enumerate(names)
    }
    floors = {
        name: {"wanted": int(terms.floors[place]), "given": int(found.counts[place]), "short": int(found.shortfall[place])}
        for place, name in enumerate(categories)
        if terms.floors[place] > 0
    }
    return {
        "people": counted.people,
        "coupons": counted.coupons,
        "expected_redemptions": round(float(counted.redeemed or 0.0), 2),
        "value": round(found.value, 2),
        "value_without_reserve": round(free.value, 2),
        "reserve_price": round(free.value - found.value, 2),
        "gap": round(found.gap, 6),
        "violations": found.violations,
        "budgets": budgets,
        "floors": floors,
    }


def allocation_rows(allocation: CouponAllocation, as_of: date) -> DataFrame:
    """Rows of gold.coupon_allocation."""
    columns = ("campaign_id", "user_id", "coupon_id", "rank", "probability", "value_minor", "cost_minor")
    return allocation.rows.select(F.lit(as_of).alias("as_of"), *columns)
