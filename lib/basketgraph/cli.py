"""The command line: `basketgraph run | status | rollback | onboard | check-source | bench`."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any

import typer

from basketgraph import cli_sources
from basketgraph.config import CONF_VARIABLE, load
from basketgraph.graph.bench_cli import app as bench
from basketgraph.masking import without_addresses

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(bench, name="bench")

Source = Annotated[str, typer.Option("--source", help="the shop: conf/sources/<source>.yaml", show_default=True)]
Env = Annotated[str, typer.Option("--env", help="conf/environments/<env>.yaml: local, cluster")]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="override: landing=DIR, warehouse=DIR, recall.seed=1")]
Json = Annotated[bool, typer.Option("--json", help="one JSON object as the last line of stdout")]
ConfDir = Annotated[str | None, typer.Option("--conf-dir", help="a folder with conf/, schemas/, expectations/ that are looked at first")]
Debug = Annotated[bool, typer.Option("--debug", help="show the traceback of a mistake")]


def told(action: Callable[[], int], *, debug: bool, conf_dir: str | None) -> None:
    """Run a command: a mistake prints want, have and cure; the exit code says whose fault it was."""
    from basketgraph.flags import log_to_stderr
    from basketgraph.runs import exit_code

    log_to_stderr()
    if conf_dir is not None:
        os.environ[CONF_VARIABLE] = conf_dir
    try:
        code = action()
    except Exception as error:
        if debug or not hasattr(error, "exit_code"):
            raise
        print(without_addresses(str(error)), file=sys.stderr)
        code = exit_code(error)
    raise typer.Exit(code)


cli_sources.add_to(app, told)


def print_json(value: Any) -> None:
    print(json.dumps(value, default=str), flush=True)


@app.command()
def run(
    pipeline: Annotated[str, typer.Argument(help="clean, recommend, all or maintain (conf/pipelines.yaml)")],
    source: Source = "complete_journey",
    env: Env = "local",
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
    sets: Set = None,
    as_json: Json = False,
    conf_dir: ConfDir = None,
    debug: Debug = False,
) -> None:
    """Run a pipeline in one Spark session: each step that is not up to date, then a summary."""

    def action() -> int:
        from basketgraph import pipeline as pipelines
        from basketgraph.flags import DATA_DOCS, accepted_failures, set_pairs
        from basketgraph.runs import exit_code
        from basketgraph.summary import print_plan, print_summary

        conf = load(env, source, {**set_pairs(sets or []), **({DATA_DOCS: "true"} if data_docs else {})}, pipeline=pipeline)
        accepted = accepted_failures(accept or [], because or [])
        day: date | None = ds.date() if ds else None
        if dry_run:
            plan = pipelines.dry_run(conf, pipeline, ds=day, start=start)
            print_json({"plan": plan}) if as_json else print_plan(plan)
            return 0
        outcome = pipelines.run_pipeline(conf, pipeline, ds=day, start=start, accepted=accepted)
        if outcome.state and (outcome.error is None or outcome.refused):
            print_summary(outcome.as_json(), outcome.examples, file=sys.stderr if as_json else sys.stdout)
        if as_json:
            print_json(outcome.as_json())
        if outcome.error is not None and (debug or not hasattr(outcome.error, "exit_code")):
            raise outcome.error
        if outcome.error is not None:
            print(without_addresses(str(outcome.error)), file=sys.stderr)
            return exit_code(outcome.error)
        return 0

    told(action, debug=debug, conf_dir=conf_dir)


@app.command()
def status(
    source: Source = "complete_journey",
    env: Env = "local",
    sets: Set = None,
    as_json: Json = False,
    conf_dir: ConfDir = None,
    debug: Debug = False,
) -> None:
    """Tables, versions, rows, the live release and the last runs."""

    def action() -> int:
        from basketgraph import pipeline as pipelines
        from basketgraph.flags import set_pairs
        from basketgraph.summary import print_status

        found = pipelines.status(load(env, source, set_pairs(sets or [])))
        print_json(found) if as_json else print_status(found)
        return 0

    told(action, debug=debug, conf_dir=conf_dir)


@app.command()
def rollback(
    source: Source = "complete_journey",
    env: Env = "local",
    sets: Set = None,
    as_json: Json = False,
    conf_dir: ConfDir = None,
    debug: Debug = False,
) -> None:
    """Make the release before the live one live again."""

    def action() -> int:
        from basketgraph.flags import set_pairs
        from basketgraph.publish.releases import rollback as go_back
        from basketgraph.publish.releases import utc_now
        from basketgraph.runs import new_run_id, opened

        conf, run_id = load(env, source, set_pairs(sets or [])), new_run_id()
        with opened(conf, run_id, None, "basketgraph rollback") as (release, _):
            row = go_back(release, run_id, now=utc_now())
        logging.getLogger("basketgraph").info("release %d is live: the tables of release %d", row["release"], row["restores"])
        if as_json:
            print_json(row)
        return 0

    told(action, debug=debug, conf_dir=conf_dir)


def main() -> None:
    try:
        app()
    except Exception as error:  # of commands that do not use `told`
        if not hasattr(error, "exit_code"):
            raise
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
