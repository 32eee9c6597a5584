"""gold.coupon_allocation and gold.campaign_budgets: which coupons each person gets of open campaigns, under what is left of their budgets.

The value of a coupon for a person is P(redeem) x expected spend on its items, its cost P(redeem) x mean discount. Values follow from who redeems, not
from what a campaign changes: targeting was not randomised.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import Window
from pyspark.sql import functions as F

from basketgraph.foundation.config import UserError
from basketgraph.foundation.progress import at
from basketgraph.offers.allocation import Allocation, allocate
from basketgraph.offers.allocation_limits import Coupon, Limits, terms_of
from basketgraph.offers.budget_reserve import KEY, UNKNOWN_ERROR, planned_budgets, probability_factors, simulated_costs, within
from basketgraph.offers.coupon_terms import Floats, Terms
from basketgraph.offers.earlier_coupons import Budget, EarlierCoupons
from basketgraph.offers.pairs import PAIRS, Pairs, cached_pairs

if TYPE_CHECKING:
    from datetime import date

    from pyspark.sql import DataFrame

ROUNDS = 8  # of allocation and draws, until each budget holds often enough
LAST_ROUNDS = 6  # more, in which the planned cost of what does not hold is halved: such budgets are about as large as one discount
LEAST_BUDGET = 1e-6  # in minor units: less than any coupon is expected to cost
STEP = 0.97  # of a planned budget that did not hold often enough


@dataclass(frozen=True)
class CouponAllocation:
    """rows: campaign_id, user_id, coupon_id, rank, probability, value_minor, cost_minor, and the other columns of the scores.   metrics: as JSON."""

    rows: DataFrame
    metrics: dict[str, Any]


class Left(NamedTuple):
    """Of each budget, in minor units: what redeemed coupons have cost, and what those that people hold since earlier days may cost in each draw.

    spent, outstanding (expected): [budgets].   draws: [draws, budgets]; None where nothing is held.
    """

    spent: Floats
    outstanding: Floats
    draws: Floats | None

    def unspent(self, budgets: Floats) -> Floats:
        """What coupons, held or new, may still cost."""
        return np.maximum(budgets - self.spent, 0.0)

    def free(self, budgets: Floats) -> Floats:
        """What new coupons may be expected to cost; at least LEAST_BUDGET, so that its price stays finite."""
        return np.maximum(budgets - self.spent - self.outstanding, LEAST_BUDGET)

    def is_used_up(self, unspent: Floats, level: float) -> NDArray[np.bool_]:
        """Whether the coupons held alone exceed what is unspent of a budget too often: then it has nothing for new ones."""
        return np.zeros(len(unspent), dtype=bool) if self.draws is None else within(self.draws, unspent) < level

    def with_held(self, costs: Floats) -> Floats:
        """Costs of new coupons and of those that are held.   costs: [draws, budgets]."""
        return costs if self.draws is None else costs + self.draws


def allocate_coupons(scores: DataFrame, coupons: Sequence[Coupon], limits: Limits, earlier: EarlierCoupons | None = None) -> CouponAllocation:
    """Allocate coupons to people.

    scores:  rows of gold.coupon_scores of one day; a person may have the coupons that they have a row for. Without a discount a coupon has no row.
             `held`, where there is such a column, is the number of coupons that the person has already; each counts for the cap.
    coupons: of all rows, each once.
    earlier: what earlier days have used up; its campaigns are the names of budgets.
    errors:  UserError where there is nothing to give.
    """
    if not coupons:
        raise UserError("coupons cannot be allocated", ["want people with coupon scores and a known discount, have none"])
    places = {(one.campaign_id, one.coupon_id): place for place, one in enumerate(coupons)}
    placed = scores.join(F.broadcast(_places(scores, places)), ["campaign_id", "coupon_id"], how="inner").withColumns(
        {"value_minor": F.col("probability") * F.col("expected_spend_minor"), "cost_minor": F.col("probability") * F.col("discount_minor")}
    )
    pairs = cached_pairs(pair_rows(placed, len(coupons), limits.coupons_a_person))
    whole, names, categories = terms_of(pairs, coupons, limits)
    factors = probability_factors(UNKNOWN_ERROR if limits.error is None else limits.error, len(names), limits.draws, limits.seed)
    left = left_of(earlier, names, factors, seed=limits.seed)
    terms = replace(whole, budgets=left.free(whole.budgets))
    at("coupons under budgets")
    free = allocate(pairs, terms, seed=limits.seed)
    if limits.level <= 0:
        found, planned, held = free, terms.budgets, None
    else:
        found, planned, held = reserved(pairs, terms, placed, free, limits, factors, left, unspent=left.unspent(whole.budgets))
    rows = chosen_rows(found, placed).localCheckpoint()
    metrics = metrics_of(rows, free, found, terms, planned, held, names, categories)
    for place, of in enumerate(metrics["budgets"].values()):
        of |= {"budget": _money(whole.budgets[place]), "spent": _money(left.spent[place]), "outstanding": _money(left.outstanding[place])}
    pairs.blocks.unpersist()
    return CouponAllocation(rows, metrics)


def left_of(earlier: EarlierCoupons | None, names: Sequence[str], factors: Floats, *, seed: int) -> Left:
    """What earlier days have used up of the budgets `names`.   factors: of `probability_factors`; held coupons are off as new ones are."""
    spent, outstanding = np.zeros(len(names)), np.zeros(len(names))
    if earlier is None:
        return Left(spent, outstanding, None)
    places = {name: place for place, name in enumerate(names)}
    for name, amount in earlier.spent.items():
        if name in places:
            spent[places[name]] = amount
    open_ones = earlier.given.where(~F.col("is_redeemed") & F.col("campaign_id").isin(list(names)) & (F.col("probability") > 0))
    for row in open_ones.groupBy("campaign_id").agg(F.sum("cost_minor").alias("cost")).collect():
        outstanding[places[row.campaign_id]] = row.cost
    if not outstanding.any():
        return Left(spent, outstanding, None)
    budget = F.create_map(*(F.lit(part) for name, place in places.items() for part in (name, place)))[F.col("campaign_id")].cast("bigint")
    priced = open_ones.select(*KEY, budget.alias("budget"), "probability", (F.col("cost_minor") / F.col("probability")).alias("discount_minor"))
    return Left(spent, outstanding, simulated_costs(priced, factors, seed=seed))


def _places(like: DataFrame, places: Mapping[tuple[str, str], int]) -> DataFrame:
    columns = [[key[0] for key in places], [key[1] for key in places], list(places.values())]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, (pa.string(), pa.string(), pa.int64()), strict=True)]
    return like.sparkSession.createDataFrame(pa.table(arrays, names=["campaign_id", "coupon_id", "coupon"]))


def pair_rows(placed: DataFrame, coupons: int, cap: int) -> DataFrame:
    """Rows of `pairs.PAIRS`.

    placed: user_id, coupon (its place), value_minor, cost_minor; at most one row a person and coupon. `held`, where it is there, lowers the cap.
    """

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
            columns = [batch.column("user_id"), *arrays, batch.column("cap")]
            yield pa.RecordBatch.from_arrays(columns, names=["user_id", "values", "costs", "cap"])

    known = F.collect_list(F.struct("coupon", "value_minor", "cost_minor")).alias("known")
    held = F.max("held") if "held" in placed.columns else F.lit(0)
    return placed.groupBy("user_id").agg(known, F.greatest(F.lit(cap) - held, F.lit(0)).cast("int").alias("cap")).mapInArrow(dense, PAIRS)


def reserved(
    pairs: Pairs, terms: Terms, placed: DataFrame, free: Allocation, limits: Limits, factors: Floats, left: Left, *, unspent: Floats
) -> tuple[Allocation, Floats, Floats]:
    """The allocation whose cost, with that of coupons that are held, stays within what is unspent of each budget in a share `limits.level` of draws.

    factors: of `probability_factors`.   unspent: [budgets], in minor units.
    returns: the allocation, the costs planned for it, and that share, by budget.
    """
    given = _given(free, placed, terms)
    costs = left.with_held(simulated_costs(given, factors, seed=limits.seed))
    used_up = left.is_used_up(unspent, limits.level)
    planned = np.minimum(terms.budgets, planned_budgets(costs, terms.budgets, unspent, level=limits.level))
    planned = np.where(used_up, LEAST_BUDGET, np.maximum(planned, LEAST_BUDGET))
    for number in range(1, ROUNDS + LAST_ROUNDS + 1):
        at("coupons under planned budgets, round", number)
        found = allocate(pairs, Terms(terms.budget_of, terms.category_of, planned, terms.floors), start=free.duals, seed=limits.seed)
        costs = left.with_held(simulated_costs(_given(found, placed, terms), factors, seed=limits.seed + number))
        held = within(costs, unspent)
        is_settled = (held >= limits.level) | used_up
        if is_settled.all() or number == ROUNDS + LAST_ROUNDS:
            break
        smaller = np.minimum(planned_budgets(costs, planned, unspent, level=limits.level), planned * STEP)
        if number >= ROUNDS:
            smaller = planned / 2
        planned = np.where(is_settled, planned, np.maximum(smaller, LEAST_BUDGET))
    return found, planned, held


def _given(found: Allocation, placed: DataFrame, terms: Terms) -> DataFrame:
    """The columns of `simulated_costs` of the coupons of an allocation."""
    budget = F.array(*(F.lit(int(place)) for place in terms.budget_of))
    chosen = found.coupons.select("user_id", "coupon").join(placed, ["user_id", "coupon"], how="inner")  # one row a pair
    return chosen.select(*KEY, budget[F.col("coupon").cast("int")].cast("bigint").alias("budget"), "probability", "discount_minor")


def chosen_rows(found: Allocation, placed: DataFrame) -> DataFrame:
    """The rows of `placed` that were chosen; rank is by value for the person."""
    best_first = Window.partitionBy("user_id").orderBy(F.desc("value_minor"), F.asc("coupon"))
    chosen = placed.drop("rank").join(found.coupons.select("user_id", "coupon"), ["user_id", "coupon"], how="inner")  # one row a pair
    return chosen.withColumn("rank", F.row_number().over(best_first)).drop("coupon")


def _money(minor: float) -> float:
    return round(float(minor), 2)


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

    budgets:    name -> budget, spent, outstanding (of earlier days), planned, expected_cost, shadow_price (value that one more minor unit would
                bring), within_budget (share of draws).
    floors:     category -> wanted, given, short.
    """
    counted = rows.agg(F.count("*").alias("coupons"), F.countDistinct("user_id").alias("people"), F.sum("probability").alias("redeemed")).collect()[0]
    budgets = {
        name: {
            "budget": _money(terms.budgets[place]),
            "planned": _money(planned[place]),
            "expected_cost": _money(found.spend[place]),
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


def budget_rows(metrics: Mapping[str, Any], budgets: Mapping[str, Budget], as_of: date) -> list[dict[str, Any]]:
    """Rows of gold.campaign_budgets.   metrics: of the allocation.   budgets: those that earlier days have set."""
    return [
        {
            "as_of": as_of,
            "campaign_id": name,
            "budget_minor": of["budget"],
            "set_on": budgets[name].set_on if name in budgets else as_of,
            "spent_minor": of["spent"],
            "outstanding_minor": of["outstanding"],
            "planned_minor": of["planned"],
            "expected_cost_minor": of["expected_cost"],
            "shadow_price": of["shadow_price"],
            "within_budget": of["within_budget"],
        }
        for name, of in metrics["budgets"].items()
    ]
