"""What is guessed of a new shop's files, and what is refused; no Spark. The drafts are read by Spark in test_draft_in_spark.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support import new_shops
from support.drafts import columns, drafted, lets, mapping
from support.new_shops import lines_csv, sales


def test_a_german_shop_is_read_by_its_prices_for_lines_and_its_own_zone(tmp_path: Path) -> None:
    found = drafted(new_shops.german(tmp_path / "umsatz.csv"))
    given = mapping(found)
    assert (given["time_zone"], given["currency"], found.said("todo")) == ("Europe/Berlin", "EUR", [])
    assert given["files"]["umsatz"]["options"] == {"sep": ";", "encoding": "windows-1252"}
    assert lets(found)["paid"] == "cast(replace(replace(`Gesamtpreis`, '.', ''), ',', '.') as decimal(18, 4))"
    assert lets(found)["sold_at"] == "to_timestamp(concat(`Bestelldatum`, ' ', `Uhrzeit`), 'dd.MM.yyyy H:mm')"
    assert columns(found)["amount_minor"] == "round(paid * 100)"
    assert columns(found)["user_id"] == "nullif(ltrim('0', trim(`Kundennr`)), '')"
    assert columns(found)["item_id"] == "trim(`Artikelnr`)"  # leading zeros of products stay
    assert columns(found, "silver.items")["name"] == "trim(`Bezeichnung`)"
    assert given["files"]["umsatz"]["personal"] == ["Kundennr"]


def test_values_of_persons_are_not_in_the_draft_but_their_shape_is(tmp_path: Path) -> None:
    rows = [[s.order, s.at.isoformat(), f"{s.user:06}", f"u{s.user}@example.org", s.item, "0151 2345678", s.price] for s in sales()]
    text = drafted(lines_csv(tmp_path / "a.csv", ["order_id", "date", "customer_id", "mail", "sku", "note", "price"], rows)).text
    assert "example.org" not in text
    assert "2345678" not in text
    assert "xx9@xxxxxxx.xxx" in text or "x9@xxxxxxx.xxx" in text
    assert "customer_id: string # 20 different: 999999" in text


@pytest.mark.parametrize(("each", "amount"), [(True, "round(price * pieces * 100)"), (False, "round(paid * 100)")])
def test_values_not_headers_say_whether_money_is_for_a_piece_or_for_the_line(tmp_path: Path, each: bool, amount: str) -> None:
    rows = [[s.order, s.at.date(), s.user, s.item, s.pieces, f"{s.price * (1 if each else s.pieces):.2f}"] for s in sales()]
    found = drafted(lines_csv(tmp_path / "a.csv", ["order", "date", "user", "item", "qty", "sales_price"], rows))
    assert columns(found)["amount_minor"] == amount


def test_an_orders_total_on_each_line_is_not_taken_for_the_lines(tmp_path: Path) -> None:
    totals: dict[int, float] = {}
    for s in sales():
        totals[s.order] = totals.get(s.order, 0) + s.price * s.pieces
    rows = [[s.order, s.at.date(), s.user, s.item, s.pieces, f"{totals[s.order]:.2f}"] for s in sales()]
    found = drafted(lines_csv(tmp_path / "a.csv", ["order", "date", "user", "item", "qty", "total"], rows))
    assert columns(found)["amount_minor"] == "0"
    assert any("order's total" in remark.text for remark in found.said("todo"))


def returns_by(kind: str) -> list[list[Any]]:
    back = {s.order for s in sales()[::7]}
    rows = []
    for s in sales():
        is_back = s.order in back
        order = f"C{s.order}" if is_back and kind == "prefix" else f"{s.order}"
        pieces = -s.pieces if is_back and kind in ("prefix", "pieces") else s.pieces
        money = -s.price if is_back and kind == "money" else s.price
        rows.append([order, s.at.date(), s.user, s.item, pieces, f"{money:.2f}", int(is_back)])
    return rows


@pytest.mark.parametrize(
    ("kind", "last", "cancelled"),
    [
        ("prefix", "x", "`order` like 'C%'"),
        ("pieces", "x", "coalesce(cast(`qty` as decimal(18, 4)) < 0, false)"),
        ("money", "x", "coalesce(cast(`price` as decimal(18, 4)) < 0, false)"),
        ("flag", "is_return", "coalesce(lower(cast(`is_return` as string)) in ('1'), false)"),
    ],
)
def test_cancellations_are_told_by_prefix_sign_or_flag(tmp_path: Path, kind: str, last: str, cancelled: str) -> None:
    found = drafted(lines_csv(tmp_path / "a.csv", ["order", "date", "user", "item", "qty", "price", last], returns_by(kind)))
    assert lets(found)["cancelled"] == cancelled
    assert columns(found)["event_type"] == "if(cancelled, 'cancellation', 'purchase')"
    assert ("abs(pieces)" in columns(found)["quantity"]) == (kind in ("prefix", "pieces"))
    assert ("abs(price_)" in columns(found)["amount_minor"]) == (kind == "money")


def test_pieces_money_and_orders_are_those_of_purchases_though_other_events_have_them_too(tmp_path: Path) -> None:
    found = drafted(new_shops.web_events(tmp_path / "events.jsonl"))
    given = mapping(found)["tables"]["silver.events"]
    assert "where" not in given
    assert given["columns"]["quantity"] == "if((ordered or happened = 'cart_add'), pieces, null)"
    assert given["columns"]["amount_minor"] == "if(ordered, round(price_ * pieces * minor_units(line_currency)), null)"
    assert given["columns"]["order_id"] == "if(ordered, trim(`order_id`), null)"
    assert given["reject"] == {
        "quantity_not_positive": "(ordered or happened = 'cart_add') and pieces <= 0",
        "price_not_positive": "ordered and price_ <= 0",
    }
    assert set(given["nullable"]) == {"order_id", "quantity", "amount_minor", "currency"}
    assert given["columns"]["event_id"] == "trim(`event_id`)"
    assert given["columns"]["user_id"] == "trim(`user`.`id`)"
    assert mapping(found)["files"]["events"]["personal"] == ["user"]


def test_a_folder_of_sales_products_and_customers_becomes_three_tables(tmp_path: Path) -> None:
    new_shops.plain(tmp_path / "sales_2024-03-01.csv", sales(120))
    new_shops.plain(tmp_path / "sales_2024-03-02.csv", sales(80))
    lines_csv(tmp_path / "products.csv", ["product_id", "title", "category"], [[f"P{i:03}", f"Thing {i}", "c"] for i in range(12)])
    lines_csv(tmp_path / "people.csv", ["customer_id", "country", "age group"], [[i, "Austria", "20-29"] for i in range(20)])
    lines_csv(tmp_path / "stores.csv", ["store", "square metres"], [[i, 100 + i] for i in range(9)])
    found = drafted(tmp_path)
    given = mapping(found)
    assert {table: terms["files"] for table, terms in given["tables"].items()} == {
        "silver.events": "sales", "silver.items": "products", "silver.users": "people",
    }  # fmt: skip
    assert given["files"]["sales"]["pattern"] == "sales_*.csv"
    assert (given["currency"], given["time_zone"]) == ("EUR", "Europe/Vienna")
    assert [text.partition(":")[0] for text in found.plan.left_out] == ["stores.csv"]


def test_what_cannot_be_guessed_is_a_todo_and_the_mapping_still_passes(tmp_path: Path) -> None:
    rows = [[s.at.date(), s.item, s.pieces] for s in sales()]
    found = drafted(lines_csv(tmp_path / "a.csv", ["date", "product", "xyz"], rows))
    assert {remark.place.rpartition(".")[2] for remark in found.said("todo")} == {"time_zone", "currency", "user_id", "amount_minor"}
    assert mapping(found)["currency"] == "XXX"
    assert columns(found)["user_id"] == "cast(null as string)"
    assert "order_id" not in columns(found)
    told = drafted(tmp_path / "a.csv", currency="CHF", time_zone="Europe/Zurich")
    assert {remark.place.rpartition(".")[2] for remark in told.said("todo")} == {"user_id", "amount_minor"}


def test_yen_have_no_minor_unit(tmp_path: Path) -> None:
    place = new_shops.plain(tmp_path / "a.csv")
    assert columns(drafted(place, currency="JPY"))["amount_minor"] == "round(price * pieces)"
    assert columns(drafted(place, currency="KWD"))["amount_minor"] == "round(price * pieces * 1000)"
