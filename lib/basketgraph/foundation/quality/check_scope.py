"""The input and the output of an examination: the rows that are looked at, and a finding per expectation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from basketgraph.foundation.quality.check_results import DAYS, TABLE
from basketgraph.foundation.quality.history import Daily
from basketgraph.foundation.quality.suites import Expectation, QualitySettings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Scope:
    """The rows that were looked at: the scope columns of ops.quality_results."""

    scope_kind: str = TABLE
    scope_days: Sequence[date] | None = None
    scope_reason: str = ""
    repeated_from: date | None = None


@dataclass(frozen=True)
class Finding:
    """The finding of one expectation: columns of ops.quality_results. `observed` and `expected` are sentences without any value of a text column."""

    check: str
    severity: str
    success: bool
    outcome: str
    observed: str
    expected: str
    notes: str
    element_count: int | None = None
    unexpected_count: int | None = None
    scope: Scope = Scope()
    value: float | None = None
    judged_day: date | None = None
    usual_low: float | None = None
    usual_high: float | None = None
    anomaly_score: float | None = None
    looked_up_version: int | None = None


@dataclass
class Look:
    """The input of an examination, and what it collects besides its findings.

    rows:      the table's rows, or those of the days in `scope`.
    whole:     the whole table.
    ds:        the day of the run, YYYY-MM-DD.
    judged:    the days that are compared with their usual range; oldest first.
    window:    all days before `ds` that may be judged; prices and distributions of all of them are compared with the days before.
    lookup:    another table's rows; None where there is no such table.
    looked_up: the version of each other table that is looked up; None where there is no such table.
    history:   values of earlier days by check and day.
    known:     the values in ops.daily_values.
    repeated:  the finding of an earlier check, for expectations that this one skips.
    daily:     collected: this examination's values, by check and day.
    results:   collected: Great Expectations' own results.
    """

    rows: DataFrame
    whole: DataFrame
    scope: Scope = Scope()
    ds: str = ""
    judged: Sequence[str] = ()
    window: Sequence[str] = ()
    lookup: Callable[[str], DataFrame | None] = lambda table: None
    looked_up: Mapping[str, int | None] = field(default_factory=dict)
    history: Callable[[str, Expectation], Mapping[str, float | None]] = lambda check, expectation: {}
    known: Daily = field(default_factory=dict)
    repeated: Callable[[str], Finding | None] = lambda check: None
    usual: Mapping[str, Any] = field(default_factory=dict)
    daily: Daily = field(default_factory=dict)
    results: list[Any] = field(default_factory=list)

    @property
    def part(self) -> bool:
        return self.scope.scope_kind == DAYS

    @property
    def changed(self) -> list[str]:
        """The days of a partial look, YYYY-MM-DD."""
        return [day.isoformat() for day in self.scope.scope_days or ()]


def whole_table(frame: DataFrame, ds: date, settings: QualitySettings) -> Look:
    """A look at all rows of `frame`, with nothing known of the past and no other table."""
    days = judged_days(ds, settings.judged_days)
    return Look(frame, frame, ds=ds.isoformat(), judged=days, window=days, usual=settings.usual)


def judged_days(ds: date, days: int) -> list[str]:
    """The days before `ds`, which itself is still arriving."""
    return [(ds - timedelta(days=back)).isoformat() for back in range(days, 0, -1)]
