"""What was known before a day: of an item or a user, and of what customers kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.foundation.config import UserError
from basketgraph.foundation.contracts import conform
from basketgraph.foundation.point_in_time import kept_before, known_before, require_purchases
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
