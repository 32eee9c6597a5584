"""What the page tells, read from the warehouse's own records: a fixed number of rows however many runs there were."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from pyspark.sql import Window
from pyspark.sql import functions as F

from basketgraph.contracts import contracts
from basketgraph.report.examples import Example, newest_examples
from basketgraph.tables import Release, newest_release

if TYPE_CHECKING:
    from pyspark.sql import Row

EXAMPLE_FILES, MOST_REASONS = 10, 30


@dataclass(frozen=True)
class Facts:
    """Rows of the records as dicts; empty where a step has not run."""

    run_id: str
    ds: date
    release: dict[str, Any] | None  # the live one
    steps: list[dict[str, Any]]  # of this run, in order
    checks: list[dict[str, Any]]  # every table's newest results
    runs: list[dict[str, Any]]  # broken promises a run, oldest first
    files: list[dict[str, Any]]  # counts a table
    quarantined: list[dict[str, Any]]
    quarantined_count: int
    deliveries: list[dict[str, Any]]  # counts a day of pick-up, oldest first
    days: list[dict[str, Any]]  # purchases a day, oldest first
    rejected: list[dict[str, Any]]  # counts and two rows a table and reason, most frequent first
    evaluations: list[dict[str, Any]]  # of the newest cut
    examples: list[Example]  # recommendations of a few users
    versions: dict[str, int] = field(default_factory=dict)


def facts(release: Release, ds: date, history_days: int) -> Facts:
    """Everything the page needs, from the newest versions."""
    quarantined = _quarantined(release)
    return Facts(
        run_id=release.run_id,
        ds=ds,
        release=newest_release(release),
        steps=_dicts(release, "ops.runs", f"run_id = '{release.run_id}'", "started_at"),
        checks=_checks(release),
        runs=_runs(release, history_days),
        files=_files(release),
        quarantined=quarantined[:EXAMPLE_FILES],
        quarantined_count=len(quarantined),
        deliveries=_deliveries(release, history_days),
        days=_days(release, ds, history_days),
        rejected=_rejected(release),
        evaluations=_evaluations(release),
        examples=newest_examples(release),
        versions=release.versions(list(contracts())),
    )


def _plain(rows: list[Row]) -> list[dict[str, Any]]:
    return [row.asDict(recursive=True) for row in rows]


def _dicts(release: Release, table: str, condition: str, order: str) -> list[dict[str, Any]]:
    return _plain(release.read(table).where(condition).orderBy(order).collect()) if release.exists(table) else []


def _checks(release: Release) -> list[dict[str, Any]]:
    if not release.exists("ops.quality_results"):
        return []
    newest = F.max("checked_at").over(Window.partitionBy("table_name"))
    latest = release.read("ops.quality_results").withColumn("newest", newest).where("checked_at = newest").drop("newest")
    return _plain(latest.orderBy("table_name", "success", "severity", "check_name").collect())


def _runs(release: Release, history_days: int) -> list[dict[str, Any]]:
    if not release.exists("ops.quality_results"):
        return []
    counted = (
        release.read("ops.quality_results")
        .groupBy("run_id")
        .agg(
            F.max("checked_at").alias("checked_at"),
            F.count_if(~F.col("success") & (F.col("severity") == "critical")).alias("critical"),
            F.count_if(~F.col("success") & (F.col("severity") == "warning")).alias("warnings"),
        )
    )
    return _plain(counted.orderBy(F.desc("checked_at")).limit(history_days).collect())[::-1]


def _files(release: Release) -> list[dict[str, Any]]:
    """As the summary counts them: files that were read to their end."""
    if not release.exists("ops.files"):
        return []
    sums = [F.sum(f"rows_{what}").alias(what) for what in ("read", "accepted", "rejected", "duplicate")]
    counted = release.read("ops.files").where("status = 'done'").groupBy("table_name").agg(F.countDistinct("source_file").alias("files"), *sums)
    return _plain(counted.orderBy("table_name").collect())


def _quarantined(release: Release) -> list[dict[str, Any]]:
    return _dicts(release, "ops.files", "status = 'quarantined'", "source_file")


def _deliveries(release: Release, history_days: int) -> list[dict[str, Any]]:
    if not release.exists("ops.files"):
        return []
    by_day = release.read("ops.files").groupBy(F.to_date("seen_at").alias("day"))
    counted = by_day.agg(F.sum("rows_read").alias("read"), F.sum("rows_rejected").alias("rejected"))
    return _plain(counted.orderBy(F.desc("day")).limit(history_days).collect())[::-1]


def _days(release: Release, ds: date, history_days: int) -> list[dict[str, Any]]:
    if not release.exists("silver.events"):
        return []
    recent = F.col("event_date").between(F.lit(ds - timedelta(days=history_days)), F.lit(ds))
    purchases = release.read("silver.events").where(recent & (F.col("event_type") == "purchase"))
    counted = purchases.groupBy("event_date").agg(F.count("*").alias("lines"), F.countDistinct("user_id").alias("users"))
    return _plain(counted.orderBy("event_date").collect())


def _rejected(release: Release) -> list[dict[str, Any]]:
    """Rows a table and reason from the ledger, where every delivery counts, each with two of the kept rows."""
    if not (release.exists("ops.files") and release.exists("silver.rejected_rows")):
        return []
    done = release.read("ops.files").where("status = 'done'").select("table_name", F.inline("rejected_by_reason"))
    counted = done.groupBy("table_name", "reason").agg(F.sum("rows").alias("rows"))
    kept = release.read("silver.rejected_rows").select("table_name", F.explode("reasons").alias("reason"), "payload")
    examples = kept.groupBy("table_name", "reason").agg(F.min("payload").alias("first"), F.max("payload").alias("last"))
    told = counted.join(examples, ["table_name", "reason"], "left")  # one row of examples a reason at the most
    return _plain(told.orderBy(F.desc("rows"), "table_name", "reason").limit(MOST_REASONS).collect())


def _evaluations(release: Release) -> list[dict[str, Any]]:
    if not release.exists("ops.evaluations"):
        return []
    found = release.read("ops.evaluations")
    newest = F.max("as_of").over(Window.partitionBy(F.lit(1)))
    return _plain(found.withColumn("newest", newest).where("as_of = newest").drop("newest").orderBy("setting", "model", "metric", "versus").collect())
