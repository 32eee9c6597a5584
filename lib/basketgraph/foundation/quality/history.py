"""The history of checks (ops.quality_results, ops.daily_values): the baseline of a check, and what need not be checked again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from basketgraph.foundation.quality.check_results import is_partial, is_whole_table

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
        found: dict[datetime, list[Row]] = {}
        for rows in self.rows.get(table, {}).values():
            for row in rows:
                found.setdefault(row["checked_at"], []).append(row)
        return [found[moment] for moment in sorted(found, reverse=True)]

    def of_suite(self, table: str, suite_hash: str) -> list[list[Row]]:
        """`checks`, with their rows that were held against this suite; those without any are left out."""
        same = ([row for row in rows if row["suite_hash"] == suite_hash] for rows in self.checks(table))
        return [rows for rows in same if rows]

    def passed(self, table: str, suite_hash: str) -> list[Row]:
        """The rows of the newest such check without a critical failure, accepted ones included: their rows are to be checked again."""
        return next((rows for rows in self.of_suite(table, suite_hash) if not any(map(is_critical_failure, rows))), [])

    def whole_on(self, table: str, suite_hash: str) -> date | None:
        """The `ds` of the newest check without a critical failure that looked at the whole table."""
        passed = (rows for rows in self.of_suite(table, suite_hash) if not any(map(is_critical_failure, rows)))
        return next((rows[0]["ds"] for rows in passed if any(map(is_whole_table, rows))), None)

    def last(self, table: str, check: str) -> Row | None:
        rows = self.rows.get(table, {}).get(check)
        return rows[-1] if rows else None

    def row_count(self, table: str, run_id: str) -> int | None:
        """The table's row count in the newest check of another run that counted all rows."""
        for rows in self.checks(table):
            if rows[0]["run_id"] == run_id:
                continue
            counted = [row["value"] for row in rows if row["check_name"].startswith("table_row_count") and row["value"] is not None]
            whole = [row["element_count"] for row in rows if row["element_count"] is not None and not is_partial(row)]
            if counted or whole:
                return int((counted or whole)[0])
        return None

    def values(self, table: str, check: str) -> dict[str, float | None]:
        """The check's value of each day that runs were for; the last run of a day counts."""
        return {row["ds"].isoformat(): row["value"] for row in self.rows.get(table, {}).get(check, [])}

    def accepted(self, table: str, check: str, ds: date) -> str | None:
        """Why a person accepted this check's failure for this day; None where nobody did."""
        given = [row["accepted_because"] for row in self.rows.get(table, {}).get(check, []) if row["ds"] == ds]
        return next((reason for reason in reversed(given) if reason), None)

    def failing_since(self, table: str, check: str) -> Row | None:
        """The first row of the unbroken row of failures that ends with the newest result; None where that was a success."""
        first = None
        for row in reversed(self.rows.get(table, {}).get(check, [])):
            if row["success"]:
                break
            first = row
        return first


@dataclass(frozen=True)
class CheckRun:
    """A run that checks tables: the tables, the day, the limits, what a person accepts, and what earlier runs found."""

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
    found = CheckHistory()
    if not release.exists(RESULTS):
        return found
    young = F.col("checked_at") >= F.lit(datetime.now(timezone.utc) - timedelta(days=KEPT_DAYS))
    rows = release.newest(RESULTS).where(F.col("table_name").isin(list(tables)) & young).drop("notes").collect()
    for row in sorted((row.asDict() for row in rows), key=lambda row: row["checked_at"]):
        found.rows.setdefault(row["table_name"], {}).setdefault(row["check_name"], []).append(row)
    return found


def daily_history(tables: RunTables, table: str) -> Daily:
    """The table's newest daily values, from ops.daily_values."""
    if not tables.exists(DAILY):
        return {}
    newest = F.max_by("value", F.struct("checked_at", "run_id"))
    rows = tables.newest(DAILY).where(F.col("table_name") == table).groupBy("check_name", "day").agg(newest.alias("value")).collect()
    found: Daily = {}
    for row in rows:
        found.setdefault(row.check_name, {})[row.day.isoformat()] = row.value
    return found


def daily_rows(table: str, found: Daily, known: Daily, **shared: Any) -> list[Row]:
    """Rows of ops.daily_values for values that are new or differ; shared: its other columns."""
    return [
        {"table_name": table, "check_name": check, "day": date.fromisoformat(day), "value": value, **shared}
        for check, values in found.items()
        for day, value in values.items()
        if value != known.get(check, {}).get(day)
    ]
