"""What the page tells is read from tables as the other steps write them, and the page lies where it is said to lie."""

from __future__ import annotations

from datetime import date, datetime, timezone
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from basketgraph.cli.status import quality_verdict
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.report.page import page, write_page
from basketgraph.report.page_data import PageData, read_page_data

DS = date(2026, 1, 3)
LATE = datetime(2026, 1, 2, 12, tzinfo=timezone.utc)


def nobody(words: list[str]) -> list[str]:
    """Pseudonyms of a key under which no user is known."""
    return [f"nobody {word}" for word in words]


@pytest.fixture(scope="module")
def found(two_runs: RunTables) -> PageData:
    return read_page_data(two_runs, DS, 30, nobody)


def test_each_table_counts_with_its_newest_check_and_each_run_with_all(found: PageData) -> None:
    assert [(c["table_name"], c["success"], c["value"]) for c in found.checks] == [
        ("silver.coupons", False, None),
        ("silver.events", True, None),
        ("silver.events", True, None),
        ("silver.items", False, None),
        ("silver.users", False, 7.0),  # checked twice by the run: the later result counts
    ]
    told = {r["run_id"]: (r["critical"], r["warnings"]) for r in found.runs}
    assert told == {"run-0": (0, 0), "run-1": (2, 1), "run-2": (0, 0)}, "what a person accepted is not counted as broken"


def test_the_summary_counts_what_the_page_counts_and_tells_this_runs_failures_from_those_of_earlier_ones(two_runs: RunTables) -> None:
    later = {"critical_failures": 0, "critical_of_earlier_runs": 1, "warnings": 1, "open_warnings": 0, "accepted": 1, "not_compared": 1}
    assert quality_verdict(two_runs, "run-2") == later
    assert quality_verdict(two_runs, "run-1") == {**later, "critical_failures": 1, "critical_of_earlier_runs": 0}


def test_a_check_has_its_last_number_of_each_day_that_it_judged_and_the_range_that_was_usual(found: PageData) -> None:
    points = found.histories.pop(("silver.users", "c"))
    assert [(p["day"].isoformat(), p["value"], p["usual_low"]) for p in points] == [
        ("2025-12-05", 4.5, None),
        ("2026-01-01", 5.0, None),
        ("2026-01-02", 7.0, 1.0),
    ]
    points = found.histories.pop(("silver.events", "lines"))
    assert [(p["day"].isoformat(), p["value"], p["usual_low"]) for p in points] == [("2025-12-30", 85.0, None), ("2025-12-31", 95.0, 80.0)]
    assert found.histories == {}, "results without a number are not drawn"


def test_steps_are_those_of_the_run_each_with_its_last_try_and_files_are_all(found: PageData) -> None:
    assert [(s["run_id"], s["step"], s["status"]) for s in found.steps] == [("run-2", "clean", "done"), ("run-2", "publish", "done")]
    assert [(f["table_name"], f["files"], f["read"], f["about"], f["left_out"], f["rejected"]) for f in found.files] == [
        ("silver.events", 2, 14, 10, 4, 3),
        ("silver.items", 1, 0, 0, 0, 0),
    ]
    assert [(d["table_name"], d["read"], d["rejected"]) for d in found.deliveries if d["read"]] == [("silver.events", 10, 3)]
    assert [(f["source_file"], f["problem"]) for f in found.quarantined] == [("b", "bad gzip")], "once for all tables that wait for it; no mended one"


def test_only_purchases_of_the_last_days_are_drawn(found: PageData) -> None:
    assert [(d["event_date"], d["lines"]) for d in found.days] == [(date(2026, 1, 2), 1)]


def test_reasons_are_counted_from_the_ledger_and_shown_by_rows_that_were_kept(found: PageData) -> None:
    assert [(r["reason"], r["rows"], r["first"], r["last"]) for r in found.rejected] == [
        ("no_user", 3, '{"a": "1"}', '{"a": "2"}'),
        ("no_item", 1, '{"a": "2"}', '{"a": "2"}'),
    ]


def test_measures_and_examples_are_those_of_the_newest_cut(found: PageData) -> None:
    assert [e["value"] for e in found.evaluations] == [0.2]
    assert [(e.user_id, e.bought, [name for name, _ in e.recommended]) for e in found.examples] == [("u1", ("Plum jam", "j"), ["Plum jam"])]


def test_the_page_is_written_whole_and_again_over_itself(two_runs: RunTables, found: PageData) -> None:
    html = page(found, shop="corner_shop", description="groceries", made_at=LATE)
    for text in ("an older page", html):
        place = Path(write_page(two_runs, "run-2", text))
    assert place == Path(two_runs.root) / "reports" / "run-2.html"
    assert place.read_text() == html
    assert [f.name for f in place.parent.iterdir()] == ["run-2.html"]


def test_a_warehouse_without_records_has_facts_too(spark: SparkSession, tmp_path: Path) -> None:
    empty = read_page_data(RunTables(spark, str(tmp_path), "run-1"), DS, 30, nobody)
    assert (empty.checks, empty.files, empty.examples, empty.release) == ([], [], [], None)
