"""Commands about rows that are there: `basketgraph replay`, `trace` and `maintain`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

import typer

from basketgraph.cli.options import ConfDir, Debug, Env, Json, Set, Source, ended, print_json, told
from basketgraph.foundation.config import load
from basketgraph.foundation.failures import handling

DAY = ["%Y-%m-%d"]


def register(app: typer.Typer) -> None:
    for command in (replay, trace, maintain):
        app.command()(command)


def replay(
    source: Source = "complete_journey",
    env: Env = "local",
    rejected: Annotated[bool, typer.Option("--rejected", help="files with rejected rows")] = False,
    reason: Annotated[str | None, typer.Option("--reason", help="with --rejected: only files with rows rejected for this reason")] = None,
    first: Annotated[datetime | None, typer.Option("--from", formats=DAY, help="files that delivered events of the local days from this one")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=DAY, help="to this one, both included")] = None,
    table: Annotated[list[str] | None, typer.Option("--table", help="only this table; several times for several (default: all)")] = None,
    sets: Set = None,
    as_json: Json = False,
    conf_dir: ConfDir = None,
    debug: Debug = False,
) -> None:
    """Read landing files again after a mapping was mended; rows that are good now go into silver, what changed is told."""

    def action() -> int:
        from basketgraph.cli.inputs import check_run
        from basketgraph.foundation.runs.arguments import set_pairs
        from basketgraph.foundation.runs.session import announce_spark

        given: dict[str, Any] = {"rejected": rejected, "reason": reason, "first_day": _day(first), "last_day": _day(last), "tables": table or []}
        chosen = {f"replay.{name}": str(value) for name, value in given.items() if value}
        conf = load(env, source, {**chosen, **set_pairs(sets or [])}, pipeline="replay")
        check_run(conf, "replay")
        announce_spark(conf, make_warehouse=True)
        from basketgraph.cli import runner

        outcome = runner.run_pipeline(conf, "replay")
        detail: Mapping[str, Any] = next((step.detail for step in outcome.steps if step.name == "replay"), {})
        changes, left = detail.get("changes", {}), detail.get("left", {})
        out = sys.stderr if as_json else sys.stdout
        with handling(outcome.error, "what the replay changed cannot be told"):
            if outcome.steps and outcome.steps[0].status != "failed":
                from basketgraph.cli.summary import print_changes

                print_changes(changes, left, outcome.state, file=out)
            if as_json:
                print_json({**outcome.as_json(), "changes": changes, "left": left})
        return ended(outcome.error, debug=debug)

    told(action, debug=debug, conf_dir=conf_dir)


def trace(
    event_id: Annotated[str, typer.Argument(help="the row's key (of several key columns: values with / between them), or a rejected_id")],
    table: Annotated[str, typer.Option("--table", help="the table it is in")] = "silver.events",
    source: Source = "complete_journey",
    env: Env = "local",
    sets: Set = None,
    as_json: Json = False,
    conf_dir: ConfDir = None,
    debug: Debug = False,
) -> None:
    """From a row to its landing file and run, its versions, the user's day and the releases that show it. Takes no lock and writes nothing."""

    def action() -> int:
        from basketgraph.cli.summary import print_trace
        from basketgraph.foundation.config import UserError, did_you_mean
        from basketgraph.foundation.contracts import contracts
        from basketgraph.foundation.runs.arguments import set_pairs
        from basketgraph.foundation.runs.session import announce_spark, spark_session

        conf = load(env, source, set_pairs(sets or []))
        if table not in contracts():
            fault = f"want one of {', '.join(contracts())}, have {table}{did_you_mean(table, contracts())}"
            raise UserError("trace: --table", [fault], "schemas/ has a contract for each.")
        announce_spark(conf)
        from basketgraph.clean.trace import trace as traced
        from basketgraph.foundation.tables.warehouse import Warehouse

        found = traced(Warehouse(spark_session(conf, "basketgraph trace"), conf.warehouse), event_id, table)
        print_json(found) if as_json else print_trace(found)
        return 0

    told(action, debug=debug, conf_dir=conf_dir)


def maintain(
    source: Source = "complete_journey",
    env: Env = "local",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would go; write nothing")] = False,
    sets: Set = None,
    as_json: Json = False,
    conf_dir: ConfDir = None,
    debug: Debug = False,
) -> None:
    """Remove what the contracts' retention no longer keeps, compact tables, delete files that no kept release needs."""

    def action() -> int:
        from basketgraph.cli.inputs import check_places
        from basketgraph.foundation.runs.arguments import set_pairs
        from basketgraph.foundation.runs.session import announce_spark

        conf = load(env, source, set_pairs(sets or []), pipeline="maintain")
        check_places(conf)
        announce_spark(conf, make_warehouse=True)
        from basketgraph.cli import runner
        from basketgraph.cli.summary import print_maintenance
        from basketgraph.foundation.runs.job import new_run_id, opened
        from basketgraph.foundation.tables.maintenance import MaintainSettings
        from basketgraph.foundation.tables.maintenance import maintain as maintained
        from basketgraph.foundation.tables.releases import utc_now

        if dry_run:
            with opened(conf, new_run_id(), None, "basketgraph maintain") as (release, _):
                found: Mapping[str, Any] = maintained(release, conf.section("maintain", MaintainSettings), now=utc_now(), dry_run=True)
        else:
            outcome = runner.run_pipeline(conf, "maintain")
            if outcome.error is not None:
                return ended(outcome.error, debug=debug)
            found = outcome.steps[0].detail
        print_json(found) if as_json else print_maintenance(found, dry_run=dry_run)
        return 0

    told(action, debug=debug, conf_dir=conf_dir)


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()
