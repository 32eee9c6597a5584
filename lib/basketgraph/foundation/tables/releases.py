"""ops.releases: each row makes checked versions of all tables live at once; a rollback is one more row."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime, timezone
from typing import Any

from basketgraph.foundation.contracts import contract, contracts
from basketgraph.foundation.tables.rollbacks import rollback_target
from basketgraph.foundation.tables.warehouse import LISTS, RELEASES, RunTables, Warehouse, newest_release, releases, table_rows

UNRELEASED = ("ops.runs", "ops.releases")  # the log of what happened is not rolled back with what it tells of


def released_tables() -> list[str]:
    """Every table a release names: all that have a contract, but the logs."""
    return [name for name in contracts() if name not in UNRELEASED]


def publish(release: RunTables, *, as_of: date, now: datetime, tables: Collection[str] | None = None) -> tuple[dict[str, Any], bool]:
    """Make the newest version of every table live.

    tables:  those whose newest version goes live (default: all); the others stay at their live version.
    as_of:   the day the lists are for; it stays where the lists are not among `tables`.
    returns: (the row of ops.releases that is live now, whether it is new). Nothing is written where the live release has these versions already.
    """
    live, released = newest_release(release), released_tables()
    versions = release.versions([table for table in released if tables is None or table in tables])
    if live is not None and tables is not None:
        stay = {table: version for table, version in live["versions"].items() if table in released and table not in tables}
        versions |= stay
        as_of = live["as_of"] if LISTS in stay else as_of
    if live is not None and live["versions"] == versions and live["as_of"] == as_of:
        return live, False
    rows = table_rows(release, versions)
    row = {"run_id": release.run_id, "published_at": now, "as_of": as_of, "versions": versions, "rows": rows, "kind": "publish"}
    return _add(release, live, row), True


def rollback(warehouse: Warehouse, run_id: str, *, now: datetime, keep: int, to: int | None = None) -> dict[str, Any]:
    """Make a release live again, by one more row: `to`, else the one before the live one; without `to` twice goes back by two.

    keep:   `maintain.keep_releases`.
    errors: those of `rollback_target`.
    """
    rows = releases(warehouse)
    target = rollback_target(rows, to=to, keep=keep, warehouse=warehouse.root)
    row = {"run_id": run_id, "published_at": now, "as_of": target["as_of"], "versions": target["versions"], "rows": target["rows"]}
    return _add(warehouse, rows[0], {**row, "kind": "rollback", "restores": target["release"]})


def _add(warehouse: Warehouse, live: Mapping[str, Any] | None, row: Mapping[str, Any]) -> dict[str, Any]:
    whole = {"release": 1 if live is None else live["release"] + 1, **row}
    warehouse.append(warehouse.rows_of(RELEASES, [whole]), RELEASES)
    return {column: whole.get(column) for column in contract(RELEASES).columns}


def utc_now() -> datetime:
    return datetime.now(timezone.utc)
