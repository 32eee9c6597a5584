"""The command line: `basketgraph run | status | ask | offer | guide | releases | rollback | onboard | check-source | replay | trace | bench ...`."""

from __future__ import annotations

import logging
import sys
from contextlib import nullcontext
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated

import typer

from basketgraph.cli import guide, offers, releases, rows, sources
from basketgraph.cli.ask import ask
from basketgraph.cli.bench import app as bench
from basketgraph.cli.options import Options, command, print_json
from basketgraph.cli.runs import app as runs
from basketgraph.foundation.config import version
from basketgraph.foundation.failures import handling
from basketgraph.foundation.interrupt import exits_on_interrupt
from basketgraph.foundation.progress import running
from basketgraph.foundation.runs.arguments import DATA_DOCS, exit_code_of

if TYPE_CHECKING:
    from basketgraph.cli.runner import Outcome

log = logging.getLogger("basketgraph")
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(runs, name="runs")
app.add_typer(bench, name="bench")
for function in (
    ask,
    releases.releases,
    releases.rollback,
    sources.onboard,
    sources.check_source,
    rows.replay,
    rows.trace,
    rows.maintain,
    offers.offer,
    guide.guide,
):
    app.command()(function)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"basketgraph {version()}")
        raise typer.Exit


@app.callback(help=__doc__)
def options(
    version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="print the version and stop")] = False,
) -> None: ...


@app.command()
@command
def run(
    pipeline: Annotated[str, typer.Argument(help="clean, profiles, recommend, all, offer, content, replay or maintain (conf/pipelines.yaml)")],
    options: Options,
    ds: Annotated[
        datetime | None, typer.Option("--ds", formats=["%Y-%m-%d"], help="UTC day of the run; default: the day after the last event")
    ] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="STEP", help="run this step and all after it, even if up to date")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say which steps would run, and why; write nothing")] = False,
    accept: Annotated[list[str] | None, typer.Option("--accept", metavar="TABLE.CHECK", help="let this check's failure pass for this day")] = None,
    because: Annotated[list[str] | None, typer.Option("--because", metavar="REASON", help="why; one for each --accept, in their order")] = None,
    data_docs: Annotated[
        bool, typer.Option("--data-docs", help="also build Great Expectations' own pages, below <warehouse>/reports/data_docs")
    ] = False,
    profile: Annotated[bool, typer.Option("--profile", help="keep Spark's event log, which `basketgraph runs show` reads")] = False,
) -> None:
    """Run a pipeline in one Spark session: each step that is not up to date, then a summary.

    Example: basketgraph run recommend --source myshop --ds 2026-03-01 --set warehouse=/data/warehouse
    """
    from basketgraph.cli.preflight import check_run
    from basketgraph.cli.summary import print_plan
    from basketgraph.foundation.quality.overrides import acceptances
    from basketgraph.foundation.runs.alerts import alerting
    from basketgraph.foundation.runs.session import announce_spark

    flags = {DATA_DOCS: data_docs, "profile": profile}
    conf, day = options.config({name: "true" for name, given in flags.items() if given}, pipeline=pipeline), ds.date() if ds else None
    with nullcontext() if dry_run else alerting(conf):
        accepted = acceptances(accept or [], because or [])
        check_run(conf, pipeline, start=start, files=not dry_run)
        announce_spark(conf, make_warehouse=True)
        from basketgraph.cli import runner  # takes seconds to import

        if dry_run:
            plan = runner.dry_run(conf, pipeline, ds=day, start=start)
            print_json({"plan": plan}) if options.as_json else print_plan(plan)
            return
        outcome = runner.run_pipeline(conf, pipeline, ds=day, start=start, accepted=accepted)
        _print_outcome(outcome, as_json=options.as_json)
        if outcome.error is not None:
            raise outcome.error


def _print_outcome(outcome: Outcome, *, as_json: bool) -> None:
    """A run's summary for people, then its JSON object; an error in them does not hide the run's own."""
    from basketgraph.cli.summary import print_summary

    with handling(outcome.error, "the run's summary cannot be told"):
        if outcome.state and (outcome.error is None or outcome.refused):
            print_summary(outcome.as_json(), outcome.examples, file=sys.stderr if as_json else sys.stdout)
        if as_json:
            print_json(outcome.as_json())


@app.command()
@command
def status(
    options: Options,
    check: Annotated[
        bool, typer.Option("--check", help="end with 3, and call the hooks of conf `alerts`, where data or lists are older than it allows")
    ] = False,
) -> int:
    """The newest runs, the live release, quality, and how old data and lists are.

    Example, for cron: basketgraph status --check --source myshop --set warehouse=/data/warehouse
    """
    from basketgraph.cli.freshness import check_alert
    from basketgraph.cli.state_summary import print_status
    from basketgraph.cli.status import status as state_of
    from basketgraph.foundation.runs.alerts import STOPPED, alerting, send

    conf = options.config()
    with alerting(conf) if check else nullcontext():
        state = state_of(conf, now=datetime.now(timezone.utc))
    print_json(state) if options.as_json else print_status(state)
    late = check_alert(conf, state) if check else None
    if late is None:
        return 0
    log.error("%s", late["message"])
    send(late, conf)
    return STOPPED


def main() -> None:
    name = next((word for word in sys.argv[1:] if not word.startswith("-")), "the command")
    with exits_on_interrupt(), running(name):
        try:
            app()
        except Exception as error:  # of `bench`, which is no `command`
            sys.exit(exit_code_of(error, debug="--debug" in sys.argv))


if __name__ == "__main__":
    main()
