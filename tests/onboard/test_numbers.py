"""How numbers are written is told from a column's values; no Spark."""

from __future__ import annotations

import pytest

from basketgraph.onboard.numbers import number_form


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
