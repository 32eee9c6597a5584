"""Warnings that an earlier look found in rows which no look since came to: they stay open until one did, and kept the promise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any

from pyspark.sql import Window
from pyspark.sql import functions as F

from basketgraph.report.records import as_dicts, records
from basketgraph.report.scopes import PARTIAL, certain_days, is_partial, passed_over, possible_days
from basketgraph.tables import Release
from basketgraph.wording import PASSED_OVER

COLUMNS = ("table_name", "check_name", "ds", "success", "observed", "expected", "scope", "checked_at")
Rows = list[dict[str, Any]]


def with_open(release: Release, checks: Sequence[dict[str, Any]], until: datetime | None = None) -> Rows:
    """`checks`, each with `open`: the first result of an earlier look that broke it in rows which were not looked at since; None where all were.

    Critical promises have none: what broke them stops the runs until it is looked at again.
    checks: every table's newest results; until: as they were known at that instant.
    """
    unseen = [c for c in checks if c["success"] and c["severity"] == "warning" and (is_partial(c) or passed_over(c))]
    found = {key: still_open(list(rows)) for key, rows in groupby(_since_whole(release, unseen, until), key=_key)} if unseen else {}
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


def _since_whole(release: Release, checks: Sequence[dict[str, Any]], until: datetime | None) -> Rows:
    """Results of these checks from the last look at the whole table on, of those that failed in one of them: by check, oldest first.

    The whole table is looked at every few days, so they are few, however long the history is.
    """
    results = records(release, "ops.quality_results").where(F.col("severity") == "warning")
    results = results.where(F.col("table_name").isin(sorted({c["table_name"] for c in checks})))
    results = results.where(F.col("check_name").isin(sorted({c["check_name"] for c in checks})))
    if until is not None:
        results = results.where(F.col("checked_at") <= F.lit(until))
    is_part = F.coalesce(F.col("scope").rlike(PARTIAL), F.lit(False))
    is_told = ~(F.col("success") & F.coalesce(F.col("observed").rlike(PASSED_OVER), F.lit(False)))
    of_check = Window.partitionBy("table_name", "check_name")
    whole_at = F.max(F.when(~is_part & is_told, F.col("checked_at"))).over(of_check)
    recent = results.withColumn("whole_at", whole_at).where("whole_at IS NULL OR checked_at >= whole_at")
    failed = recent.withColumn("failed", F.bool_or(~F.col("success")).over(of_check)).where("failed")
    return as_dicts(failed.select(*COLUMNS).orderBy("table_name", "check_name", "checked_at"))


def _key(check: dict[str, Any]) -> tuple[str, str]:
    return check["table_name"], check["check_name"]
