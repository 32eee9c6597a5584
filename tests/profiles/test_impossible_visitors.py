"""Who looked at more than a person can, and what is left of the events without them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from pyspark.sql import SparkSession

from basketgraph.foundation.contracts import conform
from basketgraph.foundation.persons import by_actor, of_people
from basketgraph.profiles.impossible_visitors import impossible_visitors
from basketgraph.profiles.user_days import user_days
from support.contract_rows import rows

DAY, NOON = date(2026, 2, 1), datetime(2026, 2, 1, 12, tzinfo=UTC)


def looks(who: str, items: list[str], *, seconds: float, kind: str = "view", ago: int = 0) -> list[dict[str, Any]]:
    """A look at each item in turn, with so many seconds between two."""
    day = {"event_date": DAY - timedelta(days=ago), "event_type": kind, "user_id": None, "visitor_id": who}
    start = NOON - timedelta(days=ago)
    return [{**day, "event_time": start + timedelta(seconds=seconds * number), "item_id": item} for number, item in enumerate(items)]


def test_a_day_over_a_limit_is_impossible_and_one_at_the_limits_is_not(spark: SparkSession) -> None:
    given = [
        *looks("quick", ["tea"] * 4, seconds=19),  # at 0, 19, 38 and 57 seconds of a minute
        *looks("quick", ["tea"], seconds=1, ago=1),  # only its other day counts
        *looks("person", ["a", "b", "c", "d", "e"] * 2, seconds=20),  # three a minute, five different items
        *looks("broad", ["a", "b", "c", "d", "e", "f"], seconds=60, kind="click"),
        *looks("wholesaler", ["a", "b", "c", "d", "e", "f"], seconds=1, kind="purchase"),
        *looks("wholesaler", ["a", "b", "c", "d", "e", "f"], seconds=1, kind="cart_add"),
    ]
    events = by_actor(rows(spark, "silver.events", given))
    days = user_days(events, time_zone="UTC", recipe="r")
    found = conform(impossible_visitors(events, days, minute_looks=3, day_items=5, recipe="r"), "gold.impossible_visitors")
    got = {
        row.user_id: (row.event_date, row.looks, row.busiest_minute, row.different_items, row.is_too_fast, row.is_too_broad)
        for row in found.collect()
    }
    assert got == {"quick": (DAY, 4, 4, 1, True, False), "broad": (DAY, 6, 1, 6, False, True)}


def test_whoever_was_impossible_before_a_day_is_no_person_from_that_day_on(spark: SparkSession) -> None:
    events = rows(spark, "silver.events", [{"user_id": user} for user in ("ann", "bot", "owner", "later", None)])
    flagged = [("bot", 1), ("cookie", 1), ("later", 2)]
    impossible = rows(spark, "gold.impossible_visitors", [{"user_id": who, "event_date": DAY + timedelta(days=day)} for who, day in flagged])
    links = spark.createDataFrame([("cookie", "owner")], "actor_id string, user_id string")

    def left(links_known: bool, day: int) -> set[str | None]:
        people = of_people(events, impossible, links if links_known else None, as_of=DAY + timedelta(days=day))
        assert people.columns == events.columns
        return {row.user_id for row in people.collect()}

    assert left(False, 1) == {"ann", "bot", "owner", "later", None}, "the day itself is still to come"
    assert left(False, 2) == {"ann", "owner", "later", None}
    assert left(True, 2) == {"ann", "later", None}, "whose cookie it is is known"
    assert left(True, 3) == {"ann", None}
