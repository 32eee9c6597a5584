"""Housekeeping that respects kept releases: compaction, and deleting files that no kept release needs."""

from __future__ import annotations

import logging
from datetime import datetime

from basketgraph.config import Settings
from basketgraph.contracts import contracts
from basketgraph.tables import Release, releases

log = logging.getLogger("basketgraph")
DELTA_LEAST_HOURS = 168  # younger files may belong to a write or a long read that goes on; Delta refuses less


class MaintainSettings(Settings):
    """conf/settings.yaml `maintain`."""

    keep_releases: int
    keep_days: int


def retain_hours(published: list[datetime], *, keep_releases: int, keep_days: int, now: datetime) -> float:
    """How old a deleted file must be before it goes.

    published: publishing times of the releases, newest first. A release names versions that were the newest when it was published, so a file
    of theirs was deleted after that: keeping what was deleted since the oldest kept release keeps all that kept releases need.
    """
    kept = published[:keep_releases]
    oldest_hours = max(((now - time).total_seconds() / 3600 for time in kept), default=0.0)
    return max(DELTA_LEAST_HOURS, keep_days * 24, oldest_hours + 1)


def maintain(release: Release, settings: MaintainSettings, *, now: datetime) -> dict[str, float]:
    """Compact and vacuum every table. returns: {tables, retain_hours}."""
    rows = releases(release)
    times = {row["release"]: row["published_at"] for row in rows}
    # A rollback shows the versions of the release that it restores, so that one's time counts.
    published = [times.get(row["restores"], row["published_at"]) for row in rows]
    hours = retain_hours([time.astimezone(now.tzinfo) for time in published], **settings.model_dump(), now=now)
    tables = [table for table in contracts() if release.exists(table)]
    for number, table in enumerate(tables, 1):
        release.compact(table)
        release.vacuum(table, retain_hours=hours)
        log.info("[%d/%d] %s: compacted, files deleted more than %.0f hours ago removed", number, len(tables), table, hours)
    return {"tables": len(tables), "retain_hours": hours}
