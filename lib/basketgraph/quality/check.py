"""Checking what a run wrote: what of it is kept in ops.quality_results, and what stops the run."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

from basketgraph.config import Mistake, data_yaml, parsed
from basketgraph.failures import handling
from basketgraph.progress import each
from basketgraph.quality.accept import Accepted
from basketgraph.quality.build import refuse_unusable, suites_of
from basketgraph.quality.data_docs import build_data_docs
from basketgraph.quality.examine import examine
from basketgraph.quality.look import Finding, Look
from basketgraph.quality.past import RESULTS, Past, Row, daily_rows, keep_daily, past
from basketgraph.quality.scope import look_at
from basketgraph.suites import QualitySettings, Suite
from basketgraph.wording import number_in_words

if TYPE_CHECKING:
    from basketgraph.tables import Release

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


@dataclass(frozen=True)
class Planned:
    """A table that is to be held against its suite, and what it took to tell what is looked at."""

    table: str
    version: int
    suite: Suite
    suite_hash: str
    look: Look
    seconds: float
    spark_jobs: int


@dataclass(frozen=True)
class Checked:
    """A table that was held against its suite."""

    table: str
    version: int
    suite: Suite
    suite_hash: str
    findings: Sequence[Finding]
    seconds: float
    spark_jobs: int
    daily: Sequence[Row]
    scope: str
    results: Sequence[Any]  # Great Expectations' own


def check(release: Release, table: str, ds: date, settings: QualitySettings | None = None, accepted: Accepted | None = None) -> None:
    """`check_all` of one table."""
    check_all(release, [table], ds, settings, accepted)


def check_all(
    release: Release, tables: Sequence[str], ds: date, settings: QualitySettings | None = None, accepted: Accepted | None = None
) -> dict[str, dict[str, Any]]:
    """Hold the newest versions of `tables` against expectations/<layer>/<table>.yaml and append what was found to ops.quality_results.

    A version that passed the same promises before is not looked at again; of a table with a change data feed, laid out by a day, only the days
    that changed since are. A failed check that a person accepted for this `ds`, now or in an earlier run, stops nothing.
    returns: {table: {scope, seconds, spark_jobs, promises, broken}} of those that were looked at.
    errors:  QualityStop when a critical expectation fails, after all results are written; Mistake for suites that cannot be used and tables that are
             not there, all at once and before a row is read; and, after all other tables were checked, for a suite that cannot be computed.
    """
    settings = settings or parsed(QualitySettings, data_yaml("conf/settings.yaml").get("quality", {}), "settings.quality")
    terms, versions = suites_of(tables), _versions(release, tables)
    before = past(release, tables)
    planned = [plan for table in tables if (plan := _planned(release, terms[table], versions[table], ds, settings, before)) is not None]
    refuse_unusable([plan.suite for plan in planned], settings)
    found, mistakes = _all_checked(release, planned, ds, settings, before)
    reasons = {(c.table, f.check): because for c in found for f in c.findings if (because := _because(c.table, f, ds, accepted or {}, before))}
    stop = _stop(release, found, ds, reasons, before)
    if found:
        with handling(stop, f"the run's results are not in {RESULTS}"):
            _keep(release, found, ds, reasons, before)
    for checked in found:
        broken = [finding for finding in checked.findings if not finding.success]
        release.checked[checked.table] = {
            "scope": checked.scope,
            "seconds": round(checked.seconds, 2),
            "spark_jobs": checked.spark_jobs,
            "promises": len(checked.findings),
            "broken": len(broken),
        }
        told = f"{len(checked.findings)} promises, {len(broken)} broken, {checked.seconds:.1f} s, {checked.spark_jobs} Spark jobs"
        log.info("%s version %d, %s: %s", checked.table, checked.version, checked.scope, told)
    if settings.data_docs and found:
        with handling(stop, "data docs: not made"):
            log.info("data docs: %s", build_data_docs(release, release.run_id, {checked.table: checked.results for checked in found}))
    if stop is not None:
        raise stop
    if mistakes:
        raise mistakes[0]
    return {checked.table: release.checked[checked.table] for checked in found}


def _versions(release: Release, tables: Sequence[str]) -> dict[str, int]:
    versions = release.versions(tables)
    if missing := [table for table in tables if table not in versions]:
        faults = [f"want a table at {release.path(table)}, have none" for table in missing]
        raise Mistake(f"{', '.join(missing)}: not checked", faults, "Run the step that writes it first.")
    return versions


def _planned(release: Release, terms: Suite, version: int, ds: date, settings: QualitySettings, before: Past) -> Planned | None:
    started, jobs = time.monotonic(), spark_jobs(release)
    suite_hash = terms.hash(settings.limits)
    look = look_at(release, terms.table, version, ds, settings, terms, before, suite_hash)
    if look is None:
        return None
    return Planned(terms.table, version, terms, suite_hash, look, time.monotonic() - started, spark_jobs(release) - jobs)


def _all_checked(
    release: Release, planned: Sequence[Planned], ds: date, settings: QualitySettings, before: Past
) -> tuple[list[Checked], list[Mistake]]:
    """The tables that could be checked; and what only shows while computing, as a condition that names no column: it hides no other table's stop."""
    found, mistakes = [], []
    for plan in each(planned, "tables checked"):
        try:
            found.append(_checked(release, plan, ds, settings, before))
        except Mistake as mistake:
            log.error("%s: not checked: %s", plan.table, mistake)
            mistakes.append(mistake)
    return found, mistakes


def _checked(release: Release, plan: Planned, ds: date, settings: QualitySettings, before: Past) -> Checked:
    started, jobs = time.monotonic(), spark_jobs(release)
    table, look = plan.table, plan.look
    previous = before.row_count(table, release.run_id)
    values = {**settings.values, "ds": ds, "previous_rows": previous, "later_delivery": release.run_id if previous is not None else None}
    findings = examine(look.rows, plan.suite, values, look)
    daily = daily_rows(table, look.daily, look.known, run_id=release.run_id, checked_at=datetime.now(timezone.utc))
    seconds, started_jobs = plan.seconds + time.monotonic() - started, plan.spark_jobs + spark_jobs(release) - jobs
    return Checked(table, plan.version, plan.suite, plan.suite_hash, findings, seconds, started_jobs, daily, look.scope, look.results)


def spark_jobs(release: Release) -> int:
    """How many jobs this Spark has started; a suite runs while nothing else does."""
    return int(release.spark.sparkContext._jsc.sc().dagScheduler().nextJobId())


def _because(table: str, finding: Finding, ds: date, accepted: Accepted, before: Past) -> str | None:
    if finding.success:
        return None
    return accepted.get((table, finding.check)) or before.accepted(table, finding.check, ds)


def _keep(release: Release, found: Sequence[Checked], ds: date, reasons: Mapping[tuple[str, str], str], before: Past) -> None:
    """Append the results, as one commit; a step that is tried again under its run id replaces what it found before."""
    now = datetime.now(timezone.utc)
    rows = [
        {
            **{key: value for key, value in vars(finding).items() if key != "check"},
            "check_name": finding.check,
            "run_id": release.run_id,
            "table_name": checked.table,
            "ds": ds,
            "table_version": checked.version,
            "accepted_because": reasons.get((checked.table, finding.check)),
            "suite_hash": checked.suite_hash,
            "spark_jobs": checked.spark_jobs,
            "seconds": checked.seconds,
            "checked_at": now,
        }
        for checked in found
        for finding in checked.findings
    ]
    frame = release.rows_of(RESULTS, rows)
    tried_before = any(row["run_id"] == release.run_id for checked in found for rows in before.checks(checked.table) for row in rows)
    release.merge(frame, RESULTS) if tried_before else release.append(frame, RESULTS)
    keep_daily(release, [row for checked in found for row in checked.daily])


def _stop(release: Release, found: Sequence[Checked], ds: date, reasons: Mapping[tuple[str, str], str], before: Past) -> QualityStop | None:
    """What the run is to be stopped with: every critical failure that nobody accepted."""
    lines, failures = [], []
    for checked in found:
        for finding in checked.findings:
            because = reasons.get((checked.table, finding.check))
            if because:
                log.warning("%s.%s: broken, and let pass for %s: %s", checked.table, finding.check, ds, because)
        critical = [f for f in checked.findings if not f.success and f.severity == "critical" and (checked.table, f.check) not in reasons]
        if critical:
            counted = number_in_words(len(critical), "critical promise")
            lines.append(f"{checked.table} version {checked.version}: stopped, {counted} broken. The live release stays as it is.")
            lines += [f"  {finding.check}: want {finding.expected}, have {finding.observed}" for finding in critical]
            lines.append(f"The reasons are in {checked.suite.file}, all results in {RESULTS} (run {release.run_id}); what to do: docs/quality.md.")
        failures += [_failure(checked.table, finding, release.run_id, ds, before) for finding in critical]
    if any(failure["table"].startswith(MAPPED) for failure in failures):
        lines.append(REPLAY)
    return QualityStop("\n".join(lines), failures, ds=ds) if failures else None


def _failure(table: str, finding: Finding, run_id: str, ds: date, before: Past) -> dict[str, Any]:
    first = before.failing_since(table, finding.check)
    since = {"run_id": run_id, "ds": ds.isoformat(), "at": datetime.now(timezone.utc).isoformat(timespec="seconds")}
    if first is not None:
        since = {
            "run_id": first["run_id"],
            "ds": first["ds"].isoformat(),
            "at": first["checked_at"].astimezone(timezone.utc).isoformat(timespec="seconds"),
        }
    return {"table": table, "check": finding.check, "expected": finding.expected, "observed": finding.observed, "since": since}
