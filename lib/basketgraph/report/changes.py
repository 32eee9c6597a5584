"""Changes since the page before: files and rows that came in, were rejected or set aside; promises broken and mended; tables that grew or shrank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from basketgraph.foundation.quality.check_results import NOT_COMPARED, covers
from basketgraph.foundation.tables.warehouse import RunTables, releases
from basketgraph.report.newest import check_key, newest_checks
from basketgraph.report.records import Rows, about, as_dicts, file_counts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Changes:
    """Everything after `since`, when the page before was made.

    new_files:   files that were read since.
    files:       a table: {table_name, files, read, about, accepted, rejected, duplicate, left_out} since, {about_before, rejected_before} before;
                 `about` are the rows that are about the table: read less left out.
    reasons:     {table_name, reason, rows, rows_before}, of those that turned rows away since; most rows first. rows_before 0: a new reason.
    set_aside:   {source_file, problem}, files that were quarantined since.
    taken_up:    {source_file}, files that were quarantined before and are read by now.
    broken:      results that fail now and did not then (or are new); mended: those that failed then and hold now; still: those that fail as before.
    unseen:      those that failed then or earlier and hold now, but of other days: as they failed, with `now`, the newest result.
    promises:    how many were added and how many taken out of the suites.
    tables:      {table_name, before, now}: rows of the two live releases, where they differ.
    """

    since: datetime | None = None
    run_id: str | None = None
    new_files: int = 0
    files: Rows = field(default_factory=list)
    reasons: Rows = field(default_factory=list)
    set_aside: Rows = field(default_factory=list)
    taken_up: Rows = field(default_factory=list)
    broken: Rows = field(default_factory=list)
    mended: Rows = field(default_factory=list)
    unseen: Rows = field(default_factory=list)
    still: Rows = field(default_factory=list)
    promises: tuple[int, int] = (0, 0)
    tables: Rows = field(default_factory=list)
    release_before: int | None = None
    release_now: int | None = None


def changes(release: RunTables, runs: DataFrame, files: DataFrame, checks: Sequence[dict[str, Any]]) -> Changes:
    """runs, files: rows of ops.runs and ops.files; checks: every table's newest results.

    returns: without `since` where this is the first page of the warehouse.
    """
    pages = runs.where((F.col("step") == "report") & (F.col("status") == "done") & (F.col("run_id") != release.run_id))
    last = as_dicts(pages.select("run_id", "finished_at").orderBy(F.desc("finished_at")).limit(1))
    if not last:
        return Changes()
    since: datetime = last[0]["finished_at"]
    before = {check_key(check): check for check in newest_checks(release, since)}
    now = {check_key(check): check for check in checks}
    failed = {key: check for key, check in now.items() if not check["success"]}
    # A promise that is open since an earlier look was broken by the result of that look.
    failed_before = {key: check["open"] or check for key, check in before.items() if check["open"] or not check["success"]}
    kept = {key: check for key, check in now.items() if key in failed_before and check["success"]}
    mended = {key: check for key, check in kept.items() if _covers_all(check, failed_before[key])}
    done = files.where("status = 'done'")
    set_aside, taken_up = _quarantine(files, since)
    release_before, release_now, tables = _volumes(release, since)
    return Changes(
        since=since,
        run_id=last[0]["run_id"],
        new_files=done.where(F.col("seen_at") > F.lit(since)).select("source_file").distinct().count(),
        files=_files(done, since),
        reasons=_reasons(done, since),
        set_aside=set_aside,
        taken_up=taken_up,
        broken=[check for key, check in failed.items() if key not in failed_before],
        mended=list(mended.values()),
        unseen=[{**failed_before[key], "now": check} for key, check in kept.items() if key not in mended],
        still=[check for key, check in failed.items() if key in failed_before],
        promises=(len(now.keys() - before.keys()), len(before.keys() - now.keys())),
        tables=tables,
        release_before=release_before,
        release_now=release_now,
    )


def _covers_all(now: dict[str, Any], failed: dict[str, Any]) -> bool:
    """Whether all rows of a failure were looked at since, in one look or several."""
    return now["open"] is None and now["outcome"] != NOT_COMPARED if now["severity"] == "warning" else covers(now, failed)


def _files(done: DataFrame, since: datetime) -> Rows:
    new = F.col("seen_at") > F.lit(since)
    before = [F.sum(F.when(~new, rows).otherwise(0)) for rows in (about(), F.col("rows_rejected"))]
    files = F.countDistinct(F.when(new, F.col("source_file"))).alias("files")
    counted = done.groupBy("table_name").agg(files, *file_counts(new), before[0].alias("about_before"), before[1].alias("rejected_before"))
    return as_dicts(counted.where("files > 0").orderBy("table_name"))


def _reasons(done: DataFrame, since: datetime) -> Rows:
    new = F.col("seen_at") > F.lit(since)
    refused = done.select("table_name", new.alias("new"), F.inline("rejected_by_reason"))
    now, before = (F.sum(F.when(counts, F.col("rows")).otherwise(0)) for counts in (F.col("new"), ~F.col("new")))
    counted = refused.groupBy("table_name", "reason").agg(now.alias("rows"), before.alias("rows_before")).where(F.col("rows") > 0)
    return as_dicts(counted.orderBy(F.desc("rows"), "table_name", "reason"))


def _quarantine(files: DataFrame, since: datetime) -> tuple[Rows, Rows]:
    """Files set aside since; and those that were set aside until then and are read in full by now, as they were or mended."""
    new, aside = F.col("seen_at") > F.lit(since), F.col("status") == "quarantined"
    states = files.groupBy("source_file").agg(
        F.max(F.when(new & aside, F.coalesce("problem", F.lit("")))).alias("problem"),
        F.bool_or(~new & aside).alias("was_aside"),
        F.bool_or(new & (F.col("status") == "done")).alias("read_since"),
    )
    set_aside = as_dicts(states.where("problem IS NOT NULL").select("source_file", "problem").orderBy("source_file"))
    taken_up = as_dicts(states.where("problem IS NULL AND was_aside AND read_since").select("source_file").orderBy("source_file"))
    return set_aside, taken_up


def _volumes(release: RunTables, since: datetime) -> tuple[int | None, int | None, Rows]:
    """The release that was live then, the one that is live now, and the tables whose rows differ between them."""
    newest_first = releases(release)
    now, before = next(iter(newest_first), None), next((row for row in newest_first if row["published_at"] <= since), None)
    if now is None or before is None:
        return None, now["release"] if now else None, []
    names = [name for name in sorted({*before["rows"], *now["rows"]}) if not name.startswith("ops.")]
    tables = [{"table_name": name, "before": before["rows"].get(name), "now": now["rows"].get(name)} for name in names]
    return before["release"], now["release"], [table for table in tables if table["before"] != table["now"]]
