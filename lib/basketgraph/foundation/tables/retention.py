"""What is old enough to go: rows by their contract, pages of old runs, and what training left behind for cuts that nothing kept uses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from basketgraph.foundation.contracts import Contract, Retention, contracts
from basketgraph.foundation.tables.warehouse import RunTables

CUT = re.compile(r"\d{4}-\d{2}-\d{2}")
CUT_FOLDERS = ("shards", "models/graph", "tensorboard/graph")  # each holds a folder a cut
RUNS, TRAINING = "ops.runs", "train_graph"


@dataclass(frozen=True)
class Found:
    """A file or folder of the warehouse, or of where shard sets and models lie: its path below that, and when it was last written."""

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
    """Rows removed (or cleared) a table, in every table whose contract has a retention; tables that lose nothing are left out."""
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
    found: Iterable[Found], *, runs: Sequence[Mapping[str, Any]], kept: Sequence[Mapping[str, Any]], settings: Mapping[str, int], now: datetime
) -> list[str]:
    """Paths of pages and of cuts' folders that may go, in order.

    runs: rows of ops.runs (run_id, step, status, finished_at, cuts). kept: the kept releases (run_id, published_at), the restored ones included.
    """
    cuts = used_cuts(runs, kept, since=now - timedelta(days=settings["keep_days"]))
    pages = {row["run_id"] for row in kept}
    going = []
    for one in found:
        folder, _, name = one.path.rpartition("/")
        if folder == "reports":
            age = now - one.modified_at
            if age > timedelta(days=settings["report_days"]) and name.removesuffix(".html") not in pages:
                going.append(one.path)
        elif CUT.fullmatch(name) and name not in cuts and now - one.modified_at > timedelta(days=settings["keep_days"]):
            going.append(one.path)
    return sorted(going)


def used_cuts(runs: Sequence[Mapping[str, Any]], kept: Sequence[Mapping[str, Any]], *, since: datetime) -> set[str]:
    """The cuts, as texts, that were trained for a kept release, since a moment, or last."""
    trained = sorted((row for row in runs if row["step"] == TRAINING and row["status"] == "done"), key=lambda row: row["finished_at"])
    chosen = [row for row in trained if row["finished_at"] >= since] + trained[-1:]
    for release in kept:
        chosen += [row for row in trained if row["finished_at"] <= release["published_at"]][-1:]
    return {cut.isoformat() for row in chosen for cut in row["cuts"] or ()}


def listed(tables: RunTables, zone: Any) -> list[Found]:
    """The pages, and the folders of cuts, that there are."""
    found = []
    for folder in ("reports", *CUT_FOLDERS):
        names = tables.files.list_names(_place(tables, folder))
        for path in (f"{folder}/{name}" for name in names if (folder == "reports" and name.endswith(".html")) or CUT.fullmatch(name)):
            info = tables.files.info(_place(tables, path))
            if info is not None:
                found.append(Found(path, info.modified_at.astimezone(zone)))
    return found


def remove_files(tables: RunTables, paths: Sequence[str]) -> None:
    for path in paths:
        tables.files.delete(_place(tables, path))


def _place(tables: RunTables, path: str) -> str:
    return f"{tables.work_root if path.startswith(CUT_FOLDERS) else tables.root}/{path}"


def run_rows(tables: RunTables, zone: Any) -> list[dict[str, Any]]:
    """What old_files wants to know of ops.runs."""
    columns = ["run_id", "step", "status", "finished_at", "cuts"]
    rows = tables.read(RUNS).where(F.col("step") == TRAINING).select(*columns).collect() if tables.exists(RUNS) else []
    return [{**row.asDict(), "finished_at": row.finished_at.astimezone(zone)} for row in rows]
