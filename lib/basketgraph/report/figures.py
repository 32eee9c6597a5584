"""The charts of a page, each with a sentence; a chart of a single point is left out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Any

from markupsafe import Markup

from basketgraph.foundation.quality.anomaly import is_closed
from basketgraph.foundation.quality.renderers import listed, number_in_words, share_in_words
from basketgraph.report.charts import days_chart, runs_chart, share_chart, value_chart
from basketgraph.report.page_data import PageData
from basketgraph.report.promises import QUIET, checks_with_states
from basketgraph.report.sentences import day_in_words, is_share, is_unusual, judged_day, value_in_words

MOST_CHECKS = 6
MOST_CLOSED = 3  # are named
Figure = dict[str, Any]  # title, sentence, svg


def sales_figure(data: PageData) -> Figure | None:
    """Purchases by the shop's own day; days on which it was closed are left out, since they say nothing of its sales."""
    rows = every_day([(day["event_date"], day["lines"]) for day in data.days]) if data.days else []
    closed = closed_among(rows, data.closed_days)
    days = [(day, lines) for day, lines in rows if day not in closed]
    if len(days) < 2:
        return None
    mean, (last, lines) = round(sum(lines for _, lines in days) / len(days)), days[-1]
    sentence = f"{number_in_words(mean)} lines of receipts a day on average over {number_in_words(len(days), 'day')}; "
    sentence += f"the last one, {day_in_words(last)}, has {number_in_words(lines)}."
    if closed:
        named = listed([day_in_words(day) for day in closed]) if len(closed) <= MOST_CLOSED else number_in_words(len(closed), "day")
        sentence += f" Without {named}, when the shop was closed."
    return {"title": "Purchases a day", "sentence": sentence, "svg": days_chart(days, sentence, "days")}


def closed_among(days: Sequence[tuple[date, int]], closed_days: Collection[str]) -> list[date]:
    """The days without a purchase that are closed days of the shop, or a weekday on which it sold nothing more often than not."""
    of_weekday: dict[int, list[bool]] = {}
    for day, count in days:
        of_weekday.setdefault(day.weekday(), []).append(count == 0)
    usual = {weekday for weekday, empty in of_weekday.items() if len(empty) > 1 and 2 * sum(empty) > len(empty)}
    return [day for day, count in days if count == 0 and (is_closed(day, closed_days) or day.weekday() in usual)]


def figures(data: PageData) -> list[Figure]:
    """Rows, rejected share and broken promises over the kept history."""
    drawn: list[Figure] = []

    def draw(title: str, sentence: str, svg: Markup) -> None:
        drawn.append({"title": title, "sentence": sentence, "svg": svg})

    if len(data.deliveries) > 1:
        last = data.deliveries[-1]
        rows = every_day([(day["day"], day["read"]) for day in data.deliveries])
        sentence = f"The last delivery, of {last['day']}, brought {number_in_words(last['read'], 'row')}; days without a delivery have none."
        draw(f"Rows delivered for {last['table_name']}, by day of delivery", sentence, days_chart(rows, sentence, "rows"))
        shares = [(day["day"], day["rejected"] / day["read"]) for day in data.deliveries if day["read"]]
        total = share_in_words(sum(day["rejected"] for day in data.deliveries), sum(day["read"] for day in data.deliveries))
        sentence = f"Of the rows of the last delivery {share_in_words(last['rejected'], last['read'])} were rejected, of all shown here {total}."
        if len(shares) > 1:
            draw(f"Share of the rows of {last['table_name']} rejected, by day of delivery", sentence, share_chart(shares, sentence))
    if len(data.runs) > 1:
        clean = sum(1 for run in data.runs if run["critical"] + run["warnings"] == 0)
        sentence = f"Of the last {number_in_words(len(data.runs), 'run')} {number_in_words(clean)} broke no promise."
        draw("Broken promises, run by run", sentence, runs_chart(data.runs, sentence))
    return drawn


def every_day(rows: Sequence[tuple[date, int]]) -> list[tuple[date, int]]:
    """Each day from the first to the last; those without a row have 0."""
    counts = dict(rows)
    first, last = min(counts), max(counts)
    return [(day, counts.get(day, 0)) for day in (first + timedelta(days=number) for number in range((last - first).days + 1))]


def check_figures(data: PageData) -> list[Figure]:
    """The numbers of up to MOST_CHECKS promises day by day, with what is usual: those that need a look first, then those that moved most.

    A number that never moved has no chart.
    """
    ranked: dict[tuple[Any, ...], tuple[tuple[Any, ...], dict[str, Any], list[dict[str, Any]]]] = {}
    for number, check in enumerate(checks_with_states(data)):
        points = data.histories.get((check["table_name"], check["check_name"]), [])
        values = [point["value"] for point in points]
        if len(points) < 2 or min(values) == max(values):
            continue
        quiet = check["state"] in QUIET
        order = (quiet, -abs(check["anomaly_score"] or 0) if quiet else number, number)
        same = (check["table_name"], *((point["day"], point["value"]) for point in points))  # several promises may be about one number
        if same not in ranked or order < ranked[same][0]:
            ranked[same] = (order, check, points)
    chosen = sorted(ranked.values(), key=lambda entry: entry[0])[:MOST_CHECKS]
    return [_check_figure(number, check, points) for number, (_, check, points) in enumerate(chosen)]


def _check_figure(number: int, check: dict[str, Any], points: list[dict[str, Any]]) -> Figure:
    share = is_share(check)
    values = [point["value"] for point in points]
    least, most, last = (value_in_words(value, share=share) for value in (min(values), max(values), values[-1]))
    sentence = f"Between {least} and {most} over {number_in_words(len(points), 'day')}; {last} on {points[-1]['day']}."
    if check["judged_day"]:  # the finding names that day, its number and its usual range
        sentence += f" {check['observed'][0].upper()}{check['observed'][1:]}."
    title = f"{check['table_name']}: {'share of rows that break “' + check['expected'] + '”' if share else check['expected']}"
    svg = value_chart(points, sentence, share=share, marked=judged_day(check), trouble=is_unusual(check), prefix=f"check{number}")
    return {"title": title, "sentence": sentence, "svg": svg}
