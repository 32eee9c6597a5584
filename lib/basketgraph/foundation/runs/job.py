"""Running steps: the run log ops.runs, which steps are up to date, and the main function of every job."""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from basketgraph.foundation.code_hash import step_code
from basketgraph.foundation.config import Config, data_text, load
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.failures import handling
from basketgraph.foundation.goals import EVENTS, REVIEWS
from basketgraph.foundation.interrupt import exits_on_interrupt
from basketgraph.foundation.progress import BEAT_SECONDS, at, running
from basketgraph.foundation.quality.overrides import acceptances
from basketgraph.foundation.quality.suites import QualitySettings
from basketgraph.foundation.runs.alerts import alerting, failing_since, failure_alert, send_failure, what_failed
from basketgraph.foundation.runs.arguments import DATA_DOCS, exit_code_of, job_parser, log_to_stderr, set_pairs
from basketgraph.foundation.runs.killed import tell_of_killed_run
from basketgraph.foundation.runs.lock import Leases, RunLock
from basketgraph.foundation.runs.memory import PeakMemory
from basketgraph.foundation.runs.session import announce_spark, spark_session
from basketgraph.foundation.runs.steps import RUNS, Step, StepResult, pipelines
from basketgraph.foundation.tables.files import Files
from basketgraph.foundation.tables.warehouse import RunTables, newest_release

log = logging.getLogger("basketgraph")


@dataclass(frozen=True)
class StepReport:
    """What a job reports: rows read and written, and details that ops.runs keeps as JSON."""

    rows_in: int | None = None
    rows_out: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


Job = Callable[[SparkSession, Config, date, RunTables], StepReport | None]


def new_run_id() -> str:
    """An id that sorts by time and is unique among runs started in the same second."""
    return f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def last_tries(rows: DataFrame) -> DataFrame:
    """The newest row of each step among rows of ops.runs, in the order in which the steps ran."""
    newest = rows.groupBy("step").agg(F.max_by(F.struct("*"), F.struct("finished_at", "started_at")).alias("row"))
    return newest.select("row.*").orderBy("started_at", "finished_at")


class RunLog:
    """ops.runs: the last success of each step, and the rows that this run adds."""

    def __init__(self, tables: RunTables, conf: Config) -> None:
        self.tables, self.conf = tables, conf
        done = last_tries(tables.read(RUNS).where("status = 'done'")).collect() if tables.exists(RUNS) else []
        self.last = {row["step"]: row.asDict(recursive=True) for row in done}

    def fingerprint(self, name: str, step: Step, ds: date) -> str:
        """A hash of all that the step's result depends on: versions of its inputs, settings and files of conf, mapping, cuts, the day, and
        code (foundation.code_hash).
        """
        cuts = run_cuts(self.conf, ds, self.tables) if step.cuts else None
        parts = {
            "inputs": self.tables.versions(step.reads),
            "settings": step.used(self.conf.settings),
            "source": {key: value for key, value in self.conf.source.items() if key != "landing"} if step.source else None,
            "cuts": None if cuts is None else [*(day.isoformat() for day in cuts.days), cuts.window_days, cuts.judged_from],
            "code": step_code(name),
        }
        if step.day:
            parts["day"] = ds.isoformat()
        if step.conf_files:
            parts["conf_files"] = {file: data_text(file) for file in step.conf_files}
        if step.live:
            released = (newest_release(self.tables) or {}).get("versions", {})
            parts["live"] = {table: released.get(table) for table in step.live}
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()

    def why(self, name: str, step: Step, ds: date) -> str | None:
        """Why the step has to run, in words; None where it is up to date."""
        if step.always:
            return "looks for itself whether there is anything new"
        last = self.last.get(name)
        if last is None:
            return "never succeeded in this warehouse"
        if last["outputs"] != self.tables.versions(step.writes):
            return "a table it writes was changed since"
        made = [json.loads(last["detail"] or "{}").get(key) for key in step.files]
        if any(path is None or not self.tables.files.exists(path) for path in made):
            return "a file it made is gone"
        changed = [t for t, version in self.tables.versions(step.reads).items() if last["inputs"].get(t) != version]
        if changed:
            return f"new versions of {', '.join(changed)}"
        return None if last["fingerprint"] == self.fingerprint(name, step, ds) else "settings, cuts or code changed"

    def add(self, name: str, step: Step, result: StepResult, fingerprint: str, started: datetime, peak: int, **columns: Any) -> None:
        """Append a row to ops.runs. columns: further ones: ds, the cuts of a step that succeeded, `alerts.what_failed` of one that failed."""
        row = {
            "run_id": self.tables.run_id,
            "step": name,
            "pipeline": self.conf.pipeline,
            "status": result.status,
            "started_at": started,
            "finished_at": started + timedelta(seconds=result.seconds),
            "seconds": result.seconds,
            "rows_in": result.rows_in,
            "rows_out": result.rows_out,
            "inputs": self.tables.versions(step.reads),
            "outputs": self.tables.versions(step.writes),
            "fingerprint": fingerprint,
            "detail": json.dumps(result.detail, default=str),
            "peak_memory_bytes": peak,
            **columns,
        }
        self.tables.append(self.tables.rows_of(RUNS, [row]), RUNS)
        if result.status == "done":
            self.last[name] = row


def run_step(
    name: str,
    step: Step,
    job: Job,
    conf: Config,
    ds: date,
    runs: RunLog,
    memory: PeakMemory,
    *,
    forced: bool = False,
    beat_seconds: float = BEAT_SECONDS,
) -> StepResult:
    """Run one step unless it is up to date, and log it. A failure is logged and raised.

    beat_seconds: between two lines of progress.
    """
    began, started = time.monotonic(), datetime.now(timezone.utc)
    if not forced and runs.why(name, step, ds) is None:
        last = runs.last[name]
        return StepResult(name, "current", time.monotonic() - began, last["rows_in"], last["rows_out"], json.loads(last["detail"] or "{}"))
    fingerprint, before = runs.fingerprint(name, step, ds), runs.tables.versions(step.writes)
    runs.tables.checked.clear()
    try:
        with running(name, beat_seconds=beat_seconds, seconds_before=runs.last.get(name, {}).get("seconds")):
            report = job(runs.tables.spark, conf, ds, runs.tables) or StepReport()
    except Exception as error:
        with handling(error, f"{name}: its failure is not in {RUNS}"):
            detail = _with_quality(getattr(error, "run_detail", {}), runs)  # what a stop has to report, as the gate's faults
            failed = StepResult(name, "failed", time.monotonic() - began, None, None, detail)
            runs.add(name, step, failed, fingerprint, started, memory.peak, **what_failed(error, ds))
        alert_of_failure(error, name, ds, conf, runs)
        raise
    unchanged = step.always and bool(step.writes) and before == runs.tables.versions(step.writes)
    status = "current" if unchanged else "done"
    result = StepResult(name, status, time.monotonic() - began, report.rows_in, report.rows_out, _with_quality(report.detail, runs))
    if status == "done" or step.always:  # else nothing shows that an `always` step ran and an earlier failure is over
        cuts = list(run_cuts(conf, ds, runs.tables).days) if step.cuts else None
        runs.add(name, step, result, fingerprint, started, memory.peak, ds=ds, cuts=cuts)
    return result


def _with_quality(detail: Mapping[str, Any], runs: RunLog) -> dict[str, Any]:
    """`detail` with the cost of the step's quality checks, by table."""
    return {**detail, "quality": dict(runs.tables.checked)} if runs.tables.checked else dict(detail)


def alert_of_failure(error: Exception, step: str, ds: date, conf: Config, runs: RunLog) -> None:
    """Call the hooks of conf `alerts` for a step that failed. An error of a hook is a warning."""
    since = None
    with handling(error, "alert: since when it fails is not known"):
        since = failing_since(runs.tables, RUNS, step)
    send_failure(error, failure_alert(error, conf, step=step, ds=ds, run_id=runs.tables.run_id, since=since), conf)


def quality_checker(conf: Config, accepted: Mapping[tuple[str, str], str]) -> Callable[[RunTables, Sequence[str], date | None], None]:
    """How a run checks tables, with the shop's own limits and time zone. Without a day, it checks as of the day after the last event."""
    settings = conf.section("quality", QualitySettings).model_copy(update={"time_zone": conf.source["time_zone"]})

    def checker(tables: RunTables, names: Sequence[str], ds: date | None) -> None:
        from basketgraph.foundation.quality.check import check_all  # Great Expectations takes seconds to import, and not every command checks

        check_all(tables, names, ds or last_day(tables), settings, accepted)

    return checker


@contextmanager
def opened(
    conf: Config, run_id: str, ds: date | None, app: str, accepted: Mapping[tuple[str, str], str] | None = None
) -> Iterator[tuple[RunTables, PeakMemory]]:
    """The Spark session, the lock and the tables of a run, for the length of a `with` block. A killed run that it finds is told of.

    accepted: failed checks that a person accepts: (table, check) -> why.
    """
    conf.want_warehouse()
    with PeakMemory() as memory:
        announce_spark(conf, make_warehouse=True)
        spark = spark_session(conf, app, run_id=run_id)
        leases = Leases(Files(spark), conf.warehouse)
        with RunLock(leases, run_id, wait_seconds=conf.environment.lock_wait_seconds, say=log.info, pipeline=conf.pipeline) as lock:
            at("reading the warehouse's records")
            checker = quality_checker(conf, accepted or {})
            tables = RunTables(spark, conf.warehouse, run_id, before_commit=lock.check, checker=checker, ds=ds, work_root=conf.work_root)
            if lock.killed is not None:
                tell_of_killed_run(lock.killed, tables, conf)
            yield tables, memory


def last_day(tables: RunTables) -> date:
    """The default `--ds`: the day after the last event, of a shop without events after the last review; today where there is none yet."""
    for table in (EVENTS, REVIEWS):
        newest = tables.read(table).agg(F.max("event_date")).collect()[0][0] if tables.exists(table) else None
        if newest is not None:
            return newest + timedelta(days=1)  # type: ignore[no-any-return]
    return date.today()


def job_main(job: Job, doc: str | None, file: str, arguments: Sequence[str] | None = None) -> None:
    """`main` of jobs/<step>.py under spark-submit: one step, with the run's lock, log and exit codes."""
    flags, name = job_parser(doc).parse_args(arguments), Path(file).stem
    log_to_stderr()
    with exits_on_interrupt(), running(name):
        try:
            known = pipelines()
            step, _ = known.steps[name], known.named(flags.pipeline)
            sets = {**set_pairs(flags.set), **({DATA_DOCS: "true"} if flags.data_docs else {})}
            conf, run_id = load(flags.env, flags.source, sets, pipeline=flags.pipeline), flags.run_id or new_run_id()
            with alerting(conf, step=name, run_id=run_id):
                accepted = acceptances(flags.accept, flags.because)
                with opened(conf, run_id, flags.ds, f"basketgraph {name}", accepted) as (tables, memory):
                    ds = flags.ds or last_day(tables)
                    result = run_step(name, step, job, conf, ds, RunLog(tables, conf), memory, forced=flags.force)
                    log.info("%s: %s in %.1f s", name, result.status, result.seconds)
        except Exception as error:
            sys.exit(exit_code_of(error, debug=flags.debug))
