"""Which carts are open as of a day."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

from basketgraph.recall.open_carts import open_carts
from support.contract_rows import rows

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def event(kind: str, item: str, day: int, hour: int = 12) -> dict[str, Any]:
    return {
        **{"event_type": kind, "user_id": "u", "item_id": item},
        **{"event_date": date(2026, 3, day), "event_time": datetime(2026, 3, day, hour, tzinfo=timezone.utc)},
    }


def test_a_cart_is_open_from_the_last_time_it_was_filled_until_it_is_bought_or_emptied(spark: SparkSession) -> None:
    happened = [
        *(event("cart_add", item, 10) for item in ("kept", "bought", "removed", "again", "same instant", "bought later", "seen")),
        *(event("purchase", "bought", 10, 13), event("cart_remove", "removed", 11), event("purchase", "again", 11), event("cart_add", "again", 12)),
        *(event("purchase", "same instant", 10), event("purchase", "bought later", 20), event("view", "seen", 11)),
        *(event("cart_add", "first day", 5), event("cart_add", "too old", 4), event("cart_add", "today", 20)),
    ]
    got = open_carts(rows(spark, "silver.events", happened), as_of=date(2026, 3, 20), days=15).orderBy("rank").collect()
    assert [(row.item_id, row["rank"]) for row in got] == [("again", 1), ("bought later", 2), ("kept", 3), ("seen", 4), ("first day", 5)]
    assert got[0].carted_at.day == 12
