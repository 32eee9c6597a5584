"""What the command line and the jobs share: flags, the log, and the exit code of an error."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from datetime import date

from basketgraph.foundation.config import UserError
from basketgraph.foundation.privacy.log_masking import without_addresses
from basketgraph.foundation.runs.session import spark_log

DATA_DOCS = "quality.data_docs"  # the setting that --data-docs sets


def set_pairs(texts: Sequence[str]) -> dict[str, str]:
    """`--set key=value` texts as a dict. Raises UserError with every text that is none."""
    wrong = [text for text in texts if "=" not in text]
    if wrong:
        raise UserError("--set: want key=value", [f"have {text!r}" for text in wrong])
    return dict(text.split("=", 1) for text in texts)


def job_parser(doc: str | None) -> argparse.ArgumentParser:
    """The flags of every job; Airflow's submit lines are held against it by a test."""
    parser = argparse.ArgumentParser(description=doc, allow_abbrev=False)
    parser.add_argument("--env", required=True, help="conf/environments/<env>.yaml: local, cluster")
    parser.add_argument("--source", required=True, help="the shop: conf/sources/<source>.yaml")
    parser.add_argument("--ds", type=date.fromisoformat, help="the UTC day of the run, YYYY-MM-DD; default: the day after the last event")
    parser.add_argument("--pipeline", default="all", help="the pipeline of conf/pipelines.yaml this job runs for (default: all)")
    parser.add_argument("--run-id", help="run id shared by the jobs of one pipeline run (default: a new one)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a path or a setting: warehouse=/data/shop")
    parser.add_argument("--accept", action="append", default=[], metavar="TABLE.CHECK", help="let this check's failure pass for this day")
    parser.add_argument("--because", action="append", default=[], metavar="REASON", help="why; one for each --accept, in their order")
    parser.add_argument("--data-docs", action="store_true", help="also build Great Expectations' own pages, below <warehouse>/reports/data_docs")
    parser.add_argument("--force", action="store_true", help="run even if the step is up to date")
    parser.add_argument("--debug", action="store_true", help="show the traceback of a mistake")
    return parser


class _WithoutAddresses(logging.Formatter):
    """Landing files may be named after people."""

    def format(self, record: logging.LogRecord) -> str:
        return without_addresses(super().format(record))


def log_to_stderr() -> None:
    log = logging.getLogger("basketgraph")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_WithoutAddresses("%(asctime)s %(message)s", "%H:%M:%S"))
    log.handlers[:] = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False


def exit_code_of(error: Exception, *, debug: bool) -> int:
    """The exit code of a command or job that ended with `error`, whose message is printed without addresses.

    With `debug`, and where the error has no exit code, it is raised; its traceback then ends with where Spark's log is.
    """
    if debug or not hasattr(error, "exit_code"):
        if (log := spark_log()) is not None and not getattr(error, "__notes__", []):
            error.add_note(f"What Spark printed is in {log}.")
        raise error
    print(without_addresses(str(error)), file=sys.stderr)
    return int(error.exit_code)
