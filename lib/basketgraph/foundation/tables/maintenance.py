"""Maintenance: retention, compaction and VACUUM, which keep everything that kept releases show."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from basketgraph.foundation.contracts import contracts
from basketgraph.foundation.progress import at, each
from basketgraph.foundation.tables.reader import aware
from basketgraph.foundation.tables.retention import old_files, remove_files, remove_old_rows, stored_files, training_runs, used_indexes
from basketgraph.foundation.tables.rollbacks import kept_releases
from basketgraph.foundation.tables.settings import MaintainSettings
from basketgraph.foundation.tables.warehouse import RunTables, releases

log = logging.getLogger("basketgraph")
MARGIN_HOURS = 1  # clocks of machines differ
TRAINED = "gold.user_embeddings"  # what training writes
DELTA_LEAST_HOURS = 168  # younger files may belong to a write or a long read that goes on; Delta refuses less


def retain_hours(needed_since: Iterable[datetime], *, keep_days: int, now: datetime) -> int:
    """How old a deleted file of a table must be before it goes, in whole hours, rounded up.

    needed_since: for each version of the table that a kept release names, when it was `first_published`: files deleted later are still needed.
    """
    oldest_hours = max(((now - moment).total_seconds() / 3600 for moment in needed_since), default=0.0)
    return math.ceil(max(DELTA_LEAST_HOURS, keep_days * 24, oldest_hours + MARGIN_HOURS))


def first_published(releases: Sequence[Mapping[str, Any]]) -> dict[tuple[str, int], datetime]:
    """(table, version) -> when it was published for the first time. It was the table's newest then, so its files were replaced after that.

    A later release may name a version that is no longer the newest: a rollback, or a pipeline that does not write the table.
    releases: rows of ops.releases, newest first.
    """
    return {(table, version): row["published_at"] for row in releases for table, version in row["versions"].items()}


def maintain(warehouse: RunTables, settings: MaintainSettings, *, now: datetime, dry_run: bool = False) -> dict[str, Any]:
    """Remove what the contracts' retention no longer keeps, compact and vacuum every table. Nothing that a kept release shows goes.

    returns: tables, retain_hours (table -> hours), kept_releases, rows_removed (table -> rows; of a retention that clears columns: rows cleared),
             files_removed (paths below the warehouse); of a dry run also vacuumable (table -> files that would be deleted).
    """
    began = time.monotonic()
    rows = [{**row, "published_at": aware(row["published_at"])} for row in releases(warehouse)]
    since, kept = first_published(rows), kept_releases(rows, settings.keep_releases)
    tables = [table for table in contracts() if warehouse.exists(table)]
    needed = {table: [since[table, row["versions"][table]] for row in kept if table in row["versions"]] for table in tables}
    hours = {table: retain_hours(moments, keep_days=settings.keep_days, now=now) for table, moments in needed.items()}
    # Of lists that another pipeline's release goes on showing, the training before they were published counts.
    trained = [{**row, "published_at": since.get((TRAINED, row["versions"].get(TRAINED)), row["published_at"])} for row in kept]
    at("looking for old rows")
    removed = remove_old_rows(warehouse, dry_run=dry_run)
    files = old_files(
        stored_files(warehouse),
        runs=training_runs(warehouse),
        kept=trained,
        keep_days=settings.keep_days,
        report_days=settings.report_days,
        now=now,
        indexes=used_indexes(warehouse, kept),
    )
    summary: dict[str, Any] = {
        "tables": len(tables),
        "retain_hours": hours,
        "kept_releases": sorted({row["release"] for row in kept}),
        "rows_removed": removed,
        "files_removed": files,
    }
    if dry_run:
        vacuumable = {}
        for number, table in enumerate(each(tables, "tables looked at"), 1):
            vacuumable[table] = warehouse.vacuumable(table, retain_hours=hours[table])
            log.info("[%d/%d] %s: %d files would be deleted", number, len(tables), table, vacuumable[table])
        return {**summary, "vacuumable": {table: count for table, count in vacuumable.items() if count}}
    remove_files(warehouse, files)
    for number, table in enumerate(each(tables, "tables compacted"), 1):
        warehouse.compact(table)
        # VACUUM counts back from when it starts, and the tables before this one took their time.
        warehouse.vacuum(table, retain_hours=math.ceil(hours[table] + (time.monotonic() - began) / 3600))
        log.info("[%d/%d] %s: compacted, files deleted more than %d hours ago removed", number, len(tables), table, hours[table])
    return summary
