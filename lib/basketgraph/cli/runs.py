"""The commands `basketgraph runs ...`: one run of a warehouse."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from basketgraph.cli.options import Options, command, print_json

log = logging.getLogger("basketgraph")
app = typer.Typer(help="One run of a warehouse: where its time went, and the alert of one that ended without a word.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """One run of a warehouse: where its time went, and the alert of one that ended without a word."""


@app.command()
@command
def show(
    options: Options,
    run: Annotated[str | None, typer.Argument(metavar="RUN", help="its run id; default: the newest run")] = None,
) -> None:
    """Where the time of each step went; of a run with --profile also Spark's jobs, Python, shuffle, GC and idle cores.

    Example: basketgraph runs show 20260301T040012-1a2b3c --source myshop --set warehouse=/data/warehouse
    """
    from basketgraph.cli.run_history import run_log
    from basketgraph.cli.run_times import run_times
    from basketgraph.cli.state_summary import print_run_times
    from basketgraph.cli.status import read

    conf = options.config()
    times = run_times(read(conf, "runs show", lambda reader, _: run_log(reader)), run, conf.warehouse)
    print_json(times) if options.as_json else print_run_times(times)


@app.command()
@command
def alert(options: Options, run: Annotated[str, typer.Argument(metavar="RUN", help="its run id")]) -> None:
    """Call the hooks of conf `alerts` for a run that ended without a word: its job never started, or was killed. For schedulers.

    Where the run log has the failure, the job itself has called them: nothing is done.

    Example: basketgraph runs alert 20260301T040012-1a2b3c --source myshop --set warehouse=/data/warehouse
    """
    from basketgraph.cli.run_history import last_tries, run_log
    from basketgraph.cli.status import read
    from basketgraph.foundation.runs.alerts import UNTOLD, alerting, send
    from basketgraph.foundation.runs.alerts import alert as message

    conf = options.config()
    with alerting(conf, run_id=run):
        steps = last_tries(row for row in read(conf, "runs alert", lambda reader, _: run_log(reader)) if row["run_id"] == run)
    failed = next((step for step in steps if step["status"] == "failed"), None)
    if failed is not None:
        log.info("run %s failed in %s, which was told already", run, failed["step"])
    else:
        last = f"its last step in ops.runs is {steps[-1]['step']}, which succeeded" if steps else "it has no step in ops.runs"
        text = f"run {run} failed without a word of why: {last}. Its job never started or was killed; the scheduler's log has the rest."
        send(message(conf, UNTOLD, text, run_id=run), conf)
    if options.as_json:
        print_json({"run_id": run, "failed_step": failed and failed["step"], "alerted": failed is None})
