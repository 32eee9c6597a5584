"""What is recognised and not read is read after all, or asked about with an example that was not understood; no Spark."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from basketgraph.onboard.timestamps import clock_form, clock_sql
from support.drafts import asked, columns, drafted, lets, mapping
from support.new_shops import Sale, lines_csv, plain, sales


def sold(place: Path, **more: Callable[[Sale], Any]) -> Path:
    """Sales with columns that are written in a way of their own."""
    usual: dict[str, Callable[[Sale], Any]] = {
        "order": lambda s: s.order, "date": lambda s: s.at.date(), "customer": lambda s: f"C{s.user}", "sku": lambda s: f"P{s.item}",
        "qty": lambda s: s.pieces, "price": lambda s: s.price,
    }  # fmt: skip
    made = usual | more
    return lines_csv(place, list(made), [[write(s) for write in made.values()] for s in sales()])


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_headers_between_rows_are_no_values(tmp_path: Path, mark: str) -> None:
    lines = plain(tmp_path / "whole.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    chunks = [gzip.compress(("" if place == 1 else mark).join(["", lines[0]]).encode() + "".join(lines[place : place + 10]).encode())
              for place in range(1, len(lines), 10)]  # fmt: skip
    (tmp_path / "sales.csv.gz").write_bytes(b"".join(chunks))
    found = drafted(tmp_path / "sales.csv.gz")
    assert (columns(found)["amount_minor"], asked(found)) == ("round(price * pieces * 100)", [])
    assert "# 19 lines of the sample are the header once more and will be rejected" in found.text


def test_the_example_of_what_is_not_read_is_one_that_is_not_read(tmp_path: Path) -> None:
    found = drafted(sold(tmp_path / "a.csv", price=lambda s: s.price if s.order % 5 else "on request"))
    assert any(
        "price is called like a price, but `on request` is not read (" in text and " % of its values are not)" in text for text in asked(found)
    )


def test_a_date_that_is_not_read_is_named(tmp_path: Path) -> None:
    found = drafted(sold(tmp_path / "a.csv", date=lambda s: "x", date_created=lambda s: f"{s.at:%a} the {s.at:%d}th"))
    assert any(text.startswith("date_created is called like a time, but `") for text in asked(found))


@pytest.mark.parametrize("code", ["4.00638E+12", "4,00638E+12", "4E+12", "4.00638E12"])
def test_ids_that_lost_their_digits_are_no_ids(tmp_path: Path, code: str) -> None:
    found = drafted(sold(tmp_path / "a.csv", sku=lambda s: code))
    assert columns(found)["item_id"] == "cast(null as string)"
    assert f"sku is called like an item, but `{code}` is in scientific notation, so that digits are lost: export it as text" in asked(found)
    users = drafted(sold(tmp_path / "b.csv", customer=lambda s: code))
    assert columns(users)["user_id"] == "cast(null as string)"


def test_of_ids_of_which_some_lost_their_digits_those_are_refused(tmp_path: Path) -> None:
    found = drafted(sold(tmp_path / "a.csv", sku=lambda s: "4.00638E+12" if s.item == 3 else f"5E{s.item}"))
    assert columns(found)["item_id"] == "trim(`sku`)"
    assert "rlike" in mapping(found)["tables"]["silver.events"]["reject"]["item_id_has_lost_digits"]
    lost = sum(s.item == 3 for s in sales())
    assert any(text.startswith(f"sku: {lost} values such as `4.00638E+12` are in scientific notation") for text in asked(found))


def test_formulas_around_values_are_taken_off(tmp_path: Path) -> None:
    found = drafted(sold(tmp_path / "a.csv", sku=lambda s: f'="{s.item:06}"', price=lambda s: f'="{s.price}"' if s.order % 2 else s.price))
    assert columns(found)["item_id"] == "trim(regexp_replace(`sku`, '^ *=\"(.*)\" *$', '$1'))"
    assert lets(found)["price_"] == "cast(regexp_replace(`price`, '^ *=\"(.*)\" *$', '$1') as decimal(18, 4))"
    assert asked(found) == []
    assert '# sku, price: ="..." around values' in found.text


def test_a_formula_around_nothing_is_nothing(tmp_path: Path) -> None:
    found = drafted(sold(tmp_path / "a.csv", customer=lambda s: '=""' if s.order % 4 == 0 else f'="{s.user:05}"'))
    assert "nullif(trim(regexp_replace(`customer`, " in columns(found)["user_id"]


@pytest.mark.parametrize(
    ("values", "form", "sql"),
    [
        (["94030", "151134", "30"], "HHmmss", "lpad(x, 6, '0')"),
        (["94030.0", "151134.0"], "HHmmss", "lpad(regexp_replace(x, '[.]0+$', ''), 6, '0')"),
        (["930", "1511", "5"], "HHmm", "lpad(x, 4, '0')"),
        (["9", "15", "0"], "HH", "lpad(x, 2, '0')"),
        (["9:40:30", "15:11:34"], "H:mm:ss", "x"),
        (["94061", "99999"], None, ""),
        (["250000", "246000"], None, ""),
        (["9h40", "15h11"], None, ""),
    ],
)
def test_a_time_of_day_may_have_lost_its_zeros(values: list[str], form: str | None, sql: str) -> None:
    assert clock_form(values) == form
    assert form is None or clock_sql(form, "x", values) == sql


def test_a_tills_time_of_day_is_joined_to_its_day_or_asked_about(tmp_path: Path) -> None:
    found = drafted(sold(tmp_path / "a.csv", date=lambda s: f"{s.at:%Y%m%d}", uhrzeit=lambda s: int(f"{s.at:%H%M%S}")))
    assert lets(found)["sold_at"] == "to_timestamp(concat(`date`, ' ', lpad(`uhrzeit`, 6, '0')), 'yyyyMMdd HHmmss')"
    odd = drafted(sold(tmp_path / "b.csv", uhrzeit=lambda s: f"{s.at:%Hh%M}"))
    assert any(text.startswith("uhrzeit is called like a time of day, but `") for text in asked(odd))
    stamped = drafted(sold(tmp_path / "c.csv", date=lambda s: s.at, uhrzeit=lambda s: f"{s.at:%Hh%M}"))
    assert asked(stamped) == [], "the date has a time of day already"
