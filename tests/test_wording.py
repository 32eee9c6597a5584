"""What a check found, as a sentence: true of what was looked at, which need not be the whole table."""

from __future__ import annotations

from basketgraph.suites import Expectation
from basketgraph.wording import found_in_words

PRICE = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "amount_minor", "min_value": 1}, "severity": "warning", "meta": {}}


def told(**found: int) -> str:
    return found_in_words(Expectation.model_validate({**PRICE, "notes": "why"}), found, about_people=False)


def test_a_look_that_met_no_row_does_not_call_the_table_empty() -> None:
    assert told(unexpected_count=0, element_count=0) == "there is no row to look at", "a condition may have met none, or no day may have changed"


def test_rows_that_lack_the_value_are_not_counted_as_kept() -> None:
    assert told(unexpected_count=0, element_count=3, missing_count=3) == "no row has a value"
    assert told(unexpected_count=0, element_count=3, missing_count=1) == "true of all 2 rows"
    assert told(unexpected_count=1, element_count=3, missing_count=1) == "not true of 1 row of 2 (50.0\N{NO-BREAK SPACE}%)"
