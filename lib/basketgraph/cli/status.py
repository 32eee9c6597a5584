"""What a warehouse holds and what its newest run did, as the JSON object of docs/operating.md; read with Spark or without it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

from basketgraph.cli.freshness import ages
from basketgraph.cli.run_history import Rows, last_details, last_error, last_runs, last_tries, newest_run, run_log, zoned
from basketgraph.foundation.config import Config, UserError
from basketgraph.foundation.paths import local_folder
from basketgraph.foundation.runs.lock import Leases, is_over, newest_lease, was_killed
from basketgraph.foundation.runs.steps import StepResult
from basketgraph.foundation.tables.deltalake_reader import DeltaFolder, Reader, Unreadable
from basketgraph.foundation.tables.files import Files
from basketgraph.report.newest import newest_checks
from basketgraph.report.promises import critical_failures
from basketgraph.report.promises import state as state_of_check

log = logging.getLogger("basketgraph")
RELEASES = "ops.releases"
Told = TypeVar("Told")

# Steps whose detail has metrics of their own.
MEASURED = (
    *("user_segments", "price_bands", "price_sensitivity", "campaign_scores", "coupon_allocation", "contacts", "campaign_outcomes"),
    *("text_vectors", "moods", "search_index", "answers", "recommendations"),
)


def status(conf: Config, *, now: datetime) -> dict[str, Any]:
    """The state of the warehouse, its newest runs, and each step's last row of ops.runs. Takes no lock and writes nothing.

    now: an instant with a zone, from which ages are counted.
    """
    return read(conf, "status", lambda reader, files: status_of(reader, files, conf, now))


def read(conf: Config, command: str, of: Callable[[Reader, Files], Told]) -> Told:
    """What `of` reads of the warehouse: of a folder without Spark, but for what the package `deltalake` cannot read; of any other place by Spark."""
    folder = local_folder(conf.warehouse)
    if folder is not None:
        try:
            return of(DeltaFolder(folder), Files())
        except Unreadable as problem:
            log.info("not readable without Spark: %s", problem)
    else:
        log.info("%s is no folder of this machine: it is read by Spark", conf.warehouse)
    from basketgraph.foundation.runs.session import spark_session
    from basketgraph.foundation.tables.reader import TableReader

    reader = TableReader(spark_session(conf, f"basketgraph {command}"), conf.warehouse)
    return of(reader, reader.files)


def status_of(reader: Reader, files: Files, conf: Config, now: datetime) -> dict[str, Any]:
    """The same by whichever reader. Raises UserError where there was no run yet."""
    logged = run_log(reader)
    if not logged:
        cure = "Run `basketgraph run` first, or name the right one: --set warehouse=DIR."
        raise UserError(f"{conf.warehouse}: want a warehouse with runs, have none", cure=cure)
    steps = sorted(last_tries(logged), key=lambda row: row["finished_at"])
    run_id = steps[-1]["run_id"]
    last_steps = [
        {**{name: step[name] for name in ("step", "status", "seconds", "run_id")}, "finished_at": zoned(step["finished_at"])} for step in steps
    ]
    return {
        **newest_run(logged, run_id),
        **state(reader, logged, [], run_id),
        "ages": ages(reader, conf, live_release(reader), now),
        "holder": holder(Leases(files, conf.warehouse)),
        "last_error": last_error(logged),
        "runs": last_runs(logged),
        "last_steps": last_steps,
    }


def holder(leases: Leases) -> dict[str, Any] | None:
    """The run that holds the warehouse, or held it last: {run_id, step, host, process, state: running, ended or killed}; None where none is known."""
    lease = newest_lease(leases)
    if lease is None:
        return None
    state = "killed" if was_killed(lease) else "ended" if is_over(lease) else "running"
    return {"run_id": lease["run_id"], "step": lease.get("step"), "host": lease["host"], "process": lease["pid"], "state": state}


def live_release(reader: Reader) -> dict[str, Any] | None:
    """The newest row of ops.releases."""
    return next(iter(reader.rows(RELEASES, "SELECT * FROM {rows} ORDER BY release DESC LIMIT 1")), None)


def state(reader: Reader, logged: Rows, steps: Sequence[StepResult], run_id: str) -> dict[str, Any]:
    """What the warehouse holds now, as `run` and `status` print it.

    logged: the run log. steps: those of this run, which count before the logged ones. run_id: the newest run.
    """
    live = live_release(reader)
    details = last_details(logged)
    details.update({s.name: {**details.get(s.name, {}), **s.detail} for s in steps if s.status != "failed"})
    versions = dict(live["versions"]) if live else {}
    counted = live["rows"] if live else {}
    evaluated = details.get("evaluations", {})
    weights = {name: value for name, value in details.get("interactions", {}).items() if name == "behaviour_weights"}
    measured = {name: value for step in MEASURED for name, value in details.get(step, {}).get("metrics", {}).items()}
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
        "metrics": evaluated.get("metrics", {}) | weights | measured,
        "gains": evaluated.get("gains", {}),
        "judged_from": still_to_come(details.get("gate", {}).get("judged_from"), live),
    }


def still_to_come(judged_from: str | None, live: Mapping[str, Any] | None) -> str | None:
    """The first day whose lists can be judged, as the gate said last; None where the live release is as of that day or a later one."""
    is_past = judged_from is not None and live is not None and live["as_of"] is not None and date.fromisoformat(judged_from) <= live["as_of"]
    return None if is_past else judged_from


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
