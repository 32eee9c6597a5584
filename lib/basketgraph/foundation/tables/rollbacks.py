"""Which release a rollback makes live again, and what it changes; from rows of ops.releases, without Spark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from basketgraph.foundation.config import UserError

Releases = Sequence[Mapping[str, Any]]


def kept_releases(rows: Releases, keep: int) -> list[Mapping[str, Any]]:
    """Those whose tables can be read: what the newest `keep` releases show, a rollback showing what it restores.

    rows: ops.releases, newest first.
    """
    by_number = {row["release"]: row for row in rows}
    return [by_number.get(row["restores"], row) for row in rows[:keep]]


def rollback_target(rows: Releases, *, to: int | None = None, keep: int, warehouse: str) -> Mapping[str, Any]:
    """The release that a rollback makes live again: `to`, else the one before the live one.

    rows:   ops.releases, newest first.
    keep:   `maintain.keep_releases`: files of what older releases show may be deleted.
    errors: UserError where there is no such release, where it is live already, or where its files may be gone.
    """
    if not rows:
        raise UserError(f"{warehouse}: want a release to go back from, have none", cure="Run `basketgraph run` first.")
    shown = rows[0]["restores"] or rows[0]["release"]
    by_number, kept = {row["release"]: row for row in rows}, {row["release"] for row in kept_releases(rows, keep)}
    if to is None:
        before = [row["release"] for row in rows if row["kind"] == "publish" and row["release"] < shown]
        if not before:
            raise UserError(f"{warehouse}: want a release before {shown}, have none", cure="The first release cannot be rolled back.")
        to = max(before)
    elif to not in by_number:
        raise UserError("--to", [f"want a release from 1 to {rows[0]['release']}, have {to}"], "`basketgraph releases` lists them.")
    target = by_number.get(by_number[to]["restores"], by_number[to])
    if target["release"] == shown:
        raise UserError("--to", [f"want another release than the live one, have {to}, whose tables are live"], "`basketgraph releases` lists them.")
    if target["release"] not in kept:
        fault = f"want a release that the newest {keep} show, have {to}, whose files `maintain` may have deleted"
        raise UserError("rollback", [fault], "If `maintain` has not run since, --set maintain.keep_releases=N takes it all the same.")
    return target


def rollback_changes(live: Mapping[str, Any], target: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """{table: {version: [live, then], rows: [live, then]}} of the tables that would change; None where a release has no such table."""
    tables = sorted(live["versions"].keys() | target["versions"].keys())
    return {
        table: {key: [live[of].get(table), target[of].get(table)] for key, of in (("version", "versions"), ("rows", "rows"))}
        for table in tables
        if live["versions"].get(table) != target["versions"].get(table)
    }
