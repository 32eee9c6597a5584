"""What is guessed of events with a list of their lines, and of two columns of the time; no Spark."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support import new_shops
from support.drafts import columns, drafted, lets, mapping
from support.new_shops import Sale, lines_csv, lines_json, sales


def test_what_a_list_says_of_its_lines_goes_before_what_stands_beside_it(tmp_path: Path) -> None:
    found = drafted(new_shops.events_with_lists(tmp_path / "events.json"))
    assert lets(found)["price"] == "cast(`line`.`of`.`price` as decimal(18, 4))"
    assert lets(found)["pieces"] == "cast(`line`.`of`.`quantity` as bigint)"
    assert columns(found)["amount_minor"] == "round(price * pieces * 100)"
    told = "(ecommerce.purchase_revenue, ecommerce.total_item_quantity) is beside the list of lines, so it is the whole order's, which no line was"
    assert told in " ".join(found.text.replace("#", " ").split())
    assert columns(found, "silver.items")["category"] == "trim(`line`.`of`.`item_category`)"
    assert columns(found)["order_id"] == "trim(`ecommerce`.`transaction_id`)"


def test_money_beside_a_list_is_no_lines_even_where_nothing_else_is(tmp_path: Path) -> None:
    place = new_shops.events_with_lists(tmp_path / "events.json")
    records = [json.loads(line) for line in place.read_text().splitlines()]
    for record in records:
        record["items"] = [{"item_id": one["item_id"]} for one in record["items"]]
    place.write_text("".join(json.dumps(record) + "\n" for record in records))
    found = drafted(place)
    assert (columns(found)["amount_minor"], columns(found)["quantity"]) == ("0", "1")
    assert any("ecommerce.purchase_revenue, ecommerce.total_item_quantity) is beside" in remark.text for remark in found.said("todo"))
    assert "category" not in columns(found, "silver.items"), "the device's category is no item's"


def test_of_several_lists_the_one_with_items_is_of_the_lines(tmp_path: Path) -> None:
    found = drafted(new_shops.events_with_lists(tmp_path / "events.json", more={"event_params": [{"key": "page", "value": "1"}]}))
    assert "explode_outer(transform(`items`, " in lets(found)["line"]
    assert columns(found)["item_id"] == "trim(`line`.`of`.`item_id`)"


def test_the_browser_of_everybody_is_the_visitor_and_the_few_who_signed_in_are_users(tmp_path: Path) -> None:
    found = drafted(new_shops.events_with_lists(tmp_path / "events.json"))
    assert [columns(found)[name] for name in ("user_id", "visitor_id")] == ["trim(`user_id`)", "trim(`user_pseudo_id`)"]
    assert not any("rejected as missing:user_id" in remark.text for remark in found.said("todo"))


@pytest.mark.parametrize(("zone", "time"), [(0, "event_timestamp"), (6, "event_timestamp"), (48, "event_date")])
def test_an_instant_says_more_than_a_day_where_they_agree(tmp_path: Path, zone: int, time: str) -> None:
    found = drafted(new_shops.events_with_lists(tmp_path / "events.json", zone=timedelta(hours=zone)))
    sold_at = {"event_timestamp": "timestamp_micros(cast(`event_timestamp` as bigint))", "event_date": "to_timestamp(`event_date`, 'yyyyMMdd')"}
    assert lets(found)["sold_at"] == sold_at[time]
    assert ("it has a time of day, too, and says the same days as event_date" in " ".join(found.text.split())) == (time == "event_timestamp")


@pytest.mark.parametrize(
    ("header", "later", "taken"), [("event timestamp", 0, True), ("event timestamp", 20, False), ("ship time", 0, False), ("seen", 0, False)]
)
def test_a_local_time_says_more_than_a_day_where_header_and_days_agree(tmp_path: Path, header: str, later: int, taken: bool) -> None:
    rows = [[s.user, s.item, s.at.strftime("%d/%m/%Y"), (s.at + timedelta(hours=later)).strftime("%Y-%m-%d %H:%M:%S")] for s in sales()]
    found = drafted(lines_csv(tmp_path / "a.csv", ["user", "item", "order date", header], rows))
    assert lets(found)["sold_at"] == (f"to_timestamp(`{header}`, 'yyyy-MM-dd HH:mm:ss')" if taken else "to_timestamp(`order date`, 'dd/MM/yyyy')")


def test_the_lines_of_records_with_many_fields_are_seen(tmp_path: Path) -> None:
    """`line` comes after all other fields of a record, and what an order's system calls the pieces after 60 others of a line."""
    place = new_shops.orders_array(tmp_path / "orders.json")
    records = json.loads(place.read_text())
    for record in records:
        record |= {f"more_{number}": number for number in range(60)}
        record["items"] = [{**{f"detail_{number}": "x" for number in range(60)}, **one} for one in record["items"]]
    place.write_text(json.dumps(records))
    found = drafted(place)
    ids = [columns(found)[f"{role}_id"] for role in ("order", "user", "item")]
    assert ids == ["trim(`order_id`)", "trim(`customer_id`)", "trim(`line`.`of`.`sku`)"]
    assert columns(found)["amount_minor"] == "round(price * pieces * 100)"


MORE_LISTS = {
    "images": [{"small_image_url": "a"}, {"small_image_url": "b"}],
    "promotions": [{"code": "X", "amount": 1.0}, {"code": "Y", "amount": 2.0}],
    "tax_lines": [{"title": "VAT", "price": 0.2}],
    "facts": [{"key": "page", "value": 1, "count": 3}],
}


@pytest.mark.parametrize("name", MORE_LISTS)
def test_a_list_that_names_no_items_is_not_of_lines_though_it_is_the_only_one(tmp_path: Path, name: str) -> None:
    records = [{"order": s.order, "user": s.user, "date": s.at.isoformat(), "sku": s.item, "price": s.price, name: MORE_LISTS[name]} for s in sales()]
    found = drafted(lines_json(tmp_path / "a.json", records))
    assert "explode" not in found.text
    assert columns(found)["item_id"] == "trim(`sku`)"


def test_a_list_that_names_items_and_counts_them_is_of_lines_though_it_has_no_ids(tmp_path: Path) -> None:
    records = [{"order": s.order, "user": s.user, "date": s.at.isoformat(), "basket": [{"title": s.title, "qty": s.pieces}]} for s in sales()]
    assert "explode_outer(transform(`basket`, " in lets(drafted(lines_json(tmp_path / "a.json", records)))["line"]


def track_calls(place: Path) -> Path:
    """Events of a web shop, each with its facts in one record: of a view the item itself, of an order the list of its items."""
    orders: dict[int, list[Sale]] = {}
    for s in sales():
        orders.setdefault(s.order, []).append(s)
    records: list[dict[str, Any]] = []
    for order, lines in orders.items():
        who = {"anonymousId": f"a-{lines[0].user}", "userId": f"u{lines[0].user}", "email": "a@b.example"}
        given = [{"product_id": f"P{s.item}", "price": s.price, "quantity": s.pieces, "buyer email": "a@b.example"} for s in lines]
        bought = {"order_id": f"5{order}", "revenue": 99.0, "currency": "EUR", "products": given}
        told = [*[("Product Viewed", one) for one in given * 4], ("Checkout Started", bought), ("Order Completed", bought)]
        told += [("Order Refunded", bought)] if order % 9 == 0 else []
        records += [{"event": event, "timestamp": f"{lines[0].at:%Y-%m-%dT%H:%M:%S}Z", **who, "properties": facts} for event, facts in told]
    return lines_json(place, records)


def test_lines_lie_in_a_record_of_the_events_facts_and_columns_are_judged_by_the_purchases(tmp_path: Path) -> None:
    found = drafted(track_calls(tmp_path / "track.jsonl"))
    assert lets(found)["line"].startswith("explode_outer(transform(`properties`.`products`, ")
    assert [columns(found)[f"{role}_id"] for role in ("order", "item")] == ["trim(`properties`.`order_id`)", "trim(`line`.`of`.`product_id`)"]
    assert columns(found)["event_type"].startswith("case when event_word in ('order completed') then 'purchase'")
    assert mapping(found)["tables"]["silver.events"]["where"] == "coalesce(event_word, '') not in ('checkout started', 'product viewed')"
    assert lets(found)["price"] == "cast(`line`.`of`.`price` as decimal(18, 4))"
    assert "properties" in mapping(found)["files"]["track"]["personal"]
    assert "silver.users" not in mapping(found)["tables"], "a revenue is nobody's income"
    assert columns(found)["event_id"] == "concat_ws('-', trim(`properties`.`order_id`), event_word, line.place)", "a refund is no newer purchase"


def test_what_a_line_is_made_of_is_no_lines(tmp_path: Path) -> None:
    parts = [{"sku": "PART-1", "quantity": 2}, {"sku": "PART-2", "quantity": 1}]
    records = [{"order": s.order, "user": s.user, "date": s.at.isoformat(), "sku": s.item, "quantity": s.pieces, "parts": parts} for s in sales()]
    assert "explode" not in drafted(lines_json(tmp_path / "a.json", records)).text


def test_lines_are_told_by_the_files_that_have_some(tmp_path: Path) -> None:
    for number in range(2):
        items = [{"sku": "P1", "quantity": 1, "price": 2.5}] * number
        records = [{"order_id": s.order, "user_id": s.user, "date": s.at.isoformat(), "items": items} for s in sales(40)]
        lines_json(tmp_path / f"orders-{number}.json", records)
    found = drafted(tmp_path)
    assert "explode_outer(transform(`items`, " in lets(found)["line"]
    assert "items: 'array<struct" in found.text.replace('"', "'")
    assert columns(found)["item_id"] == "trim(`line`.`of`.`sku`)"


def test_of_baskets_without_numbers_it_is_said_what_a_lines_id_is(tmp_path: Path) -> None:
    items = [{"sku": "P1", "quantity": 1, "price": 2.5}] * 2
    records = [{"user_id": s.user, "timestamp": s.at.isoformat(), "items": items} for s in sales()]
    found = drafted(lines_json(tmp_path / "a.json", records))
    assert "event_id" not in columns(found)
    assert "the whole record and a line's place in it are its id" in found.text
    assert any("which field is the record's own number?" in remark.text for remark in found.said("todo"))


def orders_as(shape: Callable[[str, dict[str, Any]], dict[str, Any]]) -> list[dict[str, Any]]:
    """Orders with the list of their lines, put into shape with a number that is like nothing else."""
    orders: dict[int, dict[str, Any]] = {}
    for s in sales():
        order = orders.setdefault(s.order, {"created_at": s.at.strftime("%Y-%m-%dT%H:%M:%SZ"), "customer_id": s.user, "lines": []})
        order["lines"].append({"sku": f"P{s.item}", "quantity": s.pieces, "price": s.price})
    return [shape(str(7_000_000 + 37 * number), order) for number, order in orders.items()]


@pytest.mark.parametrize(
    ("order", "shape"),
    [
        ("trim(`id`)", lambda number, order: {"id": int(number), **order}),
        ("trim(`ID`)", lambda number, order: {"ID": number, **order}),
        ("trim(`_id`.`$oid`)", lambda number, order: {"_id": {"$oid": number}, **order}),
        ("trim(`id`)", lambda number, order: {"id": number, "created_at": order["created_at"], "lines": order["lines"]}),  # nobody's
        ("trim(`id`)", lambda number, order: {"id": f"gid://shop/Order/{number}", "number": 5, **order}),
        ("trim(`id`)", lambda number, order: {"number": int(number) % 1000, "id": int(number), "store": {"id": 3}, **order}),
        ("trim(`order`.`orderId`)", lambda number, order: {"id": "x" + number, "order": {"orderId": int(number), **order}}),
        ("trim(`data`.`object`.`id`)", lambda number, order: {"id": "evt_" + number, "data": {"object": {"id": "o" + number, **order}}}),
        ("trim(`id`)", lambda number, order: {"id": number, **{k: v for k, v in order.items() if k != "lines"}, "lines": {"nodes": order["lines"]}}),
    ],
)
def test_the_id_of_the_record_that_holds_the_lines_is_the_orders(
    tmp_path: Path, order: str, shape: Callable[[str, dict[str, Any]], dict[str, Any]]
) -> None:
    found = drafted(lines_json(tmp_path / "a.jsonl", orders_as(shape)))
    assert columns(found)["order_id"] == order
    assert columns(found)["event_id"] == f"concat_ws('-', {order}, line.place)"


@pytest.mark.parametrize(
    "shape",
    [
        lambda number, order: {"id": int(number) % 3, **order},  # of a till
        lambda number, order: {"id": number, **order, "lines": [{**one, "sold_at": order["created_at"]} for one in order["lines"]], "created_at": 0},
    ],
)
def test_an_id_of_a_till_or_of_a_record_of_several_days_is_no_orders(tmp_path: Path, shape: Callable[[str, dict[str, Any]], dict[str, Any]]) -> None:
    found = drafted(lines_json(tmp_path / "a.jsonl", orders_as(shape)))
    assert "order_id" not in columns(found)


def test_an_orders_number_that_its_header_names_goes_before_the_id_of_its_record(tmp_path: Path) -> None:
    found = drafted(lines_json(tmp_path / "a.jsonl", orders_as(lambda number, order: {"id": "r" + number, "order_number": number, **order})))
    assert columns(found)["order_id"] == "trim(`order_number`)"


def test_lines_that_come_again_in_a_state_that_is_refused_are_asked_about(tmp_path: Path) -> None:
    place = tmp_path / "orders"
    lines_json(place / "1.jsonl", orders_as(lambda number, order: {"id": number, "status": "completed", **order}))
    first = drafted(place)
    lines_json(place / "2.jsonl", orders_as(lambda number, order: {"id": number, "status": "refunded", **order})[:8])
    again = drafted(place)
    told = ["which is the newer one is told by the files' times" in " ".join(r.text for r in found.said("todo")) for found in (first, again)]
    assert told == [False, True]


def test_the_newer_state_of_a_line_is_told_by_the_column_that_says_when_it_was_changed(tmp_path: Path) -> None:
    changed = {"date_modified": "2026-03-01T12:00:00", "date_modified_gmt": "2026-03-01T11:00:00"}
    found = drafted(lines_json(tmp_path / "a.jsonl", orders_as(lambda number, order: {"id": number, "status": "completed", **order, **changed})))
    events = mapping(found)["tables"]["silver.events"]
    assert re.fullmatch(r"coalesce\(to_timestamp\(`date_modified_gmt`, .*\), (sold_at|to_.*)\)", events["version"])
