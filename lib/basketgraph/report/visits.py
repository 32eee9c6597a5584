"""Visits and what became of them, by day, channel and category; of shops that record more than purchases."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from basketgraph.foundation.tables.warehouse import Warehouse
from basketgraph.report.records import Rows, as_dicts

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

SESSIONS, IMPOSSIBLE = "gold.sessions", "gold.impossible_visitors"
WEEK = 7  # days that are compared with as many before them: each weekday once
MOST_CHANNELS, MOST_CATEGORIES = 8, 8


@dataclass(frozen=True)
class Visits:
    """Visits of people; without those of visitors who did more than a person can.

    last_day:   the last day that counts; `WEEK` days end with it.
    days:       {event_date, visits, looked, carted, bought} of the kept history, oldest first; a day without a visit has no row. looked, carted,
                bought: visits in which something was viewed or clicked, put into the basket, bought.
    channels:   {name, visits, carted, bought} of the week, and the same with `_before`; most visits first. name: null where the shop does not say.
    categories: {name, looks, carts, purchases}: events of the week, and the same with `_before`; most looks first.
    impossible: visitors who did more than a person can on a day of the kept history.
    """

    last_day: date
    days: Rows
    channels: Rows = field(default_factory=list)
    categories: Rows = field(default_factory=list)
    impossible: int = 0

    @property
    def has_before(self) -> bool:
        """Whether there is a whole week to compare the last one with."""
        return bool(self.days) and bool(self.days[0]["event_date"] <= self.last_day - timedelta(days=2 * WEEK - 1))


def shop_visits(warehouse: Warehouse, ds: date, history_days: int) -> Visits | None:
    """Visits of the days before `ds`, from the newest versions; None of a shop that records purchases only."""
    if not warehouse.version(SESSIONS):  # none, or the first one, which has no row
        return None
    impossible = warehouse.newest(IMPOSSIBLE)
    sessions = without_impossible_days(warehouse.newest(SESSIONS).where(F.col("event_date") < F.lit(ds)), impossible)
    last_day = sessions.agg(F.max("event_date")).collect()[0][0]
    if last_day is None:
        return None
    recent = F.col("event_date") > F.lit(last_day - timedelta(days=history_days))
    flagged = impossible.where(recent & (F.col("event_date") < F.lit(ds))).select("user_id").distinct()
    events = warehouse.newest("silver.events").withColumn("user_id", F.coalesce("user_id", "visitor_id"))
    return Visits(
        last_day=last_day,
        days=as_dicts(visits_by_day(sessions.where(recent))),
        channels=as_dicts(visits_by_channel(sessions, last_day=last_day).limit(MOST_CHANNELS)),
        categories=as_dicts(
            looks_by_category(without_impossible_days(events, impossible), warehouse.newest("silver.items"), last_day=last_day).limit(MOST_CATEGORIES)
        ),
        impossible=flagged.count(),
    )


def without_impossible_days(rows: DataFrame, impossible: DataFrame) -> DataFrame:
    """Rows without the days on which their user did more than a person can. impossible: gold.impossible_visitors rows."""
    return rows.join(F.broadcast(impossible.select("user_id", "event_date")), ["user_id", "event_date"], how="left_anti")


def visits_by_day(sessions: DataFrame) -> DataFrame:
    """event_date, visits, looked, carted, bought; oldest first. sessions: gold.sessions rows."""
    return sessions.groupBy("event_date").agg(*(F.count_if(is_one).alias(name) for name, is_one in _stages().items())).orderBy("event_date")


def visits_by_channel(sessions: DataFrame, *, last_day: date) -> DataFrame:
    """name, visits, carted, bought of the week up to `last_day`, and of the week before; most visits first. sessions: gold.sessions rows."""
    stages = {name: is_one for name, is_one in _stages().items() if name != "looked"}
    counts = {f"{name}{ending}": F.count_if(is_one & of_week) for ending, of_week in _weeks(last_day).items() for name, is_one in stages.items()}
    by_channel = sessions.groupBy(F.col("channel").alias("name")).agg(*(count.alias(name) for name, count in counts.items()))
    return by_channel.where("visits + visits_before > 0").orderBy(F.desc("visits"), "name")


def looks_by_category(events: DataFrame, items: DataFrame, *, last_day: date) -> DataFrame:
    """name, looks, carts, purchases of the week up to `last_day`, and of the week before; most looks first.

    events: silver.events rows of any type.   items: silver.items rows; those without a category (or department) are left out.
    """
    kinds = {"looks": ("view", "click"), "carts": ("cart_add",), "purchases": ("purchase",)}
    weeks = _weeks(last_day)
    counts = {
        f"{name}{ending}": F.count_if(F.col("event_type").isin(*types) & week) for ending, week in weeks.items() for name, types in kinds.items()
    }
    by_item = events.where(weeks[""] | weeks["_before"]).groupBy("item_id").agg(*(count.alias(name) for name, count in counts.items()))
    named = items.groupBy("item_id").agg(F.max_by(F.coalesce("category", "department"), "valid_from").alias("name")).where("name IS NOT NULL")
    joined = by_item.join(named, "item_id", how="inner")  # one category an item
    return joined.groupBy("name").agg(*(F.sum(name).alias(name) for name in counts)).where("looks > 0").orderBy(F.desc("looks"), "name")


def _stages() -> dict[str, Column]:
    """What a visit came to, each step rarer than the one before."""
    return {
        "visits": F.lit(True),
        "looked": F.col("views") + F.col("clicks") > 0,
        "carted": F.col("cart_adds") > 0,
        "bought": F.col("bought"),
    }


def _weeks(last_day: date) -> dict[str, Column]:
    """The end of a column's name -> whether a row is of the week that it is about."""
    firsts: dict[str, Any] = {"": last_day - timedelta(days=WEEK - 1), "_before": last_day - timedelta(days=2 * WEEK - 1)}
    return {ending: F.col("event_date").between(F.lit(first), F.lit(first + timedelta(days=WEEK - 1))) for ending, first in firsts.items()}
