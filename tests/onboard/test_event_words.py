"""What people did is told from what they bought; no Spark."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from basketgraph.onboard.draft import Draft
from support import four_shops
from support.drafts import EVENT_TYPE, asked, columns, drafted, lets, mapping
from support.new_shops import lines_csv, plain, sales

PURCHASES = "case when event_word in ({}) then 'purchase' end"


def log(place: Path, header: str, values: Sequence[str], **more: Sequence[Any]) -> Draft:
    """Users, items and times with a column of `values`, each as often as the others, and further columns."""
    turns = [itertools.cycle(column) for column in (values, *more.values())]
    rows = [[s.at.isoformat(), s.user, s.item, *(next(turn) for turn in turns)] for s in sales()]
    return drafted(lines_csv(place, ["timestamp", "user_id", "product_id", header, *more], rows))


def masked(found: Draft) -> list[str]:
    (files,) = mapping(found)["files"].values()
    return list(files["personal"])


@pytest.mark.parametrize(
    ("header", "values", "types"),
    [
        ("x3", ["pv", "cart", "fav", "buy"], ["view", "cart_add", "favourite", "purchase"]),
        ("status", ["viewed", "purchased"], ["view", "purchase"]),
        ("channel", ["pageView", "addToCart", "Transaction "], ["view", "cart_add", "purchase"]),
        ("category", ["Product Viewed", "Product Added", "Order Completed"], ["view", "cart_add", "purchase"]),
        ("what happened", ["ansehen", "warenkorb", "kauf"], ["view", "cart_add", "purchase"]),
        ("x3", ["点击", "收藏", "加购", "购买"], ["click", "favourite", "cart_add", "purchase"]),
        ("x3", ["view_item", "remove_from_cart", "begin_checkout", "purchase"], ["view", "cart_remove", None, "purchase"]),
        ("x3", ["click", "dislike", "order", "refund"], ["click", "dismiss", "purchase", "cancellation"]),
    ],
)
def test_words_for_what_people_do_decide_whatever_the_header_is(tmp_path: Path, header: str, values: list[str], types: list[str | None]) -> None:
    found = log(tmp_path / "a.csv", header, values)
    assert columns(found)["event_type"] == "happened"
    for value, type_ in zip(values, types, strict=True):
        word = value.lower().strip()
        if type_ is None:
            assert mapping(found)["tables"]["silver.events"]["where"] == f"coalesce(event_word, '') not in ('{word}')"
        else:
            assert f"when event_word in ('{word}') then '{type_}'" in lets(found)["happened"]
    assert lets(found)["ordered"] == "happened in ('purchase', 'cancellation')"
    assert columns(found)["quantity"] == "if(ordered, 1, null)"
    assert {"quantity", "amount_minor", "currency"} <= set(mapping(found)["tables"]["silver.events"]["nullable"])


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


def test_a_log_of_views_alone_has_neither_pieces_nor_money(tmp_path: Path) -> None:
    found = log(tmp_path / "a.csv", "x3", ["view"], price=["9.99"])
    assert columns(found)["event_type"] == "case when event_word in ('view') then 'view' end"
    assert not {"quantity", "amount_minor", "currency"} & columns(found).keys()
    assert (asked(found), "# no row is a purchase: x3 has `view` (100 %)" in found.text) == ([], True)
    (text,) = asked(log(tmp_path / "b.csv", "event", ["begin_checkout"]), EVENT_TYPE)
    assert text.startswith("no row is a purchase: event has `begin_checkout` (100 %)")


def test_what_has_no_item_is_left_out(tmp_path: Path) -> None:
    rows = [[s.at.isoformat(), s.user, s.item if n % 3 else "", ("page_view", "view_item", "purchase")[n % 3]] for n, s in enumerate(sales())]
    found = drafted(lines_csv(tmp_path / "a.csv", ["timestamp", "user_id", "product_id", "event"], rows))
    assert mapping(found)["tables"]["silver.events"]["where"] == "coalesce(event_word, '') not in ('page_view')"
    assert "`page_view` (34 %) are left out because none of their rows has an item" in " ".join(found.text.split())


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (["user_id", "visitorid", "session_id"], ["user_id", "visitor_id", "session_id"]),
        (["user_id", "user_session"], ["user_id", "session_id"]),
        (["visitorid"], ["visitor_id"]),
        (["anonymousId", "sid"], ["visitor_id", "session_id"]),
        (["user_id", "client_id"], ["user_id", "visitor_id"]),
        (["client_id"], ["visitor_id"]),
        (["cookie"], ["visitor_id"]),
        (["session_id"], ["session_id", "visitor_id"]),
    ],
)
def test_users_visitors_and_sessions_are_told_apart_and_masked(tmp_path: Path, given: list[str], wanted: list[str]) -> None:
    rows = [[s.at.isoformat(), *([f"x{s.user}"] * len(given)), s.item, ("view", "buy")[n % 2]] for n, s in enumerate(sales())]
    found = drafted(lines_csv(tmp_path / "a.csv", ["timestamp", *given, "product_id", "event"], rows))
    made = {name: text for name, text in columns(found).items() if name in ("user_id", "visitor_id", "session_id")}
    assert made == {name: f"trim(`{header}`)" for name, header in zip(wanted, [*given, *given], strict=False)}
    assert masked(found) == given
    assert "x1" not in found.text


def test_a_client_beside_sales_is_a_customer_and_a_session_an_order(tmp_path: Path) -> None:
    rows = [[s.at.isoformat(), s.user, s.order, s.item, s.pieces, s.price] for s in sales()]
    found = drafted(lines_csv(tmp_path / "a.csv", ["timestamp", "client_id", "session_id", "product_id", "qty", "price"], rows))
    assert [columns(found)[name] for name in ("user_id", "order_id", "session_id")] == [
        "trim(`client_id`)",
        "trim(`session_id`)",
        "trim(`session_id`)",
    ]
    assert "visitor_id" not in columns(found)


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
def test_words_that_may_be_of_views_are_no_sales(tmp_path: Path, header: str, values: list[str], more: dict[str, Sequence[Any]]) -> None:
    found = log(tmp_path / "a.csv", header, values, **more)
    assert "when event_word in ('banner click', 'click') then 'click'" in lets(found)["happened"]


def test_words_that_are_not_understood_are_named_with_their_shares(tmp_path: Path) -> None:
    found = log(tmp_path / "a.csv", "x3", ["pv", "pv", "buy", "zap"])
    (text,) = asked(found, EVENT_TYPE)
    assert text.startswith("what are `zap` (25 %) of x3? Write each into a list of `happened`, or with a `when` of its own (purchase, cancel")
    assert mapping(found)["tables"]["silver.events"]["where"] == "coalesce(event_word, '') not in ('?')", "its rows are rejected until it is answered"


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
    assert (lets(found)["happened"], given["where"]) == (PURCHASES.format("'?'"), "coalesce(event_word, '') not in ('?')")
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
    assert list(mapping(found)["tables"]) == ["silver.reviews", "silver.items"]
    made = columns(found, "silver.reviews")
    assert (made["item_id"], made["user_id"], made["title"]) == ("trim(`product_id`)", "trim(`user_id`)", "trim(`title`)")
    scale = {"rating": ("1", "5"), "stars": ("0.5", "5"), "overall": ("1", "5")}.get(header)
    assert (made.get("rating_min"), made.get("rating_max")) == (scale or (None, None))
    assert "name" not in columns(found, "silver.items"), "a review's title names no item"
    assert "title" in masked(found)


@pytest.mark.parametrize("more", [{"price": ["9.99"]}, {"qty": ["1", "2"]}, {"event": ["view", "buy"]}])
def test_a_rating_beside_a_sale_leaves_it_one(tmp_path: Path, more: dict[str, list[str]]) -> None:
    assert "silver.events" in mapping(log(tmp_path / "a.csv", "rating", ["5", "3"], **more))["tables"]


def test_reviews_without_persons_and_times_count_each_though_they_are_equal(tmp_path: Path) -> None:
    header = ["Clothing ID", "Age", "Title", "Review Text", "Rating", "Recommended IND", "Positive Feedback Count", "Department Name"]
    rows = [[s.item, 20 + s.user, "", "nice and warm", 1 + s.item % 5, s.item % 2, s.pieces, f"D{s.item % 3}"] for s in sales()]
    found = drafted(lines_csv(tmp_path / "reviews.csv", header, rows))
    made = mapping(found)["tables"]["silver.reviews"]
    assert made["equal_rows"] == "each"
    assert (made["columns"]["item_id"], made["columns"]["text"]) == ("trim(`Clothing ID`)", "trim(`Review Text`)")
    assert made["columns"]["recommended"] == "cast(`Recommended IND` as double) > 0"
    assert not {"user_id", "event_time"} & made["columns"].keys()
    assert columns(found, "silver.items")["department"] == "trim(`Department Name`)"
    assert asked(found) == []


def test_a_list_of_items_with_their_average_stars_is_no_review(tmp_path: Path) -> None:
    rows = [[f"P{n}", f"Thing {n}", f"c{n % 3}", 1 + n % 5] for n in range(40)]
    assert list(mapping(drafted(lines_csv(tmp_path / "a.csv", ["product_id", "name", "category", "rating"], rows)))["tables"]) == ["silver.items"]


def test_films_beside_ratings_are_items_though_they_have_days(tmp_path: Path) -> None:
    lines_csv(
        tmp_path / "ratings.csv", ["userId", "movieId", "rating", "timestamp"], [[s.user, s.item, 1 + n % 5, s.at] for n, s in enumerate(sales())]
    )
    lines_csv(
        tmp_path / "movies.csv", ["movie_id", "movie_title", "release_date"], [[n, f"Film {n}", f"{1 + n % 28:02}-Jan-1995"] for n in range(40)]
    )
    found = mapping(drafted(tmp_path))["tables"]
    assert {table: terms["files"] for table, terms in found.items()} == {"silver.reviews": "ratings", "silver.items": "movies"}


@pytest.mark.parametrize(("first", "place"), [(1, "cast(`position` as int)"), (0, "cast(`position` as int) + 1")])
def test_what_was_shown_is_an_exposure_whoever_saw_it(tmp_path: Path, first: int, place: str) -> None:
    for name, features in (("men", 3), ("women", 9)):
        header = [
            "",
            "timestamp",
            "item_id",
            "position",
            "click",
            "propensity_score",
            "list_row_id",
            *(f"user-item_affinity_{n}" for n in range(features)),
        ]
        rows = [[n, f"{s.at}.5+00:00", s.item, first + n % 3, n % 2, 0.0125, f"{n:032x}", *([0.0] * features)] for n, s in enumerate(sales())]
        lines_csv(tmp_path / f"{name}.csv", header, rows)
    found = drafted(tmp_path)
    assert list(mapping(found)["tables"]) == ["silver.exposures"], "files that have more features are of one kind"
    made = mapping(found)["tables"]["silver.exposures"]
    assert made["equal_rows"] == "each"
    assert (made["columns"]["position"], made["columns"]["propensity"]) == (place, "cast(`propensity_score` as double)")
    assert (made["columns"]["clicked"], made["columns"]["list_row_id"]) == ("cast(`click` as double) > 0", "trim(`list_row_id`)")
    (files,) = mapping(found)["files"].values()
    assert files["optional"] == [f"user-item_affinity_{n}" for n in range(3, 9)]


def test_sales_are_mapped_before_reviews_and_views(tmp_path: Path) -> None:
    plain(tmp_path / "orders.csv")
    log(tmp_path / "reviews.csv", "rating", ["5", "3"], title=["Nice"], text=["a b c d"], brand=["B"], store=["s"], device=["tablet"])
    log(tmp_path / "views.csv", "x3", ["view"], brand=["B"], category=["c"], store=["s"], device=["tablet"], currency=["EUR"], country=["Austria"])
    found = drafted(tmp_path)
    assert mapping(found)["tables"]["silver.events"]["files"] == "orders"
    assert mapping(found)["tables"]["silver.reviews"]["files"] == "reviews"
    assert any(text.startswith("views.csv: looks like events too") for text in found.plan.left_out)


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
    assert {table: terms["files"] for table, terms in given.items()} == {"silver.reviews": "all_beauty", "silver.items": "meta_all_beauty"}
    assert (given["silver.items"]["columns"]["item_id"], given["silver.items"]["columns"]["name"]) == ("trim(`parent_asin`)", "trim(`title`)")
