"""Checking what a run wrote: which rows are looked at, what of it is kept in ops.quality_results, and what stops the run."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from basketgraph.config import Mistake, data_yaml, parsed
from basketgraph.contracts import Contract, contract
from basketgraph.quality.accept import Accepted
from basketgraph.quality.data_docs import build_data_docs
from basketgraph.quality.examine import Finding, Look, examine, judged_days
from basketgraph.quality.past import RESULTS, WHOLE, Daily, Past, Row, daily_history, daily_rows, keep_daily, past, stops_unless
from basketgraph.suites import TABLE_LEVEL, Expectation, QualitySettings, Suite, suite, uses
from basketgraph.wording import number_in_words

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from basketgraph.tables import Release

MOST_DAYS = 100  # with more changed days than this the whole table is looked at
NAMED_DAYS = 3

log = logging.getLogger("basketgraph")


class QualityStop(Exception):
    """Critical promises are broken: what was promised, what was found, where to read on. Exit code 3.

    failures: {table, check, expected, observed, since} each; since: {run_id, ds, at} of the first run of an unbroken row of failures.
    """

    exit_code = 3

    def __init__(self, message: str, failures: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.failures = tuple(failures)


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
    errors:  QualityStop when a critical expectation fails, after all results are written; Mistake for a suite that cannot be used.
    """
    settings = settings or parsed(QualitySettings, data_yaml("conf/settings.yaml").get("quality", {}), "settings.quality")
    before = past(release, tables)
    found = [checked for table in tables if (checked := _checked(release, table, ds, settings, before)) is not None]
    reasons = {(c.table, f.check): because for c in found for f in c.findings if (because := _because(c.table, f, ds, accepted or {}, before))}
    if found:
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
        log.info("data docs: %s", build_data_docs(release, release.run_id, {checked.table: checked.results for checked in found}))
    _stop(release, found, ds, reasons, before)
    return {checked.table: release.checked[checked.table] for checked in found}


def _checked(release: Release, table: str, ds: date, settings: QualitySettings, before: Past) -> Checked | None:
    version = release.version(table)
    if version is None:
        raise Mistake(f"{table}: not checked", [f"want a table at {release.path(table)}, have none"], "Run the step that writes it first.")
    started, jobs = time.monotonic(), spark_jobs(release)
    terms = suite(table)
    suite_hash = terms.hash(settings.limits)
    look = _look(release, table, version, ds, settings, terms, before, suite_hash)
    if look is None:
        return None
    values = {
        **settings.values,
        "ds": ds,
        "previous_rows": before.row_count(table, release.run_id),
        "later_delivery": release.run_id if before.row_count(table, release.run_id) is not None else None,
    }
    findings = examine(look.rows, terms, values, look)
    daily = daily_rows(table, look.daily, look.known, run_id=release.run_id, checked_at=datetime.now(timezone.utc))
    return Checked(
        table, version, terms, suite_hash, findings, time.monotonic() - started, spark_jobs(release) - jobs, daily, look.scope, look.results
    )


def spark_jobs(release: Release) -> int:
    """How many jobs this Spark has started; a suite runs while nothing else does."""
    return int(release.spark.sparkContext._jsc.sc().dagScheduler().nextJobId())


def day_column(terms: Contract) -> str | None:
    """The day that a table with a change data feed is laid out by; None where changed days cannot be told, or not be read alone."""
    dates = [p.name for p in terms.properties if p.name in terms.cluster_by and p.physicalType == "date"]
    return dates[0] if dates and terms.change_data_feed else None


def _look(
    release: Release, table: str, version: int, ds: date, settings: QualitySettings, terms: Suite, before: Past, suite_hash: str
) -> Look | None:
    """What is to be looked at; None where this version passed the same promises before, for a day on which they say the same."""
    whole = release.read_version(table, version)
    passed = before.passed(table, suite_hash)
    days: list[date] | None = None
    why = "no version of it has passed these promises yet"
    if passed is not None:
        about_ds = any(e.type in TABLE_LEVEL and uses(e, "ds") for e in terms.expectations.values())
        same = passed["table_version"] == version
        if same and (passed["ds"] == ds or not about_ds):
            return None
        broken = [
            name for name, e in terms.expectations.items() if e.meta.whole and (row := before.last(table, name)) is not None and stops_unless(row)
        ]
        if broken:
            why = f"{broken[0]} was broken"
        else:
            days, why = _changed(release, table, passed["table_version"], ds, settings, before.whole_on(table, suite_hash))
    window = judged_days(ds, settings.judged_days)
    dailies: Daily = {}
    if any(e.kwargs.get("metric") and e.kwargs.get("day") for e in terms.expectations.values()):
        dailies = daily_history(release, table)

    def history(check_name: str, expectation: Expectation) -> Mapping[str, float | None]:
        return dailies.get(check_name, {}) if expectation.kwargs.get("day") else before.values(table, check_name)

    def lookup(other: str) -> DataFrame | None:
        return whole if other == table else release.newest(other) if release.exists(other) else None

    def carried(check_name: str) -> Finding | None:
        row = before.last(table, check_name)
        return None if row is None else _again(row, terms.expectations[check_name])

    shared: dict[str, Any] = {
        "whole": whole,
        "ds": ds.isoformat(),
        "window": window,
        "lookup": lookup,
        "history": history,
        "known": dailies,
        "usual": settings.usual,
    }
    if days is None:
        return Look(rows=whole, scope=WHOLE if not why else f"{WHOLE}: {why}", judged=window, **shared)
    column = str(day_column(contract(table)))
    rows = whole.where(F.col(column).isin(days)) if days else whole.limit(0)
    changed = {day.isoformat() for day in days}
    seen = {day for values in dailies.values() for day, value in values.items() if value is not None}
    judged = [day for day in window if day in changed or day not in seen]  # a day that was never seen may be one without rows
    return Look(rows=rows, part=True, nothing=not days, scope=_days_in_words(days), judged=judged, carried=carried, **shared)


def _changed(release: Release, table: str, since: int, ds: date, settings: QualitySettings, whole_on: date | None) -> tuple[list[date] | None, str]:
    """The days to be looked at; or None, and why the whole table is."""
    column = day_column(contract(table))
    if column is None:
        return None, ""
    if whole_on is None or not 0 <= (ds - whole_on).days < settings.whole_days:
        return None, f"every {number_in_words(settings.whole_days, 'day')}"
    days = release.changed_days(table, column, since)
    if days is None:
        return None, "which days changed cannot be told"
    return (days, "") if len(days) <= MOST_DAYS else (None, f"{len(days)} days changed")


def _days_in_words(days: Sequence[date]) -> str:
    if not days:
        return "nothing changed since the last check; what it found is repeated"
    named = ", ".join(day.isoformat() for day in days) if len(days) <= NAMED_DAYS else f"{days[0]} to {days[-1]}"
    return f"rows of {number_in_words(len(days), 'day')} that changed since the last check: {named}"


def _again(row: Row, expectation: Expectation) -> Finding:
    """What an earlier check found, as it was."""
    numbers = {name: row[name] for name in ("element_count", "unexpected_count", "value", "usual_low", "usual_high", "anomaly_score")}
    scope = str(row["scope"] or WHOLE)
    told = scope if scope.startswith("looked at") else f"looked at for {row['ds']}: {scope}"
    promised = str(row.get("expected") or "")
    return Finding(row["check_name"], row["severity"], row["success"], row["observed"], promised, expectation.notes, scope=told, **numbers)


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


def _stop(release: Release, found: Sequence[Checked], ds: date, reasons: Mapping[tuple[str, str], str], before: Past) -> None:
    """Raises QualityStop with every critical failure that nobody accepted."""
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
    if failures:
        raise QualityStop("\n".join(lines), failures)


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
