"""What an examination looks at, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from basketgraph.quality.past import WHOLE, Daily
from basketgraph.suites import Expectation

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Finding:
    """What one expectation found. Counts are rows; `observed` and `expected` are sentences without any value of a text column."""

    check: str
    severity: str
    success: bool
    observed: str
    expected: str
    notes: str
    element_count: int | None
    unexpected_count: int | None
    scope: str = WHOLE
    value: float | None = None
    usual_low: float | None = None
    usual_high: float | None = None
    anomaly_score: float | None = None
    looked_up_version: int | None = None


@dataclass
class Look:
    """What an examination looks at.

    rows:    the table's rows, or those of the days that changed; `part` says which.
    whole:   the whole table.
    ds:      the day of the run, YYYY-MM-DD.
    changed: the days that changed, where only those are looked at; as all days, YYYY-MM-DD.
    judged:  the days that are compared with what is usual; oldest first.
    window:  all days before the run's own that may be judged; prices and distributions of all of them are compared with the days before.
    lookup:  another table's rows; None where there is no such table.
    looked_up: the version of each other table that is looked up; None where there is no such table.
    history: values of earlier days by check and day.
    known:   those of them that ops.daily_values keeps.
    carried: what an earlier examination found, for expectations that this one does not look at.
    daily:   filled by the examination: the values of this one, by check and day.
    results: filled by the examination: Great Expectations' own results.
    """

    rows: DataFrame
    whole: DataFrame
    part: bool = False
    nothing: bool = False
    scope: str = WHOLE
    ds: str = ""
    changed: Sequence[str] = ()
    judged: Sequence[str] = ()
    window: Sequence[str] = ()
    lookup: Callable[[str], DataFrame | None] = lambda table: None
    looked_up: Mapping[str, int | None] = field(default_factory=dict)
    history: Callable[[str, Expectation], Mapping[str, float | None]] = lambda check, expectation: {}
    known: Daily = field(default_factory=dict)
    carried: Callable[[str], Finding | None] = lambda check: None
    usual: Mapping[str, Any] = field(default_factory=dict)
    daily: Daily = field(default_factory=dict)
    results: list[Any] = field(default_factory=list)


def judged_days(ds: date, days: int) -> list[str]:
    """The days before `ds`, which itself is still arriving."""
    return [(ds - timedelta(days=back)).isoformat() for back in range(days, 0, -1)]
