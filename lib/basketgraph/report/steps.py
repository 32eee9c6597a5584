"""What this run's steps did: the newest row of each, and those before the report that did not finish."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from basketgraph.foundation.runs.job import RunLog, last_tries
from basketgraph.foundation.runs.steps import pipelines
from basketgraph.report.records import as_dicts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

REPORT = "report"


def newest_steps(runs: DataFrame, run_id: str) -> list[dict[str, Any]]:
    """Rows of ops.runs of this run, each step's last try, in order; the report itself is being made."""
    return as_dicts(last_tries(runs.where((F.col("run_id") == run_id) & (F.col("step") != REPORT))))


def unfinished(steps: Sequence[dict[str, Any]], runs: RunLog, ds: date) -> list[str]:
    """Steps of the pipeline before its report that left no row in this run and are not up to date, in order.

    A step that was killed leaves no row. None where a failed step explains that those after it did not run.
    """
    known = pipelines()
    pipeline = known.pipelines.get(runs.conf.pipeline)
    if pipeline is None or any(step["status"] == "failed" for step in steps):
        return []
    logged = {step["step"] for step in steps}
    missing = [name for name in takewhile(lambda name: name != REPORT, pipeline.steps) if name not in logged]
    return [name for name in missing if runs.why(name, known.steps[name], ds) is not None]
