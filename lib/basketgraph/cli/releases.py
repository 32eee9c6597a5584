"""The commands about releases: `basketgraph releases` and `rollback`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated, Any

import typer

from basketgraph.cli.options import Options, command, print_json

if TYPE_CHECKING:
    from basketgraph.foundation.config import Config

log = logging.getLogger("basketgraph")


@command
def releases(options: Options) -> None:
    """All releases, newest first; the first one is live.

    Example: basketgraph releases --source myshop --set warehouse=/data/warehouse
    """
    from basketgraph.cli.run_history import zoned
    from basketgraph.cli.state_summary import print_releases
    from basketgraph.foundation.tables.rollbacks import kept_releases
    from basketgraph.foundation.tables.settings import MaintainSettings

    conf = options.config()
    rows = _rows(conf)
    kept = {row["release"] for row in kept_releases(rows, conf.section("maintain", MaintainSettings).keep_releases)}
    shown = [
        {
            **{name: row[name] for name in ("release", "kind", "restores", "as_of", "run_id")},
            "published_at": zoned(row["published_at"]),
            "tables": len(row["versions"]),
            "live": number == 0,
            "kept": (row["restores"] or row["release"]) in kept,
        }
        for number, row in enumerate(rows)
    ]
    print_json({"releases": shown}) if options.as_json else print_releases(shown)


@command
def rollback(
    options: Options,
    to: Annotated[int | None, typer.Option("--to", metavar="N", help="the release to go back to; default: the one before the live one")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say which tables would change; write nothing")] = False,
) -> None:
    """Make an earlier release live again: readers see its tables at once.

    Example: basketgraph rollback --to 7 --dry-run --source myshop --set warehouse=/data/warehouse
    """
    from basketgraph.cli.state_summary import print_rollback
    from basketgraph.foundation.tables.settings import MaintainSettings

    conf = options.config()
    keep = conf.section("maintain", MaintainSettings).keep_releases
    if not dry_run:
        release = _roll_back(conf, to, keep)
        log.info("release %d is live: the tables of release %d", release["release"], release["restores"])
        if options.as_json:
            print_json(release)
        return
    from basketgraph.foundation.tables.rollbacks import rollback_changes, rollback_target

    rows = _rows(conf)
    target = rollback_target(rows, to=to, keep=keep, warehouse=conf.warehouse)
    plan = {"live": rows[0]["release"], "restores": target["release"], "as_of": [rows[0]["as_of"], target["as_of"]]}
    plan["tables"] = rollback_changes(rows[0], target)
    print_json(plan) if options.as_json else print_rollback(plan)


def _rows(conf: Config) -> list[dict[str, Any]]:
    """The rows of ops.releases, newest first."""
    from basketgraph.cli.status import RELEASES, read

    return read(conf, "releases", lambda reader, _: reader.rows(RELEASES, "SELECT * FROM {rows} ORDER BY release DESC"))


def _roll_back(conf: Config, to: int | None, keep: int) -> dict[str, Any]:
    from basketgraph.cli.preflight import check_places
    from basketgraph.foundation.runs.session import announce_spark

    check_places(conf)
    announce_spark(conf, make_warehouse=True)
    from basketgraph.foundation.runs.job import new_run_id, opened
    from basketgraph.foundation.tables.releases import rollback as go_back
    from basketgraph.foundation.tables.releases import utc_now

    run_id = new_run_id()
    with opened(conf, run_id, None, "basketgraph rollback") as (tables, _):
        return go_back(tables, run_id, now=utc_now(), keep=keep, to=to)
