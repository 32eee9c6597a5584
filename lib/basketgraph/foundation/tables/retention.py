"""Retention: rows that are too old by their contract, pages of old runs, and files of trainings and indexes that no kept release uses."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from basketgraph.foundation.contracts import Contract, Retention, contracts
from basketgraph.foundation.tables.reader import aware
from basketgraph.foundation.tables.warehouse import RunTables

CUT = re.compile(r"\d{4}-\d{2}-\d{2}")
CUT_FOLDERS = ("shards", "sequences", "models/graph", "models/sequences", "tensorboard/graph")  # each holds a folder a cut
PAGE, INDEX = re.compile(r".*\.html"), re.compile(r"[0-9a-f]{32}")
RUNS, TRAINING = "ops.runs", "train_graph"
INDEX_FOLDER, INDEXES = "search_indexes", "gold.search_indexes"  # each index is a folder by the name that the table has


class StoredFile(NamedTuple):
    """A page, or the folder of a cut: its path below the warehouse or `work_dir`, and when it was last written."""

    path: str
    modified_at: datetime


def old_rows(rows: DataFrame, retention: Retention, newest: date | datetime) -> DataFrame:
    """The rows that a contract's retention no longer keeps.

    newest: the greatest value of the retention's column. Ages are counted back from it, so a table that nobody writes any more loses nothing.
    """
    column = F.col(retention.column)
    old = column < F.lit(newest - timedelta(days=retention.days))
    if retention.where is not None:
        old &= F.expr(retention.where)
    if retention.clear:
        old &= F.coalesce(*[F.col(name).cast("string") for name in retention.clear]).isNotNull()
    if retention.newestBy:
        last = F.max(retention.column).over(Window.partitionBy(*retention.newestBy))
        rows = rows.withColumn("__last", last)
        old &= column < F.col("__last")
    return rows.where(old).drop("__last")


def remove_old_rows(tables: RunTables, *, dry_run: bool) -> dict[str, int]:
    """Table -> number of rows removed or cleared, of every table that has a retention and loses rows by it."""
    removed = {}
    for table, terms in contracts().items():
        if terms.custom.retention is not None and tables.exists(table):
            rows = tables.read(table)
            newest = rows.agg(F.max(terms.custom.retention.column)).collect()[0][0]
            if newest is None:
                continue
            going = old_rows(rows, terms.custom.retention, newest).persist()
            count = going.count()
            if count:
                removed[table] = count
                if not dry_run:
                    _remove(tables, terms, terms.custom.retention, going, newest)
            going.unpersist()
    return removed


def _remove(tables: RunTables, terms: Contract, retention: Retention, going: DataFrame, newest: date | datetime) -> None:
    if retention.clear:
        kinds = {f.name: f.dataType for f in terms.struct.fields}
        tables.merge(going.withColumns({name: F.lit(None).cast(kinds[name]) for name in retention.clear}), terms.name)
    elif retention.where is None and not retention.newestBy:
        tables.delete(terms.name, F.col(retention.column) < F.lit(newest - timedelta(days=retention.days)))
    else:
        tables.merge(going.limit(0), terms.name, taken_out=going.select(*terms.keys))


def old_files(
    files: Iterable[StoredFile],
    *,
    runs: Sequence[Mapping[str, Any]],
    kept: Sequence[Mapping[str, Any]],
    keep_days: int,
    report_days: int,
    now: datetime,
    indexes: Collection[str] = (),
) -> list[str]:
    """Paths of pages, of cuts' folders and of indexes that may go, in order.

    runs: rows of ops.runs (run_id, step, status, finished_at, cuts); while a needed training has no cuts, no cut's folder may go.
    kept: the kept releases (run_id, published_at), the restored ones included.
    indexes: names of those that kept releases or the newest table name.
    """
    trainings = needed_trainings(runs, kept, since=now - timedelta(days=keep_days))
    known = all(row["cuts"] is not None for row in trainings)  # not of trainings logged before ops.runs had this column
    in_use = used_cuts(trainings) | {f"{row['run_id']}.html" for row in kept} | set(indexes)
    going = []
    for file in files:
        folder, _, name = file.path.rpartition("/")
        days = report_days if folder == "reports" else keep_days
        if name not in in_use and (known or folder not in CUT_FOLDERS) and now - file.modified_at > timedelta(days=days):
            going.append(file.path)
    return sorted(going)


def needed_trainings(runs: Sequence[Mapping[str, Any]], kept: Sequence[Mapping[str, Any]], *, since: datetime) -> list[Mapping[str, Any]]:
    """The rows of trainings for a kept release, of those finished since a moment, and of the last one."""
    trained = sorted((row for row in runs if row["step"] == TRAINING and row["status"] == "done"), key=lambda row: row["finished_at"])
    chosen = [row for row in trained if row["finished_at"] >= since] + trained[-1:]
    for release in kept:
        chosen += [row for row in trained if row["finished_at"] <= release["published_at"]][-1:]
    return chosen


def used_cuts(trainings: Iterable[Mapping[str, Any]]) -> set[str]:
    """The cuts of trainings, as texts."""
    return {cut.isoformat() for row in trainings for cut in row["cuts"] or ()}


def stored_files(tables: RunTables) -> list[StoredFile]:
    """The pages, the folders of cuts and those of indexes that there are."""
    patterns = {"reports": PAGE, INDEX_FOLDER: INDEX, **dict.fromkeys(CUT_FOLDERS, CUT)}
    files = []
    for folder, pattern in patterns.items():
        names = tables.files.list_names(_place(tables, folder))
        for path in (f"{folder}/{name}" for name in names if pattern.fullmatch(name)):
            info = tables.files.info(_place(tables, path))
            if info is not None:
                files.append(StoredFile(path, info.modified_at))
    return files


def used_indexes(tables: RunTables, kept: Sequence[Mapping[str, Any]]) -> set[str]:
    """The names of the indexes that kept releases show, and of the newest one.

    kept: rows of ops.releases.
    """
    versions = {row["versions"][INDEXES] for row in kept if INDEXES in row["versions"]}
    frames = [tables.newest(INDEXES), *(tables.read_version(INDEXES, version) for version in sorted(versions))]
    return {row.name for frame in frames for row in frame.select(F.col("name")).collect()}


def remove_files(tables: RunTables, paths: Sequence[str]) -> None:
    for path in paths:
        tables.files.delete(_place(tables, path))


def _place(tables: RunTables, path: str) -> str:
    return f"{tables.work_root if path.startswith(CUT_FOLDERS) else tables.root}/{path}"


def training_runs(tables: RunTables) -> list[dict[str, Any]]:
    """The rows of ops.runs that `old_files` wants."""
    columns = ["run_id", "step", "status", "finished_at", "cuts"]
    rows = tables.read(RUNS).where(F.col("step") == TRAINING).select(*columns).collect()
    return [{**row.asDict(), "finished_at": aware(row.finished_at)} for row in rows]
