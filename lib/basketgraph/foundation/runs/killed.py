"""A run that was killed, as the run after it finds it: by the lease that it did not release."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from basketgraph.foundation.config import Config
from basketgraph.foundation.runs.alerts import KILLED, alert, failing_since, send
from basketgraph.foundation.runs.steps import RUNS
from basketgraph.foundation.tables.warehouse import RunTables

ERROR_TYPE = "Killed"


def killed_in_words(lease: Mapping[str, Any]) -> str:
    """lease: the last one that the killed run wrote."""
    seen = datetime.fromtimestamp(lease["renewed_at"], timezone.utc)
    step = f" in {lease['step']}" if lease.get("step") else ""
    return f"run {lease['run_id']} (process {lease['pid']} on {lease['host']}) was killed{step}: it was last seen at {seen:%Y-%m-%d %H:%M:%S} UTC"


def tell_of_killed_run(lease: Mapping[str, Any], tables: RunTables, conf: Config) -> None:
    """Add the failed step to ops.runs, which the killed run could not, and call the hooks of conf.

    lease: the last one that the killed run wrote, from before there were steps in leases too.
    """
    step, message = lease.get("step") or "unknown", killed_in_words(lease)
    ended, seconds = datetime.fromtimestamp(lease["renewed_at"], timezone.utc), lease.get("step_seconds") or 0.0
    row = {
        "run_id": lease["run_id"],
        "step": step,
        "pipeline": lease.get("pipeline", conf.pipeline),
        "status": "failed",
        "started_at": ended - timedelta(seconds=seconds),
        "finished_at": ended,
        "seconds": seconds,
        "inputs": {},
        "outputs": {},
        "fingerprint": "",
        "error_type": ERROR_TYPE,
        "error": message,
    }
    tables.append(tables.rows_of(RUNS, [row]), RUNS)
    send(alert(conf, KILLED, message, run_id=lease["run_id"], step=step, since=failing_since(tables, RUNS, step)), conf)
