"""Steps that did not finish before the report of their run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import takewhile
from typing import Any

from basketgraph.foundation.runs.job import RunLog
from basketgraph.foundation.runs.steps import pipelines

REPORT = "report"


def unfinished(steps: Sequence[dict[str, Any]], runs: RunLog, ds: date) -> list[str]:
    """Steps of the pipeline before its report that left no row in this run and are not up to date, in order: a killed step leaves none.

    Empty where a step failed, since those after it were not to run.
    """
    known = pipelines()
    pipeline = known.pipelines.get(runs.conf.pipeline)
    if pipeline is None or any(step["status"] == "failed" for step in steps):
        return []
    logged = {step["step"] for step in steps}
    missing = [name for name in takewhile(lambda name: name != REPORT, pipeline.steps) if name not in logged]
    return [name for name in missing if runs.why(name, known.steps[name], ds) is not None]
