"""The local runner: a pipeline's steps in one Spark session, with progress; and what a run reports at its end."""

from __future__ import annotations

import importlib.util
import json
import logging
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from importlib.resources import as_file
from typing import Any

from pyspark.sql import functions as F

from basketgraph.alerts import refusal
from basketgraph.clean.pseudonyms import shop_pseudonyms
from basketgraph.config import Config, Mistake, data_file
from basketgraph.failures import handling, in_a_line
from basketgraph.masking import without_addresses
from basketgraph.memory import PeakMemory
from basketgraph.preflight import check_settings
from basketgraph.report.changes import newest_checks
from basketgraph.report.examples import Example, live_examples
from basketgraph.report.promises import critical_failures
from basketgraph.report.promises import state as state_of_check
from basketgraph.runs import RUNS, Job, RunLog, StepResult, last_day, last_tries, new_run_id, opened, run_step
from basketgraph.session import spark_session
from basketgraph.steps import Pipelines, pipelines, want_events
from basketgraph.tables import Release, newest_release

log = logging.getLogger("basketgraph")


@dataclass
class Outcome:
    """What a run did. `refused` says why it stopped short of a release, `error` is the exception that did."""

    run_id: str
    steps: list[StepResult] = field(default_factory=list)
    as_of: date | None = None
    refused: str | None = None
    error: Exception | None = None
    state: dict[str, Any] = field(default_factory=dict)
    examples: list[Example] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {"run_id": self.run_id, "refused": self.refused, "steps": [s.as_json() for s in self.steps], **self.state}


def load_job(name: str) -> Job:
    """`run` of jobs/<name>.py, from the checkout or the package's data."""
    with as_file(data_file(f"jobs/{name}.py")) as file:
        spec = importlib.util.spec_from_file_location(f"basketgraph_jobs.{name}", file)
        if spec is None or spec.loader is None:
            raise Mistake(f"jobs/{name}.py cannot be imported")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        job: Job = module.run
        return job


def chosen_steps(known: Pipelines, pipeline: str, start: str | None) -> list[str]:
    """The pipeline's step names. Raises Mistake for an unknown pipeline or `--from` step."""
    steps = list(known.named(pipeline).steps)
    if start is not None and start not in steps:
        raise Mistake("--from", [f"want a step of {pipeline}, have {start}"], f"Steps: {', '.join(steps)}.")
    return steps


def run_pipeline(
    conf: Config, pipeline: str, *, ds: date | None = None, start: str | None = None, accepted: Mapping[tuple[str, str], str] | None = None
) -> Outcome:
    """Run every step of a pipeline that is not up to date.

    start:    `--from`: this step and all after it run even if they are up to date.
    accepted: failed checks that a person lets pass: (table, check) -> why.
    errors:   those of the steps, as `outcome.error`; the report is made all the same when quality or the gate stopped the run.
    """
    known = pipelines()
    names = chosen_steps(known, pipeline, start)
    if "seal_shards" in names:
        conf.shared_folder()  # refused now, not in the middle of the run
    want_events(conf, names)
    check_settings(conf, known, names)
    outcome = Outcome(new_run_id())
    try:
        with opened(conf, outcome.run_id, ds, f"basketgraph {pipeline}", accepted) as (release, memory):
            runs = RunLog(release, conf)
            _steps(outcome, known, names, start, conf, ds, runs, memory)
            with handling(outcome.error, "what the warehouse holds now cannot be told"):
                outcome.state = state(release, outcome.steps, outcome.run_id)
                outcome.examples = live_examples(release, shop_pseudonyms(conf.shop))
                outcome.state["peak_memory_bytes"] = outcome.state["peak_memory_bytes"] or memory.peak
    except Exception as error:
        with handling(outcome.error, "after the failed step"):  # as the lock, which cannot be released where its folder is full
            raise error
    return outcome


def _steps(
    outcome: Outcome, known: Pipelines, names: list[str], start: str | None, conf: Config, ds: date | None, runs: RunLog, memory: PeakMemory
) -> None:
    """Run the steps up to the first that fails, and then the report where quality or the gate stopped it."""
    forced = False
    for number, name in enumerate(names, 1):
        forced = forced or name == start
        try:
            _one(outcome, known, name, f"[{number}/{len(names)}]", conf, ds, runs, memory, forced=forced)
        except Exception as error:
            outcome.error = error
            if getattr(error, "exit_code", 1) in (3, 4):
                outcome.refused = without_addresses(str(error))
                if "report" in names:
                    with handling(error, "report: not made"):
                        _one(outcome, known, "report", "[report]", conf, ds, runs, memory, forced=True)
            return


def _one(
    outcome: Outcome, known: Pipelines, name: str, place: str, conf: Config, ds: date | None, runs: RunLog, memory: PeakMemory, *, forced: bool
) -> None:
    step = known.steps[name]
    log.info("%s %s: %s", place, name, step.help)
    began = time.monotonic()
    day = ds or last_day(runs.release)
    try:
        result = run_step(name, step, load_job(name), conf, day, runs, memory, forced=forced)
    except Exception as error:
        seconds = time.monotonic() - began
        log.info("%s %s: failed, %.1f s: %s", place, name, seconds, in_a_line(error))
        outcome.steps.append(StepResult(name, "failed", seconds, None, None, {}))
        raise
    outcome.steps.append(result)
    counts = "".join(f", {count:,} rows {word}" for count, word in ((result.rows_in, "in"), (result.rows_out, "out")) if count)
    log.info("%s %s: %s, %.1f s%s", place, name, "up to date" if result.status == "current" else result.status, result.seconds, counts)


def dry_run(conf: Config, pipeline: str, *, ds: date | None = None, start: str | None = None) -> list[dict[str, str]]:
    """Which steps would run, and why: [{step, runs: yes|no|depends, why}]. Writes nothing."""
    known, plan = pipelines(), []
    names = chosen_steps(known, pipeline, start)
    want_events(conf, names)
    check_settings(conf, known, names)
    rewritten: set[str] = set()
    with opened(conf, new_run_id(), ds, "basketgraph dry run") as (release, _):
        runs, day, forced = RunLog(release, conf), ds or last_day(release), False
        for name in names:
            step, forced = known.steps[name], forced or name == start
            why = "--from" if forced else runs.why(name, step, day)
            upstream = sorted(rewritten & set(step.reads))
            if step.always and not forced:
                plan.append({"step": name, "runs": "depends", "why": str(why)})
                rewritten |= set(step.writes) if name != "clean" else set()
            elif why is not None or upstream:
                plan.append({"step": name, "runs": "yes", "why": why or f"{', '.join(upstream)} will be written"})
                rewritten |= set(step.writes)
            else:
                plan.append({"step": name, "runs": "no", "why": "up to date"})
    return plan


def state(release: Release, steps: list[StepResult], run_id: str) -> dict[str, Any]:
    """What the warehouse holds now, in the words of the JSON object (docs/operating.md); used by `run` and `status` alike. run_id: the newest run."""
    live = newest_release(release)
    details = last_details(release)
    details.update({s.name: {**details.get(s.name, {}), **s.detail} for s in steps if s.status != "failed"})
    versions = dict(live["versions"]) if live else {}
    counted = live["rows"] if live else {}
    evaluated = details.get("evaluations", {})
    return {
        "release": live["release"] if live else None,
        "as_of": live["as_of"].isoformat() if live and live["as_of"] else None,
        "report": _existing(release, details.get("report", {}).get("report")),
        "tensorboard": details.get("train_graph", {}).get("tensorboard"),
        "peak_memory_bytes": evaluated.get("_peak_memory_bytes", 0),
        "rows": max((details.get(step, {}) for step in ("clean", "replay")), key=_finished).get("rows", {}),
        "tables": {table: {"version": version, "rows": counted[table]} for table, version in versions.items()},
        "quality": quality_verdict(release, run_id),
        "metrics": evaluated.get("metrics", {}),
        "gains": evaluated.get("gains", {}),
        "judged_from": details.get("gate", {}).get("judged_from"),
    }


def _existing(release: Release, path: str | None) -> str | None:
    """The path, where there is still a file: people delete old pages."""
    if path is None:
        return None
    system, place = release.hadoop_path(path)
    return path if system.exists(place) else None


def status(conf: Config) -> dict[str, Any]:
    """`basketgraph status`: the state, what the newest run did, and each step's last row of ops.runs. Takes no lock and writes nothing."""
    spark = spark_session(conf, "basketgraph status")
    release = Release(spark, conf.warehouse, new_run_id())
    if not release.exists(RUNS):
        cure = "Run `basketgraph run` first, or name the right one: --set warehouse=DIR."
        raise Mistake(f"{conf.warehouse}: want a warehouse with runs, have none", cure=cure)
    newest = last_tries(release.read(RUNS)).select("step", "status", "finished_at", "seconds", "run_id").collect()
    steps = sorted((row.asDict() for row in newest), key=lambda row: row["finished_at"])
    run_id = steps[-1]["run_id"]
    return {**newest_run(release, run_id), **state(release, [], run_id), "last_steps": steps}


def newest_run(release: Release, run_id: str) -> dict[str, Any]:
    """{run_id, refused, steps} of a run from ops.runs, as the run itself told them."""
    rows = last_tries(release.read(RUNS).where(F.col("run_id") == run_id)).collect()
    details = {row.step: json.loads(row.detail or "{}") for row in rows}
    steps = [StepResult(row.step, row.status, row.seconds, row.rows_in, row.rows_out, details[row.step]) for row in rows]
    refused = [refusal(step.detail) for step in steps if step.status == "failed"]
    return Outcome(run_id, steps, refused=next((why for why in refused if why), None)).as_json()


def last_details(release: Release) -> dict[str, dict[str, Any]]:
    """What each step said of itself at its last success, with its end and its run's peak memory under `_finished_at` and `_peak_memory_bytes`."""
    if not release.exists(RUNS):
        return {}
    rows = release.read(RUNS).select("run_id", "step", "status", "finished_at", "detail", "peak_memory_bytes").orderBy("finished_at").collect()
    peaks: dict[str, int] = {}
    for row in rows:
        peaks[row.run_id] = max(peaks.get(row.run_id, 0), row.peak_memory_bytes or 0)
    return {
        row.step: {**json.loads(row.detail or "{}"), "_finished_at": row.finished_at, "_peak_memory_bytes": peaks[row.run_id]}
        for row in rows
        if row.status == "done"
    }


def _finished(detail: Mapping[str, Any]) -> float:
    return detail["_finished_at"].timestamp() if "_finished_at" in detail else 0.0


def quality_verdict(release: Release, run_id: str) -> Mapping[str, int]:
    """Failed checks of each table's newest results, as the page counts them; those that a person let pass count as accepted only.

    returns: critical_failures (found by this run), critical_of_earlier_runs (of tables that this run did not come to), warnings; open_warnings, of
             earlier looks, in rows that were not looked at since; accepted; and not_compared, those that nothing could be held against yet.
    """
    checks = newest_checks(release)
    own, earlier = critical_failures(checks, run_id)
    states = Counter(state_of_check(check) for check in checks)
    found = {"critical_failures": len(own), "critical_of_earlier_runs": len(earlier)}
    counted = {"warnings": "warning", "open_warnings": "open", "accepted": "accepted", "not_compared": "not_compared"}
    return {**found, **{name: states[state] for name, state in counted.items()}}
