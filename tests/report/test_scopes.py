"""Whether a promise that holds now was held against the rows that broke it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from basketgraph.report.promises import verdict
from basketgraph.report.scopes import covers
from support.report_data import FACTS, check, days_scope

WHOLE = "the whole table: every 7 days"
LOG = "what the table's log knows of all its rows"
WINDOW = "the days from 2026-02-23 to 2026-03-01, and the 28 days before them"
NOTHING = "nothing changed since the last check; what it found is repeated"


ONE, OTHER, BOTH = days_scope(1), days_scope(2), days_scope(1, 2)
MANY = "rows of 4 days that changed or came to an end since the last check: 2026-03-01 to 2026-03-04"
SOME = "rows of 4 days that changed since the last check: 2026-03-01 to 2026-03-05"  # which of the days between them nobody wrote down
ENDS = days_scope(1, 5)


@pytest.mark.parametrize(
    ("now", "before", "covered"),
    [
        (WHOLE, ONE, True),
        (LOG, LOG, True),
        (WINDOW, WINDOW, True),
        (None, ONE, True),  # of an older version
        (ONE, WHOLE, False),
        (ONE, ONE, True),
        (OTHER, ONE, False),
        (BOTH, ONE, True),
        (ONE, BOTH, False),
        (MANY, BOTH, True),
        (BOTH, MANY, False),
        (SOME, ENDS, True),
        (SOME, BOTH, False),
        (SOME, OTHER, False),
        (SOME, SOME, False),
        (ENDS, SOME, False),
        (SOME.replace("4", "5", 1), SOME, True),
        (MANY, SOME, False),
        (NOTHING, ONE, False),
        (f"looked at for 2026-03-05: {OTHER}", ONE, False),
        (f"looked at for 2026-03-05: {WHOLE}", ONE, True),
        (BOTH, f"looked at for 2026-03-05: {ONE}", True),
    ],
)
def test_a_promise_is_kept_again_only_where_the_rows_that_broke_it_were_looked_at(now: str | None, before: str, covered: bool) -> None:
    assert covers(check(scope=now), check(scope=before, success=False)) is covered


@pytest.mark.parametrize(("scope", "said"), [(WHOLE, False), (LOG, False), (WINDOW, False), (ONE, True), (f"looked at for 2026-03-05: {ONE}", True)])
def test_all_is_well_in_the_rows_that_were_looked_at(scope: str, said: bool) -> None:
    told = verdict(replace(FACTS, checks=[check(), check(scope=scope)])).sentences[0]
    assert told == f"All 2 promises about the data were kept{' in the rows that were looked at' if said else ''}."
