"""The assortment: one row on each side of every bound."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from basketgraph.recall.assortment import assortment
from support.contract_rows import rows

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CUT = date(2026, 3, 29)


def test_items_sold_within_the_days_are_listed_with_the_distinct_users_of_late(spark: SparkSession) -> None:
    events = rows(
        spark,
        "silver.events",
        [
            {"item_id": "late", "user_id": "u1", "event_date": date(2026, 3, 1), "event_type": "purchase"},  # first day of 28
            {"item_id": "late", "user_id": "u1", "event_date": date(2026, 3, 28), "event_type": "purchase"},  # same user
            {"item_id": "late", "user_id": "u2", "event_date": date(2026, 3, 28), "event_type": "purchase"},
            {"item_id": "late", "user_id": "u3", "event_date": date(2026, 2, 28), "event_type": "purchase"},  # a day too early for popularity
            {"item_id": "late", "user_id": "u4", "event_date": CUT, "event_type": "purchase"},  # the cut itself is the future
            {"item_id": "slow", "event_date": date(2025, 12, 29), "event_type": "purchase"},  # first day of 90
            {"item_id": "gone", "event_date": date(2025, 12, 28), "event_type": "purchase"},  # a day too old
            {"item_id": "returned", "event_date": date(2026, 3, 20), "event_type": "cancellation"},
            {"item_id": "fee", "event_date": date(2026, 3, 20), "event_type": "purchase"},
            {"item_id": "withdrawn", "event_date": date(2026, 3, 20), "event_type": "purchase"},
        ],
    )
    since = {"valid_from": date(2020, 1, 1)}
    items = rows(
        spark,
        "silver.items",
        [{"item_id": item, **since, "recommendable": item != "fee"} for item in ("late", "slow", "gone", "returned", "fee")]
        + [
            {"item_id": "withdrawn", **since, "valid_to": CUT, "recommendable": True},
            {"item_id": "withdrawn", "valid_from": CUT, "recommendable": False},
        ],
    )
    got = assortment(events, items, as_of=CUT, sold_days=90, popularity_days=28).collect()
    # what was withdrawn on the cut's own day was still for sale as far as anybody knew
    assert {row.item_id: row.buyers for row in got} == {"late": 2, "slow": 0, "withdrawn": 1}
