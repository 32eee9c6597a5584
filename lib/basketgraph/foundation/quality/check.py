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
REPLAY = (
    "Where the mapping is at fault, mend it and read its files again: basketgraph replay --from DAY --to DAY (the days of the events concerned). "
    "Cleaning alone does not read again what is in already."
)


class QualityStop(Exception):
    """Critical promises are broken. The message names each promise, the finding, and where to read on. Exit code 3.

    failures: {table, check, expected, observed, since} each; since: {run_id, ds, at} of the first run of an unbroken row of failures.
    ds:       the day that the checks were for: without --ds, the day after the last event, which cleaning may have moved.
    """

    exit_code = 3

    def __init__(self, message: str, failures: Sequence[Mapping[str, Any]] = (), *, ds: date | None = None) -> None:
        super().__init__(message)
        self.failures, self.ds = tuple(failures), ds


@dataclass
class Cost:
    """Seconds and Spark jobs of a table's check, added up block by block. No other Spark job runs meanwhile."""

    seconds: float = 0.0
    spark_jobs: int = 0

    @contextmanager
    def measured(self, tables: RunTables) -> Iterator[None]:
        scheduler = tables.spark.sparkContext._jsc.sc().dagScheduler()
        started, jobs = time.monotonic(), int(scheduler.nextJobId())
        yield
        self.seconds, self.spark_jobs = self.seconds + time.monotonic() - started, self.spark_jobs + int(scheduler.nextJobId()) - jobs


@dataclass
class TableCheck:
    """A version of a table, the rows to examine, and the findings. accepted: check -> why a person accepts its failure."""

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


def check_all(
    release: RunTables, tables: Sequence[str], ds: date, settings: QualitySettings, accepted: Accepted | None = None
) -> dict[str, dict[str, Any]]:
    """Hold the newest versions of `tables` against expectations/<layer>/<table>.yaml and append the findings to ops.quality_results.

    A version that passed the same promises before is not checked again. Of a table that is laid out by a day and has a change data feed, only the
    days that changed since are. A failure that a person accepted for this `ds`, now or in an earlier run, stops nothing.
    returns: {table: {scope, seconds, spark_jobs, promises, broken}} of the tables that were checked.
    errors:  QualityStop when a critical expectation fails, after all results are written. UserError for suites that cannot be used and missing
             tables, all at once and before a row is read; for a suite that cannot be computed, after all other tables were checked.
    """
    suites, versions = suites_of(tables), _versions(release, tables)
    run = CheckRun(release, ds, settings, check_history(release, tables), accepted or {})
    planned = [check for table in tables if (check := _planned(run, suites[table], versions[table])) is not None]
    refuse_unusable([check.suite for check in planned], settings)
    checks, errors = _examined(run, planned)
    stop = _stop(run, checks)
    if checks:
        with handling(stop, f"the run's results are not in {RESULTS}"):
            _keep(run, checks)
    summaries = {check.table: _summary(check) for check in checks}
    release.checked.update(summaries)
    if settings.data_docs and checks:
        with handling(stop, "data docs: not made"):
            log.info("data docs: %s", build_data_docs(release, release.run_id, {check.table: check.look.results for check in checks}))
    if stop is not None:
        raise stop
    if errors:
        raise errors[0]
    return summaries


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
    """The checked tables, and the errors that only computing shows, as SQL without a column: they must not hide another table's stop."""
    checks, errors = [], []
    for check in each(planned, "tables checked"):
        try:
            _examine(run, check)
            checks.append(check)
        except UserError as error:
            log.error("%s: not checked: %s", check.table, error)
            errors.append(error)
    return checks, errors


def _examine(run: CheckRun, check: TableCheck) -> None:
    look, run_id, table = check.look, run.tables.run_id, check.table
    with check.cost.measured(run.tables):
        previous = run.history.row_count(table, run_id)
        values = {**run.settings.values, "ds": run.ds, "previous_rows": previous, "later_delivery": run_id if previous is not None else None}
        check.findings = examine(check.suite, values, look)
        check.daily = daily_rows(table, look.daily, look.known, run_id=run_id, checked_at=datetime.now(timezone.utc))
    reasons = {f.check: run.accepted.get((table, f.check)) or run.history.accepted(table, f.check, run.ds) for f in check.broken}
    check.accepted = {name: reason for name, reason in reasons.items() if reason}


def _summary(check: TableCheck) -> dict[str, Any]:
    """A table's check as the run log keeps it."""
    scope, cost = scope_in_words(vars(check.look.scope)), check.cost
    promises, broken = len(check.findings), len(check.broken)
    counted = f"{promises} promises, {broken} broken, {cost.seconds:.1f} s, {cost.spark_jobs} Spark jobs"
    log.info("%s version %d, %s: %s", check.table, check.version, scope, counted)
    return {"scope": scope, "seconds": round(cost.seconds, 2), "spark_jobs": cost.spark_jobs, "promises": promises, "broken": broken}


def _keep(run: CheckRun, checks: Sequence[TableCheck]) -> None:
    """Append the results in one commit; a step that is tried again under its run id replaces its earlier results."""
    now, release = datetime.now(timezone.utc), run.tables
    hashes = {check.table: check.suite.hash(run.settings.limits) for check in checks}
    rows = [
        {
            **{key: value for key, value in vars(finding).items() if key not in ("check", "scope")},
            **vars(finding.scope),
            "check_name": finding.check,
            "run_id": release.run_id,
            "table_name": check.table,
            "ds": run.ds,
            "table_version": check.version,
            "accepted_because": check.accepted.get(finding.check),
            "suite_hash": hashes[check.table],
            "checked_at": now,
        }
        for check in checks
        for finding in check.findings
    ]
    results = release.rows_of(RESULTS, rows)
    tried_before = any(row["run_id"] == release.run_id for check in checks for rows in run.history.checks(check.table) for row in rows)
    release.merge(results, RESULTS) if tried_before else release.append(results, RESULTS)
    if daily := [row for check in checks for row in check.daily]:
        release.append(release.rows_of(DAILY, daily), DAILY)


def _stop(run: CheckRun, checks: Sequence[TableCheck]) -> QualityStop | None:
    """The error that stops the run, with every critical failure that nobody accepted; None where there is none."""
    lines, failures = [], []
    for check in checks:
        for name, because in check.accepted.items():
            log.warning("%s.%s: broken, accepted for %s: %s", check.table, name, run.ds, because)
        if critical := [finding for finding in check.broken if finding.severity == "critical" and finding.check not in check.accepted]:
            counted = number_in_words(len(critical), "critical promise")
            lines.append(f"{check.table} version {check.version}: stopped, {counted} broken. The live release stays as it is.")
            lines += [f"  {finding.check}: want {finding.expected}, have {finding.observed}" for finding in critical]
            lines.append(f"The reasons are in {check.suite.file}, all results in {RESULTS} (run {run.tables.run_id}); what to do: docs/quality.md.")
            failures += [_failure(run, check.table, finding) for finding in critical]
    if any(failure["table"].startswith("silver.") for failure in failures):  # the shop's mapping makes their rows
        lines.append(REPLAY)
    return QualityStop("\n".join(lines), failures, ds=run.ds) if failures else None


def _failure(run: CheckRun, table: str, finding: Finding) -> dict[str, Any]:
    now: Row = {"run_id": run.tables.run_id, "ds": run.ds, "checked_at": datetime.now(timezone.utc)}
    first = run.history.failing_since(table, finding.check) or now
    at = first["checked_at"].astimezone(timezone.utc).isoformat(timespec="seconds")
    since = {"run_id": first["run_id"], "ds": first["ds"].isoformat(), "at": at}
    return {"table": table, "check": finding.check, "expected": finding.expected, "observed": finding.observed, "since": since}
