"""What a shop's lists are for: views, saved items or ratings in the place of purchases."""

from __future__ import annotations

from datetime import date, datetime, timezone

import pytest
from pyspark.sql import SparkSession

from basketgraph.foundation.config import UserError
from basketgraph.foundation.goal_events import as_goal_events
from basketgraph.foundation.goals import Goal, goal_of
from basketgraph.foundation.point_in_time import kept_before
from support.contract_rows import rows

DAY = date(2026, 3, 1)


def test_rows_that_reach_the_goal_take_the_place_of_purchases(spark: SparkSession) -> None:
    happened = [
        {"event_id": "view", "event_type": "view", "session_id": "s", "quantity": None, "amount_minor": None, "event_date": DAY},
        {"event_id": "view alone", "event_type": "view", "session_id": None, "user_id": None, "visitor_id": "v", "event_date": DAY},
        {"event_id": "cart", "event_type": "cart_add", "event_date": DAY},
        {"event_id": "sale", "event_type": "purchase", "event_date": DAY, "amount_minor": 900},
    ]
    events = rows(spark, "silver.events", happened)
    nothing_kept = rows(spark, "gold.kept_purchases", [])
    views = as_goal_events(events, rows(spark, "silver.reviews", []), Goal("view"), currency="EUR")
    assert {row.event_id: row.event_type for row in views.collect()} == {
        **{"view": "purchase", "view alone": "purchase", "cart": "cart_add", "sale": "order"},
    }
    got = {row.event_id: row for row in kept_before(views, nothing_kept, as_of=date(2026, 3, 2)).collect()}
    assert {name: (row.order_id, row.quantity, row.amount_minor, row.currency) for name, row in got.items()} == {
        "view": ("s", 1, 0, "EUR"),
        "view alone": ("v 2026-03-01", 1, 0, "EUR"),
    }
    at = {"event_date": DAY, "event_time": datetime(2026, 3, 1, 12, tzinfo=timezone.utc)}
    rated = [("good", 4.0, at), ("bad", 3.5, at), ("no day", 5.0, {"event_date": None, "event_time": None})]
    reviews = rows(
        spark, "silver.reviews", [{"review_id": name, "user_id": "u", "item_id": name, "rating": stars, **day} for name, stars, day in rated]
    )
    ratings = as_goal_events(events.limit(0), reviews, goal_of({"goal": {"rating_at_least": 4}}), currency="EUR").collect()
    assert [(row.event_id, row.event_type, row.item_id, row.user_id) for row in ratings] == [("review good", "purchase", "good", "u")]


def test_a_goal_that_nobody_knows_is_refused() -> None:
    assert goal_of({}) == Goal("purchase")
    for wrong in ("views", {"rating": 4}, {"rating_at_least": "four"}):
        with pytest.raises(UserError, match=r"want purchase, view, favourite or \{rating_at_least: NUMBER\}, have"):
            goal_of({"goal": wrong})
