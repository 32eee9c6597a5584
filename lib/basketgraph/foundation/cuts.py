"""The cuts of a run: the days as of which lists are made, and the windows after them in which lists are judged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from basketgraph.foundation.config import Config, UserError
from basketgraph.foundation.goals import PURCHASE, Goal, goal_of

if TYPE_CHECKING:
    from basketgraph.foundation.tables.warehouse import RunTables

LEAST_DAYS = 14  # of history: lists of a younger shop are not judged
WITHOUT_CUTS = ("clean", "replay")  # pipelines that make nothing as of a cut
AS_OF_DS = ("recommend", "profiles", "content")  # pipelines that use all that is known on the day of the run
OFFER = "offer"  # so does this one, unless the shop names cuts, at which its models are judged
WINDOWS = 4  # a window takes at most a quarter of the days of history


@dataclass(frozen=True)
class Cuts:
    """The two global cuts. Training rows lie before a cut; its window is [cut, cut + window_days).

    judged_from: of a shop that is too young to be judged the first `--ds` at which it is old enough; else None.
    """

    validation: date
    test: date
    window_days: int
    judged_from: date | None = None

    @property
    def days(self) -> tuple[date, date]:
        return (self.validation, self.test)

    def end(self, cut: date) -> date:
        """The first day after the window of `cut`: what the window holds is judged as it is known then."""
        return cut + timedelta(days=self.window_days)


def run_cuts(conf: Config, ds: date, tables: RunTables) -> Cuts:
    """The cuts of a run on these tables: by the runner and by a single job alike."""
    return cuts(conf, ds, None if _named(conf) else first_purchase(tables, goal_of(conf.source)))


def released_day(conf: Config, ds: date, tables: RunTables) -> date:
    """The day that a release is as of: the test cut of its lists, or `ds` where the pipeline makes none."""
    return ds if conf.pipeline in WITHOUT_CUTS else run_cuts(conf, ds, tables).test


def cuts(conf: Config, ds: date, begins: date | None) -> Cuts:
    """The cuts that the shop names for `all`; else the test cut is `ds` (AS_OF_DS, offer, a shop too young to be judged) or one window before.

    begins: the day of the first purchase; None where there is none, or it does not matter. The windows are the smaller of
            `interactions.window_days` and a quarter of the days from it to `ds`.
    """
    window = conf.settings["interactions"]["window_days"]
    if not isinstance(window, int) or window < 1:
        raise UserError("settings.interactions cannot be used", [f"window_days: want a whole number of days, have {window!r}"])
    if named := _named(conf):
        return Cuts(_as_date(named["validation"]), _as_date(named["test"]), window)
    if begins is not None:
        window = min(window, max(1, (ds - begins).days // WINDOWS))
    young = judged_from(begins, ds)
    test = ds if conf.pipeline in (*AS_OF_DS, OFFER) or young else ds - timedelta(days=window)
    return Cuts(test - timedelta(days=window), test, window, young)


def _named(conf: Config) -> dict[str, Any]:
    return {} if conf.pipeline in AS_OF_DS else dict(conf.source.get("cuts") or {})


def _as_date(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def judged_from(begins: date | None, ds: date) -> date | None:
    """The first `--ds` at which a shop is old enough to be judged, where `ds` is earlier; None where it is old enough."""
    if begins is None or (ds - begins).days >= LEAST_DAYS:
        return None
    return begins + timedelta(days=LEAST_DAYS)


def not_judged_in_words(day: date | str) -> str:
    """day: a `judged_from`."""
    return f"lists can be judged from {day} on, with {LEAST_DAYS} days of purchases"


def first_purchase(tables: RunTables, goal: Goal = PURCHASE) -> date | None:
    """The day of the first purchase, or of the first row that reaches another goal; None where there is none."""
    return _first_purchase(tables, goal, tables.version(goal.table))


@lru_cache(maxsize=8)  # each step asks, and the table seldom changes
def _first_purchase(tables: RunTables, goal: Goal, version: int | None) -> date | None:
    if version is None:
        return None
    day: date | None = tables.read_version(goal.table, version).where(goal.reached_sql).selectExpr("min(event_date)").collect()[0][0]
    return day
