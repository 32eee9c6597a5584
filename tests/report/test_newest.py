"""A warning is open, page after page, until the rows that broke the promise were looked at again and kept it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.cli.status import quality_verdict
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.report.changes import changes
from basketgraph.report.changes_in_words import since
from basketgraph.report.newest import newest_checks, still_open
from basketgraph.report.promises import promised_tables, state, verdict
from basketgraph.report.sentences import since_in_words
from support.contract_rows import rows
from support.report_data import FACTS, check, made, of_days

WHOLE: dict[str, Any] = {"scope_kind": "table", "scope_reason": "every 7 days"}
OLDER: dict[str, Any] = {"scope_kind": None, "outcome": None}  # written before there were these columns
NOTHING = of_days()
FOUND = "not true of 300 rows of 900 (33.3\N{NO-BREAK SPACE}%)"
NOT_COMPARED, NO_ROWS = {**WHOLE, "outcome": "not_compared"}, {**WHOLE, "outcome": "no_rows"}
Looks = list[tuple[dict[str, Any], bool]]


def looks(given: Looks) -> list[dict[str, Any]]:
    """Results of one check, oldest first, from (scope, success); each has its number as version."""
    return [check(success=success, severity="warning", table_version=number, **scope) for number, (scope, success) in enumerate(given)]


@pytest.mark.parametrize(
    ("given", "opened_by"),
    [
        ([(WHOLE, False), (of_days(2), True)], 0),
        ([(WHOLE, False), (of_days(2), True), (of_days(3), True), (NOTHING, True)], 0),
        ([(WHOLE, False), (of_days(2), True), (WHOLE, True)], None),
        ([(WHOLE, False), (WHOLE, True), (of_days(2), True)], None),
        ([(OLDER, False), (of_days(2), True)], 0),
        ([(WHOLE, False), ({**of_days(2), "repeated_from": date(2026, 3, 2)}, True)], 0),
        ([(WHOLE, False), (WHOLE, False), (of_days(2), True)], 1),
        ([(WHOLE, True), (of_days(1, 2), False), (of_days(1), True)], 1),
        ([(WHOLE, True), (of_days(1, 2), False), (of_days(1), True), (of_days(2), True)], None),  # two looks saw all of them
        ([(WHOLE, True), (of_days(1, 2), False), (of_days(2), False), (of_days(2), True)], 1),
        ([(of_days(1, 3, 5), False), (of_days(1, 2, 3, 4, 5), True)], None),
        ([(WHOLE, True), (of_days(3), False), (of_days(1, 2, 5), True)], 1),
        ([(WHOLE, False), (NOT_COMPARED, True)], 0),
        ([(WHOLE, False), (NO_ROWS, True)], None),  # what broke it is gone
        ([(of_days(2), True)], None),
    ],
)
def test_a_failure_waits_for_looks_at_all_of_its_rows(given: Looks, opened_by: int | None) -> None:
    found = still_open(looks(given))
    assert (found and found["table_version"]) == opened_by


OPEN = check(severity="warning", **of_days(2), open=check(severity="warning", success=False, observed=FOUND, ds=date(2026, 3, 1), **WHOLE))


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
    assert (
        f"quantity is at least 1. F{waiting[1:]}. Found last: true of all 10 rows (rows of 1 day that changed since the last check: 2026-03-02)."
        in html
    )


NAME = "discounts are no more than prices"
PLAN = [  # a run a day: what it looks at, whether the promise is kept there, whether it is open then, and what the page says of it (if asked)
    (WHOLE, False, False, ""),
    (of_days(2), True, True, ""),
    (of_days(3), True, True, "Not seen in the days looked at since"),
    (WHOLE, False, False, "Promises still broken"),
    (of_days(4), True, True, ""),
    (WHOLE, True, False, "Promises that are kept again"),
]


@pytest.mark.long
def test_a_warning_is_carried_from_page_to_page_until_a_look_at_the_whole_table_keeps_the_promise(spark: SparkSession, tmp_path: Path) -> None:
    for number, (scope, success, is_open, title) in enumerate(PLAN):
        release = RunTables(spark, str(tmp_path), f"run-{number}")
        at = datetime(2026, 3, 1, tzinfo=timezone.utc) + timedelta(days=number)
        place = {"run_id": release.run_id, "table_name": "silver.events", "ds": at.date(), "checked_at": at, **scope}
        warning = {"check_name": NAME, "expected": NAME, "severity": "warning", "success": success, "observed": "kept" if success else FOUND}
        warning["outcome"] = "kept" if success else "broken"
        results = [{**place, **warning}, {**place, "check_name": "key", "severity": "critical", "success": True}]
        release.append(rows(spark, "ops.quality_results", results).coalesce(1), "ops.quality_results")
        checks = newest_checks(release)
        assert [check["check_name"] for check in checks if state(check) == "open"] == ([NAME] if is_open else []), number
        if title:
            found = changes(release, release.read("ops.runs"), release.read("ops.files"), checks)
            assert [part.title for part in since(found).parts] == [title], number
        if number == 2:
            assert [(row["ds"], row["observed"], since_in_words(row["now"])) for row in found.unseen] == [
                (date(2026, 3, 1), FOUND, "looked at since: rows of 1 day that changed since the last check: 2026-03-03")
            ]
            assert quality_verdict(release, release.run_id)["open_warnings"] == 1
        page = {"run_id": release.run_id, "step": "report", "status": "done", "finished_at": at + timedelta(hours=1)}
        release.append(rows(spark, "ops.runs", [page]), "ops.runs")
