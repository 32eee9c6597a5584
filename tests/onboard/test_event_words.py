"""What people did is told from what they bought, and files without a header get their names; no Spark."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from basketgraph.clean.mapping import read_source
from basketgraph.config import Mistake
from basketgraph.onboard.draft import Draft, draft
from basketgraph.onboard.headerless import wanted_columns
from support import four_shops
from support.corner_shop import mapping as corner
from support.drafts import columns, drafted, mapping
from support.new_shops import lines_csv, plain, sales

PURCHASES = "case when event_word in ({}) then 'purchase' end"


def log(place: Path, header: str, values: Sequence[str], **more: Sequence[Any]) -> Draft:
    """Users, items and times with a column of `values`, each as often as the others, and further columns."""
    turns = [itertools.cycle(column) for column in (values, *more.values())]
    rows = [[s.at.isoformat(), s.user, s.item, *(next(turn) for turn in turns)] for s in sales()]
    return drafted(lines_csv(place, ["timestamp", "user_id", "product_id", header, *more], rows))


def asked(found: Draft, column: str = "event_type") -> list[str]:
    return [remark.text for remark in found.said("todo") if remark.place == f"tables.silver.events.{column}"]


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
    (text,) = asked(found)
    assert text.startswith("no row is a purchase: x3 has `view` (100 %)")


WAYS = ["Click", "Banner Click", "Newsletter"]


@pytest.mark.parametrize("more", [{"invoice no": range(900)}, {"pieces": ["1", "2"]}, {"line total": ["9.99", "5.49"]}])
def test_words_beside_sales_leave_no_sale_out(tmp_path: Path, more: dict[str, Sequence[Any]]) -> None:
    found = log(tmp_path / "a.csv", "channel", WAYS, **more)
    assert "where" not in mapping(found)["tables"]["silver.events"]
    assert columns(found)["event_type"] == "'purchase'"
    assert any(text.startswith("channel has `banner click` (") and "all of them count as sales" in text for text in asked(found))


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
    (text,) = asked(found)
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
        assert [text[:41] for text in asked(found)] == ["event has `ballet` (50 %), `opera` (50 %)"] * (header == "event")
        return
    given = mapping(found)["tables"]["silver.events"]
    assert (given["columns"]["event_type"], given["where"]) == (PURCHASES.format("'?'"), "coalesce(event_word, '') not in ('?')")
    (text,) = asked(found)
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
    (text,) = asked(found)
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
    (text,) = asked(found, "item_id")
    assert text.endswith("Where no column does, write \"'none'\" here: events and profiles come, and lists are refused")


# Files without a header.


def names(found: Draft) -> list[str]:
    (files,) = mapping(found)["files"].values()
    assert files["options"]["header"] is False
    return list(files["columns"])


def with_columns(place: Path, *given: str) -> Draft:
    return draft("newshop", [str(place)], landing=None, currency=None, time_zone=None, masker=str, columns=given)


def test_a_log_of_behaviour_without_a_header_needs_no_hands_turn(tmp_path: Path) -> None:
    found = drafted(four_shops.acts(tmp_path))
    assert names(found) == ["user_id", "item_id", "category_id", "behavior", "timestamp"]
    assert columns(found)["event_type"] == PURCHASES.format("'buy'")
    assert columns(found, "silver.items")["category"] == "trim(`category_id`)"
    rows = [[s.user, f"P{s.item}", ("view", "purchase")[n % 2], s.at.isoformat()] for n, s in enumerate(sales())]
    four = drafted(lines_csv(tmp_path / "four" / "a.csv", rows[0], rows[1:]))
    assert names(four) == ["user_id", "item_id", "behavior", "timestamp"]
    rows = [[f"u{s.user}", f"P{s.item}", f"c{s.item % 3}", ("view", "purchase")[n % 2], 1_511_544_070 + n] for n, s in enumerate(sales())]
    assert len(names(drafted(lines_csv(tmp_path / "five" / "a.csv", rows[0], rows[1:])))) == 5


@pytest.mark.parametrize("sep", ["\t", "::", ","])
def test_ratings_without_a_header_are_known_by_their_layout(tmp_path: Path, sep: str) -> None:
    lines = [sep.join(map(str, (s.user, 100 + s.item, 1 + n % 5, 880_000_000 + 60 * n))) for n, s in enumerate(sales())]
    (tmp_path / "u.data").write_text("\n".join(lines), encoding="utf-8")
    found = drafted(tmp_path / "u.data")
    assert names(found) == ["user_id", "item_id", "rating", "timestamp"]
    assert mapping(found)["tables"]["silver.events"]["where"] == "false"
    (text,) = asked(found)
    assert text.endswith("if the third field is pieces, onboard again with `--columns user,item,quantity,time`")
    undated = lines_csv(tmp_path / "undated.csv", ["user_id", "item_id", "rating"], [[s.user, s.item, 1 + s.order % 5] for s in sales()])
    assert mapping(drafted(undated))["tables"]["silver.events"]["where"] == "false", "reviews need no day to be left out"
    assert "where" not in mapping(with_columns(tmp_path / "u.data", "user", "item", "quantity", "time"))["tables"]["silver.events"]


@pytest.mark.parametrize("row", ["{0.user},{0.item},{1},{0.at}", "{0.user},{0.item},{0.order},{1},{0.at}", "{0.at},{0.user},{0.item},{1}"])
def test_other_files_without_a_header_are_refused_with_the_flag_that_names_their_columns(tmp_path: Path, row: str) -> None:
    lines = [row.format(s, 17 + n % 20) for n, s in enumerate(sales())]
    place = tmp_path / "a.csv"
    place.write_text("\n".join(lines), encoding="utf-8")
    width = len(lines[0].split(","))
    with pytest.raises(Mistake, match=f"--columns NAME1,.*NAME{width} "):
        drafted(place)
    given = ["customer", "sku", "shelf", "pieces", "date"] if width == 5 else ["customer", "sku", "pieces", "date"]
    found = with_columns(place, *given)
    assert names(found) == given
    with pytest.raises(Mistake, match=f"want {width} names, one for each field"):
        with_columns(place, "customer", "sku")


def test_names_are_given_to_files_without_a_header_only(tmp_path: Path) -> None:
    place = lines_csv(
        tmp_path / "events.csv", ["u1", "sku1", "x", "2024-03-01"], [[f"u{s.user}", f"P{s.item:03}", "y", s.at.date()] for s in sales()]
    )
    lines_csv(tmp_path / "products.csv", ["product_id", "title", "price"], [[f"P{i:03}", f"Thing {i}", 5 + i] for i in range(12)])
    found = with_columns(tmp_path, "customer", "product", "shelf", "date")
    assert {name: files.get("options", {}).get("header") for name, files in mapping(found)["files"].items()} == {"events": False, "products": None}
    assert list(mapping(found)["files"]["products"]["columns"]) == ["product_id", "title", "price"]
    place.unlink()
    with pytest.raises(Mistake, match="want a CSV file without a header line, have none"):
        with_columns(tmp_path, "customer", "product", "date")


@pytest.mark.parametrize("given", ["a,,b", "a,b,A", "a,file_name", "__a,b", ""])
def test_names_of_columns_are_checked(given: str) -> None:
    with pytest.raises(Mistake, match="--columns"):
        wanted_columns(given)
    assert wanted_columns(" a, b c") == ("a", "b c")
    assert wanted_columns(None) == ()


def test_a_file_without_a_header_has_no_optional_columns() -> None:
    given = corner()
    given["files"]["sales"] |= {"options": {"header": False}, "optional": ["title"]}
    _, faults = read_source(given, "corner")
    assert [fault.partition(":")[0] for fault in faults] == ["files.sales.optional"]


def test_columns_set_apart_by_blanks_are_refused_with_a_command_that_works(tmp_path: Path) -> None:
    place = four_shops.spaced_purchases(tmp_path)
    with pytest.raises(Mistake, match="fields are set apart by blanks") as caught:
        drafted(place)
    command = next(line for line in str(caught.value).splitlines() if "awk" in line).partition(": ")[2]
    subprocess.run(command, shell=True, check=True)
    assert "--columns NAME1,NAME2,NAME3,NAME4" in str(caught.value)
    found = with_columns(tmp_path / "CDNOW_master.clean.csv", "customer_id", "date", "quantity", "amount")
    assert found.plan.files[0].reading.sample.rows == len(place.read_text().splitlines())
    assert columns(found)["quantity"] == "pieces"
    assert columns(found)["amount_minor"] == "round(paid * 100)"


def test_orders_without_a_day_are_refused_and_a_join_of_them_alone_does_not_help(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match=r"user_id \(user\); missing: when it was bought \(time\)") as caught:
        drafted(four_shops.order_lines(tmp_path / "joined"))
    assert "join the file of orders that has it, by order_id" in str(caught.value)
    lines_csv(tmp_path / "two" / "orders.csv", ["order_id", "user_id", "order_dow"], [[s.order, s.user, s.order % 7] for s in sales()])
    lines_csv(tmp_path / "two" / "lines.csv", ["order_id", "product_id"], [[s.order, s.item] for s in sales()])
    with pytest.raises(Mistake, match="neither has the day of an order"):
        drafted(tmp_path / "two")


def test_products_with_reviews_draft_the_items_and_no_sale(tmp_path: Path) -> None:
    found = drafted(four_shops.metadata_and_reviews(tmp_path))
    given = mapping(found)["tables"]
    assert {table: terms["files"] for table, terms in given.items()} == {"silver.events": "all_beauty", "silver.items": "meta_all_beauty"}
    assert given["silver.events"]["where"] == "false"
    assert (given["silver.items"]["columns"]["item_id"], given["silver.items"]["columns"]["name"]) == ("trim(`parent_asin`)", "trim(`title`)")
