"""One warehouse with the records of two runs, as the other steps write them, for the tests that only read it."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.foundation.tables.warehouse import RunTables
from support.contract_rows import rows

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
        {"event_type": "cancellation", "event_date": date(2025, 12, 1), "user_id": "pseudonym of bert"},
    ],
    **{
        table: [{"user_id": f"pseudonym of {name}"}]
        for table, name in (("silver.users", "anna"), ("silver.campaign_targets", "carl"), ("silver.redemptions", "dora"))
    },
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


@pytest.fixture(scope="package")
def two_runs(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> RunTables:
    made = RunTables(spark, str(tmp_path_factory.mktemp("warehouse")), "run-2")
    for table, given in WRITTEN.items():
        made.append(rows(spark, table, given), table)
    return made
