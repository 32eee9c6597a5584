"""Which rows a check looks at: the whole table, the days that changed since a check that passed, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from basketgraph.contracts import Contract, contract
from basketgraph.quality.look import Finding, Look, judged_days
from basketgraph.quality.past import WHOLE, Daily, Past, Row, daily_history, stops, stops_unless
from basketgraph.quality.terms import LOOKED_UP
from basketgraph.suites import TABLE_LEVEL, Expectation, QualitySettings, Suite, uses
from basketgraph.wording import number_in_words

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from basketgraph.tables import Release

MOST_DAYS = 100  # with more changed days than this the whole table is looked at
NAMED_DAYS = 3


def day_column(terms: Contract) -> str | None:
    """The day that a table with a change data feed is laid out by; None where changed days cannot be told, or not be read alone."""
    return terms.day_column if terms.change_data_feed else None


def look_at(
    release: Release, table: str, version: int, ds: date, settings: QualitySettings, terms: Suite, before: Past, suite_hash: str
) -> Look | None:
    """What is to be looked at; None where the newest check let this version pass, held against the same promises, for a day on which they say the
    same. What an older check found is no longer what page and summary show, so promises that were changed and changed back are looked at again.
    """
    newest, passed = before.newest(table, suite_hash), before.passed(table, suite_hash)
    others_since = bool(newest) and before.suite_hash(table) != suite_hash
    looked_up = {e.kwargs["table"]: release.version(e.kwargs["table"]) for e in _lookups(terms).values()}
    newer = newer_lookup(terms, newest, looked_up, before, ds, settings.whole_days)
    about_ds = any(e.type in TABLE_LEVEL and uses(e, "ds") for e in terms.expectations.values())
    same = bool(newest) and newest[0]["table_version"] == version and (newest[0]["ds"] == ds or not about_ds)
    if same and not others_since and newer is None and not any(stops(row, ds) for row in newest):
        return None
    days: list[date] | None = None
    why = "no version of it has passed these promises yet"
    if passed:
        broken = _broken_in_whole(table, terms, before)
        if others_since:
            why = "it was held against other promises since"
        elif broken:
            why = f"{broken[0]} was broken"
        elif newer is not None:
            why = f"{newer} changed since it was looked up"
        else:
            # What a person let pass for a day is still to be mended: only a check that passed by itself says that older rows are well.
            days, why = _changed(release, table, int(passed[0]["table_version"]), ds, settings, before.whole_on(table, suite_hash))
    look = _whole(release, table, version, ds, settings, terms, before, looked_up)
    if days is None:
        return replace(look, scope=WHOLE if not why else f"{WHOLE}: {why}")
    return _of_days(look, str(day_column(contract(table))), days, passed[0]["ds"])


def _of_days(look: Look, column: str, changed: Sequence[date], last: date) -> Look:
    """`look` at the days that changed, and at those that were still arriving on `last`, the day of the check before: they are judged only now."""
    seen = {day for values in look.known.values() for day, value in values.items() if value is not None}
    over = [day for day in map(date.fromisoformat, look.window) if day >= last and day.isoformat() in seen and day not in changed]
    days = sorted([*changed, *over])
    told = [day.isoformat() for day in days]
    judged = [day for day in look.window if day in told or day not in seen]  # one that was never seen may be a day without rows
    rows = look.whole.where(F.col(column).isin(days)) if days else look.whole.limit(0)
    return replace(look, rows=rows, part=True, nothing=not days, scope=_days_in_words(days, over), changed=told, judged=judged)


def _whole(
    release: Release,
    table: str,
    version: int,
    ds: date,
    settings: QualitySettings,
    terms: Suite,
    before: Past,
    looked_up: Mapping[str, int | None],
) -> Look:
    """The whole table, with what is known of earlier checks and the other tables as they are now."""
    whole = release.read_version(table, version)
    window = judged_days(ds, settings.judged_days)
    dailies: Daily = {}
    if any(e.kwargs.get("metric") and e.kwargs.get("day") for e in terms.expectations.values()):
        dailies = daily_history(release, table)

    def history(check_name: str, expectation: Expectation) -> Mapping[str, float | None]:
        return dailies.get(check_name, {}) if expectation.kwargs.get("day") else before.values(table, check_name)

    def lookup(other: str) -> DataFrame | None:
        if other == table:
            return whole
        newest = looked_up[other]
        if newest is None:
            return None
        rows = release.read_version(other, newest)
        return None if newest == 0 and rows.isEmpty() else rows  # made, and never written to: every row of it was refused

    def carried(check_name: str) -> Finding | None:
        row = before.last(table, check_name)
        return None if row is None else _again(row, terms.expectations[check_name])

    return Look(
        rows=whole,
        whole=whole,
        ds=ds.isoformat(),
        judged=window,
        window=window,
        lookup=lookup,
        looked_up=looked_up,
        history=history,
        known=dailies,
        carried=carried,
        usual=settings.usual,
    )


def _broken_in_whole(table: str, terms: Suite, before: Past) -> list[str]:
    """Critical checks that were last broken in a look at the whole table, or that only such a look can show: nobody knows in which days."""
    last = {name: row for name in terms.expectations if (row := before.last(table, name)) is not None and stops_unless(row)}
    return [name for name, row in last.items() if terms.expectations[name].meta.whole or str(row["scope"]).startswith(WHOLE)]


def _lookups(terms: Suite) -> dict[str, Expectation]:
    """The expectations that look something up in another table."""
    return {name: e for name, e in terms.expectations.items() if e.type == LOOKED_UP and e.kwargs.get("table") not in (None, terms.table)}


def newer_lookup(terms: Suite, passed: Sequence[Row], looked_up: Mapping[str, int | None], before: Past, ds: date, whole_days: int) -> str | None:
    """The first table that has changed since it was looked up, where that calls for another look at all rows; None where none does.

    Of a table of which changed days are looked at, a failure calls for it: it may be mended. Of another, every change does; but where the other
    table is itself laid out by a day, and so changes each day, only a failure does, and `whole_days`.
    passed:    the rows of the newest check.
    looked_up: the newest version of each other table; None where there is no such table.
    """
    by_day = day_column(contract(terms.table)) is not None
    then = {row["check_name"]: row for row in passed}
    for name, e in _lookups(terms).items():
        other, last = e.kwargs["table"], before.last(terms.table, name)
        row = last if by_day else then.get(name)
        if row is None or row["looked_up_version"] == looked_up[other]:
            continue
        failed = last is not None and not last["success"]
        seldom = by_day or day_column(contract(other)) is not None
        late = not by_day and not 0 <= (ds - row["ds"]).days < whole_days
        if failed or late or not seldom:
            return str(other)
    return None


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


def _days_in_words(days: Sequence[date], over: Sequence[date]) -> str:
    """over: those of them that did not change, but were still arriving."""
    if not days:
        return "nothing changed since the last check; what it found is repeated"
    named = ", ".join(day.isoformat() for day in days) if len(days) <= NAMED_DAYS else f"{days[0]} to {days[-1]}"
    why = "changed since the last check" if not over else "changed or came to an end since the last check"
    return f"rows of {number_in_words(len(days), 'day')} that {why}: {named}"


def _again(row: Row, expectation: Expectation) -> Finding:
    """What an earlier check found, as it was."""
    numbers = {
        name: row[name] for name in ("element_count", "unexpected_count", "value", "usual_low", "usual_high", "anomaly_score", "looked_up_version")
    }
    scope = str(row["scope"] or WHOLE)
    told = scope if scope.startswith("looked at") else f"looked at for {row['ds']}: {scope}"
    promised = str(row.get("expected") or "")
    return Finding(row["check_name"], row["severity"], row["success"], row["observed"], promised, expectation.notes, scope=told, **numbers)
