"""What a check found, as a sentence: true of what was looked at, which need not be the whole table."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from basketgraph.foundation.quality.renderers import found_in_words, scope_in_words
from basketgraph.foundation.quality.suites import Expectation

PRICE = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "amount_minor", "min_value": 1}, "severity": "warning", "meta": {}}


def told(noun: str = "row", **found: int | date) -> str:
    return found_in_words(Expectation.model_validate({**PRICE, "notes": "why"}), found, about_people=False, noun=noun)


def test_a_look_that_met_no_row_does_not_call_the_table_empty() -> None:
    assert told(unexpected_count=0, element_count=0) == "there is no row to look at", "a condition may have met none, or no day may have changed"


def test_rows_that_lack_the_value_are_not_counted_as_kept() -> None:
    assert told(unexpected_count=0, element_count=3, missing_count=3) == "no row has a value"
    assert told(unexpected_count=0, element_count=3, missing_count=1) == "true of all 2 rows"
    assert told(unexpected_count=1, element_count=3, missing_count=1) == "not true of 1 row of 2 (50.0\N{NO-BREAK SPACE}%)"


def scope(kind: str | None, days: list[date] | None = None, reason: str | None = None, repeated_from: date | None = None) -> dict[str, Any]:
    return {"scope_kind": kind, "scope_days": days, "scope_reason": reason, "repeated_from": repeated_from}


MARCH = [date(2026, 3, day) for day in range(1, 5)]


@pytest.mark.parametrize(
    ("looked_at", "said"),
    [
        (scope("table"), "the whole table"),
        (scope("table", reason="every 7 days"), "the whole table: every 7 days"),
        (scope("table", reason="every 7 days", repeated_from=MARCH[0]), "looked at for 2026-03-01: the whole table: every 7 days"),
        (scope("log"), "what the table's log knows of all its rows"),
        (scope("all_rows"), "all rows of the table"),
        (scope("window", MARCH, "and the 28 days before them"), "the days from 2026-03-01 to 2026-03-04, and the 28 days before them"),
        (scope("days", [], "changed"), "nothing changed since the last check; what it found is repeated"),
        (scope("days", MARCH[:1], "changed"), "rows of 1 day that changed: 2026-03-01"),
        (scope("days", MARCH[:3], "changed"), "rows of 3 days that changed: 2026-03-01, 2026-03-02, 2026-03-03"),
        (scope("days", MARCH, "changed"), "rows of 4 days that changed: 2026-03-01 to 2026-03-04"),
        (scope(None, repeated_from=MARCH[0]), ""),  # written before there were these columns
    ],
)
def test_what_was_looked_at_is_told_from_its_columns(looked_at: dict[str, Any], said: str) -> None:
    assert scope_in_words(looked_at) == said
