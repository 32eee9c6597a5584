"""What is guessed of columns that look like something else: states, refunds, holes, names of persons, order numbers, cents; no Spark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from basketgraph.onboard.words import is_personal
from support.drafts import columns, drafted, lets, mapping
from support.new_shops import Sale, lines_csv, sales


def with_states(place: Path, states: list[str], **more: Callable[[Sale], Any]) -> Path:
    rows = [
        [s.order, s.at.date(), s.user, s.item, s.pieces, s.price, states[s.order % len(states)], *[of(s) for of in more.values()]] for s in sales()
    ]
    return lines_csv(place, ["order", "date", "user", "item", "qty", "price", "status", *more], rows)


def test_an_orders_state_counts_where_there_is_a_type_too(tmp_path: Path) -> None:
    found = drafted(with_states(tmp_path / "a.csv", ["Completed", "Cancelled"], type=lambda s: "Sale" if s.item % 5 else "Return"))
    assert columns(found)["event_type"].startswith("case when event_word in ('sale') then 'purchase' when event_word in ('return')")
    assert mapping(found)["tables"]["silver.events"]["reject"]["order_not_completed"] == "lower(trim(`status`)) in ('cancelled')"


def test_of_states_it_is_said_which_are_counted_and_which_are_not_yet(tmp_path: Path) -> None:
    found = drafted(with_states(tmp_path / "a.csv", ["complete", "canceled", "closed", "processing", "pending_payment", "odd"]))
    told = [remark.text for remark in found.said("guess")]
    assert "canceled are orders that came to nothing" in told
    assert "pending_payment, processing are orders that are not completed, or not yet" in told
    assert "status closed, odd count as sales" in told


@pytest.mark.parametrize(
    ("header", "asked"), [("qty_refunded", "quantity"), ("Amount Refunded", "amount_minor"), ("canceled qty", "quantity"), ("qty_left", "")]
)
def test_columns_of_what_came_back_are_asked_about(tmp_path: Path, header: str, asked: str) -> None:
    found = drafted(with_states(tmp_path / "a.csv", ["complete"], **{header: lambda s: s.item % 5}))
    places = [remark.place.rpartition(".")[2] for remark in found.said("todo") if remark.text.startswith(f"{header}: what came back")]
    assert places == [asked] * bool(asked)


@pytest.mark.parametrize(
    ("role", "each", "percent"), [("user", 3, 67), ("user", 2, 0), ("item", 3, 67), ("date", 3, 67), ("order", 3, 67), ("item", 1, 0)]
)
def test_a_column_that_events_cannot_do_without_is_asked_about_where_it_is_mostly_empty(tmp_path: Path, role: str, each: int, percent: int) -> None:
    header = ["order", "date", "user", "item", "price"]
    rows = [[s.order, s.at.date(), s.user, f"P{s.item}", s.price] for s in sales()[:198]]
    for number, row in enumerate(rows):
        row[header.index(role)] = "" if number % each else row[header.index(role)]
    found = drafted(lines_csv(tmp_path / "a.csv", header, rows))
    column = "event_time" if role == "date" else f"{role}_id"
    told = [remark.text for remark in found.said("todo") if "of the rows have none" in remark.text]
    assert told == ([f"{role}: {percent} % of the rows have none and are rejected as missing:{column}"] if percent else [])


def test_of_two_ids_of_an_item_the_one_that_all_rows_have_is_taken(tmp_path: Path) -> None:
    rows = [[s.order, s.at.date(), s.user, f"S{s.item}" if s.item % 3 == 0 else "", f"Thing {s.item}", s.price] for s in sales()]
    found = drafted(lines_csv(tmp_path / "a.csv", ["order", "date", "user", "SKU", "Item", "price"], rows))
    assert columns(found)["item_id"] == "trim(`Item`)"


def test_names_of_persons_and_all_ids_of_a_user_are_personal_and_names_of_things_are_not() -> None:
    people = ["Ship Name", "Ship To Name", "bill_to_name", "Contact Name", "Guest Name", "reviewerName", "Cashier", "author", "customer_unique_id"]
    people += ["anonymousId", "Customer Reference ID", "Customer Note"]
    assert [header for header in people if not is_personal(header)] == []
    things = [
        "Item Name",
        "Device Name",
        "Brand Name",
        "name",
        "customer_segment",
        "product_uid",
        "Ship Date",
        "shipping",
        "order_id",
        "household_size",
    ]
    assert [header for header in things if is_personal(header)] == []


@pytest.mark.parametrize(
    ("header", "name"), [("reviewerName", False), ("Device Name", False), ("Lineitem name", True), ("Bezeichnung Artikel", True)]
)
def test_a_name_of_something_else_is_no_items(tmp_path: Path, header: str, name: bool) -> None:
    rows = [[s.order, s.at.date(), s.user, s.item, s.price, f"Ada Miller {s.title}"] for s in sales()]
    found = drafted(lines_csv(tmp_path / "a.csv", ["order", "date", "user", "sku", "price", header], rows))
    assert ("name" in columns(found, "silver.items")) is name
    assert ("Ada" in found.text) is (header != "reviewerName")


@pytest.mark.parametrize(("number", "taken"), [("{:09d}", True), ("{}", False)])
def test_half_a_word_makes_no_order_number_and_padded_numbers_on_neighbouring_rows_do(tmp_path: Path, number: str, taken: bool) -> None:
    header = ["increment_id", "created_at", "customer_id", "sku", "qty_ordered", "qty_invoiced", "price"]
    rows = [[number.format(s.order), s.at.isoformat(), s.user, f"WS-{s.item}", s.pieces, s.pieces, s.price] for s in sales()]
    found = columns(drafted(lines_csv(tmp_path / "a.csv", header, rows)))
    assert found.get("order_id") == ("trim(`increment_id`)" if taken else None)


@pytest.mark.parametrize("of_a_user", [True, False])
def test_an_order_number_with_an_ending_is_one_where_orders_are_of_one_user(tmp_path: Path, of_a_user: bool) -> None:
    rows = [[s.order if of_a_user else s.item, s.at.date(), s.user, f"A{s.item}", s.price] for s in sales()]
    found = columns(drafted(lines_csv(tmp_path / "a.csv", ["Billing orderxy", "date", "user", "sku", "price"], rows)))
    assert ("order_id" in found) is of_a_user


def test_amounts_with_cents_are_no_pieces(tmp_path: Path) -> None:
    rows = [[s.order, s.at.date(), s.user, s.item, "20.00", "22.00"] for s in sales()]
    found = drafted(lines_csv(tmp_path / "a.csv", ["id", "date", "customer id", "sku", "Amount", "Converted Amount"], rows))
    assert columns(found)["quantity"] == "1"
    assert lets(found)["paid"] == "cast(`Amount` as decimal(18, 4))"
    pieces = [[s.order, s.at.date(), s.user, s.item, f"{s.pieces}.00", s.price] for s in sales()]
    assert columns(drafted(lines_csv(tmp_path / "b.csv", ["order", "date", "user", "sku", "qty", "price"], pieces)))["quantity"] == "pieces"


@pytest.mark.parametrize(
    ("pieces", "order", "refused"),
    [(1, "C{}", "price_ = 0 or (not cancelled and price_ < 0)"), (-1, "{}", "price_ = 0 or (not cancelled and price_ < 0)"), (1, "{}", "price_ = 0")],
)
def test_less_than_nothing_is_paid_for_cancellations_only(tmp_path: Path, pieces: int, order: str, refused: str) -> None:
    rows = []
    for s in sales():
        back = s.order % 9 == 0
        taken = -s.pieces if back and (order != "{}" or pieces < 0) else s.pieces
        rows.append([(order if back else "{}").format(s.order), s.at.date(), s.user, s.item, taken, -s.price if s.order % 7 == 0 else s.price])
    found = drafted(lines_csv(tmp_path / "a.csv", ["order", "date", "user", "sku", "qty", "price"], rows))
    assert mapping(found)["tables"]["silver.events"]["reject"]["price_not_positive"] == refused


@pytest.mark.parametrize(
    ("other", "value", "user"),
    [
        ("customer_unique_id", "c{}", "trim(`customer_unique_id`)"),
        ("email", "u{}@mail.example", "lower(trim(`email`))"),
        ("customer_state", "s{}", "trim(`customer_id`)"),
        ("customer_code", "x", "trim(`customer_id`)"),
    ],
)
def test_an_id_that_each_order_has_anew_gives_way_to_one_that_comes_again(tmp_path: Path, other: str, value: str, user: str) -> None:
    rows = [[s.order, f"o{s.order}", s.at.date(), s.item, s.price, value.format(s.user)] for s in sales()]
    found = drafted(lines_csv(tmp_path / "a.csv", ["order_id", "customer_id", "date", "sku", "price", other], rows))
    assert columns(found)["user_id"] == user
    asked = [remark for remark in found.said("todo") if remark.text.startswith("every customer_id of the sample has one order")]
    assert len(asked) == (user == "trim(`customer_id`)")
    assert (f"{other} is the user because it comes again, and customer_id has" in found.text) == (user != "trim(`customer_id`)")


@pytest.mark.parametrize("header", ["created_at_utc", "Created date (GMT)", "created_at"])
def test_a_time_whose_header_says_utc_is_an_instant(tmp_path: Path, header: str) -> None:
    rows = [[s.order, s.at.strftime("%Y-%m-%d %H:%M:%S"), s.user, s.item, s.price] for s in sales()]
    found = columns(drafted(lines_csv(tmp_path / "a.csv", ["order", header, "user", "sku", "price"], rows), time_zone="America/New_York"))
    said = header != "created_at"
    assert found["event_time"] == ("sold_at" if said else "to_utc_timestamp(sold_at, source_time_zone)")
    assert found["event_date"] == ("to_date(from_utc_timestamp(sold_at, source_time_zone))" if said else "to_date(sold_at)")


def test_what_is_called_like_a_missing_column_and_not_read_is_shown(tmp_path: Path) -> None:
    rows = [[s.order, f"day {s.order}", s.user, s.item, f"{s.pieces} pcs", f"about {s.price}"] for s in sales()]
    found = drafted(lines_csv(tmp_path / "a.csv", ["order_id", "order date", "customer", "sku", "quantity", "unit price"], rows))
    asked = {remark.place.rpartition(".")[2]: remark.text for remark in found.said("todo") if "is called like" in remark.text}
    assert asked == {
        "event_time": f"order date is called like a time, but `day {sales()[0].order}` is not read",
        "quantity": f"quantity is called like pieces, but `{sales()[0].pieces} pcs` is not read",
        "amount_minor": f"unit price is called like a price, but `about {sales()[0].price}` is not read",
    }
