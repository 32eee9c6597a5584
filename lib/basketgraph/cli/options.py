"""What the commands have in common: flags, and how a mistake ends."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from basketgraph.foundation.config import CONF_VARIABLE, user_path
from basketgraph.foundation.privacy.log_masking import without_addresses

Source = Annotated[str, typer.Option("--source", help="the shop: conf/sources/<source>.yaml", show_default=True)]
Env = Annotated[str, typer.Option("--env", help="conf/environments/<env>.yaml: local, cluster")]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="override: landing=DIR, warehouse=DIR, recall.seed=1")]
Json = Annotated[bool, typer.Option("--json", help="one JSON object as the last line of stdout")]
ConfDir = Annotated[str | None, typer.Option("--conf-dir", help="a folder with conf/, schemas/, expectations/ that are looked at first")]
Debug = Annotated[bool, typer.Option("--debug", help="show the traceback of a mistake")]


def told(action: Callable[[], int], *, debug: bool, conf_dir: str | None) -> None:
    """Run a command: a mistake prints want, have and cure; the exit code says whose fault it was."""
    from basketgraph.foundation.runs.arguments import log_to_stderr

    log_to_stderr()
    try:
        if conf_dir is not None:
            os.environ[CONF_VARIABLE] = str(user_path(conf_dir, "--conf-dir"))
        code = action()
    except Exception as error:
        code = ended(error, debug=debug)
    raise typer.Exit(code)


def ended(error: Exception | None, *, debug: bool) -> int:
    """The exit code of a command that ended so. An error that has one of its own is told without addresses; any other is raised."""
    if error is None:
        return 0
    if debug or not hasattr(error, "exit_code"):
        raise with_spark_log(error)
    print(without_addresses(str(error)), file=sys.stderr)
    return int(error.exit_code)


def with_spark_log(error: Exception) -> Exception:
    """`error`, whose traceback ends with where Spark's log is, if this process started Spark."""
    from basketgraph.foundation.runs.session import spark_log

    log = spark_log()
    if log is not None and not getattr(error, "__notes__", []):
        error.add_note(f"What Spark printed is in {log}.")
    return error


def print_json(value: Any) -> None:
    print(json.dumps(value, default=str), flush=True)
