"""Warnings that an earlier look found in rows which no look since came to: they stay open until one did, and kept the promise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING, Any

from basketgraph.report.scopes import PARTIAL, certain_days, is_partial, passed_over, possible_days
from basketgraph.wording import PASSED_OVER

if TYPE_CHECKING:
    from basketgraph.reader import Reader

COLUMNS = ("table_name", "check_name", "ds", "success", "observed", "expected", "scope", "checked_at")
Rows = list[dict[str, Any]]


def with_open(reader: Reader, checks: Sequence[dict[str, Any]], known: str = "{rows}") -> Rows:
    """`checks`, each with `open`: the first result of an earlier look that broke it in rows which were not looked at since; None where all were.

    Critical promises have none: what broke them stops the runs until it is looked at again.
    checks: every table's newest results. known: SQL for the rows of ops.quality_results that they are the newest of, with {rows} as in Reader.rows.
    """
    unseen = [c for c in checks if c["success"] and c["severity"] == "warning" and (is_partial(c) or passed_over(c))]
    found = {key: still_open(list(rows)) for key, rows in groupby(_since_whole(reader, known), key=_key)} if unseen else {}
    asked = {_key(check) for check in unseen}
    return [{**check, "open": found.get(_key(check)) if _key(check) in asked else None} for check in checks]


def still_open(results: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The first of the failures whose rows were not all looked at since. results: of one check, oldest first."""
    waiting: list[tuple[dict[str, Any], set[date] | None]] = []  # a failure, and the days that are still to be seen; None: the whole table
    for result in results:
        if result["success"] and passed_over(result):
            continue
        if not is_partial(result):
            waiting = [] if result["success"] else [(result, None)]
        elif not result["success"]:
            waiting.append((result, possible_days(result) or None))
        else:
            seen = certain_days(result)
            waiting = [(failure, days and days - seen) for failure, days in waiting if days is None or days - seen]
    return waiting[0][0] if waiting else None


def _since_whole(reader: Reader, known: str) -> Rows:
    """Results of warnings from the last look at the whole table on, of those that failed in one of them: by check, oldest first.

    The whole table is looked at every few days, so they are few, however long the history is.
    """
    is_whole = f"NOT COALESCE(regexp_like(scope, '{PARTIAL}'), false)"
    is_told = f"NOT (success AND COALESCE(regexp_like(observed, '{PASSED_OVER}'), false))"
    of_check = "OVER (PARTITION BY table_name, check_name)"
    whole_at = f"MAX(CASE WHEN {is_whole} AND {is_told} THEN checked_at END) {of_check}"
    dated = f"SELECT *, {whole_at} AS whole_at FROM {known} WHERE severity = 'warning'"
    recent = f"SELECT *, MIN(CASE WHEN success THEN 1 ELSE 0 END) {of_check} AS kept FROM ({dated}) WHERE whole_at IS NULL OR checked_at >= whole_at"
    failed = f"SELECT {', '.join(COLUMNS)} FROM ({recent}) WHERE kept = 0"
    return reader.rows("ops.quality_results", f"{failed} ORDER BY table_name, check_name, checked_at")


def _key(check: dict[str, Any]) -> tuple[str, str]:
    return check["table_name"], check["check_name"]
