"""What is usual for a number that is there once a day, and how far a day is from it: median and MAD of the same weekday. Plain Python, no Spark."""

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
    past = [
        known
        for when, known in history.items()
        if known is not None and first <= when < day and (not limits.weekly or when.weekday() == day.weekday()) and not is_closed(when, limits.closed)
    ]
    if len(past) < limits.least_days:
        return DayScore(day, value, len(past))
    middle = median(past)
    deviation = max(MAD_TO_DEVIATION * median(abs(known - middle) for known in past), limits.least_share * abs(middle), limits.least)
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
    found = []
    known = [day for day, value in history.items() if value is not None]
    for day in sorted(days):
        value = history.get(day)
        if value is None and missing is not None and known and min(known) < day < max(known):
            value = missing
        if value is not None and not is_closed(day, limits.closed):
            found.append(score_day(history, day, value, limits))
    unusual = [judgement for judgement in found if judgement.is_anomaly(limits)]
    if unusual:
        return max(unusual, key=lambda judgement: (abs(judgement.score or 0), judgement.day)), unusual
    told = [judgement for judgement in found if judgement.score is not None] or found
    return (told[-1] if told else None), []
