"""What is guessed of files in the forms that well-known shop systems export; no Spark."""

from __future__ import annotations

from pathlib import Path

import pytest

from basketgraph.clean.onboard.words import plain_values
from clean.new_shops import lines_csv, sales
from clean.test_onboard import columns, drafted, mapping


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        (["Credit-Note", " order placed"], ["credit_note", "order_placed"]),
        (["wc-completed", "wc-refunded", "wc-own-state"], ["completed", "refunded", "own_state"]),
        (["order_placed", "order_cancelled", "order_paid", "order_failed"], ["order_placed", "order_cancelled", "paid", "failed"]),
        (["not_paid", "not_returned"], ["not_paid", "not_returned"]),
        (["awaiting payment", "awaiting return"], ["awaiting_payment", "awaiting_return"]),
        (["begin_checkout"], ["begin_checkout"]),
        (["wc-own", "wc-paid"], ["wc_own", "wc_paid"]),
    ],
)
def test_values_are_known_without_a_prefix_that_they_share(given: list[str], plain: list[str]) -> None:
    assert list(plain_values(given).values()) == plain


def test_orders_that_came_to_nothing_are_refused_whatever_prefix_their_states_have(tmp_path: Path) -> None:
    states = ["wc-completed", "WC-Refunded", "wc-on-hold", "wc-own"]
    rows = [[s.order, s.at.date(), s.user, s.item, s.price, states[s.order % 4]] for s in sales()]
    found = drafted(lines_csv(tmp_path / "a.csv", ["order", "date", "user", "item", "price", "order status"], rows))
    given = mapping(found)["tables"]["silver.events"]
    assert given["reject"]["order_not_completed"] == "lower(trim(`order status`)) in ('wc-on-hold', 'wc-refunded')"


def web_log(place: Path, header: str, kinds: list[str]) -> Path:
    rows = [[s.at.isoformat(), s.user, s.item, kinds[n % len(kinds)]] for n, s in enumerate(sales())]
    return lines_csv(place, ["timestamp", "user_id", "product_id", header], rows)


PAGES = ["home", "catalog", "compare", "help", "account", "filter", "promo", "chat"]


def test_an_event_column_with_many_kinds_of_events_is_one_too(tmp_path: Path) -> None:
    found = drafted(web_log(tmp_path / "a.csv", "user_action", [*PAGES, "cart", "Purchase"]))
    assert columns(found)["event_type"] == "case when event_word in ('purchase') then 'purchase' end"
    assert [remark.text[:40] for remark in found.said("todo") if remark.place.endswith("event_type")] == ["what are account, catalog, chat, compare"]


@pytest.mark.parametrize(("header", "bought"), [("type", "purchase"), ("event", "p"), ("event", "checkout"), ("event_id", "paid_by_nobody")], ids=str)
def test_many_unknown_words_are_no_events_without_a_header_and_a_whole_word_for_a_purchase(tmp_path: Path, header: str, bought: str) -> None:
    found = drafted(web_log(tmp_path / "a.csv", header, [*PAGES, bought]))
    assert columns(found)["event_type"] == "'purchase'"


@pytest.mark.parametrize(("kinds", "bought"), [(["cart", "checkout", "payment", "purchase"], "'purchase'"), (["cart", "checkout"], "'checkout'")])
def test_a_step_to_a_purchase_is_one_only_where_no_other_word_is(tmp_path: Path, kinds: list[str], bought: str) -> None:
    found = drafted(web_log(tmp_path / "a.csv", "event", kinds))
    assert columns(found)["event_type"] == f"case when event_word in ({bought}) then 'purchase' end"


NAMES = [*(f"tea {weight} g" for weight in range(100, 111)), "whole milk"]


def test_a_name_of_items_stands_for_the_id_where_sales_have_no_other(tmp_path: Path) -> None:
    rows = [[s.user, s.at.strftime("%d-%m-%Y"), NAMES[s.item % 12]] for s in sales()]
    found = drafted(lines_csv(tmp_path / "a.csv", ["Member_number", "Date", "itemDescription"], rows))
    assert columns(found)["item_id"] == "trim(itemDescription)"
    assert "itemDescription is the item because no column has ids of items, and it names them" in found.text
    assert columns(found, "silver.items") == {
        "item_id": "trim(itemDescription)", "valid_from": "DATE'1900-01-01'", "name": "trim(itemDescription)", "recommendable": "true",
    }  # fmt: skip


def test_a_name_that_may_be_of_something_else_stands_for_no_item(tmp_path: Path) -> None:
    rows = [[s.user, s.at.date(), NAMES[s.item % 12]] for s in sales()]
    found = drafted(lines_csv(tmp_path / "a.csv", ["user", "date", "description"], rows))
    assert columns(found)["item_id"] == "cast(null as string)"
    people = [[user, "2024-03-01", NAMES[user % 12], "Austria"] for user in range(60)]
    listed = drafted(lines_csv(tmp_path / "b" / "people.csv", ["customer", "joined at", "favourite product name", "country"], people))
    assert list(mapping(listed)["tables"]) == ["silver.users"]
