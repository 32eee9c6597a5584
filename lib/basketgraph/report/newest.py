"""Each table's newest check results, and open warnings: earlier failures whose rows were not looked at since.

The SQL is taken by Spark and DataFusion, so that `basketgraph status` needs no JVM to count them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timezone
from itertools import groupby
from typing import TYPE_CHECKING, Any

from basketgraph.foundation.contracts import contract
from basketgraph.foundation.quality.check_results import DAYS, NOT_COMPARED, is_partial

if TYPE_CHECKING:
    from basketgraph.foundation.tables.deltalake_reader import Reader

RESULTS = "ops.quality_results"
OPEN_COLUMNS = "table_name, check_name, ds, success, outcome, observed, expected, scope_kind, scope_days, scope_reason, repeated_from, checked_at"
Rows = list[dict[str, Any]]


def newest_checks(reader: Reader, until: datetime | None = None) -> Rows:
    """Each table's results of the run that checked it last, ordered by table and check. Of a check that this run did twice, the later result counts.

    Each has `open`: the first earlier failure in rows that were not looked at since; None where there is none. A critical promise has none: its
    failure stops the runs until its rows are looked at again.
    until: only results up to that instant.
    """
    known = "{rows}"
    if until is not None:
        known = f"(SELECT * FROM {{rows}} WHERE checked_at <= TIMESTAMP '{until.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%S.%f}Z')"
    newest_run = "FIRST_VALUE(run_id) OVER (PARTITION BY table_name ORDER BY checked_at DESC, run_id DESC)"
    place = "ROW_NUMBER() OVER (PARTITION BY table_name, check_name ORDER BY checked_at DESC)"
    of_run = f"SELECT * FROM (SELECT *, {newest_run} AS newest_run FROM {known}) WHERE run_id = newest_run"
    newest = f"SELECT {', '.join(contract(RESULTS).columns)} FROM (SELECT *, {place} AS place FROM ({of_run})) WHERE place = 1"
    checks = reader.rows(RESULTS, f"{newest} ORDER BY table_name, success, severity, check_name")
    partial = {check_key(c) for c in checks if c["success"] and c["severity"] == "warning" and (is_partial(c) or c["outcome"] == NOT_COMPARED)}
    earlier = groupby(_since_whole(reader, known), key=check_key) if partial else ()
    failures = {key: still_open(list(rows)) for key, rows in earlier if key in partial}
    return [{**check, "open": failures.get(check_key(check))} for check in checks]


def still_open(results: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The first of the failures whose rows were not all looked at since. results: of one check, oldest first."""
    waiting: list[tuple[dict[str, Any], set[date] | None]] = []  # a failure, and the days that are still to be seen; None: the whole table
    for result in results:
        days = set(result["scope_days"] or ()) if is_partial(result) else None
        if result["outcome"] == NOT_COMPARED:
            continue
        if not result["success"]:
            waiting = [*waiting, (result, days or None)] if is_partial(result) else [(result, None)]
        elif days is None:
            waiting = []
        else:
            waiting = [(failure, to_see and to_see - days) for failure, to_see in waiting if to_see is None or to_see - days]
    return waiting[0][0] if waiting else None


def _since_whole(reader: Reader, known: str) -> Rows:
    """Results of warnings from the last look at the whole table on, of those that failed in one of them: by check, oldest first.

    The whole table is looked at every few days, so they are few, however long the history is.
    """
    is_whole = f"COALESCE(scope_kind, '') <> '{DAYS}' AND COALESCE(outcome, '') <> '{NOT_COMPARED}'"
    of_check = "OVER (PARTITION BY table_name, check_name)"
    dated = f"SELECT *, MAX(CASE WHEN {is_whole} THEN checked_at END) {of_check} AS whole_at FROM {known} WHERE severity = 'warning'"
    recent = f"SELECT *, MIN(CASE WHEN success THEN 1 ELSE 0 END) {of_check} AS kept FROM ({dated}) WHERE whole_at IS NULL OR checked_at >= whole_at"
    return reader.rows(RESULTS, f"SELECT {OPEN_COLUMNS} FROM ({recent}) WHERE kept = 0 ORDER BY table_name, check_name, checked_at")


def check_key(check: dict[str, Any]) -> tuple[str, str]:
    return check["table_name"], check["check_name"]
