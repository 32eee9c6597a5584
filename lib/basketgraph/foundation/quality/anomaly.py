"""Anomalies of a daily number: how far a day lies from the median of the same weekday, in robust deviations (MAD). Plain Python, no Spark."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

MAD_TO_DEVIATION = 1.4826  # of a normal distribution (Rousseeuw and Croux 1993)
WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


@dataclass(frozen=True)
class Limits:
    """How a day is judged.

    weeks:       so many weeks before the day are its history, so that growth and seasons do not look like faults.
    least_days:  with fewer days of history nothing is said.
    score:       a day further than this many robust deviations from the median is unusual.
    least_share: a deviation is taken to be at least this share of the median: a number that hardly ever moves (MAD 0) may still move a little.
    least:       and at least this much, for shares that are nearly always 0.
    weekly:      whether weekdays differ; without it every day of the weeks is history.
    closed:      days on which the shop was closed, `YYYY-MM-DD` or `MM-DD` for every year: neither judged nor history.
    """

    weeks: int
    least_days: int
    score: float
    least_share: float
    least: float = 0.0
    weekly: bool = True
    closed: Collection[str] = ()


@dataclass(frozen=True)
class DayScore:
    """A day against its history of `days` days. low, high and score are None where the history is too short to say anything."""

    day: date
    value: float
    days: int
    low: float | None = None
    high: float | None = None
    score: float | None = None

    def is_anomaly(self, limits: Limits) -> bool:
        return self.score is not None and abs(self.score) > limits.score


def is_closed(day: date, closed: Collection[str]) -> bool:
    return day.isoformat() in closed or f"{day:%m-%d}" in closed


def score_day(history: Mapping[date, float | None], day: date, value: float, limits: Limits) -> DayScore:
    """`value` of `day` against the days before it.

    history: day -> value; days without a value, closed days and `day` itself and later ones are left out, so they may be in it.
    returns: score = (value - median) / max(1.4826 MAD, least_share |median|, least); low and high lie `score` deviations
              from the median, low not below 0 where no day was.
    """
    first = day - timedelta(weeks=limits.weeks)
    comparable = [when for when in history if first <= when < day and (not limits.weekly or when.weekday() == day.weekday())]
    past = [past_value for when in comparable if (past_value := history[when]) is not None and not is_closed(when, limits.closed)]
    if len(past) < limits.least_days:
        return DayScore(day, value, len(past))
    middle = median(past)
    deviation = max(MAD_TO_DEVIATION * median(abs(past_value - middle) for past_value in past), limits.least_share * abs(middle), limits.least)
    if deviation == 0:  # it was 0 on most days: whatever differs is new, but by how much it is unusual cannot be told
        return DayScore(day, value, len(past), middle, middle, 0.0 if value == middle else None)
    reach = limits.score * deviation
    low = middle - reach if min(past) < 0 else max(middle - reach, 0.0)
    return DayScore(day, value, len(past), low, middle + reach, (value - middle) / deviation)


def detect_anomalies(
    history: Mapping[date, float | None], days: Collection[date], limits: Limits, *, missing: float | None = None
) -> tuple[DayScore | None, list[DayScore]]:
    """Of `days`, the most unusual one, or the newest where all are usual; and all unusual ones, oldest first.

    missing: what a day without a value counts as, between the first and the last day that have one; None: it is passed over.
    """
    scores = []
    with_value = [day for day, value in history.items() if value is not None]
    for day in sorted(days):
        value = history.get(day)
        if value is None and with_value and min(with_value) < day < max(with_value):
            value = missing
        if value is not None and not is_closed(day, limits.closed):
            scores.append(score_day(history, day, value, limits))
    if unusual := [score for score in scores if score.is_anomaly(limits)]:
        return max(unusual, key=lambda score: (abs(score.score or 0), score.day)), unusual
    scored = [score for score in scores if score.score is not None] or scores
    return (scored[-1] if scored else None), []
