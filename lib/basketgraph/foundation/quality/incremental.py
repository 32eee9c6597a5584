"""The choice of rows to check: the whole table, the days that changed since a check that passed (incremental), or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import date
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from basketgraph.foundation.contracts import Contract, contract
from basketgraph.foundation.quality.check_results import DAYS, is_whole_table
from basketgraph.foundation.quality.check_scope import Finding, Look, Scope, whole_table
from basketgraph.foundation.quality.history import CheckRun, Daily, Row, daily_history, is_critical_failure, stops_run
from basketgraph.foundation.quality.metrics import LOOKED_UP
from basketgraph.foundation.quality.renderers import number_in_words
from basketgraph.foundation.quality.suites import TABLE_LEVEL, Expectation, Suite, uses

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MOST_DAYS = 100  # with more changed days than this the whole table is looked at


def day_column(terms: Contract) -> str | None:
    """The day column of a table with a change data feed; None for other tables, which can only be checked as a whole."""
    return terms.day_column if terms.custom.changeDataFeed else None


def look_at(run: CheckRun, suite: Suite, version: int) -> Look | None:
    """Choose the rows to check; None where this version needs no further check.

    It needs none where the newest check was of the same version and suite, stops no run for this `ds`, and no limit depends on another `ds`. Page
    and summary show the newest check whatever its suite was, so a suite that was changed and changed back is checked again.
    """
    table, ds, suite_hash = suite.table, run.ds, suite.hash(run.settings.limits)
    newest, passed = next(iter(run.history.of_suite(table, suite_hash)), []), run.history.passed(table, suite_hash)
    other_suite_since = bool(newest) and run.history.checks(table)[0][0]["suite_hash"] != suite_hash
    looked_up = {e.kwargs["table"]: run.tables.version(e.kwargs["table"]) for e in _lookups(suite).values()}
    newer = newer_lookup(run, suite, newest, looked_up)
    depends_on_ds = any(e.type in TABLE_LEVEL and uses(e, "ds") for e in suite.expectations.values())
    same = bool(newest) and newest[0]["table_version"] == version and (newest[0]["ds"] == ds or not depends_on_ds)
    if same and not other_suite_since and newer is None and not any(stops_run(row, ds) for row in newest):
        return None
    days: list[date] | None = None
    if not passed:
        why = "no version of it has passed these promises yet"
    elif other_suite_since:
        why = "it was held against other promises since"
    elif broken := _broken_in_whole(run, suite):
        why = f"{broken} was broken"
    elif newer is not None:
        why = f"{newer} changed since it was looked up"
    else:
        days, why = _changed(run, table, passed)
    look = _whole(run, suite, version, looked_up)
    if days is None:
        return replace(look, scope=Scope(scope_reason=why))
    return _of_days(look, str(day_column(contract(table))), days, passed[0][0]["ds"])


def _of_days(look: Look, column: str, changed: Sequence[date], last: date) -> Look:
    """`look` at the changed days and at those that had not ended by `last`, the day of the check before: they can be judged only now."""
    seen = {day for values in look.known.values() for day, value in values.items() if value is not None}
    ended = [day for day in map(date.fromisoformat, look.window) if day >= last and day.isoformat() in seen and day not in changed]
    days = sorted([*changed, *ended])
    why = "changed or came to an end since the last check" if ended else "changed since the last check"
    judged = [day for day in look.window if date.fromisoformat(day) in days or day not in seen]  # one that was never seen may be a day without rows
    rows = look.whole.where(F.col(column).isin(days)) if days else look.whole.limit(0)
    return replace(look, rows=rows, scope=Scope(DAYS, days, why), judged=judged)


def _whole(run: CheckRun, suite: Suite, version: int, looked_up: Mapping[str, int | None]) -> Look:
    """A look at the whole table, with the history of its checks and the newest versions of the tables that it looks up."""
    table, tables = suite.table, run.tables
    whole = tables.read_version(table, version)
    has_metrics = any(e.kwargs.get("metric") and e.kwargs.get("day") for e in suite.expectations.values())
    known: Daily = daily_history(tables, table) if has_metrics else {}

    def history(check_name: str, expectation: Expectation) -> Mapping[str, float | None]:
        return known.get(check_name, {}) if expectation.kwargs.get("day") else run.history.values(table, check_name)

    def lookup(other: str) -> DataFrame | None:
        if other == table:
            return whole
        newest = looked_up[other]
        rows = None if newest is None else tables.read_version(other, newest)
        return None if rows is None or (newest == 0 and rows.isEmpty()) else rows  # version 0 without rows: every row of it was refused

    def repeated(check_name: str) -> Finding | None:
        row = run.history.last(table, check_name)
        return None if row is None else _repeated(row, suite.expectations[check_name])

    look = whole_table(whole, run.ds, run.settings)
    return replace(look, lookup=lookup, looked_up=looked_up, history=history, known=known, repeated=repeated)


def _broken_in_whole(run: CheckRun, suite: Suite) -> str | None:
    """The first critical check that is broken on unknown days: in a check of the whole table, or of a kind that only such a check can show."""
    last = {name: row for name in suite.expectations if (row := run.history.last(suite.table, name)) is not None and is_critical_failure(row)}
    return next((name for name, row in last.items() if suite.expectations[name].meta.whole or is_whole_table(row)), None)


def _lookups(suite: Suite) -> dict[str, Expectation]:
    """The expectations that look something up in another table."""
    return {name: e for name, e in suite.expectations.items() if e.type == LOOKED_UP and e.kwargs.get("table") not in (None, suite.table)}


def newer_lookup(run: CheckRun, suite: Suite, newest: Sequence[Row], looked_up: Mapping[str, int | None]) -> str | None:
    """The first looked-up table whose change calls for a check of the whole table; None where there is none.

    Of a table of which changed days are looked at, a failure calls for it: it may be mended. Of another, every change does; but where the other
    table is itself laid out by a day, and so changes each day, only a failure does, and `whole_days`.
    newest:    the rows of the newest check.
    looked_up: the newest version of each other table; None where there is no such table.
    """
    by_day = day_column(contract(suite.table)) is not None
    then = {row["check_name"]: row for row in newest}
    for name, e in _lookups(suite).items():
        other, last = e.kwargs["table"], run.history.last(suite.table, name)
        row = last if by_day else then.get(name)
        if row is None or row["looked_up_version"] == looked_up[other]:
            continue
        failed = last is not None and not last["success"]
        seldom = by_day or day_column(contract(other)) is not None
        late = not by_day and not 0 <= (run.ds - row["ds"]).days < run.settings.whole_days
        if failed or late or not seldom:
            return str(other)
    return None


def _changed(run: CheckRun, table: str, passed: Sequence[Sequence[Row]]) -> tuple[list[date] | None, str]:
    """The days to check; or None, and the reason to check the whole table. passed: rows of the checks that passed, newest first."""
    column, whole_days = day_column(contract(table)), run.settings.whole_days
    if column is None:
        return None, ""
    whole_on = next((rows[0]["ds"] for rows in passed if any(map(is_whole_table, rows))), None)
    if whole_on is None or not 0 <= (run.ds - whole_on).days < whole_days:
        return None, f"every {number_in_words(whole_days, 'day')}"
    days = run.tables.changed_days(table, column, int(passed[0][0]["table_version"]))
    if days is None:
        return None, "which days changed cannot be told"
    return (days, "") if len(days) <= MOST_DAYS else (None, f"{len(days)} days changed")


def _repeated(row: Row, expectation: Expectation) -> Finding:
    """The finding of an earlier check, marked as repeated."""
    scope = Scope(row["scope_kind"], row["scope_days"], row["scope_reason"], row["repeated_from"] or row["ds"])
    columns = {column.name: row[column.name] for column in fields(Finding) if column.name in row}
    return Finding(**columns, check=row["check_name"], notes=expectation.notes, scope=scope)
