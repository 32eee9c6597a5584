"""Features as of a cut: counts by hand, one row on each side of the cut, and nothing from after it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from basketgraph.rank.exposure_labels import clicked_items
from basketgraph.rank.features import FEATURES, features, labelled
from basketgraph.rank.histories import own_history, purchases_before
from support.contract_rows import rows
from support.rank_settings import rank_settings, trees

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

CUT = date(2026, 3, 29)


def line(user: str, item: str, age: int, order: str, amount: int = 100, kind: str = "purchase") -> dict[str, Any]:
    """age: days before the cut; 1 is the last day that counts."""
    day = CUT - timedelta(days=age)
    return {"user_id": user, "item_id": item, "event_date": day, "order_id": order, "amount_minor": amount, "event_type": kind}


PAST = [
    line("u1", "milk", 1, "o3"),
    line("u1", "milk", 11, "o2"),
    line("u1", "milk", 11, "o2"),  # twice in one order
    line("u1", "milk", 21, "o1", 400),
    line("u1", "oats", 21, "o1"),
    line("u2", "milk", 29, "o4"),  # a day too old for the 28 days
    line("u2", "milk", 28, "o5"),
    line("u2", "fee", 5, "o5"),
    line("u2", "oats", 3, "o6", kind="cancellation"),
]
FUTURE = [line("u1", "oats", 0, "o7"), line("u2", "beer", -3, "o8"), line("u3", "milk", -27, "o9"), line("u1", "beer", -28, "o10")]


@pytest.fixture(scope="module")
def shop(spark: SparkSession) -> dict[str, DataFrame]:
    levels = {"milk": ("dairy", "milks"), "oats": ("dry", "cereals"), "beer": ("dry", None), "fee": ("none", "fees")}
    known = {"department": "food", "manufacturer": None, "valid_from": date(2020, 1, 1)}
    items = [{"item_id": i, "category": c, "subcategory": s, "recommendable": i != "fee", **known} for i, (c, s) in levels.items()]
    pairs = [("u1", "milk"), ("u1", "beer"), ("u1", "oats"), ("u2", "oats"), ("u2", "beer"), ("u3", "milk")]
    placed = [
        {"setting": s, "user_id": u, "item_id": i, "als_z": 1.5, "als_rank": 2, "personal_frequency_score": 3.0}
        for u, i in pairs
        for s in ("rebuy", "discovery")
    ]
    return {
        "events": rows(spark, "silver.events", PAST + FUTURE),
        "kept": rows(spark, "gold.kept_purchases", []),
        "past": rows(spark, "silver.events", PAST),
        "items": rows(spark, "silver.items", items),
        "candidates": rows(spark, "gold.candidates", placed),
    }


def all_features(shop: dict[str, DataFrame], events: str) -> DataFrame:
    purchases = purchases_before(shop[events], shop["kept"], shop["items"], as_of=CUT)
    return features(shop["candidates"], purchases, own_history(purchases, half_life_days=90))


@pytest.fixture(scope="module")
def found(shop: dict[str, DataFrame]) -> dict[tuple[str, str, str], Any]:
    frame = all_features(shop, "events")
    assert frame.columns == ["setting", "user_id", "item_id", *FEATURES]
    collected = frame.collect()
    assert len(collected) == 12
    return {(row.setting, row.user_id, row.item_id): row for row in collected}


def test_own_purchases_are_counted_by_line_order_and_day(found: dict[tuple[str, str, str], Any]) -> None:
    row = found["rebuy", "u1", "milk"]
    assert (row.own_purchases, row.own_orders, row.own_recency, row.own_tenure, row.own_amount) == (4, 3, 1, 21, 700)
    assert (row.own_gap, row.own_due) == (10, pytest.approx(0.1))
    assert row.own_decayed_20 == pytest.approx(0.5 ** (1 / 20) + 2 * 0.5 ** (11 / 20) + 0.5 ** (21 / 20))
    assert row.own_share_of_orders == 1.0
    assert found["rebuy", "u1", "oats"].own_gap is None  # one order has no gap
    assert found["rebuy", "u1", "beer"].own_purchases is None


def test_items_count_distinct_users_of_late_and_the_days_are_inclusive(found: dict[tuple[str, str, str], Any]) -> None:
    row = found["discovery", "u1", "milk"]
    assert (row.item_buyers_7, row.item_buyers_28, row.item_buyers_90) == (1, 2, 2)
    assert (row.item_age, row.item_came_back, row.item_orders) == (29, 1.0, 2.5)
    assert row.item_new_buyers_28 == 1  # u2 first bought it 29 days ago


def test_tastes_compare_a_users_share_with_everybodys(found: dict[tuple[str, str, str], Any]) -> None:
    def worth(*ages: int) -> float:
        return sum(0.5 ** (age / 90) for age in ages)

    row = found["rebuy", "u1", "oats"]
    share = worth(21) / worth(1, 11, 11, 21, 21)
    assert row.category_share == pytest.approx(share)
    assert row.category_lift == pytest.approx(share / (worth(21) / worth(1, 11, 11, 21, 21, 29, 28)))
    assert (row.category_recency, row.department_share) == (21, pytest.approx(1.0))
    assert found["rebuy", "u2", "oats"].category_share is None
    assert found["rebuy", "u1", "beer"].subcategory_share is None  # the item has no subcategory


def test_a_user_or_item_without_past_has_nulls_and_is_still_there(found: dict[tuple[str, str, str], Any]) -> None:
    assert found["rebuy", "u3", "milk"].user_orders is None
    assert found["rebuy", "u1", "beer"].item_age is None
    assert (found["rebuy", "u3", "milk"].als_rank, found["rebuy", "u3", "milk"].als_z) == (2, 1.5)


def test_what_happens_at_the_cut_or_later_changes_no_feature(shop: dict[str, DataFrame], found: dict[tuple[str, str, str], Any]) -> None:
    without = all_features(shop, "past").collect()
    assert {(row.setting, row.user_id, row.item_id): row for row in without} == found


def test_labels_are_the_purchases_of_the_window_and_its_last_day_counts(spark: SparkSession, shop: dict[str, DataFrame]) -> None:
    settings = rank_settings(negatives_share=1.0)
    got = labelled(shop["candidates"], shop["events"], shop["kept"], as_of=CUT, window_days=28, settings=settings).collect()
    bought = {(row.user_id, row.item_id) for row in got if row.bought}
    assert bought == {("u1", "oats"), ("u2", "beer"), ("u3", "milk")}
    assert len(got) == 12  # both settings


def test_a_click_on_a_row_of_our_lists_in_the_window_is_a_label_of_whom_the_row_was_for(spark: SparkSession, shop: dict[str, DataFrame]) -> None:
    lists = rows(
        spark, "gold.recommendations", [{"list_row_id": number, "user_id": "u1", "item_id": item} for number, item in (("1", "milk"), ("2", "beer"))]
    )
    clicks = [
        {"list_row_id": "1"},
        {"list_row_id": "1", "user_id": "tablet"},
        {"list_row_id": "1", "user_id": "u2", "event_date": CUT - timedelta(days=1)},
        {"list_row_id": "1", "user_id": "u2", "event_date": CUT + timedelta(days=28)},
        {"list_row_id": "1", "user_id": "u2", "clicked": False},
        {"list_row_id": "2", "user_id": "u2"},  # the row of another item
        {"user_id": "u2"},  # of no list of ours
    ]
    exposures = rows(spark, "silver.exposures", [{"event_date": CUT, "item_id": "milk", "clicked": True, **click} for click in clicks])
    links = spark.createDataFrame([("tablet", "u3")], "actor_id string, user_id string")
    clicked = clicked_items(exposures, lists, links, as_of=CUT, window_days=28)
    assert {(row.user_id, row.item_id) for row in clicked.collect()} == {("u1", "milk"), ("u3", "milk")}
    settings = rank_settings(negatives_share=0.0)
    got = labelled(shop["candidates"], shop["events"], shop["kept"], as_of=CUT, window_days=28, settings=settings, clicked=clicked).collect()
    assert {(row.user_id, row.item_id) for row in got if row.bought} == {("u1", "milk"), ("u1", "oats"), ("u2", "beer"), ("u3", "milk")}


def test_labels_go_with_the_features(shop: dict[str, DataFrame]) -> None:
    purchases = purchases_before(shop["events"], shop["kept"], shop["items"], as_of=CUT)
    learnt = labelled(shop["candidates"], shop["events"], shop["kept"], as_of=CUT, window_days=28, settings=rank_settings(negatives_share=1.0))
    frame = features(learnt, purchases, own_history(purchases, half_life_days=90))
    assert frame.columns == ["setting", "user_id", "item_id", *FEATURES, "bought"]
    assert {(row.user_id, row.item_id) for row in frame.collect() if row.bought} == {("u1", "oats"), ("u2", "beer"), ("u3", "milk")}


def test_only_negatives_are_thinned(spark: SparkSession, shop: dict[str, DataFrame]) -> None:
    got = labelled(shop["candidates"], shop["events"], shop["kept"], as_of=CUT, window_days=28, settings=rank_settings(negatives_share=0.0)).collect()
    assert len(got) == 6
    assert all(row.bought == 1 for row in got)


def test_each_setting_keeps_its_own_share_of_negatives(shop: dict[str, DataFrame]) -> None:
    settings = rank_settings(discovery=trees(negatives_share=0.0), rebuy=trees(negatives_share=1.0))
    got = labelled(shop["candidates"], shop["events"], shop["kept"], as_of=CUT, window_days=28, settings=settings).collect()
    assert [sum(row.setting == name for row in got) for name in ("rebuy", "discovery")] == [6, 3]
