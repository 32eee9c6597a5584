"""What is guessed of a new shop's files, and what is refused; no Spark. The drafts are read by Spark in test_draft_in_spark.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from basketgraph.onboard.dialect import decoded
from basketgraph.onboard.files import Excerpt
from basketgraph.onboard.numbers import number_form
from basketgraph.onboard.timestamps import epoch_form, timestamp_form
from basketgraph.onboard.words import header_score, is_personal, language
from support import new_shops
from support.drafts import columns, drafted, lets, mapping
from support.new_shops import lines_csv, sales


@pytest.mark.parametrize(
    ("values", "pattern", "ambiguous"),
    [
        (["2024-03-01", "2024-12-31"], "yyyy-MM-dd", False),
        (["2024-03-01 10:00:00", "2024-03-02 11:30:00"], "yyyy-MM-dd HH:mm:ss", False),
        (["2024-03-01T10:00:00.5", "2024-03-02T11:30:00.123456"], "yyyy-MM-dd'T'HH:mm:ss[.SSSSSSSSS]", False),
        (["12/1/2000", "1/13/2001"], "M/d/yyyy", False),
        (["12/1/2000", "13/1/2001"], "d/M/yyyy", False),
        (["12/01/2000", "01/02/2001"], "MM/dd/yyyy", True),
        (["12.01.2000", "01.02.2001"], "dd.MM.yyyy", True),
        (["01/02/24 3:05 PM", "11/22/24 12:00 AM"], "MM/dd/yy h:mm a", False),
        (["20240301", "20241231"], "yyyyMMdd", False),
        (["1 Mar 2024", "12 Dec 2024"], "d MMM yyyy", False),
        (["Jan-05-23", "Dec-31-23"], "MMM-d-yy", False),
        (["20230105081233", "20231231235959"], "yyyyMMddHHmmss", False),
        (["2024-03-01", "2024-03-02 10:00"] * 5, "yyyy-MM-dd", False),
        (["2024-03-01  10:00", "2024-12-31  11:30"], "yyyy-MM-dd  HH:mm", False),
        (["01.12.2000 10:00+0100", "13.12.2000 11:30+0100"], "dd.MM.yyyy H:mm[ ]XX", False),
        (["01.12.2000 10:00 GMT", "13.12.2000 11:30 GMT"], "dd.MM.yyyy H:mm[ ]z", False),
    ],
)
def test_dates_are_read_by_evidence_and_ambiguity_is_said(values: list[str], pattern: str, ambiguous: bool) -> None:
    form = timestamp_form(values)
    assert form is not None
    assert form.patterns[0] == pattern
    assert form.ambiguous == ambiguous


def test_digits_of_other_scripts_and_odd_blanks_are_no_dates_as_they_are() -> None:
    assert timestamp_form(["\u0662\u0660\u0662\u0664-\u0660\u0663-\u0660\u0661"]) is None
    assert timestamp_form(["3/2/2024, 12:40\u202fPM"]) is None
    assert epoch_form(["\u0661" * 10]) is None
    assert timestamp_form(["3/2/2024, 12:40 p. m.", "3/22/2024, 1:40 AM"]).sql("x") == (  # type: ignore[union-attr]
        "to_timestamp(regexp_replace(x, '(?i)([ap])[.] ?m[.]?', '$1m'), 'M/d/yyyy, h:mm a')"
    )


def test_the_day_is_taken_first_where_only_the_files_language_speaks_for_it() -> None:
    values = ["12/01/2000", "01/02/2001"]
    assert timestamp_form(values, continental=True).patterns == ("dd/MM/yyyy",)  # type: ignore[union-attr]
    assert timestamp_form(values, separator=";").patterns == ("dd/MM/yyyy",)  # type: ignore[union-attr]
    assert "AMBIGUOUS" in timestamp_form(values).because  # type: ignore[union-attr]


def test_stamps_with_an_offset_are_instants_and_others_are_not() -> None:
    zoned = timestamp_form(["2024-03-01T10:00:00+02:00", "2024-03-01T10:00:00Z"])
    assert zoned is not None
    assert (zoned.instant, zoned.sql("x")) == (True, "cast(x as timestamp)")
    assert timestamp_form(["2024-03-01T10:00:00"]).instant is False  # type: ignore[union-attr]
    assert timestamp_form(["4711", "12345678", "abc"]) is None
    assert timestamp_form(["20230105000123", "20230106000017"]) is None, "a day and a counter within it"
    assert timestamp_form(["20230105000000", "20230106000000"]) is not None


@pytest.mark.parametrize(
    ("value", "sql"),
    [
        ("1433221332", "timestamp_seconds(cast(x as bigint))"),
        ("1433221332117", "timestamp_millis(cast(x as bigint))"),
        ("1433221332117000", "timestamp_micros(cast(x as bigint))"),
        ("1433221332117000000", "timestamp_micros(cast(x as bigint) div 1000)"),
    ],
)
def test_counts_since_1970_are_told_by_their_size(value: str, sql: str) -> None:
    assert epoch_form([value]).sql("x") == sql  # type: ignore[union-attr]
    assert epoch_form(["4710199010372"]) is None  # a barcode: the year 2119


@pytest.mark.parametrize(
    ("values", "separator", "sql"),
    [
        (["1.5", "2", "-3.25"], ",", "x"),
        (["1,234.50", "12.00", "1,234,567.00"], ",", "replace(x, ',', '')"),
        (["1,5", "2,25"], ";", "replace(x, ',', '.')"),
        (["1.234,50", "12,00"], ";", "replace(replace(x, '.', ''), ',', '.')"),
        (["$1.50", "$2.00"], ",", "replace(x, '$', '')"),
        (["1,50 €", "2,00 €"], ";", "replace(replace(x, '€', ''), ',', '.')"),
        (["1'234.50", "12.00"], ",", "replace(x, \"'\", '')"),
        (["1.234", "2.500"], ";", "replace(replace(x, '.', ''), ',', '.')"),
        (["1.234,56-", "2,50", "3,00"], ";", "replace(replace(regexp_replace(trim(x), '^(.*)-$', '-$1'), '.', ''), ',', '.')"),
        (["($4.50)", "$2.00", "$3.00"], ",", "regexp_replace(trim(replace(x, '$', '')), '^[(](.*)[)]$', '-$1')"),
    ],
)
def test_numbers_are_read_as_they_are_written(values: list[str], separator: str, sql: str) -> None:
    form = number_form(values, separator=separator)
    assert form is not None
    assert form.sql("x") == sql
    assert all(form.value(text) is not None for text in values)


def test_three_digits_after_every_mark_are_said_to_be_ambiguous() -> None:
    assert "three digits" in number_form(["1,234", "2,500"], separator=",").ambiguous  # type: ignore[union-attr]
    assert number_form(["1,234", "2,500.5"], separator=",").ambiguous == ""  # type: ignore[union-attr]
    assert number_form(["1234", "A12"]) is None
    assert number_form(["1001-", "1002-"]) is None
    behind, around = (number_form(["1,50-", "2,00", "3,00"], separator=";"), number_form(["(1.50)", "2", "3"]))
    assert behind is not None
    assert around is not None
    assert (behind.value("1,50-"), behind.value("2,00"), around.value("(1.50)")) == (-1.5, 2.0, -1.5)


@pytest.mark.parametrize(
    ("text", "codec", "encoding"),
    [
        ("Grüner Tee\nKäse, jung\nSmörgås\n", "cp1252", "windows-1252"),
        ("Crème brûlée\nPâté façon grand-mère\nŒufs\n", "cp1252", "windows-1252"),
        ("Łosoś wędzony\nŻurek\nPączki z różą\n", "cp1250", "windows-1250"),
        ("Молоко\nХлеб чёрный\nСметана\n", "cp1251", "windows-1251"),
        ("Grüner Tee\n", "utf-8", "UTF-8"),
        ("Grüner Tee\n", "utf-8-sig", "UTF-8"),
        ("Grüner Tee\n", "utf-16", "UTF-16"),
    ],
)
def test_encodings_are_told_from_bytes(text: str, codec: str, encoding: str) -> None:
    whole = text.encode(codec)
    found = decoded(Excerpt(whole, (), True, len(whole)), "a file")
    assert (found.encoding, found.head) == (encoding, text)


def test_headers_speak_many_languages_and_tell_people_from_things() -> None:
    for role, headers in {
        "user": ("CustomerID", "Kunden-Nr.", "code client", "visitorid", "cust_id"),
        "item": ("StockCode", "Artikelnummer", "Référence", "article_id", "SKU"),
        "quantity": ("Qty", "Menge", "quantité"),
        "time": ("InvoiceDate", "Bestelldatum", "event_time"),
    }.items():
        for header in headers:
            assert header_score(role, header) > 0.7, header
    assert header_score("user", "user_feature_0") < 0.4
    assert [is_personal(name) for name in ("e-mail", "first_name", "PIN_CODE", "product_name", "order_id")] == [True, True, True, False, False]
    assert (language(["Kundennr", "Menge", "x"]), language(["customer", "Menge"])) == ("German", None)


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


def test_events_other_than_purchases_are_left_out_and_said(tmp_path: Path) -> None:
    found = drafted(new_shops.web_events(tmp_path / "events.jsonl"))
    given = mapping(found)["tables"]["silver.events"]
    assert given["where"] == "coalesce(event_word, '') not in ('add_to_cart', 'view')"
    assert given["columns"]["event_type"] == "case when event_word in ('purchase') then 'purchase' end"
    assert "`add_to_cart` (33 %), `view` (33 %) are left out" in found.text
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
