"""What was known before a day: of an item or a user, and of what customers kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.cli.runner import load_job
from basketgraph.foundation.config import UserError, load
from basketgraph.foundation.contracts import conform
from basketgraph.foundation.point_in_time import kept_before, known_before, require_purchases
from basketgraph.foundation.tables.warehouse import RunTables
from support.contract_rows import rows


def test_the_attributes_of_the_last_day_before_as_of_are_known(
    spark: SparkSession,
) -> None:
    spans = {
        "began the day before": (date(2026, 2, 28), None),
        "begins that day": (date(2026, 3, 1), None),
        "ended the day before": (date(2026, 1, 1), date(2026, 2, 28)),
        "ends that day": (date(2026, 1, 1), date(2026, 3, 1)),
        "ends later": (date(2026, 1, 1), date(2026, 4, 1)),
    }
    items = rows(
        spark,
        "silver.items",
        [{"item_id": i, "valid_from": start, "valid_to": end} for i, (start, end) in spans.items()],
    )
    found = {row.item_id for row in known_before(items, date(2026, 3, 1)).collect()}
    assert found == {"began the day before", "ends that day", "ends later"}


AS_OF = date(2026, 3, 10)
BOUGHT = {"event_type": "purchase", "event_date": date(2026, 3, 2)}


def kept(spark: SparkSession, events: Sequence[Mapping[str, Any]], states: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found = kept_before(rows(spark, "silver.events", [BOUGHT | e for e in events]), rows(spark, "gold.kept_purchases", states), as_of=AS_OF)
    return {row.event_id: row for row in conform(found, "silver.events").collect()}


def test_pieces_given_back_before_as_of_are_gone_and_those_given_back_on_it_are_not(spark: SparkSession) -> None:
    states = [
        {"event_id": "the day before", "valid_from": date(2026, 3, 9), "kept_quantity": 1},
        {"event_id": "that day", "valid_from": AS_OF, "kept_quantity": 1},
        {"event_id": "more later", "valid_from": date(2026, 3, 5), "valid_to": AS_OF, "kept_quantity": 3},
        {"event_id": "more later", "valid_from": AS_OF, "kept_quantity": 1},
        {"event_id": "more before", "valid_from": date(2026, 3, 5), "valid_to": date(2026, 3, 9), "kept_quantity": 3},
        {"event_id": "more before", "valid_from": date(2026, 3, 9), "kept_quantity": 2},
        {"event_id": "all", "valid_from": date(2026, 3, 9), "kept_quantity": 0},
    ]
    names = {state["event_id"]: {"event_id": state["event_id"], "quantity": 4} for state in states}
    got = kept(spark, [*names.values(), {"event_id": "untouched", "quantity": 4}], states)
    quantities = {"the day before": 1, "that day": 4, "more later": 3, "more before": 2, "untouched": 4}
    assert {name: row.quantity for name, row in got.items()} == quantities


def test_money_is_that_of_the_pieces_kept_rounded_half_up_and_what_a_shop_does_not_tell_stays_untold(spark: SparkSession) -> None:
    paid = {"quantity": 4, "amount_minor": 10, "list_amount_minor": 14, "discount_minor": None, "coupon_minor": -2}
    events = [paid | {"event_id": name} for name in ("part", "whole")] + [{"event_id": "much", "quantity": 3, "amount_minor": 10**17 + 7}]
    states = [{"event_id": name, "valid_from": date(2026, 3, 9), "kept_quantity": pieces} for name, pieces in (("part", 1), ("much", 2))]
    got = kept(spark, events, states)
    money = {name: (row.amount_minor, row.list_amount_minor, row.discount_minor, row.coupon_minor) for name, row in got.items()}
    assert money["part"] == (3, 4, None, -1)  # 2.5, 3.5, -0.5
    assert money["whole"] == (10, 14, None, -2)
    assert money["much"][0] == 66_666_666_666_666_671  # a double would be off by one


def test_only_purchases_before_as_of_were_kept(spark: SparkSession) -> None:
    events = [
        {"event_id": "last day", "event_date": date(2026, 3, 9)},
        {"event_id": "too late", "event_date": AS_OF},
        {"event_id": "no purchase", "event_type": "cancellation"},
    ]
    assert list(kept(spark, events, [])) == ["last day"]


def test_lists_are_refused_where_nothing_was_bought_or_one_thing_only(spark: SparkSession) -> None:
    events = rows(
        spark, "silver.events", [{"event_type": "purchase", "item_id": "none", "event_date": AS_OF}, {"event_type": "cancellation", "item_id": "tea"}]
    )
    require_purchases(events, "corner")
    with pytest.raises(UserError, match=r"want purchases of at least 2 different items, have 1"):
        require_purchases(events, "corner", items=2)
    with pytest.raises(UserError, match=r"lists want purchases: silver.events has none"):
        require_purchases(events.where("event_type <> 'purchase'"), "corner", items=2)
    require_purchases(events, "corner", before=date(2026, 3, 11))
    with pytest.raises(UserError, match=r"silver.events has none before 2026-03-10, the first is of 2026-03-10"):
        require_purchases(events, "corner", before=AS_OF)


def seen(day: date, **columns: Any) -> dict[str, Any]:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=timezone.utc)
    return {"event_date": day, "event_time": noon, "user_id": "ann", "item_id": "tea"} | columns


TEST = AS_OF + timedelta(days=7)
SHOP: dict[str, list[dict[str, Any]]] = {
    "silver.items": [{"item_id": item, "valid_from": date(2026, 3, 1), "recommendable": True, "category": item} for item in ("tea", "jam")],
    "silver.events": [
        *(seen(date(2026, 3, 2), user_id=user, item_id=item) for user in ("ann", "card") for item in ("tea", "jam")),
        seen(date(2026, 3, 3), event_type="cart_add", visitor_id="phone"),
    ],
    "silver.searches": [],
    "silver.reviews": [],
    "silver.identities": [],
    "silver.exposures": [],
}
# What becomes known on the day of the first cut, and before the second.
PLANTED: dict[str, list[dict[str, Any]]] = {
    "silver.events": [seen(AS_OF, event_type="view"), seen(AS_OF, event_type="purchase", visitor_id="phone")],
    "silver.searches": [{"event_date": AS_OF, "user_id": "ann"}],
    "silver.reviews": [{"event_date": AS_OF, "user_id": "ann", "item_id": "tea", "rating": 5.0, "rating_min": 1.0, "rating_max": 5.0}],
    "silver.identities": [{"identifier_type": "card", "identifier": "card", "valid_from": AS_OF, "user_id": "ann"}],
    "silver.exposures": [seen(AS_OF, clicked=True)],
}


@pytest.mark.long
def test_what_becomes_known_on_a_day_changes_no_table_as_of_it_and_is_there_as_of_a_later_one(spark: SparkSession, tmp_path: Path) -> None:
    conf = load("local", "online_retail", {"warehouse": str(tmp_path)})
    conf = replace(conf, source={"time_zone": "UTC", "cuts": {"validation": str(AS_OF), "test": str(TEST)}})
    tables = RunTables(spark, conf.warehouse, "run", checker=lambda *_: None, ds=TEST)

    def made(planted: Mapping[str, list[dict[str, Any]]]) -> dict[tuple[str, date], list[Any]]:
        for table, given in SHOP.items():
            tables.overwrite(rows(spark, table, [*given, *planted.get(table, [])]), table)
        for job in ("user_days", "user_profiles", "interactions"):
            load_job(job)(spark, conf, TEST, tables)
        found = {table: tables.read(table).collect() for table in ("gold.user_profiles", "gold.interactions")}
        return {(table, cut): sorted(row for row in found[table] if row.as_of == cut) for table in found for cut in (AS_OF, TEST)}

    without, planted = made({}), made(PLANTED)
    for table in ("gold.user_profiles", "gold.interactions"):
        assert planted[table, AS_OF] == without[table, AS_OF]
        assert {row.user_id for row in without[table, TEST]} == {"ann", "card"}
        assert {row.user_id for row in planted[table, TEST]} == {"ann"}, "the card is hers"
    (before,) = (row for row in without["gold.user_profiles", TEST] if row.user_id == "ann")
    (after,) = planted["gold.user_profiles", TEST]
    assert [(one.views, one.searches, one.ratings, one.purchases, one.open_cart_items) for one in (before, after)] == [
        (0, 0, 0, 2, 1),
        (1, 1, 1, 5, 0),
    ]
