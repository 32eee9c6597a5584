"""Whether a promise that holds now was held against the rows that broke it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from basketgraph.foundation.quality.check_results import covers, is_whole_table
from support.report_data import check, of_days

WHOLE: dict[str, Any] = {"scope_kind": "table"}
LOG: dict[str, Any] = {"scope_kind": "log"}
WINDOW: dict[str, Any] = {"scope_kind": "window", "scope_days": [date(2026, 3, 1)]}
OLDER: dict[str, Any] = {"scope_kind": None, "outcome": None}  # written before there were these columns
REPEATED = {"repeated_from": date(2026, 3, 5)}


@pytest.mark.parametrize(
    ("now", "before", "covered"),
    [
        (WHOLE, of_days(1), True),
        (LOG, LOG, True),
        (WINDOW, WINDOW, True),
        (OLDER, of_days(1), True),
        (of_days(1), OLDER, False),
        (of_days(1), WHOLE, False),
        (of_days(1), of_days(1), True),
        (of_days(2), of_days(1), False),
        (of_days(1, 2), of_days(1), True),
        (of_days(1), of_days(1, 2), False),
        (of_days(), of_days(1), False),
        ({**of_days(2), **REPEATED}, of_days(1), False),
        ({**WHOLE, **REPEATED}, of_days(1), True),
        (of_days(1, 2), {**of_days(1), **REPEATED}, True),
        ({**WHOLE, "outcome": "not_compared"}, of_days(1), False),
        ({**WHOLE, "outcome": "no_rows"}, of_days(1), True),  # the rows that broke it are gone
    ],
)
def test_a_promise_is_kept_again_only_where_the_rows_that_broke_it_were_compared(now: dict[str, Any], before: dict[str, Any], covered: bool) -> None:
    assert covers(check(**now), check(success=False, **before)) is covered


@pytest.mark.parametrize(("scope", "whole"), [(WHOLE, True), ({**WHOLE, **REPEATED}, False), ({"scope_kind": "all_rows"}, False), (OLDER, False)])
def test_only_a_look_of_the_run_itself_at_all_rows_for_all_its_checks_is_one_at_the_whole_table(scope: dict[str, Any], whole: bool) -> None:
    assert is_whole_table(check(**scope)) is whole
