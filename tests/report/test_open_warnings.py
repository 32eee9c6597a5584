"""A warning is open, page after page, until the rows that broke the promise were looked at again and kept it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.report.changes import changes
from basketgraph.report.newest import newest_checks
from basketgraph.report.open_warnings import still_open
from basketgraph.report.promises import promised_tables, state, verdict
from basketgraph.report.since import since
from basketgraph.state import quality_verdict
from basketgraph.tables import Release
from support.contract_rows import rows
from support.report_data import FACTS, check, days_scope, made

WHOLE = "the whole table: every 7 days"
NOTHING = "nothing changed since the last check; what it found is repeated"
RANGE = "rows of 3 days that changed since the last check: 2026-03-01 to 2026-03-05"
FOUND = "not true of 300 rows of 900 (33.3\N{NO-BREAK SPACE}%)"


def looks(*given: tuple[str, bool] | tuple[str, bool, str]) -> list[dict[str, Any]]:
    """Results of one check, oldest first, from (scope, success[, observed]); each has its number as version."""
    told = [(scope, success, *(observed or ["true of all 3 rows"])) for scope, success, *observed in given]
    return [check(scope=s, success=k, observed=o, severity="warning", table_version=number) for number, (s, k, o) in enumerate(told)]


PASSED_OVER = "not compared: this shop has no silver.items"


@pytest.mark.parametrize(
    ("given", "opened_by"),
    [
        ([(WHOLE, False), (days_scope(2), True)], 0),
        ([(WHOLE, False), (days_scope(2), True), (days_scope(3), True), (NOTHING, True)], 0),
        ([(WHOLE, False), (days_scope(2), True), (WHOLE, True)], None),
        ([(WHOLE, False), (WHOLE, True), (days_scope(2), True)], None),
        ([(None, False), (days_scope(2), True)], 0),  # of an older version
        ([(WHOLE, False), (f"looked at for 2026-03-02: {days_scope(2)}", True)], 0),
        ([(WHOLE, False), (WHOLE, False), (days_scope(2), True)], 1),
        ([(WHOLE, True), (days_scope(1, 2), False), (days_scope(1), True)], 1),
        ([(WHOLE, True), (days_scope(1, 2), False), (days_scope(1), True), (days_scope(2), True)], None),  # two looks saw all of them
        ([(WHOLE, True), (days_scope(1, 2), False), (days_scope(2), False), (days_scope(2), True)], 1),
        ([(RANGE, False), (days_scope(1, 3, 5), True)], 0),  # which day of the range was the third nobody wrote down
        ([(RANGE, False), (RANGE.replace("of 3", "of 5"), True)], None),
        ([(WHOLE, True), (days_scope(3), False), (RANGE, True)], 1),  # the range need not have had it
        ([(WHOLE, False), (WHOLE, True, PASSED_OVER)], 0),
        ([(WHOLE, False), (WHOLE, True, "there is no row to look at")], None),  # what broke it is gone
        ([(days_scope(2), True)], None),
    ],
)
def test_a_failure_waits_for_looks_at_all_of_its_rows(given: list[tuple[str, bool]], opened_by: int | None) -> None:
    found = still_open(looks(*given))
    assert (found and found["table_version"]) == opened_by


OPEN = check(severity="warning", scope=days_scope(2), open=check(severity="warning", success=False, observed=FOUND, scope=WHOLE, ds=date(2026, 3, 1)))


def test_a_page_with_an_open_warning_never_says_that_all_is_well_and_shows_what_was_found_when() -> None:
    found = replace(FACTS, checks=[check(), OPEN])
    told = verdict(found)
    assert (told.level, told.title) == ("warning", "The data can be used, with something to look at")
    assert told.sentences[:2] == (
        "1 of 2 promises are kept; none that is critical is broken.",
        "To look at: 1 warning of an earlier look whose rows were not looked at since.",
    )
    (table,) = promised_tables(found)
    assert (table["words"], table["level"]) == ("◐ 1 open of 2", "open")
    html = made(found)
    waiting = f"found for 2026-03-01: {FOUND}; not all of these rows were looked at since"
    assert f'<span class="mark open">◐ open</span> {waiting}</td>' in html
    assert f"quantity is at least 1. F{waiting[1:]}. Found last: true of all 10 rows ({days_scope(2)})." in html
    assert "promises kept</dt><dd>1 of 2</dd>" in html


NAME = "discounts are no more than prices"
PLAN = [  # a run a day: what it looks at, whether the promise is kept there, whether it is open then, and what the page says of it (if asked)
    (WHOLE, False, False, ""),
    (days_scope(2), True, True, ""),
    (days_scope(3), True, True, "Not seen in the days looked at since"),
    (WHOLE, False, False, "Promises still broken"),
    (days_scope(4), True, True, ""),
    (WHOLE, True, False, "Promises that are kept again"),
]


@pytest.mark.long
def test_a_warning_is_carried_from_page_to_page_until_a_look_at_the_whole_table_keeps_the_promise(spark: SparkSession, tmp_path: Path) -> None:
    for number, (scope, success, is_open, title) in enumerate(PLAN):
        release = Release(spark, str(tmp_path), f"run-{number}")
        at = datetime(2026, 3, 1, tzinfo=timezone.utc) + timedelta(days=number)
        place = {"run_id": release.run_id, "table_name": "silver.events", "ds": at.date(), "checked_at": at, "scope": scope}
        warning = {"check_name": NAME, "expected": NAME, "severity": "warning", "success": success, "observed": "kept" if success else FOUND}
        results = [{**place, **warning}, {**place, "check_name": "key", "severity": "critical", "success": True}]
        release.append(rows(spark, "ops.quality_results", results).coalesce(1), "ops.quality_results")
        checks = newest_checks(release)
        assert [check["check_name"] for check in checks if state(check) == "open"] == ([NAME] if is_open else []), number
        if title:
            found = changes(release, checks)
            assert [part.title for part in since(found).parts] == [title], number
        if number == 2:
            assert [(row["ds"], row["observed"], row["since"]) for row in found.unseen] == [
                (date(2026, 3, 1), FOUND, f"looked at since: {days_scope(3)}")
            ]
            assert quality_verdict(release, release.run_id)["open_warnings"] == 1
        page = {"run_id": release.run_id, "step": "report", "status": "done", "finished_at": at + timedelta(hours=1)}
        release.append(rows(spark, "ops.runs", [page]), "ops.runs")
