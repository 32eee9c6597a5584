"""The command line: `basketgraph run | status | rollback | onboard | check-source | replay | trace | maintain | bench`."""

from __future__ import annotations

import logging
import sys
from datetime import date, datetime
from typing import Annotated

import typer

from basketgraph.cli import rows, sources
from basketgraph.cli.bench import app as bench
from basketgraph.cli.options import Options, command, print_json
from basketgraph.foundation.config import version
from basketgraph.foundation.failures import handling
from basketgraph.foundation.interrupt import exits_on_interrupt
from basketgraph.foundation.progress import running
from basketgraph.foundation.runs.arguments import DATA_DOCS, exit_code_of

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(bench, name="bench")
for function in (sources.onboard, sources.check_source, rows.replay, rows.trace, rows.maintain):
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
    pipeline: Annotated[str, typer.Argument(help="clean, profiles, recommend, all, replay or maintain (conf/pipelines.yaml)")],
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
) -> None:
    """Run a pipeline in one Spark session: each step that is not up to date, then a summary."""
    from basketgraph.cli.preflight import check_run
    from basketgraph.cli.summary import print_plan, print_summary
    from basketgraph.foundation.quality.overrides import acceptances
    from basketgraph.foundation.runs.session import announce_spark

    conf = options.config({DATA_DOCS: "true"} if data_docs else {}, pipeline=pipeline)
    accepted = acceptances(accept or [], because or [])
    check_run(conf, pipeline, start=start, files=not dry_run)
    announce_spark(conf, make_warehouse=True)
    from basketgraph.cli import runner  # takes seconds to import

    day: date | None = ds.date() if ds else None
    if dry_run:
        plan = runner.dry_run(conf, pipeline, ds=day, start=start)
        print_json({"plan": plan}) if options.as_json else print_plan(plan)
        return
    outcome = runner.run_pipeline(conf, pipeline, ds=day, start=start, accepted=accepted)
    with handling(outcome.error, "the run's summary cannot be told"):
        if outcome.state and (outcome.error is None or outcome.refused):
            print_summary(outcome.as_json(), outcome.examples, file=sys.stderr if options.as_json else sys.stdout)
        if options.as_json:
            print_json(outcome.as_json())
    if outcome.error is not None:
        raise outcome.error


@app.command()
@command
def status(options: Options) -> None:
    """Tables, versions, rows, the live release and the last runs."""
    from basketgraph.cli.status import status as state_of
    from basketgraph.cli.summary import print_status

    state = state_of(options.config())
    print_json(state) if options.as_json else print_status(state)


@app.command()
@command
def rollback(options: Options) -> None:
    """Make the release before the live one live again."""
    from basketgraph.cli.preflight import check_places
    from basketgraph.foundation.runs.session import announce_spark

    conf = options.config()
    check_places(conf)
    announce_spark(conf, make_warehouse=True)
    from basketgraph.foundation.runs.job import new_run_id, opened
    from basketgraph.foundation.tables.releases import rollback as go_back
    from basketgraph.foundation.tables.releases import utc_now

    run_id = new_run_id()
    with opened(conf, run_id, None, "basketgraph rollback") as (tables, _):
        release = go_back(tables, run_id, now=utc_now())
    logging.getLogger("basketgraph").info("release %d is live: the tables of release %d", release["release"], release["restores"])
    if options.as_json:
        print_json(release)


def main() -> None:
    name = next((word for word in sys.argv[1:] if not word.startswith("-")), "the command")
    with exits_on_interrupt(), running(name):
        try:
            app()
        except Exception as error:  # of `bench`, which is no `command`
            sys.exit(exit_code_of(error, debug="--debug" in sys.argv))


if __name__ == "__main__":
    main()
