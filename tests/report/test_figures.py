"""Charts of a promise's number put each value, and what was usual for it, on the day that it belongs to."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from basketgraph.report.charts import usual_bands, value_chart
from basketgraph.report.figures import check_figures, closed_among, every_day, sales_figure
from support.report_data import DS, FACTS, check

FRIDAY = DS - timedelta(days=1)


def points(*values: float, usual: dict[int, tuple[float, float]] | None = None) -> list[dict[str, Any]]:
    """A value for each day up to the one before DS; usual: ranges by place."""
    days = [DS - timedelta(days=len(values) - place) for place in range(len(values))]
    return [
        {"day": day, "value": value, "usual_low": low, "usual_high": high}
        for place, (day, value) in enumerate(zip(days, values, strict=True))
        for low, high in [(usual or {}).get(place, (None, None))]
    ]


def test_the_sentence_tells_the_last_day_that_is_drawn_and_the_day_that_was_judged() -> None:
    judged = "it is 610 on 2026-01-01; usual on Thursdays is 1,200 to 1,600"
    row = check(
        value=610.0, usual_low=1200.0, usual_high=1600.0, anomaly_score=-9.0, observed=judged, judged_day=date(2026, 1, 1), severity="warning"
    )
    drawn = points(1400, 610, 1300, usual={1: (1200, 1600)})
    (figure,) = check_figures(replace(FACTS, checks=[row], histories={("silver.events", row["check_name"]): drawn}))
    assert figure["sentence"] == f"Between 610 and 1,400 over 3 days; 1,300 on {FRIDAY}. I{judged[1:]}."
    on_its_day = value_chart(drawn, figure["sentence"], share=False, marked=date(2026, 1, 1), trouble=True, prefix="check0")
    assert figure["svg"] == on_its_day, "the unusual day has the dot, although it is not the last one"


def test_a_usual_range_is_drawn_for_the_days_that_it_belongs_to_only() -> None:
    bands = usual_bands(points(5, 6, 7, 8, 9, usual={0: (-1, 9), 1: (2, 9), 3: (3, 9)}))
    first = DS - timedelta(days=5)
    assert [(band["day"], band["low"], band["band"]) for band in bands] == [
        (str(first), 0, 1),
        (str(first + timedelta(days=1)), 2, 1),
        (f"{first + timedelta(days=2)}T12:00:00Z", 3, 2),  # alone: half a day to either side
        (f"{first + timedelta(days=3)}T12:00:00Z", 3, 2),
    ]


def test_the_dot_is_on_the_judged_day_or_on_the_last_one() -> None:
    drawn = points(1, 1, 1, 9)

    def dot(day: date) -> str:
        return str(value_chart(drawn, "told", share=False, marked=day, trouble=True, prefix="p"))

    assert dot(FRIDAY) == dot(DS) != dot(FRIDAY - timedelta(days=2))


def test_a_closed_day_is_no_crash_of_sales_and_a_day_without_sales_is() -> None:
    sold = {DS - timedelta(days=ago): 100 for ago in range(28)}
    closed, lost = DS - timedelta(days=9), DS - timedelta(days=10)
    sundays = [day for day in sold if day.weekday() == 6]
    del sold[closed], sold[lost]
    days = every_day([(day, 100) for day in sold if day not in sundays[1:]])  # open on one Sunday of four
    assert closed_among(days, [f"{closed:%m-%d}"]) == sorted([closed, *sundays[1:3]]), "the first Sunday is before the first sale"
    rows = [{"event_date": day, "lines": lines} for day, lines in days if lines]
    figure = sales_figure(replace(FACTS, days=rows, closed_days=(closed.isoformat(),)))
    assert figure is not None
    assert figure["sentence"].endswith("when the shop was closed.")


def test_an_axis_of_small_numbers_has_no_thousandths() -> None:
    drawn = [{**point, "value": 0.3 + 0.1 * place} for place, point in enumerate(points(0, 0, 0))]
    svg = value_chart(drawn, "told", share=False, marked=FRIDAY, trouble=False, prefix="x")
    assert not re.search(r">\d+m<", svg)
    assert ">0.4<" in svg
