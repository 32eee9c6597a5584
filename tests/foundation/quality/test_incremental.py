"""Which rows a check looks at, chosen from what earlier checks found, on a table that is never read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from typing import cast

import pytest
from pyspark.sql import DataFrame, SparkSession

from basketgraph.foundation.config import data_yaml, parsed
from basketgraph.foundation.quality import incremental
from basketgraph.foundation.quality.check_scope import Look
from basketgraph.foundation.quality.history import CheckHistory, CheckRun
from basketgraph.foundation.quality.incremental import look_at
from basketgraph.foundation.quality.suites import QualitySettings, suite
from basketgraph.foundation.tables.warehouse import RunTables
from support.contract_rows import rows

EVENTS, DAY = "silver.events", timedelta(days=1)
SETTINGS = parsed(QualitySettings, data_yaml("conf/settings.yaml")["quality"], "settings.quality")
HASH = suite(EVENTS).hash(SETTINGS.limits)
DS = date(2026, 3, 6)
KEY, TYPE = "key_to_be_unique:event_id", "column_values_to_be_in_set:event_type"


class Told:
    """A release that says which version a table has and which days changed since another."""

    def __init__(self, frame: DataFrame, version: int, changed: Sequence[date]) -> None:
        self.frame, self.now, self.changed, self.asked = frame, version, list(changed), list[int]()

    def version(self, table: str) -> int | None:
        return self.now if table == EVENTS else None

    def read_version(self, table: str, version: int) -> DataFrame:
        return self.frame

    def changed_days(self, table: str, column: str, since: int) -> list[date]:
        self.asked.append(since)
        return self.changed


class Checks:
    """Checks of the past, one after the other; each has a row of the key's check, and others that are told."""

    def __init__(self) -> None:
        self.past, self.hours = CheckHistory(), 0

    def add(self, ds: date, version: int, *, scope: str = "days", broken: str = "", accepted: str | None = None, suite_hash: str = HASH) -> None:
        self.hours += 1
        at = datetime(2026, 3, 1, tzinfo=timezone.utc) + timedelta(hours=self.hours)
        for name in (KEY, TYPE):
            told = {
                "success": name != broken,
                "accepted_because": accepted if name == broken else None,
                "severity": "critical",
                "looked_up_version": None,
            }
            told |= {"scope_kind": scope, "scope_days": None, "repeated_from": None}
            row = {**told, "check_name": name, "suite_hash": suite_hash, "ds": ds, "table_version": version, "checked_at": at}
            self.past.rows.setdefault(EVENTS, {}).setdefault(name, []).append(row)


@pytest.fixture
def frame(spark: SparkSession) -> DataFrame:
    return rows(spark, EVENTS, [])


def chosen(frame: DataFrame, checks: Checks, ds: date, version: int, *changed: date) -> tuple[Look | None, list[int]]:
    """What is looked at, and the versions since which changed days were asked for."""
    told = Told(frame, version, changed)
    return look_at(CheckRun(cast(RunTables, told), ds, SETTINGS, checks.past), suite(EVENTS), version), told.asked


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Checks:
    """One, of the whole table, the day before."""
    monkeypatch.setattr(incremental, "daily_history", lambda *_: {})
    found = Checks()
    found.add(DS - DAY, 1, scope="table")
    return found


def test_changes_count_from_the_last_check_without_a_critical_failure_however_often_one_was_let_pass(frame: DataFrame, checks: Checks) -> None:
    checks.add(DS, 2, broken=KEY, accepted="mended tomorrow")
    assert chosen(frame, checks, DS, 2) == (None, []), "the same version on the same day"
    assert chosen(frame, checks, DS + DAY, 2)[0] is not None, "another day: it stops the run although nothing is new"
    look, asked = chosen(frame, checks, DS, 3, DS - DAY, DS)
    assert (look is not None and look.changed, asked) == (["2026-03-05", "2026-03-06"], [1]), "a late file does not make the broken day a good one"
    checks.add(DS, 3, broken=KEY, accepted="mended tomorrow")
    assert chosen(frame, checks, DS + DAY, 4, DS)[1] == [1]
    checks.add(DS + DAY, 4)
    assert chosen(frame, checks, DS + DAY, 5, DS)[1] == [4]


def test_a_break_that_a_look_at_the_whole_table_found_is_looked_for_in_the_whole_table_again(frame: DataFrame, checks: Checks) -> None:
    checks.add(DS, 2, scope="table", broken=KEY)
    for version in (2, 3):
        look, _ = chosen(frame, checks, DS, version, DS)
        assert look is not None
        assert (look.part, look.scope.scope_reason) == (False, f"{KEY} was broken"), "nobody knows which day it lies on"
    checks.add(DS, 3, scope="table")
    assert chosen(frame, checks, DS, 3) == (None, [])
    checks.add(DS, 4, broken=TYPE)
    look, asked = chosen(frame, checks, DS, 4, DS)
    assert (look is not None and look.part, asked) == (True, [3]), "what was found in changed days is found in them again"


@pytest.mark.parametrize("broken", ["", KEY])
def test_what_was_held_against_other_promises_since_is_looked_at_as_a_whole_although_it_kept_these_before(
    frame: DataFrame, checks: Checks, broken: str
) -> None:
    """Else a warning or a stop of a suite that was taken back would stay the newest result for ever."""
    assert chosen(frame, checks, DS - DAY, 1) == (None, [])
    checks.add(DS - DAY, 1, scope="table", broken=broken, suite_hash="another")
    for version in (1, 2):
        look, asked = chosen(frame, checks, DS - DAY, version, DS)
        assert look is not None
        assert (look.part, look.scope.scope_reason, asked) == (False, "it was held against other promises since", [])
    checks.add(DS - DAY, 1, scope="table")
    assert chosen(frame, checks, DS - DAY, 1) == (None, []), "once"


@pytest.mark.parametrize(
    ("changed", "looked_at", "judged", "said"),
    [
        ([], ["2026-03-05"], ["2026-03-04", "2026-03-05"], "changed or came to an end since the last check"),
        ([DS - DAY], ["2026-03-05"], ["2026-03-04", "2026-03-05"], "changed since the last check"),
        ([DS], ["2026-03-05", "2026-03-06"], ["2026-03-04", "2026-03-05"], "changed or came to an end since the last check"),
    ],
)
def test_a_day_that_was_still_arriving_at_the_last_check_is_judged_once_it_is_over_although_nothing_came(
    frame: DataFrame, checks: Checks, monkeypatch: pytest.MonkeyPatch, changed: list[date], looked_at: list[str], judged: list[str], said: str
) -> None:
    seen = [DS - back * DAY for back in (1, 3, 4, 5, 6, 7, 8)]  # on the second day before there was no row: whether it is one is told by later ones
    monkeypatch.setattr(incremental, "daily_history", lambda *_: {"metric_to_be_usual:orders": {day.isoformat(): 1.0 for day in seen}})
    # The day before was noted by the check of that day, and not judged.
    look, _ = chosen(frame, checks, DS, 1, *changed)
    assert look is not None
    assert (look.part, look.changed, look.judged) == (True, looked_at, judged)
    assert look.scope.scope_reason == said
    checks.add(DS, 1)
    look, _ = chosen(frame, checks, DS + DAY, 1)
    assert look is not None
    assert (look.part, look.changed) == (True, []), "it was judged yesterday"


@pytest.mark.parametrize(("kind", "counted"), [("table", 7), ("days", None)])
def test_rows_of_some_days_are_not_taken_for_those_of_the_table(kind: str, counted: int | None) -> None:
    at = datetime(2026, 3, 5, tzinfo=timezone.utc)
    row = {"run_id": "before", "check_name": TYPE, "value": 0.0, "element_count": 7, "scope_kind": kind, "checked_at": at}
    assert CheckHistory({EVENTS: {TYPE: [row]}}).row_count(EVENTS, "now") == counted
