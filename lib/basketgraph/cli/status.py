"""What a warehouse holds and what its newest run did, as the JSON object of docs/operating.md; read with Spark or without it."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from basketgraph.foundation.config import Config, UserError
from basketgraph.foundation.paths import local_folder
from basketgraph.foundation.runs.alerts import refusal
from basketgraph.foundation.runs.steps import StepResult
from basketgraph.foundation.tables.deltalake_reader import DeltaFolder, Reader, Unreadable
from basketgraph.report.newest import newest_checks
from basketgraph.report.promises import critical_failures
from basketgraph.report.promises import state as state_of_check

log = logging.getLogger("basketgraph")
RUNS, RELEASES = "ops.runs", "ops.releases"
OF_RUNS = "run_id, step, status, started_at, finished_at, seconds, rows_in, rows_out, detail, exit_code, error, peak_memory_bytes"
Rows = list[dict[str, Any]]


def status(conf: Config) -> dict[str, Any]:
    """The state of the warehouse, the steps of the newest run, and each step's last row of ops.runs. Takes no lock and writes nothing.

    A folder is read without Spark; what the package `deltalake` cannot read, and a warehouse that is no folder, by Spark.
    """
    folder = local_folder(conf.warehouse)
    if folder is not None:
        try:
            return status_of(DeltaFolder(folder), conf.warehouse)
        except Unreadable as problem:
            log.info("not readable without Spark: %s", problem)
    else:
        log.info("%s is no folder of this machine: it is read by Spark", conf.warehouse)
    from basketgraph.foundation.runs.session import spark_session
    from basketgraph.foundation.tables.reader import TableReader

    return status_of(TableReader(spark_session(conf, "basketgraph status"), conf.warehouse), conf.warehouse)


def status_of(reader: Reader, warehouse: str) -> dict[str, Any]:
    """The same by whichever reader. Raises UserError where there was no run yet."""
    logged = run_log(reader)
    if not logged:
        cure = "Run `basketgraph run` first, or name the right one: --set warehouse=DIR."
        raise UserError(f"{warehouse}: want a warehouse with runs, have none", cure=cure)
    steps = sorted(last_tries(logged), key=lambda row: row["finished_at"])
    run_id = steps[-1]["run_id"]
    last_steps = [{name: step[name] for name in ("step", "status", "finished_at", "seconds", "run_id")} for step in steps]
    return {**newest_run(logged, run_id), **state(reader, logged, [], run_id), "last_steps": last_steps}


def state(reader: Reader, logged: Rows, steps: Sequence[StepResult], run_id: str) -> dict[str, Any]:
    """What the warehouse holds now, as `run` and `status` print it.

    logged: the run log. steps: those of this run, which count before the logged ones. run_id: the newest run.
    """
    live = next(iter(reader.rows(RELEASES, "SELECT * FROM {rows} ORDER BY release DESC LIMIT 1")), None)
    details = last_details(logged)
    details.update({s.name: {**details.get(s.name, {}), **s.detail} for s in steps if s.status != "failed"})
    versions = dict(live["versions"]) if live else {}
    counted = live["rows"] if live else {}
    evaluated = details.get("evaluations", {})
    newest = max((details.get(step, {}) for step in ("clean", "replay")), key=lambda detail: detail.get("_finished_at", datetime.min))
    page = details.get("report", {}).get("report")
    return {
        "release": live["release"] if live else None,
        "as_of": live["as_of"].isoformat() if live and live["as_of"] else None,
        "report": page if page is not None and reader.is_file(page) else None,  # people delete old pages
        "tensorboard": details.get("train_graph", {}).get("tensorboard"),
        "peak_memory_bytes": evaluated.get("_peak_memory_bytes", 0),
        "rows": newest.get("rows", {}),
        "tables": {table: {"version": version, "rows": counted[table]} for table, version in versions.items()},
        "quality": quality_verdict(reader, run_id),
        "metrics": evaluated.get("metrics", {}),
        "gains": evaluated.get("gains", {}),
        "judged_from": still_to_come(details.get("gate", {}).get("judged_from"), live),
    }


def still_to_come(judged_from: str | None, live: Mapping[str, Any] | None) -> str | None:
    """The first day whose lists can be judged, as the gate said last; None where the live release is as of that day or a later one."""
    is_past = judged_from is not None and live is not None and live["as_of"] is not None and date.fromisoformat(judged_from) <= live["as_of"]
    return None if is_past else judged_from


def run_log(reader: Reader) -> Rows:
    """The rows of ops.runs, oldest first."""
    return reader.rows(RUNS, f"SELECT {OF_RUNS} FROM {{rows}} ORDER BY finished_at, started_at")


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


def quality_verdict(reader: Reader, run_id: str) -> Mapping[str, int]:
    """Failed checks of each table's newest results, as the page counts them; those that a person accepted count as accepted only.

    returns: critical_failures (of this run), critical_of_earlier_runs (of tables that this run did not check), warnings, open_warnings (of earlier
             checks, in rows that were not checked since), accepted, not_compared (too little history to compare with).
    """
    checks = newest_checks(reader)
    own, earlier = critical_failures(checks, run_id)
    states = Counter(state_of_check(check) for check in checks)
    critical = {"critical_failures": len(own), "critical_of_earlier_runs": len(earlier)}
    counted = {"warnings": "warning", "open_warnings": "open", "accepted": "accepted", "not_compared": "not_compared"}
    return {**critical, **{name: states[state] for name, state in counted.items()}}
