"""What a check found, as a sentence: true of what was looked at, which need not be the whole table."""

from __future__ import annotations

from datetime import date

import pytest

from basketgraph.suites import Expectation
from basketgraph.wording import compared, found_in_words, not_compared_in_words, usual_in_words

PRICE = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "amount_minor", "min_value": 1}, "severity": "warning", "meta": {}}


def told(noun: str = "row", **found: int | date) -> str:
    return found_in_words(Expectation.model_validate({**PRICE, "notes": "why"}), found, about_people=False, noun=noun)


def test_a_look_that_met_no_row_does_not_call_the_table_empty() -> None:
    assert told(unexpected_count=0, element_count=0) == "there is no row to look at", "a condition may have met none, or no day may have changed"


def test_rows_that_lack_the_value_are_not_counted_as_kept() -> None:
    assert told(unexpected_count=0, element_count=3, missing_count=3) == "no row has a value"
    assert told(unexpected_count=0, element_count=3, missing_count=1) == "true of all 2 rows"
    assert told(unexpected_count=1, element_count=3, missing_count=1) == "not true of 1 row of 2 (50.0\N{NO-BREAK SPACE}%)"


SUNDAY = {"day": "2026-03-01", "value": 7, "days": 3, "low": None, "high": None, "unusual": 0}


@pytest.mark.parametrize(
    ("observed", "said"),
    [
        (told(unexpected_count=0, element_count=3), True),
        (told(unexpected_count=3, element_count=3), True),
        (told(observed_value=date(2026, 3, 1)), True),
        (usual_in_words({**SUNDAY, "low": 1, "high": 9}, 5, weekly=True), True),
        (None, True),  # of an older version
        (told(unexpected_count=0, element_count=0), False),
        (told(unexpected_count=0, element_count=3, missing_count=3), False),
        (told(), False),
        (
            found_in_words(Expectation.model_validate({**PRICE, "notes": "why"}), {"unexpected_count": 0}, about_people=False, noun="price group"),
            False,
        ),
        (not_compared_in_words("no previous rows"), False),
        (not_compared_in_words("this shop has no silver.items"), False),
        (usual_in_words(None, 5, weekly=True), False),
        (usual_in_words(SUNDAY, 5, weekly=True), False),
    ],
)
def test_what_was_found_tells_whether_anything_was_held_against_the_promise(observed: str | None, said: bool) -> None:
    assert compared(observed) is said
