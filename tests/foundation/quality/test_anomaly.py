"""A year of a shop with a quiet Sunday, a growing trend and holidays: what is planted is found, what is usual is not."""

from __future__ import annotations

import math
from datetime import date, timedelta

import pytest

from basketgraph.foundation.quality.anomaly import DayScore, Limits, detect_anomalies, score_day

START = date(2025, 1, 6)  # a Monday
SATURDAY, SUNDAY = date(2025, 8, 30), date(2025, 8, 31)
LIMITS = Limits(weeks=12, least_days=5, score=4.0, least_share=0.06)


def year() -> dict[date, float | None]:
    """1,000 lines a day, 1,500 on Saturdays, 300 on Sundays, growing by 40 % in the year, with a noise of some percent, the same in every run."""
    days = [START + timedelta(days=number) for number in range(360)]
    level = {5: 1500, 6: 300}
    return {day: level.get(day.weekday(), 1000) * (1 + 0.4 * n / 360) * (1 + 0.07 * math.sin(12.9898 * n * n)) for n, day in enumerate(days)}


def test_a_halved_saturday_is_found_and_a_quiet_sunday_is_not() -> None:
    history = year()
    assert not score_day(history, SATURDAY, history[SATURDAY] or 0, LIMITS).is_anomaly(LIMITS)
    halved = score_day(history, SATURDAY, (history[SATURDAY] or 0) / 2, LIMITS)
    assert halved.is_anomaly(LIMITS)
    assert halved.score is not None
    assert halved.score < -4
    assert halved.low is not None
    assert halved.value < halved.low
    quiet = score_day(history, SUNDAY, history[SUNDAY] or 0, LIMITS)
    assert (quiet.is_anomaly(LIMITS), quiet.value < 500) == (False, True), "a Sunday has a third of a Monday's lines, as every Sunday"


def test_an_ordinary_year_with_growth_has_no_unusual_day() -> None:
    history = year()
    assert [day for day, value in history.items() if score_day(history, day, value or 0, LIMITS).is_anomaly(LIMITS)] == []


def test_a_saturday_as_busy_as_three_is_found_too() -> None:
    assert score_day(year(), SATURDAY, 6000, LIMITS).is_anomaly(LIMITS)


@pytest.mark.parametrize(("days", "told"), [(4, False), (5, True)])
def test_too_short_a_history_says_nothing(days: int, told: bool) -> None:
    history: dict[date, float | None] = {SATURDAY - timedelta(weeks=week): 100.0 for week in range(1, days + 1)}
    found = score_day(history, SATURDAY, 1.0, LIMITS)
    assert (found.days, found.score is not None, found.is_anomaly(LIMITS)) == (days, told, told)


def test_only_the_weeks_before_the_day_are_its_history() -> None:
    history: dict[date, float | None] = {SATURDAY - timedelta(weeks=week): 100.0 if week <= 12 else 9999.0 for week in range(1, 40)}
    history |= {SATURDAY: 9999.0, SATURDAY + timedelta(weeks=1): 9999.0}
    assert score_day(history, SATURDAY, 100.0, LIMITS) == DayScore(SATURDAY, 100.0, 12, 76.0, 124.0, 0.0)


@pytest.mark.parametrize(("value", "unusual"), [(76.0, False), (75.9, True), (124.0, False), (124.1, True)])
def test_a_number_that_never_moved_may_move_a_little(value: float, unusual: bool) -> None:
    history: dict[date, float | None] = {SATURDAY - timedelta(weeks=week): 100.0 for week in range(1, 13)}  # MAD 0: 4 * 6 % of 100 is the reach
    assert score_day(history, SATURDAY, value, LIMITS).is_anomaly(LIMITS) == unusual


def test_where_everything_was_zero_a_change_is_told_without_a_score() -> None:
    history: dict[date, float | None] = {SATURDAY - timedelta(weeks=week): 0.0 for week in range(1, 13)}
    assert score_day(history, SATURDAY, 0.0, LIMITS).score == 0
    assert score_day(history, SATURDAY, 3.0, LIMITS) == DayScore(SATURDAY, 3.0, 12, 0.0, 0.0, None)


@pytest.mark.parametrize(("value", "unusual"), [(0.08, False), (0.081, True)])
def test_a_share_that_is_nearly_always_zero_has_a_least_deviation(value: float, unusual: bool) -> None:
    history: dict[date, float | None] = {SATURDAY - timedelta(weeks=week): 0.0 for week in range(1, 13)}
    limits = Limits(weeks=12, least_days=5, score=4.0, least_share=0.06, least=0.02)
    assert score_day(history, SATURDAY, value, limits).is_anomaly(limits) == unusual


def test_one_wild_day_among_the_history_does_not_hide_the_next() -> None:
    history = {**year(), SATURDAY - timedelta(weeks=1): 0.0, SATURDAY - timedelta(weeks=2): 90_000.0}
    assert score_day(history, SATURDAY, (year()[SATURDAY] or 0) / 2, LIMITS).is_anomaly(LIMITS)


def test_closed_days_are_neither_judged_nor_history() -> None:
    closed = Limits(weeks=12, least_days=5, score=4.0, least_share=0.06, closed=("08-30", "2025-08-23"))
    history = {**year(), SATURDAY: 0.0}
    assert detect_anomalies(history, [SATURDAY], closed) == (None, [])
    assert score_day(history, SATURDAY + timedelta(weeks=1), 2000.0, closed).days == 10


def test_a_day_without_rows_counts_as_none_only_where_that_is_said() -> None:
    history = year()
    del history[SATURDAY]
    assert detect_anomalies(history, [SATURDAY], LIMITS) == (None, [])
    found, unusual = detect_anomalies(history, [SATURDAY], LIMITS, missing=0)
    assert found is not None
    assert (found.value, [judgement.day for judgement in unusual]) == (0, [SATURDAY])
    assert detect_anomalies(history, [START - timedelta(days=1)], LIMITS, missing=0) == (None, []), "before the first day nothing was to be expected"
    assert detect_anomalies(history, [max(history) + timedelta(days=1)], LIMITS, missing=0) == (None, []), (
        "what is not delivered yet is no day without rows"
    )


def test_the_most_unusual_of_several_days_is_told_and_the_newest_where_all_are_usual() -> None:
    history = year()
    week = [SUNDAY - timedelta(days=back) for back in range(7)]
    usual, none = detect_anomalies(history, week, LIMITS)
    assert usual is not None
    assert (usual.day, none) == (SUNDAY, [])
    history |= {SATURDAY: 1000.0, SATURDAY - timedelta(days=1): 10.0}
    found, unusual = detect_anomalies(history, week, LIMITS)
    assert found is not None
    assert (found.day, [judgement.day for judgement in unusual]) == (SATURDAY - timedelta(days=1), [SATURDAY - timedelta(days=1), SATURDAY])


def test_where_weekdays_do_not_differ_every_day_is_history() -> None:
    history: dict[date, float | None] = {SATURDAY - timedelta(days=back): 10.0 for back in range(1, 6)}
    assert score_day(history, SATURDAY, 10.0, LIMITS).score is None
    assert score_day(history, SATURDAY, 10.0, Limits(weeks=12, least_days=5, score=4.0, least_share=0.06, weekly=False)).score == 0
