"""Charts as inline SVG. Their colours are placeholders that the page's style sheet replaces, so that one drawing serves light, dark and paper."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, timezone
from html import escape
from itertools import groupby, pairwise
from typing import Any

import altair as alt
import vl_convert as vlc
from markupsafe import Markup

# Each is matched by an attribute selector in page.css: text and axes, grid, the subject, everything beside it, trouble.
INK, GRID, SUBJECT, OTHERS, TROUBLE = "#000001", "#000002", "#000003", "#000004", "#000005"
WIDTH, HEIGHT = 300, 170  # fits a phone as it is; charts stand side by side on wider screens
INNER_ROLES = re.compile(r' (?:role="graphics-[\w-]+"|aria-roledescription="[^"]*"|aria-hidden="true"|pointer-events="none"|class="[^"]*")')
DRAWN_PATH = re.compile(r' d="(M[-\d.,MLZ]+)"')


def _svg(chart: Any, alternative: str, prefix: str) -> Markup:
    """The drawing with `alternative` as its text for those who do not see it. prefix: keeps ids unique within the page."""
    styled = (
        chart.configure(background="transparent", font="sans-serif", aria=False)
        .configure_view(stroke=None)
        .configure_axis(labelColor=INK, titleColor=INK, gridColor=GRID, domainColor=GRID, tickColor=GRID, labelFontSize=12, titleFontSize=12)
        .configure_legend(labelColor=INK, titleColor=INK, labelFontSize=12, orient="bottom", title=None)
    )
    drawn = vlc.vegalite_to_svg(styled.to_dict())
    drawn = re.sub(r'id="([\w-]+)"', rf'id="{prefix}-\1"', re.sub(r"url\(#([\w-]+)\)", rf"url(#{prefix}-\1)", drawn))
    drawn = INNER_ROLES.sub("", drawn)  # the drawing is one picture with one text
    drawn = DRAWN_PATH.sub(lambda found: f' d="{short_path(found[1])}"', drawn)
    return Markup(drawn.replace("<svg ", f'<svg role="img" aria-label="{escape(alternative)}" ', 1))


def short_path(path: str) -> str:
    """The same polygons to whole pixels, by relative steps, without points on a straight line: a line of 90 days takes some 400 bytes."""
    return "".join(_short_line(line) for line in re.findall(r"M[^M]+", path))


def _short_line(line: str) -> str:
    points: list[tuple[int, int]] = []
    for x, y in re.findall(r"([-\d.]+),([-\d.]+)", line):
        point = (round(float(x)), round(float(y)))
        if points and point == points[-1]:
            continue
        if len(points) > 1 and _straight(points[-2], points[-1], point):
            points.pop()
        points.append(point)
    steps = [f"{bx - ax}{'' if by < ay else ' '}{by - ay}" for (ax, ay), (bx, by) in pairwise(points)]
    joined = "".join(step if not number or step.startswith("-") else f" {step}" for number, step in enumerate(steps))
    return f"M{points[0][0]},{points[0][1]}{f'l{joined}' if joined else 'h0'}{'Z' if line.endswith('Z') else ''}"


def _straight(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> bool:
    (ux, uy), (vx, vy) = (b[0] - a[0], b[1] - a[1]), (c[0] - b[0], c[1] - b[1])
    return ux * vy == uy * vx and ux * vx + uy * vy > 0


def _chart(values: Sequence[dict[str, Any]]) -> alt.Chart:
    return alt.Chart(alt.Data(values=values), width=WIDTH, height=HEIGHT)


def _numbers(values: Sequence[float]) -> str:
    """The format of an axis: 2k of thousands, 0.4 of less, which Vega's ~s would call 400m."""
    return "~s" if max(map(abs, values), default=0) >= 1000 else "~r"


def days_chart(days: Sequence[tuple[date, int]], alternative: str, prefix: str) -> Markup:
    """A count for each day. days: (day, count), in order of the day."""
    area = _chart([{"day": day.isoformat(), "count": count} for day, count in days]).mark_area(color=SUBJECT, opacity=0.25, line={"color": SUBJECT})
    up = alt.Y("count:Q", title=None, axis=alt.Axis(format=_numbers([count for _, count in days]), tickCount=4))
    return _svg(area.encode(x=_time([day for day, _ in days]), y=up), alternative, prefix)


def rates_chart(days: Sequence[tuple[date, float, float]], names: tuple[str, str], alternative: str, prefix: str) -> Markup:
    """Two shares for each day, the second as a broken line. days: (day, share, share), in order of the day.   names: of the shares."""
    values = [{"day": day.isoformat(), "name": name, "share": share} for day, *shares in days for name, share in zip(names, shares, strict=True)]
    highest = max(0.01, *(share for _, *shares in days for share in shares))
    up = alt.Y("share:Q", title=None, scale=alt.Scale(domain=[0, highest]), axis=alt.Axis(format="~%", tickCount=4))
    colours = alt.Color("name:N", sort=None, scale=alt.Scale(domain=list(names), range=[OTHERS, SUBJECT]))
    dashes = alt.StrokeDash("name:N", sort=None, scale=alt.Scale(domain=list(names), range=[[1, 0], [5, 3]]))
    line = _chart(values).mark_line().encode(x=_time([day for day, *_ in days]), y=up, color=colours, strokeDash=dashes)
    return _svg(line, alternative, prefix)


def share_chart(shares: Sequence[tuple[date, float]], alternative: str) -> Markup:
    """Share of the rows rejected, by day of delivery. shares: (day, share), in order of the day."""
    line = _chart([{"day": day.isoformat(), "share": share} for day, share in shares]).mark_line(color=SUBJECT)
    highest = max(0.01, *(share for _, share in shares))  # a shop that rejects nothing still has a scale
    up = alt.Y("share:Q", title=None, scale=alt.Scale(domain=[0, highest]), axis=alt.Axis(format="~%", tickCount=4))
    return _svg(line.encode(x=_time([day for day, _ in shares]), y=up), alternative, "shares")


def runs_chart(runs: Sequence[dict[str, Any]], alternative: str) -> Markup:
    """Broken promises, run by run, as two areas on each other. runs: {critical, warnings}, oldest first."""
    values = []
    for number, run in enumerate([*runs, runs[-1]]):  # the last one is as wide as the others
        values.append({"run": number, "kind": "critical", "from": 0, "to": run["critical"]})
        values.append({"run": number, "kind": "warning", "from": run["critical"], "to": run["critical"] + run["warnings"]})
    most = max([1, *(run["critical"] + run["warnings"] for run in runs)])  # a year without a broken promise still has a scale
    areas = _chart(values).mark_area(interpolate="step-after")
    colours = alt.Color("kind:N", scale=alt.Scale(domain=["critical", "warning"], range=[TROUBLE, SUBJECT]))
    up = alt.Y("from:Q", title=None, scale=alt.Scale(domain=[0, most]), axis=alt.Axis(values=sorted({0, most // 2, most}), format="d"))
    scale = alt.Scale(domain=[0, len(runs)], nice=False)
    across = alt.X("run:Q", title=f"{len(runs)} runs, the newest on the right", scale=scale, axis=alt.Axis(labels=False, ticks=False, grid=False))
    return _svg(areas.encode(x=across, y=up, y2="to:Q", color=colours), alternative, "runs")


def value_chart(points: Sequence[dict[str, Any]], alternative: str, *, share: bool, marked: date, trouble: bool, prefix: str) -> Markup:
    """A promise's number day by day over the band of what was usual. points: {day, value, usual_low, usual_high}, oldest first.

    marked:  the day that was judged; its number has a dot, or the last one where it is not drawn.
    trouble: whether it is unusual.
    """
    values = [{"day": point["day"].isoformat(), "value": point["value"]} for point in points]
    judged = next((value for value in values if value["day"] == marked.isoformat()), values[-1])
    usual = usual_bands(points)
    up = {
        "title": None,
        "scale": alt.Scale(zero=share, nice=True),
        "axis": alt.Axis(format="~%" if share else _numbers([point["value"] for point in points]), tickCount=4),
    }
    day, value = _time([point["day"] for point in points]), alt.Y("value:Q", **up)
    band = _chart(usual).mark_area(color=OTHERS, opacity=0.3).encode(x=day, y=alt.Y("low:Q", **up), y2="high:Q", detail="band:N")
    line = _chart(values).mark_line(color=SUBJECT).encode(x=day, y=value)
    dot = _chart([judged]).mark_point(filled=True, size=60, opacity=1, color=TROUBLE if trouble else SUBJECT).encode(x=day, y=value)
    return _svg(alt.layer(*([band] if usual else []), line, dot), alternative, prefix)


def usual_bands(points: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """{day, low, high, band}: neighbours that both have a usual range share a band; one that stands alone is as wide as its day."""
    by_range = groupby(points, key=lambda point: None not in (point["usual_low"], point["usual_high"]))
    edges = []
    for number, band in enumerate((list(band) for has_range, band in by_range if has_range), start=1):
        for point in band:
            low = max(point["usual_low"], 0) if point["value"] >= 0 else point["usual_low"]
            midnight = datetime.combine(point["day"], time())
            halves = [f"{(midnight + timedelta(hours=hours)).isoformat()}Z" for hours in (-12, 12)]
            days = [point["day"].isoformat()] if len(band) > 1 else halves
            edges += [{"day": day, "low": low, "high": point["usual_high"], "band": number} for day in days]
    return edges


def models_chart(models: Sequence[dict[str, Any]], alternative: str, prefix: str) -> Markup:
    """A dot and its 95 % interval for each model. models: {name, value, low, high, published}, in the order to be shown."""
    keys = ("name", "value", "low", "high", "published")
    base = alt.Chart(alt.Data(values=[{key: model[key] for key in keys} for model in models]), width=WIDTH - 60, height=26 * len(models))
    colour = alt.Color("published:N", scale=alt.Scale(domain=[True, False], range=[SUBJECT, OTHERS]), legend=None)
    names = alt.Y("name:N", sort=None, title=None, axis=alt.Axis(grid=False, labelLimit=140))
    bars = base.mark_rule(strokeWidth=3).encode(x=alt.X("low:Q", title=None, axis=alt.Axis(tickCount=4)), x2="high:Q", y=names, color=colour)
    dots = base.mark_point(filled=True, size=70, opacity=1).encode(x="value:Q", y=names, color=colour)
    return _svg(bars + dots, alternative, prefix)


def outcomes_chart(bars: Sequence[dict[str, Any]], alternative: str, prefix: str) -> Markup:
    """What was expected, with its range, and a dot for what came. bars: {name, low, expected, high, came}, in the order to be shown."""
    values = [{**bar, "outside": not bar["low"] <= bar["came"] <= bar["high"]} for bar in bars]
    base = alt.Chart(alt.Data(values=values), width=WIDTH - 60, height=26 * len(values))
    names = alt.Y("name:N", sort=None, title=None, axis=alt.Axis(grid=False, labelLimit=140))
    scale = alt.Scale(zero=True, nice=True)
    ranges = base.mark_bar(height=9, color=OTHERS, opacity=0.5).encode(
        x=alt.X("low:Q", title=None, scale=scale, axis=alt.Axis(tickCount=4, format="~r")), x2="high:Q", y=names
    )
    middles = base.mark_tick(thickness=2, size=14, color=OTHERS).encode(x="expected:Q", y=names)
    colour = alt.Color("outside:N", scale=alt.Scale(domain=[True, False], range=[TROUBLE, SUBJECT]), legend=None)
    dots = base.mark_point(filled=True, size=80, opacity=1).encode(x="came:Q", y=names, color=colour)
    return _svg(ranges + middles + dots, alternative, prefix)


def _time(days: Sequence[date]) -> alt.X:
    """The axis of column `day`, with up to five days named. In UTC, so that a day is that day wherever the page is made."""
    step = max(1, -(-(days[-1] - days[0]).days // 4))
    named = [days[-1] - timedelta(days=ago) for ago in range(0, (days[-1] - days[0]).days + 1, step)]
    at = [datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp() * 1000 for day in named]
    return alt.X("day:T", title=None, scale=alt.Scale(type="utc"), axis=alt.Axis(format="%-d %b", values=at, grid=False, labelOverlap=True))
