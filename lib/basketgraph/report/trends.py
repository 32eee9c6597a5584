"""What the charts draw: the last `history_days` days or runs of the warehouse's own records, so a page does not grow with the number of runs."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from basketgraph.report.records import as_dicts, records
from basketgraph.tables import Release

if TYPE_CHECKING:
    from pyspark.sql import Column

Rows = list[dict[str, Any]]


def broken_by_run(release: Release, history_days: int) -> Rows:
    """Failures that nobody accepted, run by run: {run_id, checked_at, critical, warnings}, oldest first."""
    failed = ~F.col("success") & F.col("accepted_because").isNull()
    counts = [
        F.count_if(failed & (F.col("severity") == severity)).alias(name) for severity, name in (("critical", "critical"), ("warning", "warnings"))
    ]
    counted = records(release, "ops.quality_results").groupBy("run_id").agg(F.max("checked_at").alias("checked_at"), *counts)
    return as_dicts(counted.orderBy(F.desc("checked_at")).limit(history_days))[::-1]


def deliveries(release: Release, history_days: int) -> Rows:
    """Rows by day of pick-up, of the table that most rows are rejected of: {table_name, day, read, rejected}, oldest first.

    A file may feed several tables, so their counts do not add up to rows of files. A day without a delivery has no row.
    """
    files = records(release, "ops.files").where("status = 'done'")
    sums = files.groupBy("table_name").agg(F.sum("rows_rejected").alias("rejected"), F.sum("rows_read").alias("read"))
    leading = as_dicts(sums.orderBy(F.desc("rejected"), F.desc("read"), "table_name").limit(1))
    if not leading:
        return []
    of_table = files.where(F.col("table_name") == leading[0]["table_name"])
    by_day = of_table.groupBy("table_name", F.to_date("seen_at").alias("day"))
    counted = as_dicts(
        by_day.agg(F.sum("rows_read").alias("read"), F.sum("rows_rejected").alias("rejected")).orderBy(F.desc("day")).limit(history_days)
    )
    return [row for row in counted if row["day"] > counted[0]["day"] - timedelta(days=history_days)][::-1]


def shop_days(release: Release, ds: date, history_days: int) -> Rows:
    """Purchases by the shop's own day: {event_date, lines, users}, oldest first; a closed day has no row."""
    purchases = records(release, "silver.events").where(_recent("event_date", ds, history_days) & (F.col("event_type") == "purchase"))
    counted = purchases.groupBy("event_date").agg(F.count("*").alias("lines"), F.countDistinct("user_id").alias("users"))
    return as_dicts(counted.orderBy("event_date"))


def check_histories(release: Release, ds: date, history_days: int) -> dict[tuple[str, str], Rows]:
    """(table, check) -> {ds, value, usual_low, usual_high}, oldest first: of each day the last result, where it has a number."""
    point = F.struct("ds", "value", "usual_low", "usual_high")
    told = records(release, "ops.quality_results").where(_recent("ds", ds, history_days) & F.col("value").isNotNull())
    last = told.groupBy("table_name", "check_name", "ds").agg(F.max_by(point, "checked_at").alias("point"))
    grouped = last.groupBy("table_name", "check_name").agg(F.sort_array(F.collect_list("point")).alias("points"))
    return {(row["table_name"], row["check_name"]): row["points"] for row in as_dicts(grouped)}


def _recent(column: str, ds: date, history_days: int) -> Column:
    return (F.col(column) > F.lit(ds - timedelta(days=history_days))) & (F.col(column) <= F.lit(ds))
