"""Whom to remind of what."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any

from pyspark.sql import SparkSession

from basketgraph.recall.audiences import audiences
from support.contract_rows import rows

CUT = date(2026, 3, 20)


def event(kind: str, item: str, day: int, hour: int = 12) -> dict[str, Any]:
    at = {"event_date": date(2026, 3, day), "event_time": datetime(2026, 3, day, hour, tzinfo=timezone.utc)}
    return {"event_type": kind, "user_id": "u", "item_id": item, **at}


def test_open_carts_and_what_was_looked_at_and_not_bought_with_the_reason_on_each_row(spark: SparkSession) -> None:
    happened = [
        *(event("cart_add", "carted", 15), event("view", "carted", 15), event("view", "seen", 14), event("click", "seen", 16, 23)),
        *(event("view", "bought", 14), event("purchase", "bought", 15), event("purchase", "seen after", 13), event("view", "seen after", 14)),
        *(event("view", "bought between", 13), event("purchase", "bought between", 14), event("view", "bought between", 15)),
        *(event("view", "old", 5), event("view", "today", 20), event("view", "refused", 15), event("view", "withdrawn", 15)),
        *(event("view", f"more {n}", 7) for n in range(3)),
    ]
    sold = ("carted", "seen", "bought", "seen after", "bought between", "old", "today", "refused", *(f"more {n}" for n in range(3)))
    got = audiences(
        rows(spark, "silver.events", happened),
        rows(spark, "silver.items", [{"item_id": item} for item in sold]),
        rows(spark, "gold.refused_items", [{"user_id": "u", "item_id": "refused"}]),
        as_of=CUT,
        days=14,
        most=3,
        time_zone="Asia/Shanghai",
    )
    assert [(row.audience, row["rank"], row.item_id, row.reason) for row in got.orderBy("audience", "rank").collect()] == [
        ("open_cart", 1, "carted", "Put into the cart on 2026-03-15, neither bought nor taken out since."),
        ("viewed_not_bought", 1, "seen", "Looked at 2 times, last on 2026-03-17, and not bought."),
        ("viewed_not_bought", 2, "seen after", "Looked at once, on 2026-03-14, and not bought."),
        ("viewed_not_bought", 3, "more 0", "Looked at once, on 2026-03-07, and not bought."),
    ]
