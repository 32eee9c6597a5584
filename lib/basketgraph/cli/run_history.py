"""What the run log ops.runs says of runs and steps, as rows of Python values and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from basketgraph.foundation.runs.alerts import refusal
from basketgraph.foundation.runs.steps import RUNS, StepResult
from basketgraph.foundation.tables.deltalake_reader import Reader

COLUMNS = (
    "run_id, step, pipeline, status, started_at, finished_at, seconds, rows_in, rows_out, detail, exit_code, error_type, error, peak_memory_bytes"
)
RUNS_SHOWN = 10
Rows = list[dict[str, Any]]
COMMANDS = ("run", "rollback")  # which the lease names before a step has begun


def run_log(reader: Reader) -> Rows:
    """The rows of ops.runs, oldest first. Instants have no zone: they are local, as Reader has it."""
    return reader.rows(RUNS, f"SELECT {COLUMNS} FROM {{rows}} ORDER BY finished_at, started_at")


def last_tries(logged: Iterable[Mapping[str, Any]]) -> Rows:
    """Of rows of the run log, oldest first, the newest of each step, in the order in which they ran."""
    newest = {row["step"]: dict(row) for row in logged}
    return sorted(newest.values(), key=lambda row: (row["started_at"], row["finished_at"]))


def newest_run(logged: Rows, run_id: str) -> dict[str, Any]:
    """{run_id, refused, steps} of a run from the run log, as the run itself printed them."""
    rows = last_tries(row for row in logged if row["run_id"] == run_id)
    steps = [StepResult(row["step"], row["status"], row["seconds"], row["rows_in"], row["rows_out"], {}) for row in rows]
    return run_as_json(run_id, next((why for row in rows if (why := refusal(row))), None), steps)


def run_as_json(run_id: str, refused: str | None, steps: Sequence[StepResult]) -> dict[str, Any]:
    return {"run_id": run_id, "refused": refused, "steps": [step.as_json() for step in steps]}


def last_details(logged: Rows) -> dict[str, dict[str, Any]]:
    """The detail of each step's last success, with its end and its run's peak memory under `_finished_at` and `_peak_memory_bytes`."""
    peaks: dict[str, int] = {}
    for row in logged:
        peaks[row["run_id"]] = max(peaks.get(row["run_id"], 0), row["peak_memory_bytes"] or 0)
    return {
        row["step"]: {**json.loads(row["detail"] or "{}"), "_finished_at": row["finished_at"], "_peak_memory_bytes": peaks[row["run_id"]]}
        for row in logged
        if row["status"] == "done"
    }


def zoned(moment: datetime) -> str:
    """An instant of a row in UTC, with its zone."""
    return moment.astimezone(timezone.utc).isoformat(timespec="seconds")


def last_runs(logged: Rows, count: int = RUNS_SHOWN) -> list[dict[str, Any]]:
    """The newest runs of the run log, newest first.

    returns: {run_id, pipeline, status, started_at, finished_at, seconds, steps, failed_step, exit_code, peak_memory_bytes} each.
             status: done, current (all was up to date) or failed. seconds: from the first step's start to the last one's end.
    """
    by_run: dict[str, Rows] = {}
    for row in logged:
        by_run.setdefault(row["run_id"], []).append(row)
    newest = sorted(by_run.values(), key=lambda rows: rows[-1]["finished_at"], reverse=True)
    return [_run(rows) for rows in newest[:count]]


def _run(rows: Rows) -> dict[str, Any]:
    steps = last_tries(rows)
    failed = next((step for step in steps if step["status"] == "failed"), None)
    began, ended = min(row["started_at"] for row in rows), max(row["finished_at"] for row in rows)
    return {
        "run_id": rows[0]["run_id"],
        "pipeline": rows[0]["pipeline"],
        "status": "failed" if failed else "done" if any(step["status"] == "done" for step in steps) else "current",
        "started_at": zoned(began),
        "finished_at": zoned(ended),
        "seconds": round((ended - began).total_seconds(), 1),
        "steps": len(steps),
        "failed_step": failed and failed["step"],
        "exit_code": failed and failed["exit_code"],
        "peak_memory_bytes": max(row["peak_memory_bytes"] or 0 for row in rows),
    }


def last_error(logged: Rows) -> dict[str, Any] | None:
    """The newest failure in the run log: {run_id, step, at, exit_code, error_type, error, is_over}; None where there is none.

    is_over: whether the step went well since; of a run that was killed in no step, a run of its pipeline.
    """
    failed = next((row for row in reversed(logged) if row["status"] == "failed"), None)
    if failed is None:
        return None
    later = [row for row in logged if row["finished_at"] > failed["finished_at"]]
    went_well = {run["run_id"] for run in last_runs(logged, len(logged)) if run["status"] != "failed" and run["pipeline"] == failed["pipeline"]}
    in_no_step = failed["step"] in COMMANDS
    is_over = any((in_no_step and row["run_id"] in went_well) or (row["step"] == failed["step"] and row["status"] != "failed") for row in later)
    told = {name: failed[name] for name in ("run_id", "step", "exit_code", "error_type", "error")}
    return {**told, "at": zoned(failed["finished_at"]), "is_over": is_over}
