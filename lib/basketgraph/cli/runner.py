"""The local runner: a pipeline's steps in one Spark session, with progress and a summary."""

from __future__ import annotations

import logging
import runpy
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from importlib.resources import as_file
from typing import Any

from basketgraph.cli.preflight import check_settings
from basketgraph.cli.run_history import run_as_json, run_log
from basketgraph.cli.status import state
from basketgraph.foundation.config import Config, data_file
from basketgraph.foundation.failures import handling, in_a_line
from basketgraph.foundation.goals import goal_of
from basketgraph.foundation.privacy.log_masking import without_addresses
from basketgraph.foundation.privacy.pseudonyms import shop_pseudonyms
from basketgraph.foundation.runs.job import Job, RunLog, last_day, new_run_id, opened, run_step
from basketgraph.foundation.runs.memory import PeakMemory
from basketgraph.foundation.runs.steps import Pipelines, Step, StepResult, chosen_steps, pipelines
from basketgraph.report.examples import Example, live_examples

log = logging.getLogger("basketgraph")


@dataclass
class Outcome:
    """What a run did. refused: why quality or the gate stopped it; error: the exception of the step that failed."""

    run_id: str
    steps: list[StepResult] = field(default_factory=list)
    as_of: date | None = None
    refused: str | None = None
    error: Exception | None = None
    state: dict[str, Any] = field(default_factory=dict)
    examples: list[Example] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {**run_as_json(self.run_id, self.refused, self.steps), **self.state}


def load_job(name: str) -> Job:
    """`run` of jobs/<name>.py, from the checkout or the package's data."""
    with as_file(data_file(f"jobs/{name}.py")) as file:
        job: Job = runpy.run_path(str(file), run_name=f"basketgraph_jobs.{name}")["run"]
        return job


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
    check_settings(conf, known, names)
    outcome = Outcome(new_run_id())
    try:
        with opened(conf, outcome.run_id, ds, f"basketgraph {pipeline}", accepted) as (tables, memory):
            _run_steps(outcome, known, names, start, ds, RunLog(tables, conf), memory)
            with handling(outcome.error, "what the warehouse holds now cannot be told"):
                outcome.state = state(tables, run_log(tables), outcome.steps, outcome.run_id)
                outcome.examples = live_examples(tables, shop_pseudonyms(conf.shop), goal=goal_of(conf.source))
                outcome.state["peak_memory_bytes"] = outcome.state["peak_memory_bytes"] or memory.peak
    except Exception as error:
        with handling(outcome.error, "after the failed step"):  # as the lock, which cannot be released where its folder is full
            raise error
    return outcome


def _run_steps(outcome: Outcome, known: Pipelines, names: list[str], start: str | None, ds: date | None, runs: RunLog, memory: PeakMemory) -> None:
    """Run the steps up to the first that fails, and then the report where quality or the gate stopped it."""
    forced = False
    for number, name in enumerate(names, 1):
        forced = forced or name == start
        try:
            _run_step(outcome, name, known.steps[name], f"[{number}/{len(names)}]", ds, runs, memory, forced=forced)
        except Exception as error:
            outcome.error = error
            if getattr(error, "exit_code", 1) in (3, 4):
                outcome.refused = without_addresses(str(error))
                if "report" in names:
                    with handling(error, "report: not made"):
                        _run_step(outcome, "report", known.steps["report"], "[report]", ds, runs, memory, forced=True)
            return


def _run_step(outcome: Outcome, name: str, step: Step, place: str, ds: date | None, runs: RunLog, memory: PeakMemory, *, forced: bool) -> None:
    log.info("%s %s: %s", place, name, step.help)
    began = time.monotonic()
    try:
        result = run_step(name, step, load_job(name), runs.conf, ds or last_day(runs.tables), runs, memory, forced=forced)
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
    check_settings(conf, known, names)
    rewritten: set[str] = set()
    with opened(conf, new_run_id(), ds, "basketgraph dry run") as (tables, _):
        runs, day, forced = RunLog(tables, conf), ds or last_day(tables), False
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
