"""Commands about rows that are there: `basketgraph replay`, `trace` and `maintain`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from basketgraph.cli.options import Options, command, print_json
from basketgraph.foundation.failures import handling

if TYPE_CHECKING:
    from basketgraph.cli.runner import Outcome
    from basketgraph.foundation.config import Config

DAY = ["%Y-%m-%d"]


@command
def replay(
    options: Options,
    rejected: Annotated[bool, typer.Option("--rejected", help="files with rejected rows")] = False,
    reason: Annotated[str | None, typer.Option("--reason", help="with --rejected: only files with rows rejected for this reason")] = None,
    first: Annotated[datetime | None, typer.Option("--from", formats=DAY, help="files that delivered events of the local days from this one")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=DAY, help="to this one, both included")] = None,
    table: Annotated[list[str] | None, typer.Option("--table", help="only this table; several times for several (default: all)")] = None,
) -> None:
    """Read landing files again after a mapping was mended; rows that are good now go into silver, what changed is told."""
    from basketgraph.cli.preflight import check_run
    from basketgraph.foundation.runs.alerts import alerting
    from basketgraph.foundation.runs.session import announce_spark

    days = {name: moment and moment.date() for name, moment in (("first_day", first), ("last_day", last))}
    chosen = {"rejected": rejected, "reason": reason, **days, "tables": table}
    conf = options.config({f"replay.{name}": str(value) for name, value in chosen.items() if value}, pipeline="replay")
    with alerting(conf):
        check_run(conf, "replay")
        announce_spark(conf, make_warehouse=True)
        from basketgraph.cli import runner

        outcome = runner.run_pipeline(conf, "replay")
        _print_replay(outcome, as_json=options.as_json)
        if outcome.error is not None:
            raise outcome.error


def _print_replay(outcome: Outcome, *, as_json: bool) -> None:
    """What a replay changed, for people, then its JSON object; an error in them does not hide the run's own."""
    detail: Mapping[str, Any] = next((step.detail for step in outcome.steps if step.name == "replay"), {})
    changes, left = detail.get("changes", {}), detail.get("left", {})
    with handling(outcome.error, "what the replay changed cannot be told"):
        if outcome.steps and outcome.steps[0].status != "failed":
            from basketgraph.cli.summary import print_changes

            print_changes(changes, left, outcome.state, file=sys.stderr if as_json else sys.stdout)
        if as_json:
            print_json({**outcome.as_json(), "changes": changes, "left": left})


@command
def trace(
    event_id: Annotated[str, typer.Argument(help="the row's key (of several key columns: values with / between them), or a rejected_id")],
    options: Options,
    table: Annotated[str, typer.Option("--table", help="the table it is in")] = "silver.events",
) -> None:
    """From a row to its landing file and run, its versions, the user's day and the releases that show it. Takes no lock and writes nothing."""
    from basketgraph.cli.summary import print_trace
    from basketgraph.foundation.config import UserError, did_you_mean
    from basketgraph.foundation.contracts import contracts
    from basketgraph.foundation.runs.session import announce_spark, spark_session

    conf = options.config()
    if table not in contracts():
        fault = f"want one of {', '.join(contracts())}, have {table}{did_you_mean(table, contracts())}"
        raise UserError("trace: --table", [fault], "schemas/ has a contract for each.")
    announce_spark(conf)
    from basketgraph.clean.trace import trace as trace_row
    from basketgraph.foundation.tables.warehouse import Warehouse

    traced = trace_row(Warehouse(spark_session(conf, "basketgraph trace"), conf.warehouse), event_id, table)
    print_json(traced) if options.as_json else print_trace(traced)


@command
def maintain(
    options: Options,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would go; write nothing")] = False,
) -> None:
    """Remove what the contracts' retention no longer keeps, compact tables, delete files that no kept release needs."""
    from basketgraph.cli.summary import print_maintenance
    from basketgraph.foundation.runs.alerts import alerting

    conf = options.config(pipeline="maintain")
    with nullcontext() if dry_run else alerting(conf):
        removed = _maintain(conf, dry_run=dry_run)
    print_json(removed) if options.as_json else print_maintenance(removed, dry_run=dry_run)


def _maintain(conf: Config, *, dry_run: bool) -> Mapping[str, Any]:
    """What maintenance removed; of a dry run what it would."""
    from basketgraph.cli.preflight import check_places
    from basketgraph.foundation.runs.session import announce_spark

    check_places(conf)
    announce_spark(conf, make_warehouse=True)
    from basketgraph.cli import runner
    from basketgraph.foundation.runs.job import new_run_id, opened
    from basketgraph.foundation.tables.maintenance import maintain as maintain_tables
    from basketgraph.foundation.tables.releases import utc_now
    from basketgraph.foundation.tables.settings import MaintainSettings

    if dry_run:
        with opened(conf, new_run_id(), None, "basketgraph maintain") as (tables, _):
            return maintain_tables(tables, conf.section("maintain", MaintainSettings), now=utc_now(), dry_run=True)
    outcome = runner.run_pipeline(conf, "maintain")
    if outcome.error is not None:
        raise outcome.error
    return outcome.steps[0].detail
