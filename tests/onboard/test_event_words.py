"""What people did is told from what they bought; no Spark."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from basketgraph.onboard.draft import Draft
from support import four_shops
from support.drafts import EVENT_TYPE, asked, columns, drafted, mapping
from support.new_shops import lines_csv, plain, sales

PURCHASES = "case when event_word in ({}) then 'purchase' end"


def log(place: Path, header: str, values: Sequence[str], **more: Sequence[Any]) -> Draft:
    """Users, items and times with a column of `values`, each as often as the others, and further columns."""
    turns = [itertools.cycle(column) for column in (values, *more.values())]
    rows = [[s.at.isoformat(), s.user, s.item, *(next(turn) for turn in turns)] for s in sales()]
    return drafted(lines_csv(place, ["timestamp", "user_id", "product_id", header, *more], rows))


@pytest.mark.parametrize(
    ("header", "values", "bought"),
    [
        ("x3", ["pv", "cart", "fav", "buy"], "'buy'"),
        ("status", ["viewed", "purchased"], "'purchased'"),
        ("channel", ["pageView", "addToCart", "Transaction "], "'transaction'"),
        ("category", ["Product Viewed", "Product Added", "Order Completed"], "'order completed'"),
        ("what happened", ["ansehen", "warenkorb", "kauf"], "'kauf'"),
        ("x3", ["点击", "收藏", "加购", "购买"], "'购买'"),
        ("x3", ["view_item", "add_to_cart", "begin_checkout", "purchase"], "'purchase'"),
        ("x3", ["page_view", "order", "pay"], "'order'"),
    ],
)
def test_words_for_what_people_do_decide_whatever_the_header_is(tmp_path: Path, header: str, values: list[str], bought: str) -> None:
    found = log(tmp_path / "a.csv", header, values)
    assert columns(found)["event_type"] == PURCHASES.format(bought)
    assert "event_word" in mapping(found)["tables"]["silver.events"]["where"]


def test_purchases_and_what_takes_them_back_are_told_apart_under_any_header(tmp_path: Path) -> None:
    found = log(tmp_path / "a.csv", "x3", ["Purchase", "Refund"])
    taken_back = "when event_word in ('refund') then 'cancellation'"
    assert columns(found)["event_type"] == f"case when event_word in ('purchase') then 'purchase' {taken_back} end"


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("payment", ["credit", "invoice"]),
        ("delivery", ["collect", "deliver"]),
        ("type", ["collection", "delivery"]),
        ("source", ["search", "email", "share"]),
        ("x3", ["c", "p", "r"]),
        ("x3", ["view", "oak", "elm", "ash"]),
        ("kind", ["sale"]),
    ],
)
def test_words_that_may_be_of_something_else_decide_nothing(tmp_path: Path, header: str, values: list[str]) -> None:
    found = log(tmp_path / "a.csv", header, values)
    assert columns(found)["event_type"] == "'purchase'"


def test_a_log_of_views_alone_has_no_purchase(tmp_path: Path) -> None:
    found = log(tmp_path / "a.csv", "x3", ["view"])
    assert mapping(found)["tables"]["silver.events"]["where"] == "coalesce(event_word, '') not in ('view')"
    assert columns(found)["event_type"] == PURCHASES.format("'?'")
    (text,) = asked(found, EVENT_TYPE)
    assert text.startswith("no row is a purchase: x3 has `view` (100 %)")


WAYS = ["Click", "Banner Click", "Newsletter"]


@pytest.mark.parametrize("more", [{"invoice no": range(900)}, {"pieces": ["1", "2"]}, {"line total": ["9.99", "5.49"]}])
def test_words_beside_sales_leave_no_sale_out(tmp_path: Path, more: dict[str, Sequence[Any]]) -> None:
    found = log(tmp_path / "a.csv", "channel", WAYS, **more)
    assert "where" not in mapping(found)["tables"]["silver.events"]
    assert columns(found)["event_type"] == "'purchase'"
    assert any(text.startswith("channel has `banner click` (") and "all of them count as sales" in text for text in asked(found, EVENT_TYPE))


@pytest.mark.parametrize(
    ("header", "values", "more"),
    [
        ("channel", WAYS, {"price": ["9.99"]}),  # as views have, too
        ("channel", WAYS, {"pieces": ["1", "", ""]}),
        ("channel", [*WAYS, "Purchase"], {"pieces": ["1"]}),
        ("event type", WAYS, {"pieces": ["1"]}),
        ("user_action", WAYS, {"pieces": ["1"]}),
    ],
)
def test_words_that_may_be_of_views_leave_them_out(tmp_path: Path, header: str, values: list[str], more: dict[str, Sequence[Any]]) -> None:
    found = log(tmp_path / "a.csv", header, values, **more)
    assert "'click'" in mapping(found)["tables"]["silver.events"]["where"]


def test_words_that_are_not_understood_are_named_with_their_shares(tmp_path: Path) -> None:
    found = log(tmp_path / "a.csv", "x3", ["pv", "pv", "buy", "zap"])
    (text,) = asked(found, EVENT_TYPE)
    assert text.startswith("what are `zap` (25 %) of x3? Write each into a list here")
    assert "`pv` (50 %) are left out" in found.text


@pytest.mark.parametrize(
    ("header", "values", "more", "is_asked"),
    [
        ("behavior_type", ["1", "1", "1", "4"], {}, True),
        ("behavior_type", ["1", "1", "1", "4"], {"price": ["9.99"]}, True),
        ("type", ["1", "2", "6"], {}, True),
        ("type", ["1", "2", "6"], {"price": ["9.99"]}, False),
        ("user_action", ["bar", "foo"], {}, True),
        ("event", ["Opera", "Ballet"], {"price": ["59.00"]}, False),
    ],
)
def test_codes_for_what_people_do_are_asked_about(tmp_path: Path, header: str, values: list[str], more: dict[str, list[str]], is_asked: bool) -> None:
    found = log(tmp_path / "a.csv", header, values, **more)
    if not is_asked:
        assert columns(found)["event_type"] == "'purchase'"
        assert [text[:41] for text in asked(found, EVENT_TYPE)] == ["event has `ballet` (50 %), `opera` (50 %)"] * (header == "event")
        return
    given = mapping(found)["tables"]["silver.events"]
    assert (given["columns"]["event_type"], given["where"]) == (PURCHASES.format("'?'"), "coalesce(event_word, '') not in ('?')")
    (text,) = asked(found, EVENT_TYPE)
    assert text.startswith(f"which value of {header} is a purchase: `{values[0]}` (")
    assert "in place of ?" in text


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("rating", ["5", "3", "1"]),
        ("stars", ["4.5", "0.5"]),
        ("review text", ["good", "bad"]),
        ("helpful votes", ["0", "7"]),
        ("overall", ["5.0", "1.0"]),
    ],
)
def test_reviews_and_ratings_are_no_purchases(tmp_path: Path, header: str, values: list[str]) -> None:
    found = log(tmp_path / "a.csv", header, values, title=["Very nice"])
    assert mapping(found)["tables"]["silver.events"]["where"] == "false"
    assert list(mapping(found)["tables"]) == ["silver.events"], "a review's title names no item"
    (text,) = asked(found, EVENT_TYPE)
    assert text.startswith("a.csv has reviews or ratings, which are no purchases; without purchases there are no lists")


@pytest.mark.parametrize("more", [{"price": ["9.99"]}, {"qty": ["1", "2"]}, {"event": ["view", "buy"]}])
def test_a_rating_beside_a_sale_leaves_it_one(tmp_path: Path, more: dict[str, list[str]]) -> None:
    assert mapping(log(tmp_path / "a.csv", "rating", ["5", "3"], **more))["tables"]["silver.events"].get("where") != "false"


def test_sales_are_mapped_before_reviews_and_views(tmp_path: Path) -> None:
    plain(tmp_path / "orders.csv")
    log(tmp_path / "reviews.csv", "rating", ["5", "3"], title=["Nice"], text=["a b c d"], brand=["B"], store=["s"], device=["tablet"])
    log(tmp_path / "views.csv", "x3", ["view"], brand=["B"], category=["c"], store=["s"], device=["tablet"], currency=["EUR"], country=["Austria"])
    found = drafted(tmp_path)
    assert mapping(found)["tables"]["silver.events"]["files"] == "orders"
    assert any(text.startswith("reviews.csv: reviews or ratings, which are no purchases") for text in found.plan.left_out)


def test_sales_without_a_list_of_items_draft_one_of_their_ids(tmp_path: Path) -> None:
    found = drafted(plain(tmp_path / "a.csv"))
    assert columns(found, "silver.items") == {"item_id": "trim(`product_id`)", "valid_from": "DATE'1900-01-01'", "recommendable": "true"}
    assert mapping(found)["tables"]["silver.items"]["where"] == "`product_id` is not null"


def test_without_an_item_the_draft_says_what_to_write(tmp_path: Path) -> None:
    rows = [[s.user, s.at.date(), s.pieces, s.price] for s in sales()]
    found = drafted(lines_csv(tmp_path / "a.csv", ["customer", "date", "qty", "amount"], rows))
    assert "silver.items" not in mapping(found)["tables"]
    (text,) = asked(found, "tables.silver.events.item_id")
    assert text.endswith("Where no column does, write \"'none'\" here: events and profiles come, and lists are refused")


def test_products_with_reviews_draft_the_items_and_no_sale(tmp_path: Path) -> None:
    found = drafted(four_shops.metadata_and_reviews(tmp_path))
    given = mapping(found)["tables"]
    assert {table: terms["files"] for table, terms in given.items()} == {"silver.events": "all_beauty", "silver.items": "meta_all_beauty"}
    assert given["silver.events"]["where"] == "false"
    assert (given["silver.items"]["columns"]["item_id"], given["silver.items"]["columns"]["name"]) == ("trim(`parent_asin`)", "trim(`title`)")
