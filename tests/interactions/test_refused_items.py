"""What a person refused, and what takes a refusal back."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

from pyspark.sql import SparkSession

from basketgraph.interactions.interactions import REFUSALS
from basketgraph.interactions.refused_items import refusals, refused_items
from support.contract_rows import rows

CUT = date(2026, 3, 20)


def event(kind: str, item: str, day: int, **more: Any) -> dict[str, Any]:
    at = {"event_date": date(2026, 3, day), "event_time": datetime(2026, 3, day, 12, tzinfo=timezone.utc)}
    return {"event_id": f"{kind} {item} {day}", "event_type": kind, "user_id": "u", "item_id": item, **at, **more}


def test_what_was_sent_back_dismissed_or_rated_low_is_refused_until_it_is_taken_up_again(spark: SparkSession) -> None:
    happened = [
        *(
            event("dismiss", "dismissed", 10),
            event("view", "dismissed", 11),
            event("dismiss", "saved since", 10),
            event("favourite", "saved since", 11),
        ),
        *(event("dismiss", "on the cut", 20), event("dismiss", "too old", 4), event("dismiss", "first day", 5)),
        *(
            event("purchase", item, 8)
            for item in ("sent back", "half kept", "sent back later", "bought again", "kept another", "low", "fair", "low, bought again")
        ),
        *(event("purchase", "bought again", 12), event("purchase", "low, bought again", 12), event("dismiss", "low", 9)),
    ]
    happened.append(event("purchase", "kept another", 7))
    back = datetime(2026, 3, 10, 9, tzinfo=timezone.utc)
    states = [("sent back", 0, 10), ("half kept", 1, 10), ("sent back later", 0, 20), ("bought again", 0, 10), ("kept another", 0, 10)]
    kept = [
        {"event_id": f"purchase {item} 8", "item_id": item, "kept_quantity": left, "valid_from": date(2026, 3, day), "cancelled_at": back}
        for item, left, day in states
    ]
    scale = {"rating_min": 1.0, "rating_max": 5.0, "event_time": back, "event_date": date(2026, 3, 10)}
    rated = [
        *({"user_id": "u", "item_id": item, "rating": stars, **scale} for item, stars in (("low", 2.0), ("fair", 3.0), ("low, bought again", 1.0))),
        {"user_id": None, "item_id": "half kept", "rating": 1.0, **scale},
        {"user_id": "u", "item_id": "better since", "rating": 1.0, **scale},
        {"user_id": "u", "item_id": "better since", "rating": 5.0, **scale, "event_time": back + timedelta(days=1)},
    ]
    given = [rows(spark, table, told) for table, told in (("silver.events", happened), ("gold.kept_purchases", kept), ("silver.reviews", rated))]
    events, kept_rows, _ = given

    def refused(*kinds: str) -> list[Any]:
        said = refusals(*given, as_of=CUT, kinds=kinds, days=15)
        return refused_items(said, events, kept_rows, as_of=CUT).orderBy("item_id").collect()

    got = refused(*REFUSALS)
    assert [(row.item_id, row.reason) for row in got] == [
        *(("dismissed", "dismissed"), ("first day", "dismissed"), ("low", "rated_low"), ("sent back", "returned")),
    ]
    assert got[-1].refused_at == back.replace(tzinfo=None)
    assert [row.item_id for row in refused("returned")] == ["sent back"]
    assert refused() == []
