"""Visits, what was shown and what customers thought of their lists, counted from tables as the other steps write them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.report.exposures import Exposures, shop_exposures, shop_responses
from basketgraph.report.page_data import read_page_data
from basketgraph.report.visits import shop_visits
from support.contract_rows import rows

DS = date(2026, 3, 30)
pytestmark = pytest.mark.slow


def ago(days: int) -> dict[str, Any]:
    return {"event_date": DS - timedelta(days=days)}


def visit(days: int, user: str = "u", *, views: int = 1, cart_adds: int = 0, bought: bool = False, channel: str | None = "web") -> dict[str, Any]:
    return {**ago(days), "user_id": user, "views": views, "clicks": 0, "cart_adds": cart_adds, "bought": bought, "channel": channel}


def event(days: int, kind: str, item: str, user: str | None = "u", visitor: str | None = None) -> dict[str, Any]:
    return {**ago(days), "event_type": kind, "item_id": item, "user_id": user, "visitor_id": visitor}


def listed(number: str, days: int, setting: str, item: str, user: str = "u") -> dict[str, Any]:
    return {"as_of": DS - timedelta(days=days), "setting": setting, "user_id": user, "item_id": item, "list_row_id": number}


WRITTEN: dict[str, list[dict[str, Any]]] = {
    "gold.sessions": [
        visit(0),  # of the day that is still arriving
        visit(1, cart_adds=2, bought=True),
        visit(1, views=0, channel=None),
        visit(7, cart_adds=1),
        visit(8, bought=True),
        visit(14),
        visit(15),
        visit(31),  # beyond the history of 30 days that end with the last one
        visit(2, "bot"),
        visit(3, "bot"),  # on that day it did no more than a person can
    ],
    "gold.impossible_visitors": [{"user_id": "bot", **ago(2)}, {"user_id": "old", **ago(40)}],
    "silver.items": [
        {"item_id": "tea", "valid_from": date(2025, 1, 1), "category": "Drinks"},
        {"item_id": "tea", "valid_from": date(2026, 1, 1), "category": "Tea"},
        {"item_id": "jam", "category": None, "department": "Food"},
        {"item_id": "gin", "category": None, "department": None},
    ],
    "silver.events": [
        *[event(1, "view", "tea") for _ in range(3)],
        event(7, "click", "tea"),
        event(8, "view", "tea"),
        event(15, "view", "tea"),  # two weeks are compared
        event(2, "view", "tea", "bot"),
        event(1, "view", "jam"),
        event(1, "cart_add", "jam", None, "cookie"),
        event(1, "view", "gin"),
        event(1, "purchase", "jam"),
        event(3, "purchase", "tea", None, "cookie"),
        event(0, "purchase", "gin", "v"),  # is not over yet
        event(5, "dismiss", "jam"),
        event(25, "dismiss", "jam"),  # before it was on a list
    ],
    "gold.recommendations": [
        listed("1", 20, "rebuy", "jam"),
        listed("2", 20, "discovery", "tea", "cookie"),
        listed("3", 2, "rebuy", "jam"),
        listed("4", 60, "rebuy", "gin"),
    ],
    "silver.exposures": [
        {**ago(8), "user_id": "u", "item_id": "jam", "list_row_id": "1", "clicked": True, "placement": "home", "position": 1},  # bought 7 days later
        {**ago(9), "user_id": "u", "item_id": "jam", "list_row_id": "1", "clicked": False, "placement": "home", "position": 2},
        {**ago(3), "item_id": "tea", "list_row_id": "2", "placement": "mail"},  # the list says for whom: bought on the day itself
        {**ago(2), "item_id": "tea", "visitor_id": "cookie", "policy": "bestsellers", "clicked": False},  # bought before
        {**ago(1), "item_id": "gin", "user_id": "v", "policy": "bestsellers", "clicked": False},
        {**ago(28), "item_id": "gin", "user_id": "v"},
        {**ago(29), "item_id": "gin", "user_id": "v"},  # before the 28 days
    ],
    "silver.reviews": [
        {**ago(3), "user_id": "u", "item_id": "jam", "rating": 3.0, "rating_min": 0.0, "rating_max": 4.0},
        {**ago(3), "user_id": "u", "item_id": "jam", "rating": 2.0, "rating_min": 1.0, "rating_max": 5.0},
        {**ago(3), "user_id": "u", "item_id": "gin", "rating": 1.0, "rating_min": 1.0, "rating_max": 5.0},  # on no list of these days
        {**ago(3), "user_id": "u", "item_id": "jam", "rating": None, "text": "good"},
    ],
    "gold.kept_purchases": [
        {**ago(1), "event_id": "p", "user_id": "u", "item_id": "jam", "quantity": 3, "kept_quantity": kept, "valid_from": DS} for kept in (2, 0)
    ],
}


@pytest.fixture(scope="module")
def shop(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> RunTables:
    made = RunTables(spark, str(tmp_path_factory.mktemp("visits")), "run-1")
    for table, given in WRITTEN.items():
        made.append(rows(spark, table, given), table)
    return made


def test_visits_are_counted_by_day_channel_and_category_without_those_of_robots(shop: RunTables) -> None:
    found = shop_visits(shop, DS, 30)
    assert found is not None
    assert (found.last_day, found.has_before, found.impossible) == (DS - timedelta(days=1), True, 1)
    counts = {(DS - row["event_date"]).days: (row["visits"], row["looked"], row["carted"], row["bought"]) for row in found.days}
    assert counts == {15: (1, 1, 0, 0), 14: (1, 1, 0, 0), 8: (1, 1, 0, 1), 7: (1, 1, 1, 0), 3: (1, 1, 0, 0), 1: (2, 1, 1, 1)}
    channels = {row["name"]: (row["visits"], row["carted"], row["bought"], row["visits_before"], row["bought_before"]) for row in found.channels}
    assert channels == {"web": (3, 2, 1, 2, 1), None: (1, 0, 0, 0, 0)}
    categories = [(row["name"], row["looks"], row["carts"], row["purchases"], row["looks_before"]) for row in found.categories]
    assert categories == [("Tea", 4, 0, 1, 1), ("Food", 1, 1, 1, 0)], "by their newest category; those without one are left out"


def test_what_was_shown_is_counted_by_list_and_place_with_what_was_clicked_and_bought_in_time(shop: RunTables) -> None:
    found = shop_exposures(shop, DS)
    assert isinstance(found, Exposures)
    lists = {(row["setting"], row["name"]): (row["shown"], row["told"], row["clicked"], row["known"], row["bought"]) for row in found.lists}
    assert lists == {
        ("rebuy", None): (2, 2, 1, 2, 1),
        (None, "bestsellers"): (2, 2, 0, 2, 0),
        ("discovery", None): (1, 0, 0, 1, 1),
        (None, None): (1, 0, 0, 1, 0),
    }
    assert {(row["name"], row["position"]): row["shown"] for row in found.places} == {
        ("home", 1): 1,
        ("home", 2): 1,
        ("mail", None): 1,
        (None, None): 3,
    }


def test_what_customers_bought_sent_back_dismissed_and_rated_counts_from_the_day_of_the_list_on(shop: RunTables) -> None:
    told = {
        row["setting"]: tuple(row[name] for name in ("bought", "returned", "dismissed", "ratings", "stars", "low"))
        for row in shop_responses(shop, DS)
    }
    assert told == {"rebuy": (1, 1, 1, 2, 3.0, 1), "discovery": (1, 0, 0, 0, None, 0)}


def test_all_of_it_is_on_the_page_of_such_a_shop_and_hides_known_users(shop: RunTables) -> None:
    found = read_page_data(shop, DS, 30, lambda words: ["u" if word == "home" else f"nobody {word}" for word in words])
    assert found.visits is not None
    assert found.exposures is not None
    assert len(found.responses) == 2
    assert not any("home" in str(row["name"]) for row in found.exposures.places)
