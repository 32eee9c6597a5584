"""gold.interactions: what each user did with each item before a cut, as weighted edges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

from pydantic import field_validator
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from basketgraph.foundation.config import Settings
from basketgraph.foundation.goal_events import ORDER
from basketgraph.foundation.point_in_time import kept_before, known_before

# Decayed counts are summed as integers in this unit: a sum of doubles depends on the order of the rows.
DECAY_UNITS = 10**12
# Event types that speak for an item, beside the purchase. What was taken out of the cart takes back what was put in.
BEHAVIOURS = ("view", "click", "favourite", "cart_add", ORDER)
REFUSALS = ("returned", "dismissed", "rated_low")


class InteractionsSettings(Settings):
    """Section `interactions` of conf/settings.yaml."""

    window_days: int  # the longest window; read by basketgraph.foundation.cuts
    half_life_days: float
    behaviour_weights: dict[str, float] | Literal["learn"]
    unlearned_weights: dict[str, float]
    refusals: tuple[str, ...]
    refusal_days: int

    @field_validator("behaviour_weights", "unlearned_weights")
    @classmethod
    def _check_weights(cls, weights: dict[str, float] | str) -> dict[str, float] | str:
        if isinstance(weights, dict) and (wrong := {name: weight for name, weight in weights.items() if name not in BEHAVIOURS or weight < 0}):
            raise ValueError(f"want weights from 0 on of {', '.join(BEHAVIOURS)}, have {wrong}")
        return weights

    @field_validator("refusals")
    @classmethod
    def _check_refusals(cls, refusals: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := sorted(set(refusals) - set(REFUSALS)):
            raise ValueError(f"want some of {', '.join(REFUSALS)}, have {', '.join(unknown)}")
        return refusals


def recorded_behaviours(events: DataFrame, *, before: date) -> tuple[str, ...]:
    """Which of BEHAVIOURS the shop recorded before a day. events: silver.events rows, or those of `GoalEvents`."""
    of_types = events.where(F.col("event_type").isin(*BEHAVIOURS) & (F.col("event_date") < F.lit(before))).select("event_type").distinct().collect()
    return tuple(sorted((row.event_type for row in of_types), key=BEHAVIOURS.index))


def done_before(events: DataFrame, kept: DataFrame, *, as_of: date, behaviours: tuple[str, ...]) -> DataFrame:
    """What counts for an item before a cut: the purchases kept, and the other behaviours.

    events: silver.events rows of any type and day, by person, or those of `GoalEvents`.   kept: gold.kept_purchases rows.
    """
    kept_purchases = kept_before(events, kept, as_of=as_of)
    if not behaviours:
        return kept_purchases
    if ORDER in behaviours:  # in a shop of another goal, an order that was cancelled as a whole speaks for nothing either
        events = events.join(known_before(kept, as_of).where("kept_quantity = 0").select("event_id"), "event_id", how="left_anti")
    others = (*behaviours, "cart_remove") if "cart_add" in behaviours else behaviours
    return kept_purchases.unionByName(events.where(F.col("event_type").isin(*others) & (F.col("event_date") < F.lit(as_of))))


def interactions(events: DataFrame, items: DataFrame, *, as_of: date, half_life_days: float, weights: Mapping[str, float] | None = None) -> DataFrame:
    """Count what each user did with each item before the cut.

    events:  silver.events rows of any type and day, as from `done_before`; days before `as_of` count, by the shop's local midnight.
    items:   silver.items rows with their history; edges are of items recommendable on the last day before `as_of`.
    weights: behaviour -> what one event of it counts where a purchase counts 1; others count nothing.
    returns: gold.interactions rows, one per user and item whose weight is positive: log(1 + purchases), and for each behaviour its weight times
             log(1 + events).
    """
    counted = {name: weight for name, weight in (weights or {}).items() if weight > 0}
    types = ["purchase", *counted, *(["cart_remove"] if "cart_add" in counted else [])]
    is_past = F.col("event_date") < F.lit(as_of)
    recommendable = known_before(items, as_of).where("recommendable").select("item_id")
    age_days = F.datediff(F.lit(as_of), F.col("event_date"))
    decay = F.pow(F.lit(0.5), age_days / F.lit(float(half_life_days)))
    units = F.round(decay * DECAY_UNITS).cast("bigint")
    of_behaviours = [column for name in counted for column in _of_behaviour(name, units)]
    edges = (
        events.where(F.col("event_type").isin(*types) & is_past)
        .select("user_id", "item_id", "order_id", "event_date", "quantity", "amount_minor", "event_type")
        .repartition("user_id")  # one shuffle: counting distinct orders would take two of its own
        .join(recommendable, "item_id", how="left_semi")
        .groupBy("user_id", "item_id")
        .agg(
            F.count_if(_is("purchase")).alias("purchases"),
            F.countDistinct(F.when(_is("purchase"), F.col("order_id"))).alias("orders"),
            F.min("event_date").alias("first_date"),
            F.max("event_date").alias("last_date"),
            F.max(F.when(_is("purchase"), F.col("event_date"))).alias("last_purchase_date"),
            (_sum_of_purchases(units) / DECAY_UNITS).alias("decayed"),
            _sum_of_purchases(F.col("quantity")).alias("quantity"),
            _sum_of_purchases(F.col("amount_minor")).alias("amount_minor"),
            *of_behaviours,
        )
    )
    weight = F.log1p("purchases")
    for name, each in counted.items():
        weight = weight + F.lit(float(each)) * F.log1p(f"{name}_events")
    behaviours = [_behaviour(name) for name in counted]
    done = F.filter(F.array(*behaviours), lambda one: one["events"] > 0) if behaviours else F.array().cast(BEHAVIOURS_TYPE)
    own = ("purchases", "orders", "first_date", "last_date", "last_purchase_date", "decayed", "quantity", "amount_minor")
    found = edges.select(F.lit(as_of).alias("as_of"), "user_id", "item_id", weight.alias("weight"), *own, done.alias("behaviours"))
    return found.where("weight > 0") if counted else found


def edges_to_learn_from(
    events: DataFrame, kept: DataFrame, items: DataFrame, behaviours: Sequence[str], settings: InteractionsSettings, *, begin: date, end: date
) -> tuple[DataFrame, DataFrame]:
    """Edges before `begin` in which every behaviour counts, and user_id, item_id of what was bought on the days [begin, end).

    events: by person as of `begin`, of any day.   kept: gold.kept_purchases rows.
    """
    done = done_before(events, kept, as_of=begin, behaviours=tuple(behaviours))
    edges = interactions(done, items, as_of=begin, half_life_days=settings.half_life_days, weights=dict.fromkeys(behaviours, 1.0))
    bought = kept_before(events, kept, as_of=end).where(F.col("event_date") >= F.lit(begin)).select("user_id", "item_id").distinct()
    return edges, bought


def fixed_weights(behaviours: Sequence[str], settings: InteractionsSettings) -> dict[str, dict[str, Any]]:
    """behaviour -> weight of conf, and whether it is meant so ("fixed"), or stands in for one that could not be learned ("unlearned")."""
    if settings.behaviour_weights == "learn":
        return {name: {"weight": settings.unlearned_weights.get(name, 0.0), "from": "unlearned"} for name in behaviours}
    return {name: {"weight": settings.behaviour_weights.get(name, 0.0), "from": "fixed"} for name in behaviours}


BEHAVIOURS_TYPE = "array<struct<behaviour:string,events:bigint,decayed:double>>"


def _is(event_type: str) -> Column:
    return F.col("event_type") == event_type


def _sum_of_purchases(values: Column) -> Column:
    return F.coalesce(F.sum(F.when(_is("purchase"), values)), F.lit(0))


def _of_behaviour(name: str, units: Column) -> list[Column]:
    """The events of a behaviour and their decayed sum; of the cart those that were not taken back."""
    events = F.count_if(_is(name))
    if name == "cart_add":
        events = F.greatest(F.lit(0), events - F.count_if(_is("cart_remove")))
    return [events.cast("bigint").alias(f"{name}_events"), F.coalesce(F.sum(F.when(_is(name), units)), F.lit(0)).alias(f"{name}_units")]


def _behaviour(name: str) -> Column:
    decayed = F.col(f"{name}_units") / DECAY_UNITS
    return F.struct(F.lit(name).alias("behaviour"), F.col(f"{name}_events").alias("events"), decayed.alias("decayed")).cast(
        "struct<behaviour:string,events:bigint,decayed:double>"
    )
