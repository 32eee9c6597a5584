"""What the page tells is read from tables as the other steps write them, and the page lies where it is said to lie."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.report import known_users
from basketgraph.report.examples import live_examples
from basketgraph.report.facts import Facts, facts, without_known_users
from basketgraph.report.page import page
from basketgraph.report.write import write_page
from basketgraph.state import quality_verdict
from basketgraph.tables import Release
from support import rows

DS = date(2026, 1, 3)
EARLY, LATE = (datetime(2026, 1, day, 12, tzinfo=timezone.utc) for day in (1, 2))
BETWEEN = datetime(2026, 1, 1, 18, tzinfo=timezone.utc)
WRITTEN: dict[str, list[dict[str, Any]]] = {
    "ops.runs": [
        {"run_id": "run-2", "step": "clean", "status": "failed", "started_at": EARLY, "finished_at": EARLY},
        {"run_id": "run-2", "step": "publish", "status": "done", "started_at": LATE, "finished_at": LATE},
        {"run_id": "run-2", "step": "clean", "status": "done", "started_at": BETWEEN, "finished_at": BETWEEN},
        {"run_id": "run-2", "step": "report", "status": "failed", "started_at": LATE, "finished_at": LATE},
        {"run_id": "run-1", "step": "clean", "status": "done"},
    ],
    "ops.quality_results": [
        {"run_id": "run-1", "table_name": "silver.events", "check_name": "a", "success": False, "severity": "critical", "checked_at": EARLY},
        {"run_id": "run-2", "table_name": "silver.events", "check_name": "a", "success": True, "severity": "critical", "checked_at": LATE},
        {"run_id": "run-2", "table_name": "silver.events", "check_name": "e", "success": True, "severity": "warning", "checked_at": LATE}
        | {"observed": "not compared yet: no previous rows", "outcome": "not_compared"},
        {"run_id": "run-1", "table_name": "silver.items", "check_name": "b", "success": False, "severity": "warning", "checked_at": EARLY},
        {"run_id": "run-1", "table_name": "silver.coupons", "check_name": "d", "success": False, "severity": "critical", "checked_at": EARLY},
        *(
            {"run_id": run, "table_name": "silver.users", "check_name": "c", "success": False, "severity": "critical", "accepted_because": "moved"}
            | told
            for run, told in (
                ("run-1", {"checked_at": EARLY, "ds": date(2026, 1, 1), "value": 5.0}),
                ("run-2", {"checked_at": EARLY, "ds": date(2026, 1, 2), "value": 6.0}),
                ("run-2", {"checked_at": LATE, "ds": date(2026, 1, 2), "value": 7.0, "usual_low": 1.0, "usual_high": 9.0}),
                ("run-0", {"checked_at": EARLY, "ds": date(2025, 12, 4), "value": 4.0}),  # 30 days before DS: the first day that is too old
                ("run-0", {"checked_at": EARLY, "ds": date(2025, 12, 5), "value": 4.5}),
                ("run-0", {"checked_at": EARLY, "ds": date(2025, 12, 6), "value": 4.5, "repeated_from": date(2025, 12, 5)}),
            )
        ),
        {  # judges the newest of the days before its run's own
            **{"run_id": "run-1", "table_name": "silver.events", "check_name": "lines", "success": True, "severity": "warning", "checked_at": EARLY},
            **{"ds": date(2026, 1, 2), "value": 90.0, "usual_low": 80.0, "usual_high": 100.0},
            "judged_day": date(2025, 12, 31),
        },
    ],
    "ops.daily_values": [
        {"table_name": "silver.events", "check_name": "lines", "day": day, "run_id": run, "checked_at": seen, "value": value}
        for day, run, seen, value in (
            (date(2025, 12, 4), "run-0", EARLY, 4.0),  # 30 days before DS
            (date(2025, 12, 30), "run-0", EARLY, 85.0),
            (date(2025, 12, 31), "run-0", EARLY, 90.0),
            (date(2025, 12, 31), "run-1", LATE, 95.0),  # more of that day came in
            (date(2026, 1, 1), "run-0", EARLY, 3.0),
            (date(2026, 1, 1), "run-1", LATE, None),  # and of this one nothing is left
            (DS, "run-1", LATE, 7.0),  # still arriving
        )
    ],
    "ops.files": [
        {
            "table_name": "silver.events",
            "source_file": "a",
            "status": "done",
            "rows_read": 14,
            "rows_left_out": 4,
            "rows_rejected": 3,
            "rows_accepted": 7,
            "rows_duplicate": 0,
            "rejected_by_reason": [("no_item", 1), ("no_user", 3)],
        },
        *(
            {"table_name": table, "source_file": name, "status": status, "problem": problem, "rows_read": 0, "rows_rejected": 0, "seen_at": seen}
            for table in ("silver.events", "silver.items")
            for name, status, problem, seen in (
                ("b", "quarantined", "bad gzip", EARLY),
                ("mended", "quarantined", "bad gzip", EARLY),
                ("mended", "done", None, LATE),
            )
        ),
    ],
    "silver.events": [
        {"event_type": "purchase", "event_date": date(2026, 1, 2), "user_id": "u"},
        {"event_type": "cancellation", "event_date": date(2026, 1, 2), "user_id": "u"},
        {"event_type": "purchase", "event_date": date(2025, 12, 1), "user_id": "u"},  # before the 30 days of history
    ],
    "silver.rejected_rows": [
        {"table_name": "silver.events", "reasons": ["no_user"], "payload": '{"a": "1"}'},
        {"table_name": "silver.events", "reasons": ["no_user", "no_item"], "payload": '{"a": "2"}'},
    ],
    "ops.evaluations": [
        {"as_of": date(2025, 11, 1), "setting": "rebuy", "model": "als", "metric": "ndcg@20", "versus": "", "value": 0.1},
        {"as_of": date(2025, 12, 1), "setting": "rebuy", "model": "als", "metric": "ndcg@20", "versus": "", "value": 0.2},
    ],
    "gold.recommendations": [
        {"as_of": date(2025, 11, 1), "setting": "rebuy", "user_id": "u1", "rank": 1, "item_id": "old"},
        {"as_of": date(2025, 12, 1), "setting": "rebuy", "user_id": "u1", "rank": 1, "item_id": "i"},
        {"as_of": date(2025, 12, 1), "setting": "discovery", "user_id": "u1", "rank": 1, "item_id": "j"},
    ],
    "gold.interactions": [
        {"as_of": date(2025, 11, 1), "user_id": "u1", "item_id": "old", "purchases": 1, "last_date": date(2025, 10, 1)},
        {"as_of": date(2025, 12, 1), "user_id": "u1", "item_id": "i", "purchases": 1, "last_date": date(2025, 11, 2)},
        {"as_of": date(2025, 12, 1), "user_id": "u1", "item_id": "j", "purchases": 1, "last_date": date(2025, 11, 1)},
    ],
    "silver.items": [
        {"item_id": "i", "valid_from": date(2025, 1, 1), "name": "Jam"},
        {"item_id": "i", "valid_from": date(2025, 2, 1), "name": "Plum jam"},
    ],
}


def nobody(words: list[str]) -> list[str]:
    """Pseudonyms of a key under which no user is known."""
    return [f"nobody {word}" for word in words]


def ann(words: list[str]) -> list[str]:
    """The user u is cust-77, Plum and 7712 to the shop."""
    return ["u" if word in ("cust-77", "7712", "Plum") else f"nobody {word}" for word in words]


@pytest.fixture(scope="module")
def release(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Release:
    made = Release(spark, str(tmp_path_factory.mktemp("warehouse")), "run-2")
    for table, given in WRITTEN.items():
        made.append(rows(spark, table, given), table)
    return made


@pytest.fixture(scope="module")
def found(release: Release) -> Facts:
    return facts(release, DS, 30, nobody)


def test_each_table_counts_with_its_newest_check_and_each_run_with_all(found: Facts) -> None:
    assert [(c["table_name"], c["success"], c["value"]) for c in found.checks] == [
        ("silver.coupons", False, None),
        ("silver.events", True, None),
        ("silver.events", True, None),
        ("silver.items", False, None),
        ("silver.users", False, 7.0),  # checked twice by the run: the later result counts
    ]
    told = {r["run_id"]: (r["critical"], r["warnings"]) for r in found.runs}
    assert told == {"run-0": (0, 0), "run-1": (2, 1), "run-2": (0, 0)}, "what a person accepted is not counted as broken"


def test_the_summary_counts_what_the_page_counts_and_tells_this_runs_failures_from_those_of_earlier_ones(release: Release) -> None:
    later = {"critical_failures": 0, "critical_of_earlier_runs": 1, "warnings": 1, "open_warnings": 0, "accepted": 1, "not_compared": 1}
    assert quality_verdict(release, "run-2") == later
    assert quality_verdict(release, "run-1") == {**later, "critical_failures": 1, "critical_of_earlier_runs": 0}


def test_a_check_has_its_last_number_of_each_day_that_it_judged_and_the_range_that_was_usual(found: Facts) -> None:
    points = found.histories.pop(("silver.users", "c"))
    assert [(p["day"].isoformat(), p["value"], p["usual_low"]) for p in points] == [
        ("2025-12-05", 4.5, None),
        ("2026-01-01", 5.0, None),
        ("2026-01-02", 7.0, 1.0),
    ]
    points = found.histories.pop(("silver.events", "lines"))
    assert [(p["day"].isoformat(), p["value"], p["usual_low"]) for p in points] == [("2025-12-30", 85.0, None), ("2025-12-31", 95.0, 80.0)]
    assert found.histories == {}, "results without a number are not drawn"


def test_steps_are_those_of_the_run_each_with_its_last_try_and_files_are_all(found: Facts) -> None:
    assert [(s["run_id"], s["step"], s["status"]) for s in found.steps] == [("run-2", "clean", "done"), ("run-2", "publish", "done")]
    assert [(f["table_name"], f["files"], f["read"], f["about"], f["left_out"], f["rejected"]) for f in found.files] == [
        ("silver.events", 2, 14, 10, 4, 3),
        ("silver.items", 1, 0, 0, 0, 0),
    ]
    assert [(d["table_name"], d["read"], d["rejected"]) for d in found.deliveries if d["read"]] == [("silver.events", 10, 3)]
    assert [(f["source_file"], f["problem"]) for f in found.quarantined] == [("b", "bad gzip")], "once for all tables that wait for it; no mended one"


def test_only_purchases_of_the_last_days_are_drawn(found: Facts) -> None:
    assert [(d["event_date"], d["lines"]) for d in found.days] == [(date(2026, 1, 2), 1)]


def test_reasons_are_counted_from_the_ledger_and_shown_by_rows_that_were_kept(found: Facts) -> None:
    assert [(r["reason"], r["rows"], r["first"], r["last"]) for r in found.rejected] == [
        ("no_user", 3, '{"a": "1"}', '{"a": "2"}'),
        ("no_item", 1, '{"a": "2"}', '{"a": "2"}'),
    ]


def test_measures_and_examples_are_those_of_the_newest_cut(found: Facts) -> None:
    assert [e["value"] for e in found.evaluations] == [0.2]
    assert [(e.user_id, e.bought, [name for name, _ in e.recommended]) for e in found.examples] == [("u1", ("Plum jam", "j"), ["Plum jam"])]


def test_the_raw_id_of_a_known_user_is_hidden_wherever_it_turns_up(release: Release, found: Facts) -> None:
    row = {"table_name": "silver.events", "reason": "r", "rows": 1, "first": '{"note": "ask cust-77, not cust-78", "pieces": 7712}', "last": None}
    file = {"source_file": "march/cust-77_late.csv", "problem": "no column cust-77"}
    told = replace(found, rejected=[row], quarantined=[file])
    shown = without_known_users(told, release, ann)
    assert shown.rejected[0]["first"] == '{"note": "ask •••, not cust-78", "pieces": "•••"}'
    assert shown.quarantined == [{"source_file": "march/•••_late.csv", "problem": "no column •••"}]
    assert without_known_users(told, release, nobody) == told, "with another key nobody is known"
    (example,) = live_examples(release, ann)
    assert (example.bought, [name for name, _ in example.recommended]) == (("••• jam", "j"), ["••• jam"]), "the summary shows them, too"


def test_a_year_in_a_date_is_no_users_number() -> None:
    hide = known_users._hider(["2017"])
    assert hide("You bought it twice, last on 2017-08-10.") == "You bought it twice, last on 2017-08-10."
    assert hide("ask 2017, not 12017, on 2017-99-99") == "ask •••, not 12017, on •••-99-99"


def test_the_page_is_written_whole_and_again_over_itself(release: Release, found: Facts) -> None:
    html = page(found, shop="corner_shop", description="groceries", made_at=LATE)
    for text in ("an older page", html):
        place = Path(write_page(release, "run-2", text))
    assert place == Path(release.root) / "reports" / "run-2.html"
    assert place.read_text() == html
    assert [f.name for f in place.parent.iterdir()] == ["run-2.html"]


def test_a_warehouse_without_records_has_facts_too(spark: SparkSession, tmp_path: Path) -> None:
    empty = facts(Release(spark, str(tmp_path), "run-1"), DS, 30, nobody)
    assert (empty.checks, empty.files, empty.examples, empty.release) == ([], [], [], None)
