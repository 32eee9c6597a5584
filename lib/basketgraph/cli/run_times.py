"""Where the time of a run went, step by step: from ops.runs, and from Spark's event log where one was kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from basketgraph.cli.run_history import Rows, last_runs, zoned
from basketgraph.foundation.config import UserError
from basketgraph.foundation.runs.event_log import read_event_log, spark_cost
from basketgraph.foundation.runs.spark_log import profile_of


def run_times(logged: Rows, run_id: str | None, warehouse: str) -> dict[str, Any]:
    """The run as `last_runs` has it, its event log, and the steps in the order in which they ran, each try of its own.

    logged:  the run log. run_id: None for the newest run.
    returns: the run's keys, profile (path of the event log, or None), between_seconds (of the run, in no step), and steps: {step, status, started_at,
             seconds, rows_in, rows_out, check_seconds (of its quality checks), spark (event_log.spark_cost, or None)}.
    errors:  UserError where the run log has no such run.
    """
    runs = {run["run_id"]: run for run in last_runs(logged, len(logged))}
    if not runs or (run_id or next(iter(runs))) not in runs:
        newest = ", ".join(list(runs)[:3]) or "none"
        raise UserError("runs show", [f"want a run of {warehouse}, have {run_id}"], f"The newest runs: {newest}; `basketgraph status` lists ten.")
    run = runs[run_id or next(iter(runs))]
    rows = sorted((row for row in logged if row["run_id"] == run["run_id"]), key=lambda row: row["started_at"])
    file = profile_of(warehouse, run["run_id"])
    events = None if file is None else read_event_log(file)
    steps = [
        {
            "step": row["step"],
            "status": row["status"],
            "started_at": zoned(row["started_at"]),
            "seconds": round(row["seconds"], 1),
            "rows_in": row["rows_in"],
            "rows_out": row["rows_out"],
            "check_seconds": round(sum(cost["seconds"] for cost in _checks(row).values()), 1),
            "spark": None if events is None else spark_cost(events, row["started_at"].astimezone(), row["finished_at"].astimezone()),
        }
        for row in rows
    ]
    between = max(0.0, run["seconds"] - sum(row["seconds"] for row in rows))
    return {**run, "profile": file and str(file), "between_seconds": round(between, 1), "steps": steps}


def _checks(row: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What the quality checks of a step cost, by table."""
    checks: dict[str, dict[str, Any]] = json.loads(row["detail"] or "{}").get("quality", {})
    return checks
