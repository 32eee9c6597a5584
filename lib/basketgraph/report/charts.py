"""Charts as inline SVG. Their colours are placeholders that the page's style sheet replaces, so that one drawing serves light, dark and paper."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any

import altair as alt
import vl_convert as vlc
from markupsafe import Markup

# Each is matched by an attribute selector in page.css: text and axes, grid, the subject, everything beside it, trouble.
INK, GRID, SUBJECT, OTHERS, TROUBLE = "#000001", "#000002", "#000003", "#000004", "#000005"
WIDTH, HEIGHT = 300, 170  # fits a phone as it is; charts stand side by side on wider screens


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
    return Markup(drawn.replace("<svg ", f'<svg role="img" aria-label="{escape(alternative)}" ', 1))


def days_chart(days: Sequence[dict[str, Any]], alternative: str) -> Markup:
    """Purchase lines a day. days: {event_date, lines}."""
    values = [{"day": day["event_date"].isoformat(), "lines": day["lines"]} for day in days]
    drawn = alt.Chart(alt.Data(values=values), width=WIDTH, height=HEIGHT).mark_area(color=SUBJECT, opacity=0.25, line={"color": SUBJECT})
    return _svg(drawn.encode(x=_time("day"), y=alt.Y("lines:Q", title=None, axis=alt.Axis(format="~s", tickCount=4))), alternative, "days")


def deliveries_chart(deliveries: Sequence[dict[str, Any]], alternative: str) -> Markup:
    """Share of the rows rejected, by day of delivery. deliveries: {day, read, rejected}."""
    values = [{"day": d["day"].isoformat(), "share": d["rejected"] / max(d["read"], 1)} for d in deliveries]
    drawn = alt.Chart(alt.Data(values=values), width=WIDTH, height=HEIGHT).mark_line(color=SUBJECT, point={"color": SUBJECT, "size": 20})
    return _svg(drawn.encode(x=_time("day"), y=alt.Y("share:Q", title=None, axis=alt.Axis(format="%", tickCount=4))), alternative, "deliveries")


def runs_chart(runs: Sequence[dict[str, Any]], alternative: str) -> Markup:
    """Broken promises, run by run. runs: {critical, warnings}, oldest first."""
    kinds = (("critical", "critical"), ("warnings", "warning"))
    values = [{"run": number, "kind": kind, "broken": run[key]} for number, run in enumerate(runs, 1 - len(runs)) for key, kind in kinds]
    drawn = alt.Chart(alt.Data(values=values), width=WIDTH, height=HEIGHT).mark_bar()
    colours = alt.Color("kind:N", scale=alt.Scale(domain=["critical", "warning"], range=[TROUBLE, SUBJECT]))
    told = [-number for number in range(0, len(runs), max(1, len(runs) // 5))]
    most = max([1, *(run["critical"] + run["warnings"] for run in runs)])  # a year without a broken promise still has a scale
    up = alt.Y("broken:Q", title=None, scale=alt.Scale(domain=[0, most]), axis=alt.Axis(tickMinStep=1, tickCount=4))
    across = alt.X("run:O", title="runs ago", axis=alt.Axis(values=told, labelExpr="-datum.value", labelAngle=0))
    return _svg(drawn.encode(x=across, y=up, color=colours), alternative, "runs")


def models_chart(models: Sequence[dict[str, Any]], alternative: str, prefix: str) -> Markup:
    """A dot and its 95 % interval for each model. models: {name, value, low, high, published}, in the order to be shown."""
    keys = ("name", "value", "low", "high", "published")
    base = alt.Chart(alt.Data(values=[{key: model[key] for key in keys} for model in models]), width=WIDTH - 60, height=26 * len(models))
    colour = alt.Color("published:N", scale=alt.Scale(domain=[True, False], range=[SUBJECT, OTHERS]), legend=None)
    names = alt.Y("name:N", sort=None, title=None, axis=alt.Axis(grid=False, labelLimit=140))
    bars = base.mark_rule(strokeWidth=3).encode(x=alt.X("low:Q", title=None, axis=alt.Axis(tickCount=4)), x2="high:Q", y=names, color=colour)
    dots = base.mark_point(filled=True, size=70, opacity=1).encode(x="value:Q", y=names, color=colour)
    return _svg(bars + dots, alternative, prefix)


def _time(column: str) -> alt.X:
    return alt.X(f"{column}:T", title=None, axis=alt.Axis(format="%-d %b", tickCount=4, grid=False, labelOverlap=True))
