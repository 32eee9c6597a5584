"""Housekeeping that respects kept releases: compaction, and deleting files that no kept release needs."""

from __future__ import annotations

import logging
import math
import time
from datetime import datetime
from typing import Any

from basketgraph.config import Settings
from basketgraph.contracts import contracts
from basketgraph.publish.retention import listed, old_files, remove_files, remove_old_rows, run_rows
from basketgraph.tables import Release, releases

log = logging.getLogger("basketgraph")
MARGIN_HOURS = 1  # clocks of machines differ
DELTA_LEAST_HOURS = 168  # younger files may belong to a write or a long read that goes on; Delta refuses less


class MaintainSettings(Settings):
    """conf/settings.yaml `maintain`."""

    keep_releases: int
    keep_days: int
    report_days: int


def retain_hours(published: list[datetime], *, keep_releases: int, keep_days: int, now: datetime) -> int:
    """How old a deleted file must be before it goes, in whole hours, rounded up.

    published: publishing times of the releases, newest first. A release names versions that were the newest when it was published, so a file
    of theirs was deleted after that: keeping what was deleted since the oldest kept release keeps all that kept releases need.
    """
    kept = published[:keep_releases]
    oldest_hours = max(((now - time).total_seconds() / 3600 for time in kept), default=0.0)
    return math.ceil(max(DELTA_LEAST_HOURS, keep_days * 24, oldest_hours + MARGIN_HOURS))


def maintain(release: Release, settings: MaintainSettings, *, now: datetime, dry_run: bool = False) -> dict[str, Any]:
    """Remove what the contracts' retention no longer keeps, compact and vacuum every table. Nothing that a kept release shows goes.

    returns: tables, retain_hours, kept_releases, rows_removed (table -> rows; of a retention that clears columns: rows cleared),
             files_removed (paths below the warehouse); of a dry run also vacuumable (table -> files that would be deleted).
    """
    began = time.monotonic()
    rows = releases(release)
    by_number = {row["release"]: row for row in rows}
    # A rollback shows the versions of the release that it restores, so that one's time counts.
    shown = [by_number.get(row["restores"], row) for row in rows]
    shown = [{**row, "published_at": row["published_at"].astimezone(now.tzinfo)} for row in shown]
    kept = shown[: settings.keep_releases]
    hours = retain_hours([row["published_at"] for row in shown], keep_releases=settings.keep_releases, keep_days=settings.keep_days, now=now)
    removed = remove_old_rows(release, dry_run=dry_run)
    files = old_files(listed(release, now.tzinfo), runs=run_rows(release, now.tzinfo), kept=kept, settings=settings.model_dump(), now=now)
    tables = [table for table in contracts() if release.exists(table)]
    told: dict[str, Any] = {
        "tables": len(tables),
        "retain_hours": hours,
        "kept_releases": sorted({row["release"] for row in kept}),
        "rows_removed": removed,
        "files_removed": files,
    }
    if dry_run:
        found = {}
        for number, table in enumerate(tables, 1):
            found[table] = release.vacuumable(table, retain_hours=hours)
            log.info("[%d/%d] %s: %d files would be deleted", number, len(tables), table, found[table])
        return {**told, "vacuumable": {table: count for table, count in found.items() if count}}
    remove_files(release, files)
    for number, table in enumerate(tables, 1):
        release.compact(table)
        # VACUUM counts back from when it starts, and the tables before this one took their time.
        release.vacuum(table, retain_hours=math.ceil(hours + (time.monotonic() - began) / 3600))
        log.info("[%d/%d] %s: compacted, files deleted more than %.0f hours ago removed", number, len(tables), table, hours)
    return told
