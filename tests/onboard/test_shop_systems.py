"""What is guessed of files in the forms that well-known shop systems export; no Spark."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from basketgraph.onboard.words import header_score, is_personal, plain_values, words_of
from support import new_shops
from support.drafts import columns, drafted, lets, mapping
from support.new_shops import lines_csv, sales


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
    assert lets(found)["happened"] == "case when event_word in ('purchase') then 'purchase' when event_word in ('cart') then 'cart_add' end"
    (asked,) = [remark.text for remark in found.said("todo") if remark.place.endswith("event_type")]
    assert asked.startswith("what are `account` (10 %), `catalog` (10 %), `chat` (10 %)")
    assert "or into the list of `where`, if it is none of these" in asked


@pytest.mark.parametrize(("header", "bought"), [("type", "purchase"), ("event_id", "paid_by_nobody")], ids=str)
def test_many_unknown_words_are_no_events_without_a_header_that_says_so(tmp_path: Path, header: str, bought: str) -> None:
    found = drafted(web_log(tmp_path / "a.csv", header, [*PAGES, bought]))
    assert columns(found)["event_type"] == "'purchase'"


@pytest.mark.parametrize(("kinds", "bought"), [(["cart", "checkout", "payment", "purchase"], "'purchase'"), (["cart", "checkout"], "'checkout'")])
def test_a_step_to_a_purchase_is_one_only_where_no_other_word_is(tmp_path: Path, kinds: list[str], bought: str) -> None:
    found = drafted(web_log(tmp_path / "a.csv", "event", kinds))
    assert lets(found)["happened"].startswith(f"case when event_word in ({bought}) then 'purchase' when event_word in ('cart') then 'cart_add'")


NAMES = [*(f"tea {weight} g" for weight in range(100, 111)), "whole milk"]


def test_a_name_of_items_stands_for_the_id_where_sales_have_no_other(tmp_path: Path) -> None:
    rows = [[s.user, s.at.strftime("%d-%m-%Y"), NAMES[s.item % 12]] for s in sales()]
    found = drafted(lines_csv(tmp_path / "a.csv", ["Member_number", "Date", "itemDescription"], rows))
    assert columns(found)["item_id"] == "trim(`itemDescription`)"
    assert "itemDescription is the item because no column has ids of items, and it names them" in found.text
    assert columns(found, "silver.items") == {
        "item_id": "trim(`itemDescription`)", "valid_from": "DATE'1900-01-01'", "name": "trim(`itemDescription`)", "recommendable": "true",
    }  # fmt: skip


def test_a_name_that_may_be_of_something_else_stands_for_no_item(tmp_path: Path) -> None:
    rows = [[s.user, s.at.date(), NAMES[s.item % 12]] for s in sales()]
    found = drafted(lines_csv(tmp_path / "a.csv", ["user", "date", "description"], rows))
    assert columns(found)["item_id"] == "cast(null as string)"
    people = [[user, "2024-03-01", NAMES[user % 12], "Austria"] for user in range(60)]
    listed = drafted(lines_csv(tmp_path / "b" / "people.csv", ["customer", "joined at", "favourite product name", "country"], people))
    assert list(mapping(listed)["tables"]) == ["silver.users"]


@pytest.mark.parametrize(
    ("role", "headers"),
    [
        ("user", ["Код клиента", "Код клієнта", "Κωδικός πελάτη", "客户编号", "顧客ID", "ユーザーID"]),
        ("item", ["Артикул", "Код товару", "Προϊόν", "商品编号", "商品コード", "Ürün Kodu"]),
        ("order", ["№ чека", "НомерЗаказа", "Αριθμός παραγγελίας", "订单号", "注文番号", "Zamówienie"]),
        ("quantity", ["Кол-во", "Кількість", "ΠΟΣΟΤΗΤΑ", "数量", "個数", "Määrä"]),
        ("unit_price", ["Цена", "Ціна", "Τιμή μονάδας", "单价", "単価"]),
        ("amount", ["Сумма", "Вартість", "Σύνολο", "金额", "合計金額", "Beløb"]),
        ("time", ["Дата и время", "Дата замовлення", "Ημερομηνία", "下单时间", "注文日時", "Päivämäärä"]),
        ("name", ["Наименование товара", "Назва", "Περιγραφή", "商品名称", "商品名"]),
        ("category", ["Категория", "Категорія", "Κατηγορία", "类别", "カテゴリー"]),
    ],
)
def test_headers_of_all_alphabets_are_known_with_and_without_accents(role: str, headers: list[str]) -> None:
    assert [header for header in headers if header_score(role, header) < 0.7] == []


def test_words_keep_the_letters_of_all_alphabets_and_no_accents() -> None:
    assert words_of("ЦенаЗаШт_2 Größe Ημερομηνία naïve") == ("цена", "за", "шт", "2", "groesse", "ημερομηνια", "naive")
    assert [is_personal(header) for header in ("Телефон", "手机号", "ΤΗΛΈΦΩΝΟ", "Номер чека")] == [True, True, True, False]
    assert list(plain_values(["Annulé", "Отменён"]).values()) == ["annule", "отменен"]


@pytest.mark.parametrize(
    ("header", "currency", "time_zone"),
    [
        (["Дата", "Номер чека", "Код клиента", "Артикул", "Количество", "Цена", "Сумма"], "RUB", "Europe/Moscow"),
        (["Ημερομηνία", "Αρ. απόδειξης", "Κωδ. πελάτη", "Κωδικός προϊόντος", "Ποσότητα", "Τιμή", "Σύνολο"], "EUR", "Europe/Athens"),
        (["Дата", "Номер чека", "Код клієнта", "Артикул", "Кількість", "Ціна", "Сума"], "XXX", "UTC"),
    ],
)
def test_a_shop_of_another_alphabet_is_read_as_any_other(tmp_path: Path, header: list[str], currency: str, time_zone: str) -> None:
    def money(value: float) -> str:
        return f"{value:.2f}".replace(".", ",")

    rows = [[s.at.strftime("%d.%m.%Y"), s.order, s.user, f"A{s.item}", s.pieces, money(s.price), money(s.price * s.pieces)] for s in sales()]
    found = drafted(lines_csv(tmp_path / "a.csv", header, rows, sep=";"))
    given = mapping(found)
    assert (given["currency"], given["time_zone"]) == (currency, time_zone)
    assert lets(found)["paid"] == f"cast(replace(`{header[6]}`, ',', '.') as decimal(18, 4))"
    assert [columns(found)[f"{role}_id"] for role in ("order", "user", "item")] == [f"trim(`{header[place]}`)" for place in (1, 2, 3)]


def with_order_totals(place: Path, *, total: str, extra: str, worth: Any = None, price: Any = None, once: bool = False) -> Path:
    """Orders of one line or two, whose money stands on each of their lines; `worth` and `price` where all orders or items have the same."""
    found, totals = [s for n, s in enumerate(sales()) if n % 5 < 2], Counter[int]()
    for s in found:
        totals[s.order] += round(100 * s.price * s.pieces)
    rows = [[s.order, s.at.date(), s.user, f"{s.order * once}-{s.item}", s.pieces, worth or totals[s.order] / 100, price or s.price] for s in found]
    return lines_csv(place, ["order number", "date", "user", "sku", "qty", total, extra], rows)


@pytest.mark.parametrize("worth", [None, "99.00"])
def test_an_orders_money_gives_way_to_the_lines(tmp_path: Path, worth: str | None) -> None:
    found = drafted(with_order_totals(tmp_path / "a.csv", total="Order Total Amount", extra="Item Cost", worth=worth, price=worth and "9.50"))
    assert lets(found)["price"] == "cast(`Item Cost` as decimal(18, 4))"
    assert "# Order Total Amount is the same on all lines of an order, so it is the order's total, which no line was paid with" in found.text
    assert {remark.place for remark in found.said("todo")} == {"time_zone", "currency"}


@pytest.mark.parametrize("once", [False, True])
def test_an_orders_money_is_no_lines_even_where_nothing_else_is(tmp_path: Path, once: bool) -> None:
    found = drafted(with_order_totals(tmp_path / "a.csv", total="total", extra="xyz", price="x", once=once))
    assert columns(found)["amount_minor"] == "0"
    assert any("total is the same on all lines of an order" in remark.text for remark in found.said("todo"))


@pytest.mark.parametrize(("total", "price"), [("paid", "9.50"), ("Order item total", "9.50")])
def test_money_that_is_the_same_by_chance_is_a_lines(tmp_path: Path, total: str, price: str) -> None:
    found = drafted(with_order_totals(tmp_path / "a.csv", total=total, extra="xyz", worth=price, price="x"))
    assert f"cast(`{total}` as decimal(18, 4))" in lets(found).values()


def test_orders_whose_own_columns_are_filled_on_their_first_lines_are_read_by_line(tmp_path: Path) -> None:
    found = drafted(new_shops.orders_on_first_lines(tmp_path / "orders.csv"))
    assert [columns(found)[f"{role}_id"] for role in ("order", "user", "item")] == ["trim(`Name`)", "lower(trim(`Email`))", "trim(`Lineitem sku`)"]
    assert lets(found)["sold_at"] == "cast(`Created at` as timestamp)"
    assert lets(found)["price"] == "cast(`Lineitem price` as decimal(18, 4))"
    assert columns(found)["amount_minor"] == "round(price * pieces * minor_units(line_currency))"
    assert "discount_minor" not in columns(found)
    assert columns(found, "silver.items")["name"] == "trim(`Lineitem name`)"
    assert mapping(found)["files"]["orders"]["personal"] == ["Email", "Billing Name"]
    assert "Ada" not in found.text
    assert "Name is the order because its numbers stand on neighbouring rows of one user each" in found.text


def test_a_state_on_first_lines_only_refuses_those_and_the_draft_says_what_becomes_of_the_others(tmp_path: Path) -> None:
    found = drafted(new_shops.orders_on_first_lines(tmp_path / "orders.csv"))
    given = mapping(found)["tables"]["silver.events"]
    assert given["reject"]["order_not_completed"] == "lower(trim(`Financial Status`)) in ('refunded')"
    (todo,) = [remark.text for remark in found.said("todo") if remark.place.endswith("event_type")]
    assert todo.startswith("Financial Status is filled on the first line of an order only: further lines of orders that came to nothing are counted")


def test_users_and_currencies_on_first_lines_only_are_asked_about(tmp_path: Path) -> None:
    found = drafted(new_shops.orders_on_first_lines(tmp_path / "orders.csv", currencies=("EUR", "CHF"), mail=False))
    asked = {remark.place.rpartition(".")[2] for remark in found.said("todo")}
    assert {"user_id", "currency"} <= asked


def test_numbers_that_come_again_are_orders_only_on_neighbouring_rows_of_one_user(tmp_path: Path) -> None:
    for name, code in (("apart", "#{0.item}"), ("of_all", "W{0.at:%V}"), ("single", "#{1}")):
        rows = [[code.format(s, n), s.at.date(), s.user, s.item] for n, s in enumerate(sorted(sales(), key=lambda s: s.at))]
        found = drafted(lines_csv(tmp_path / name / "a.csv", ["code", "date", "user", "sku"], rows))
        assert "order_id" not in columns(found), name


def test_the_price_of_all_sizes_that_an_order_is_of_is_no_total(tmp_path: Path) -> None:
    rows = [[s.order, s.at.date(), s.user, f"{s.order % 7}-{s.item}", s.pieces, 5.5 + s.order % 7] for s in sales()]
    found = drafted(lines_csv(tmp_path / "a.csv", ["order", "date", "user", "sku", "qty", "price"], rows))
    assert columns(found)["amount_minor"] == "round(price_ * pieces * 100)"
