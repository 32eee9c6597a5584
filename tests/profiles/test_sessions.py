"""gold.sessions: where a visit begins and ends, whose it is, and what it holds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from pyspark.sql import SparkSession

from basketgraph.foundation.contracts import conform
from basketgraph.profiles.changed_days import stale_days
from basketgraph.profiles.sessions import sessions
from support.contract_rows import rows

DAY, NOON = date(2026, 2, 1), datetime(2026, 2, 1, 12, tzinfo=UTC)


def event(minute: float, kind: str = "view", item: str = "tea", **columns: Any) -> dict[str, Any]:
    at = {"event_time": NOON + timedelta(minutes=minute), "event_date": DAY, "ingested_at": NOON}
    return {"user_id": None, "visitor_id": "phone", **at, "event_type": kind, "item_id": item, **columns}


def visits(spark: SparkSession, *events: dict[str, Any]) -> list[Any]:
    found = conform(sessions(rows(spark, "silver.events", events), inactivity_minutes=30, recipe="r"), "gold.sessions")
    assert stale_days(rows(spark, "silver.events", events), found, recipe="r").isEmpty()
    return found.orderBy("started_at", "user_id").collect()


def test_a_pause_of_more_than_the_limit_ends_a_visit_and_so_does_midnight(spark: SparkSession) -> None:
    next_day = {"event_date": DAY + timedelta(days=1)}
    got = visits(spark, event(0), event(30), event(60.1), event(61, **next_day), event(5, visitor_id="tablet"))
    assert [(v.user_id, v.events, v.seconds) for v in got] == [("phone", 2, 1800), ("tablet", 1, 0), ("phone", 1, 0), ("phone", 1, 0)]
    assert len({v.visit_id for v in got}) == 4


def test_the_shops_session_is_one_visit_however_long_the_pause(spark: SparkSession) -> None:
    got = visits(spark, event(0, session_id="s"), event(300, session_id="s"), event(301))
    assert [v.events for v in got] == [2, 1]


def test_a_visit_is_its_last_users_and_counts_what_was_done_in_order(spark: SparkSession) -> None:
    (got,) = visits(
        spark,
        event(3, "purchase", "jam", user_id="ann", device="desktop"),
        event(0, "view", "tea", channel="web"),
        event(1, "view", "jam", device="phone"),
        event(2, "cart_add", "jam", user_id="bob"),
        event(2.5, "cart_remove", "tea"),
        event(4, "cancellation", "jam"),  # is no part of a visit
    )
    assert (got.user_id, got.items, got.entry_type, got.entry_item_id) == ("ann", ["tea", "jam", "jam", "tea", "jam"], "view", "tea")
    assert (got.views, got.cart_adds, got.cart_removes, got.purchases, got.different_items, got.bought) == (2, 1, 1, 1, 2, True)
    assert (got.channel, got.device, got.seconds) == ("web", "phone", 180)
