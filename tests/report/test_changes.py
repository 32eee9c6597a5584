"""What changed since the page before, from records as the other steps write them; and how it is told."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.report.changes import Changes, changes
from basketgraph.report.changes_in_words import MOST, since
from basketgraph.report.newest import newest_checks
from basketgraph.report.sentences import since_in_words
from support.contract_rows import rows
from support.report_data import check, of_days

PAGE = datetime(2026, 1, 2, 6, tzinfo=timezone.utc)  # the page before was made then
BEFORE, AFTER = PAGE, PAGE + timedelta(seconds=1)  # on either side of it


def result(name: str, success: bool, at: datetime, **changed: Any) -> dict[str, Any]:
    run = "run-1" if at <= PAGE else "run-2"
    place = {"table_name": "silver.events", "check_name": name, "run_id": run, "checked_at": at, "expected": name, "observed": str(success)}
    return {**place, "success": success, "severity": "warning", "scope_kind": "table", **changed}


def file(name: str, at: datetime, status: str = "done", table: str = "silver.events", read: int = 10, **reasons: int) -> dict[str, Any]:
    away = sum(reasons.values())
    counts = {
        "rows_read": read,
        "rows_rejected": away,
        "rows_accepted": read - away,
        "rows_duplicate": 0,
        "rejected_by_reason": list(reasons.items()),
    }
    problem = "bad gzip" if status == "quarantined" else None
    return {"table_name": table, "source_file": name, "file_hash": f"{name}{at}", "status": status, "problem": problem, "seen_at": at, **counts}


WRITTEN: dict[str, list[dict[str, Any]]] = {
    "ops.runs": [
        {"run_id": "run-0", "step": "report", "status": "done", "finished_at": PAGE - timedelta(days=1)},
        {"run_id": "run-1", "step": "report", "status": "done", "finished_at": PAGE},
        {"run_id": "run-1", "step": "clean", "status": "done", "finished_at": AFTER},
        {"run_id": "run-x", "step": "report", "status": "failed", "finished_at": AFTER},
        {"run_id": "run-2", "step": "report", "status": "done", "finished_at": AFTER},  # this run's own, tried before
    ],
    "ops.quality_results": [
        *(
            result(name, success, at, **of_days(day))
            for name, success, at, day in (("on another day", False, BEFORE, 1), ("on another day", True, AFTER, 2))
        ),
        *(result(name, success, BEFORE) for name, success in (("breaks", True), ("mended", False), ("still", False), ("gone", True))),
        *(result(name, success, AFTER) for name, success in (("breaks", False), ("mended", True), ("still", False), ("new", True))),
        result("of a table that was not looked at again", False, BEFORE, table_name="silver.items"),
    ],
    "ops.files": [
        file("old.csv", BEFORE, no_user=2),
        {**file("new.csv", AFTER, no_user=3, no_price=1), "rows_read": 13, "rows_left_out": 3},
        file("new.csv", AFTER, table="silver.items"),
        file("aside.csv", AFTER, "quarantined", read=0),
        file("aside.csv", AFTER, "quarantined", read=0, table="silver.items"),
        file("was aside.csv", BEFORE, "quarantined", read=0),
        file("was aside.csv", AFTER, read=5),
        file("is aside since long.csv", BEFORE, "quarantined", read=0),
    ],
    "ops.releases": [
        {"release": 1, "published_at": PAGE - timedelta(hours=2), "rows": {"silver.events": 1}},
        {"release": 2, "published_at": BEFORE, "rows": {"silver.events": 100, "silver.items": 7, "silver.users": 5, "ops.files": 1}},
        {"release": 3, "published_at": AFTER, "rows": {"silver.events": 110, "silver.items": 7, "silver.stores": 2, "ops.files": 4}},
    ],
}


@pytest.fixture(scope="module")
def found(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Changes:
    release = RunTables(spark, str(tmp_path_factory.mktemp("warehouse")), "run-2")
    for table, given in WRITTEN.items():
        release.append(rows(spark, table, given).coalesce(1), table)
    return changes(release, release.read("ops.runs"), release.read("ops.files"), newest_checks(release))


def names(checks: list[dict[str, Any]]) -> list[str]:
    return [row["check_name"] for row in checks]


def test_the_page_before_is_the_last_that_another_run_made(found: Changes) -> None:
    assert (found.run_id, found.since) == ("run-1", PAGE.astimezone().replace(tzinfo=None))


def test_promises_that_broke_were_mended_or_are_broken_still_are_told_apart(found: Changes) -> None:
    assert (names(found.broken), names(found.mended)) == (["breaks"], ["mended"])
    assert [(row["check_name"], row["observed"], since_in_words(row["now"])) for row in found.unseen] == [
        ("on another day", "False", "looked at since: rows of 1 day that changed since the last check: 2026-03-02")
    ]
    assert names(found.still) == ["still", "of a table that was not looked at again"]
    assert found.promises == (1, 1)


def test_rows_count_from_the_moment_of_the_page_on(found: Changes) -> None:
    assert found.new_files == 2
    told = [(f["table_name"], f["files"], f["read"], f["rejected"], f["about_before"], f["rejected_before"]) for f in found.files]
    assert told == [("silver.events", 2, 18, 4, 10, 2), ("silver.items", 1, 10, 0, 0, 0)]
    assert [(r["reason"], r["rows"], r["rows_before"]) for r in found.reasons] == [("no_user", 3, 2), ("no_price", 1, 0)]


def test_files_set_aside_since_and_mended_since_are_told_once_each(found: Changes) -> None:
    assert [(f["source_file"], f["problem"]) for f in found.set_aside] == [("aside.csv", "bad gzip")]
    assert [f["source_file"] for f in found.taken_up] == ["was aside.csv"]


def test_tables_of_the_two_live_releases_are_compared(found: Changes) -> None:
    assert (found.release_before, found.release_now) == (2, 3)
    assert [(t["table_name"], t["before"], t["now"]) for t in found.tables] == [
        ("silver.events", 100, 110),
        ("silver.stores", None, 2),
        ("silver.users", 5, None),
    ]


def test_all_of_it_is_told_in_sentences_with_numbers(found: Changes) -> None:
    told = since(found)
    assert told.summary.endswith(
        ": 2 new files came in, 1 promise broke, 1 promise is kept again, 1 file was set aside, 1 new reason turned rows away."
    )
    parts = {part.title: part.sentences for part in told.parts}
    assert parts["Promises that broke"] == ("Warning: in silver.events, breaks. Found: False.",)
    assert parts["Promises that are kept again"] == ("In silver.events, mended. Found: True.",)
    assert parts["Not seen in the days looked at since"] == (
        "In silver.events, on another day. Found for 2026-01-01: False. "
        "Looked at since: rows of 1 day that changed since the last check: 2026-03-02.",
    )
    assert parts["Rows turned away for a new reason"] == ("silver.events, no price: 1 row, for the first time.",)
    assert parts["Rows turned away as before"] == ("silver.events, no user: 3 rows, 2 before.",)
    assert parts["Rows that came in"][0] == (
        "silver.events: 2 files with 18 rows; 11 accepted, 4 rejected (26.7\N{NO-BREAK SPACE}%, before 20.0\N{NO-BREAK SPACE}%); 3 others left out."
    )
    assert parts["Tables that grew or shrank"] == (
        "silver.events has 110 rows, 10 more (10.0\N{NO-BREAK SPACE}%) than before.",
        "silver.stores is new, with 2 rows.",
        "silver.users is no longer part of the release; it had 5 rows.",
    )
    assert parts["What is promised"] == ("1 promise was added.", "1 promise was taken out.")
    assert parts["What is live"] == ("Release 3 is live; before it was release 2.",)


def test_a_first_page_says_that_there_is_nothing_to_compare_with(spark: SparkSession, tmp_path: Path) -> None:
    release = RunTables(spark, str(tmp_path), "run-1")
    told = since(changes(release, release.read("ops.runs"), release.read("ops.files"), []))
    assert (told.summary.startswith("This is the first page"), told.parts) == (True, ())


def test_an_accepted_failure_is_called_that_and_long_lists_are_cut() -> None:
    accepted = check(success=False, accepted_because="moved")
    (part, *_) = since(Changes(since=PAGE, run_id="run-1", broken=[accepted] * (MOST + 2))).parts
    assert part.sentences[0].startswith("Accepted: in silver.events")
    assert (len(part.sentences), part.sentences[-1]) == (MOST + 1, "and 2 more.")


def test_a_release_that_stays_is_said_to_stay() -> None:
    told = since(Changes(since=PAGE, run_id="run-1", release_before=2, release_now=2))
    assert "no file came in and no promise broke or was mended" in told.summary
    assert [part.sentences for part in told.parts] == [("Release 2 stays live; nothing new was published.",)]
