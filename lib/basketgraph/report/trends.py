"""Data of the charts: the last `history_days` days or runs, so that a page does not grow with the number of runs."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from basketgraph.report.records import Rows, about, as_dicts

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def broken_by_run(results: DataFrame, history_days: int) -> Rows:
    """Failures that nobody accepted, run by run: {run_id, checked_at, critical, warnings}, oldest first."""
    failed = ~F.col("success") & F.col("accepted_because").isNull()
    critical, warnings = (F.count_if(failed & (F.col("severity") == severity)) for severity in ("critical", "warning"))
    counted = results.groupBy("run_id").agg(F.max("checked_at").alias("checked_at"), critical.alias("critical"), warnings.alias("warnings"))
    return as_dicts(counted.orderBy(F.desc("checked_at")).limit(history_days))[::-1]


def deliveries(files: DataFrame, history_days: int) -> Rows:
    """Rows by day of delivery, of the table with most rejected rows: {table_name, day, read, rejected}, oldest first.

    files: rows of ops.files that were read to their end. A file may feed several tables, so that their counts do not add up to rows of files.
    """
    sums = files.groupBy("table_name").agg(F.sum("rows_rejected").alias("rejected"), F.sum(about()).alias("read"))
    leading = as_dicts(sums.orderBy(F.desc("rejected"), F.desc("read"), "table_name").limit(1))
    if not leading:
        return []
    of_table = files.where(F.col("table_name") == leading[0]["table_name"])
    by_day = of_table.groupBy("table_name", F.to_date("seen_at").alias("day"))
    counted = as_dicts(by_day.agg(F.sum(about()).alias("read"), F.sum("rows_rejected").alias("rejected")).orderBy(F.desc("day")).limit(history_days))
    return [row for row in counted if row["day"] > counted[0]["day"] - timedelta(days=history_days)][::-1]


def shop_days(events: DataFrame, ds: date, history_days: int) -> Rows:
    """Purchases by the shop's own day: {event_date, lines, users}, oldest first; a closed day has no row."""
    purchases = events.where(_recent("event_date", ds, history_days) & (F.col("event_type") == "purchase"))
    counted = purchases.groupBy("event_date").agg(F.count("*").alias("lines"), F.countDistinct("user_id").alias("users"))
    return as_dicts(counted.orderBy("event_date"))


def check_histories(results: DataFrame, daily_values: DataFrame, ds: date, history_days: int) -> dict[tuple[str, str], Rows]:
    """(table, check) -> {day, value, usual_low, usual_high}, oldest first: the number on the day that it belongs to, with what was usual then.

    That is the day which the check judged, else the one that the run was for. A metric that is kept day by day has a point for each
    of its days, judged or not. A result that only repeats an earlier one is no point.
    """
    points: dict[tuple[str, str], dict[date, dict[str, Any]]] = {}
    for row in as_dicts(_judged_days(results, ds, history_days)):
        points.setdefault((row["table_name"], row["check_name"]), {})[row["day"]] = row["point"]
    for row in as_dicts(_daily_values(daily_values, ds, history_days)):
        of_check = points.setdefault((row["table_name"], row["check_name"]), {})
        of_check[row["day"]] = {"usual_low": None, "usual_high": None, **of_check.get(row["day"], {}), "value": row["value"]}
    return {check: [{"day": day, **by_day[day]} for day in sorted(by_day)] for check, by_day in points.items()}


def _judged_days(results: DataFrame, ds: date, history_days: int) -> DataFrame:
    """table_name, check_name, day, point: each day's newest result with a number; repeated results are left out."""
    own = results.where(F.col("value").isNotNull() & F.col("repeated_from").isNull())
    dated = own.withColumn("day", F.coalesce("judged_day", "ds")).where(_recent("day", ds, history_days))
    point = F.max_by(F.struct("value", "usual_low", "usual_high"), F.struct("checked_at", "ds"))
    return dated.groupBy("table_name", "check_name", "day").agg(point.alias("point"))


def _daily_values(daily_values: DataFrame, ds: date, history_days: int) -> DataFrame:
    """table_name, check_name, day, value: the newest value of each day before `ds`; days that lost all their rows are left out."""
    known = daily_values.where(_recent("day", ds, history_days) & (F.col("day") < F.lit(ds)))
    newest = F.max_by("value", F.struct("checked_at", "run_id"))
    return known.groupBy("table_name", "check_name", "day").agg(newest.alias("value")).where("value IS NOT NULL")


def _recent(column: str, ds: date, history_days: int) -> Column:
    return (F.col(column) > F.lit(ds - timedelta(days=history_days))) & (F.col(column) <= F.lit(ds))
