"""What is guessed of money's currency and unit; no Spark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from basketgraph.onboard.draft import Draft
from basketgraph.onboard.numbers import number_form
from support.drafts import columns, drafted, lets, mapping
from support.new_shops import Sale, lines_csv, lines_json, sales

HEADER = ["order", "date", "customer", "sku", "qty"]
MIXED = ("EUR", "JPY", "KWD")
WHOLE = "are whole numbers: are they in minor units (cents) already?"


def sold(place: Path, headers: Sequence[str], more: Callable[[Sale], list[Any]]) -> Path:
    rows = [[s.order, s.at.date(), f"C{s.user}", f"P{s.item}", s.pieces, *more(s)] for s in sales()]
    return lines_csv(place, [*HEADER, *headers], rows)


def asked(found: Draft, column: str) -> str:
    return "\n".join(remark.text for remark in found.said("todo") if remark.place.endswith(column))


@pytest.mark.parametrize("header", ["Currency", "Währungscode", "ccy", "xyz"])
def test_each_line_has_the_minor_units_of_its_own_currency(tmp_path: Path, header: str) -> None:
    found = drafted(sold(tmp_path / "a.csv", ["price", header], lambda s: [s.price, MIXED[s.order % 3]]), currency="EUR")
    assert columns(found)["amount_minor"] == "round(price_ * pieces * minor_units(line_currency))"
    assert columns(found)["currency"] == "line_currency"
    assert lets(found)["line_currency"] == f"coalesce(upper(trim(`{header}`)), source_currency)"


def test_a_currency_that_no_line_of_the_sample_has_is_right_too(tmp_path: Path) -> None:
    found = drafted(sold(tmp_path / "a.csv", ["price", "currency"], lambda s: [s.price, "EUR"]), currency="EUR")
    assert "minor_units(line_currency)" in columns(found)["amount_minor"]


@pytest.mark.parametrize("code", ["XOF", "KZT", "GHS", "HRK"])
def test_a_column_of_any_code_is_the_currency_and_the_shops(tmp_path: Path, code: str) -> None:
    found = drafted(sold(tmp_path / "a.csv", ["price", "currency"], lambda s: [s.price, code]))
    assert (mapping(found)["currency"], asked(found, "currency")) == (code, "")


def test_the_shops_own_currency_decides_where_lines_have_none(tmp_path: Path) -> None:
    place = sold(tmp_path / "a.csv", ["price"], lambda s: [round(s.price * 700)])
    assert columns(drafted(place, currency="XOF"))["amount_minor"] == "round(price_ * pieces)"


@pytest.mark.parametrize(
    ("header", "values"),
    [("country", ("CHE", "DEU")), ("size", ("ALL", "TOP")), ("market", ("CHE", "CHE")), ("xyz", ("TOP", "PEN")), ("xyz", ("ABC", "EUR"))],
)
def test_three_letters_are_not_always_a_currency(tmp_path: Path, header: str, values: tuple[str, str]) -> None:
    found = drafted(sold(tmp_path / "a.csv", ["price", header], lambda s: [s.price, values[s.order % 2]]), currency="EUR")
    assert columns(found)["currency"] == "source_currency"


def test_products_that_begin_like_a_currency_are_no_money(tmp_path: Path) -> None:
    assert number_form(["TOP12", "TOP7", "ALL3"]) is None
    assert number_form(["TOPAZ 12", "TOPAZ 7"]) is None
    assert number_form(["EUR12.50", "EUR 7"]).signs == ("EUR",)  # type: ignore[union-attr]
    rows = [[s.order, s.at.date(), f"C{s.user}", f"TOP{s.item}"] for s in sales()]
    found = drafted(lines_csv(tmp_path / "a.csv", ["order", "date", "customer", "sku"], rows))
    assert columns(found)["amount_minor"] == "0"


@pytest.mark.parametrize(("signs", "case"), [(("€", "¥"), "when contains(`price`, '€') then 'EUR'"), (("EUR ", "JPY "), "then 'JPY'")])
def test_a_currency_beside_each_number_is_the_lines(tmp_path: Path, signs: tuple[str, str], case: str) -> None:
    found = drafted(sold(tmp_path / "a.csv", ["price"], lambda s: [f"{signs[s.order % 2]}{s.price}"]), currency="EUR")
    assert case in lets(found)["line_currency"]
    assert columns(found)["amount_minor"] == "round(price_ * pieces * minor_units(line_currency))"


def test_a_currency_that_is_no_code_is_asked_about(tmp_path: Path) -> None:
    found = drafted(sold(tmp_path / "a.csv", ["price", "currency"], lambda s: [s.price, "EUR" if s.order % 5 else "Euro"]))
    assert "currency is called like a currency, but `Euro` is not read" in asked(found, "currency")


@pytest.mark.parametrize(
    ("money", "code", "is_asked"),
    [
        (lambda s: round(100 * s.price), "EUR", True),
        (lambda s: float(round(100 * s.price)), "EUR", True),  # as a table of floating-point numbers writes it
        (lambda s: round(100 * s.price), "JPY", False),
        (lambda s: s.price, "EUR", False),
        (lambda s: f"{round(s.price)}.00", "EUR", False),
        (lambda s: f"€{round(s.price)}", "EUR", False),
    ],
)
def test_amounts_without_any_cents_are_asked_about(tmp_path: Path, money: Callable[[Sale], Any], code: str, is_asked: bool) -> None:
    found = drafted(sold(tmp_path / "a.csv", ["price"], lambda s: [money(s)]), currency=code)
    assert (WHOLE in asked(found, "amount_minor")) == is_asked


def test_only_currencies_that_have_minor_units_are_asked_about(tmp_path: Path) -> None:
    def mixed(s: Sale) -> list[Any]:
        return [round(100 * s.price), "JPY"] if s.order % 2 else [s.price, "EUR"]

    assert WHOLE not in asked(drafted(sold(tmp_path / "a.csv", ["price", "currency"], mixed)), "amount_minor")
    yen = sold(tmp_path / "b.csv", ["price", "currency"], lambda s: [round(100 * s.price), "JPY" if s.order % 2 else "EUR"])
    assert WHOLE in asked(drafted(yen), "amount_minor"), "the lines in euros have no cents"


def test_a_header_that_says_cents_is_answer_enough(tmp_path: Path) -> None:
    records = [{"order": s.order, "user": s.user, "date": s.at.isoformat(), "sku": s.item, "price_cents": round(100 * s.price)} for s in sales()]
    found = drafted(lines_json(tmp_path / "a.jsonl", records), currency="EUR")
    assert (columns(found)["amount_minor"], asked(found, "amount_minor")) == ("round(price)", "")
