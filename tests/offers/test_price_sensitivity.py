"""Who buys what is discounted, and which items had two prices at once."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.offers.price_sensitivity import price_conflicts, price_sensitivity, stability
from support.contract_rows import rows

CUT, DAY = date(2026, 3, 1), date(2026, 2, 28)


def line(user: str, item: str, discount: int | None = 0, **more: Any) -> dict[str, Any]:
    return {"user_id": user, "item_id": item, "discount_minor": discount, "event_date": DAY, "quantity": 1, "coupon_minor": None, **more}


def test_the_index_is_the_discounted_share_less_that_of_the_categories(spark: SparkSession) -> None:
    shop = [{"item_id": item, "category": kind, "recommendable": True, "valid_from": date(2025, 1, 1)} for item, kind in (("tea", "t"), ("oil", "o"))]
    bought = [line("ann", "tea", 5), line("ann", "tea", 5), line("bob", "tea"), line("bob", "tea"), line("bob", "oil"), line("cid", "oil", None)]
    found = price_sensitivity(rows(spark, "silver.events", bought), rows(spark, "silver.items", shop), as_of=CUT, least_lines=2)
    got = {row.user_id: row for row in found.collect()}
    assert {user: row.lines for user, row in got.items()} == {"ann": 2, "bob": 3}
    assert (got["ann"].sensitivity_index, got["bob"].sensitivity_index) == pytest.approx((1 - 0.5, 0 - (0.5 + 0.5 + 0) / 3))
    assert stability(found, found) == (2, pytest.approx(1.0))


def test_two_prices_of_one_store_and_day_are_a_conflict_and_rounding_is_none(spark: SparkSession) -> None:
    bought = [
        *(line("u", "two", amount_minor=price, store_id="s") for price in (100, 120, 120)),
        *(line("u", "coupon", amount_minor=price, store_id="s", coupon_minor=coupon) for price, coupon in ((100, 0), (80, 20))),
        *(line("u", "rounded", amount_minor=price, quantity=pieces, store_id="s") for price, pieces in ((100, 3), (34, 1))),
        *(line("u", "elsewhere", amount_minor=price, store_id=store) for price, store in ((100, "s"), (120, "t"))),
    ]
    got = price_conflicts(rows(spark, "silver.events", bought)).orderBy("item_id", "store_id").collect()
    assert [(row.item_id, row.prices, row.lines) for row in got] == [
        *(("coupon", 1, 1), ("elsewhere", 1, 1), ("elsewhere", 1, 1), ("rounded", 1, 2), ("two", 2, 3)),
    ]
    assert (got[-1].low_minor, got[-1].high_minor) == (100, 120)
