"""Check the tables that a run wrote: store results in ops.quality_results, and stop the run on critical failures."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

from basketgraph.foundation.config import UserError
from basketgraph.foundation.failures import handling
from basketgraph.foundation.progress import each
from basketgraph.foundation.quality.build import refuse_unusable, suites_of
from basketgraph.foundation.quality.check_scope import Finding, Look
from basketgraph.foundation.quality.data_docs import build_data_docs
from basketgraph.foundation.quality.examine import examine
from basketgraph.foundation.quality.history import DAILY, RESULTS, CheckRun, Row, check_history, daily_rows
from basketgraph.foundation.quality.incremental import look_at
from basketgraph.foundation.quality.overrides import Accepted
from basketgraph.foundation.quality.renderers import number_in_words, scope_in_words
from basketgraph.foundation.quality.suites import QualitySettings, Suite

if TYPE_CHECKING:
    from basketgraph.foundation.tables.warehouse import RunTables

log = logging.getLogger("basketgraph")
MAPPED = "silver."  # tables whose rows the shop's mapping makes
REPLAY = (
    "Where the mapping is at fault, mend it and read its files again: basketgraph replay --from DAY --to DAY (the days of the events concerned). "
    "Cleaning alone does not read again what is in already."
)


class QualityStop(Exception):
    """Critical promises are broken: what was promised, what was found, where to read on. Exit code 3.

    failures: {table, check, expected, observed, since} each; since: {run_id, ds, at} of the first run of an unbroken row of failures.
    ds:       the day that the checks were for: without --ds, the day after the last event, which cleaning may have moved.
    """

    exit_code = 3

    def __init__(self, message: str, failures: Sequence[Mapping[str, Any]] = (), *, ds: date | None = None) -> None:
        super().__init__(message)
        self.failures, self.ds = tuple(failures), ds


@dataclass
class Cost:
    """Seconds and Spark jobs of a table's check; a suite runs while nothing else does."""

    seconds: float = 0.0
    spark_jobs: int = 0

    @contextmanager
    def measured(self, tables: RunTables) -> Iterator[None]:
        """Adds what a block costs."""
        scheduler = tables.spark.sparkContext._jsc.sc().dagScheduler()
        started, jobs = time.monotonic(), int(scheduler.nextJobId())
        yield
        self.seconds, self.spark_jobs = self.seconds + time.monotonic() - started, self.spark_jobs + int(scheduler.nextJobId()) - jobs


@dataclass
class TableCheck:
    """A version of a table, what is looked at in it, and what was found. accepted: by check, why a person lets its failure pass."""

    suite: Suite
    version: int
    look: Look
    cost: Cost
    findings: Sequence[Finding] = ()
    accepted: Mapping[str, str] = field(default_factory=dict)
    daily: Sequence[Row] = ()

    @property
    def table(self) -> str:
        return self.suite.table

    @property
    def broken(self) -> list[Finding]:
        return [finding for finding in self.findings if not finding.success]

    @property
    def stopping(self) -> list[Finding]:
        return [finding for finding in self.broken if finding.severity == "critical" and finding.check not in self.accepted]


def check_all(
    release: RunTables, tables: Sequence[str], ds: date, settings: QualitySettings, accepted: Accepted | None = None
) -> dict[str, dict[str, Any]]:
    """Hold the newest versions of `tables` against expectations/<layer>/<table>.yaml and append what was found to ops.quality_results.

    A version that passed the same promises before is not looked at again; of a table with a change data feed, laid out by a day, only the days
    that changed since are. A failed check that a person accepted for this `ds`, now or in an earlier run, stops nothing.
    returns: {table: {scope, seconds, spark_jobs, promises, broken}} of those that were looked at.
    errors:  QualityStop when a critical expectation fails, after all results are written; UserError for suites that cannot be used and tables
             that are not there, all at once and before a row is read; and, after all other tables were checked, for a suite that cannot be computed.
    """
    suites, versions = suites_of(tables), _versions(release, tables)
    run = CheckRun(release, ds, settings, check_history(release, tables), accepted or {})
    planned = [plan for table in tables if (plan := _planned(run, suites[table], versions[table])) is not None]
    refuse_unusable([checked.suite for checked in planned], settings)
    found, mistakes = _examined(run, planned)
    stop = _stop(run, found)
    if found:
        with handling(stop, f"the run's results are not in {RESULTS}"):
            _keep(run, found)
    told = {checked.table: _told(checked) for checked in found}
    release.checked.update(told)
    if settings.data_docs and found:
        with handling(stop, "data docs: not made"):
            log.info("data docs: %s", build_data_docs(release, release.run_id, {c.table: c.look.results for c in found}))
    if stop is not None:
        raise stop
    if mistakes:
        raise mistakes[0]
    return told


def _versions(release: RunTables, tables: Sequence[str]) -> dict[str, int]:
    versions = release.versions(tables)
    if missing := [table for table in tables if table not in versions]:
        faults = [f"want a table at {release.path(table)}, have none" for table in missing]
        raise UserError(f"{', '.join(missing)}: not checked", faults, "Run the step that writes it first.")
    return versions


def _planned(run: CheckRun, suite: Suite, version: int) -> TableCheck | None:
    cost = Cost()
    with cost.measured(run.tables):
        look = look_at(run, suite, version)
    return None if look is None else TableCheck(suite, version, look, cost)


def _examined(run: CheckRun, planned: Sequence[TableCheck]) -> tuple[list[TableCheck], list[UserError]]:
    """The checked tables; and mistakes that only show while computing, as a condition without a column: they must not hide another table's stop."""
    found, mistakes = [], []
    for checked in each(planned, "tables checked"):
        try:
            _examine(run, checked)
            found.append(checked)
        except UserError as mistake:
            log.error("%s: not checked: %s", checked.table, mistake)
            mistakes.append(mistake)
    return found, mistakes


def _examine(run: CheckRun, checked: TableCheck) -> None:
    look, run_id = checked.look, run.tables.run_id
    with checked.cost.measured(run.tables):
        previous = run.history.row_count(checked.table, run_id)
        values = {**run.settings.values, "ds": run.ds, "previous_rows": previous, "later_delivery": run_id if previous is not None else None}
        checked.findings = examine(checked.suite, values, look)
        checked.daily = daily_rows(checked.table, look.daily, look.known, run_id=run_id, checked_at=datetime.now(timezone.utc))
    reasons = {f.check: run.accepted.get((checked.table, f.check)) or run.history.accepted(checked.table, f.check, run.ds) for f in checked.broken}
    checked.accepted = {name: reason for name, reason in reasons.items() if reason}


def _told(checked: TableCheck) -> dict[str, Any]:
    """What the run log keeps of a table's check."""
    scope, cost = scope_in_words(vars(checked.look.scope)), checked.cost
    counted = f"{len(checked.findings)} promises, {len(checked.broken)} broken, {cost.seconds:.1f} s, {cost.spark_jobs} Spark jobs"
    log.info("%s version %d, %s: %s", checked.table, checked.version, scope, counted)
    counts = {"promises": len(checked.findings), "broken": len(checked.broken)}
    return {"scope": scope, "seconds": round(cost.seconds, 2), "spark_jobs": cost.spark_jobs, **counts}


def _keep(run: CheckRun, found: Sequence[TableCheck]) -> None:
    """Append the results, as one commit; a step that is tried again under its run id replaces what it found before."""
    now, release = datetime.now(timezone.utc), run.tables
    hashes = {checked.table: checked.suite.hash(run.settings.limits) for checked in found}
    rows = [
        {
            **{key: value for key, value in vars(finding).items() if key not in ("check", "scope")},
            **vars(finding.scope),
            "check_name": finding.check,
            "run_id": release.run_id,
            "table_name": checked.table,
            "ds": run.ds,
            "table_version": checked.version,
            "accepted_because": checked.accepted.get(finding.check),
            "suite_hash": hashes[checked.table],
            **vars(checked.cost),
            "checked_at": now,
        }
        for checked in found
        for finding in checked.findings
    ]
    frame = release.rows_of(RESULTS, rows)
    tried_before = any(row["run_id"] == release.run_id for checked in found for rows in run.history.checks(checked.table) for row in rows)
    release.merge(frame, RESULTS) if tried_before else release.append(frame, RESULTS)
    if daily := [row for checked in found for row in checked.daily]:
        release.append(release.rows_of(DAILY, daily), DAILY)


def _stop(run: CheckRun, found: Sequence[TableCheck]) -> QualityStop | None:
    """The error that stops the run, with every critical failure that nobody accepted; None where there is none."""
    lines, failures = [], []
    for checked in found:
        for name, because in checked.accepted.items():
            log.warning("%s.%s: broken, accepted for %s: %s", checked.table, name, run.ds, because)
        if critical := checked.stopping:
            counted = number_in_words(len(critical), "critical promise")
            lines.append(f"{checked.table} version {checked.version}: stopped, {counted} broken. The live release stays as it is.")
            lines += [f"  {finding.check}: want {finding.expected}, have {finding.observed}" for finding in critical]
            lines.append(f"The reasons are in {checked.suite.file}, all results in {RESULTS} (run {run.tables.run_id}); what to do: docs/quality.md.")
            failures += [_failure(run, checked.table, finding) for finding in critical]
    if any(failure["table"].startswith(MAPPED) for failure in failures):
        lines.append(REPLAY)
    return QualityStop("\n".join(lines), failures, ds=run.ds) if failures else None


def _failure(run: CheckRun, table: str, finding: Finding) -> dict[str, Any]:
    now: Row = {"run_id": run.tables.run_id, "ds": run.ds, "checked_at": datetime.now(timezone.utc)}
    first = run.history.failing_since(table, finding.check) or now
    at = first["checked_at"].astimezone(timezone.utc).isoformat(timespec="seconds")
    since = {"run_id": first["run_id"], "ds": first["ds"].isoformat(), "at": at}
    return {"table": table, "check": finding.check, "expected": finding.expected, "observed": finding.observed, "since": since}
