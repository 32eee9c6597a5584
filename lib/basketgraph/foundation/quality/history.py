"""The history of checks (ops.quality_results, ops.daily_values): a check's baseline, and which rows have passed already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from itertools import groupby, takewhile
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from basketgraph.foundation.quality.check_results import is_partial

if TYPE_CHECKING:
    from basketgraph.foundation.quality.suites import QualitySettings
    from basketgraph.foundation.tables.warehouse import RunTables

RESULTS, DAILY = "ops.quality_results", "ops.daily_values"
KEPT_DAYS = 400  # older results are history for people, not for checks
Row = dict[str, Any]
Daily = dict[str, dict[str, float | None]]  # check -> {YYYY-MM-DD: value}


@dataclass
class CheckHistory:
    """Rows of ops.quality_results by table and check, oldest first."""

    rows: dict[str, dict[str, list[Row]]] = field(default_factory=dict)

    def checks(self, table: str) -> list[list[Row]]:
        """The rows of each past check of the table, newest first: all rows of one check have its time."""
        rows = (row for of_check in self.rows.get(table, {}).values() for row in of_check)
        by_time = itemgetter("checked_at")
        return [list(check) for _, check in groupby(sorted(rows, key=by_time, reverse=True), key=by_time)]

    def of_suite(self, table: str, suite_hash: str) -> list[list[Row]]:
        """`checks` that were held against this suite."""
        return [rows for rows in self.checks(table) if rows[0]["suite_hash"] == suite_hash]

    def passed(self, table: str, suite_hash: str) -> list[list[Row]]:
        """`of_suite` without checks that found a critical failure, accepted or not: its rows are still to be mended."""
        return [rows for rows in self.of_suite(table, suite_hash) if not any(map(is_critical_failure, rows))]

    def of(self, table: str, check: str) -> list[Row]:
        return self.rows.get(table, {}).get(check, [])

    def last(self, table: str, check: str) -> Row | None:
        return next(reversed(self.of(table, check)), None)

    def row_count(self, table: str, run_id: str) -> int | None:
        """The table's row count in the newest check of another run that counted all rows."""
        for rows in self.checks(table):
            if rows[0]["run_id"] == run_id:
                continue
            counts = [row["value"] for row in rows if row["check_name"].startswith("table_row_count")]
            counts += [row["element_count"] for row in rows if not is_partial(row)]
            if known := [count for count in counts if count is not None]:
                return int(known[0])
        return None

    def values(self, table: str, check: str) -> dict[str, float | None]:
        """{ds: value of the check}; the last run for a day counts."""
        return {row["ds"].isoformat(): row["value"] for row in self.of(table, check)}

    def accepted(self, table: str, check: str, ds: date) -> str | None:
        """Why a person accepted this check's failure for this day; None where nobody did."""
        reasons = (row["accepted_because"] for row in reversed(self.of(table, check)) if row["ds"] == ds)
        return next(filter(None, reasons), None)

    def failing_since(self, table: str, check: str) -> Row | None:
        """The first of the consecutive failures that end with the newest result; None where that was a success."""
        failures = list(takewhile(lambda row: not row["success"], reversed(self.of(table, check))))
        return failures[-1] if failures else None


@dataclass(frozen=True)
class CheckRun:
    """A run that checks tables: the tables, the day, the limits, the failures that a person accepts, and the history."""

    tables: RunTables
    ds: date
    settings: QualitySettings
    history: CheckHistory
    accepted: Mapping[tuple[str, str], str] = field(default_factory=dict)


def is_critical_failure(row: Row) -> bool:
    """Whether this result stops a run unless a person accepts it."""
    return row["severity"] == "critical" and not row["success"]


def stops_run(row: Row, ds: date) -> bool:
    """Whether this result stops a run for `ds`: a failure is accepted for the day of that run only."""
    return is_critical_failure(row) and not (row["accepted_because"] and row["ds"] == ds)


def check_history(release: RunTables, tables: Sequence[str]) -> CheckHistory:
    """Read the check history of these tables, in one query."""
    is_recent = F.col("checked_at") >= F.lit(datetime.now(timezone.utc) - timedelta(days=KEPT_DAYS))
    rows = release.newest(RESULTS).where(F.col("table_name").isin(list(tables)) & is_recent).drop("notes").collect()
    history = CheckHistory()
    for row in sorted((row.asDict() for row in rows), key=lambda row: row["checked_at"]):
        history.rows.setdefault(row["table_name"], {}).setdefault(row["check_name"], []).append(row)
    return history


def daily_history(tables: RunTables, table: str) -> Daily:
    """The table's newest daily values, from ops.daily_values."""
    newest = F.max_by("value", F.struct("checked_at", "run_id"))
    rows = tables.newest(DAILY).where(F.col("table_name") == table).groupBy("check_name", "day").agg(newest.alias("value")).collect()
    values: Daily = {}
    for row in rows:
        values.setdefault(row.check_name, {})[row.day.isoformat()] = row.value
    return values


def daily_rows(table: str, values: Daily, known: Daily, **shared: Any) -> list[Row]:
    """Rows of ops.daily_values for values that are new or differ; shared: its other columns."""
    return [
        {"table_name": table, "check_name": check, "day": date.fromisoformat(day), "value": value, **shared}
        for check, by_day in values.items()
        for day, value in by_day.items()
        if value != known.get(check, {}).get(day)
    ]
