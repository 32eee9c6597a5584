"""From visit to order, and from what was shown to what was bought, in the words of a shop's manager."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from basketgraph.foundation.quality.renderers import number_in_words, share_in_words
from basketgraph.report.charts import days_chart, rates_chart
from basketgraph.report.exposures import BOUGHT_DAYS, PERIOD_DAYS, Exposures
from basketgraph.report.figures import Figure, every_day
from basketgraph.report.lists_in_words import SETTINGS, per_hundred
from basketgraph.report.sentences import day_in_words
from basketgraph.report.visits import WEEK, Visits

STAGES = {"visits": "visits", "looked": "looked at a product", "carted": "put something into the basket", "bought": "ordered"}
NOT_TOLD = "not told"
Row = Mapping[str, Any]


def change_in_words(now: int, before: int | None) -> str:
    """+4 %, -12 %, unchanged; new where there was nothing before; empty where nothing is compared."""
    if before is None:
        return ""
    if before == 0:
        return "new" if now else ""
    change = 100 * (now - before) / before
    return "unchanged" if now == before else f"{'+' if change > 0 else '−'}{abs(change):.{0 if abs(change) >= 9.95 else 1}f}\N{NO-BREAK SPACE}%"


def share_of_hundred(part: int, whole: int) -> str:
    return per_hundred(part / whole if whole else None)


def funnel_in_words(visits: Visits) -> dict[str, Any]:
    """The week's visits step by step, by channel and by category, each with the week before; and two charts of the kept history."""
    now, before = _weeks(visits)
    stages = [
        {
            "name": words,
            "now": number_in_words(now[stage]),
            "share": share_of_hundred(now[stage], now["visits"]),
            "before": "" if before is None else number_in_words(before[stage]),
            "share_before": "" if before is None else share_of_hundred(before[stage], before["visits"]),
            "change": change_in_words(now[stage], None if before is None else before[stage]),
        }
        for stage, words in STAGES.items()
    ]
    return {
        "sentence": _sentence(visits, now, before),
        "has_before": before is not None,
        "stages": stages,
        "charts": _charts(visits),
        "channels": _channels(visits),
        "categories": [_category(row, has_before=before is not None) for row in visits.categories],
        "impossible": _impossible(visits),
    }


def _weeks(visits: Visits) -> tuple[dict[str, int], dict[str, int] | None]:
    """The counts of the last week, and of the one before it; None where the shop is younger."""

    def of_week(weeks_ago: int) -> dict[str, int]:
        last = visits.last_day - timedelta(days=WEEK * weeks_ago)
        rows = [row for row in visits.days if last - timedelta(days=WEEK) < row["event_date"] <= last]
        return {stage: sum(row[stage] for row in rows) for stage in STAGES}

    return of_week(0), of_week(1) if visits.has_before else None


def _sentence(visits: Visits, now: Row, before: Row | None) -> str:
    than = ""
    if before is not None:
        change = change_in_words(now["visits"], before["visits"])
        than = ", as many as in the week before" if change == "unchanged" else f" ({change} against the week before)" if change else ""
    told = f"In the {WEEK} days up to {day_in_words(visits.last_day)} there were {number_in_words(now['visits'], 'visit')}{than}."
    if not now["visits"]:
        return told
    carted, ordered = (share_of_hundred(now[stage], now["visits"]) for stage in ("carted", "bought"))
    was = ["", ""]
    if before is not None and before["visits"]:
        was = [f" ({share_of_hundred(before[stage], before['visits'])} the week before)" for stage in ("carted", "bought")]
    return f"{told} Of 100 visits {carted} put something into the basket{was[0]}, and {ordered} ended in an order{was[1]}."


def _impossible(visits: Visits) -> str:
    if not visits.impossible:
        return ""
    who = number_in_words(visits.impossible, "visitor")
    return (
        f"Not counted here: {who} who looked at more than a person can, in a minute or in a day. Such a visitor is a robot, or a tracker that sends "
        "each view several times; lists and bestsellers are made without it."
    )


def _charts(visits: Visits) -> list[Figure]:
    """Visits a day, and the share of them with a basket and with an order; none of a single day."""
    if len(visits.days) < 2:
        return []
    counts = every_day([(row["event_date"], row["visits"]) for row in visits.days])
    mean = round(sum(count for _, count in counts) / len(counts))
    sentence = (
        f"{number_in_words(mean)} a day on average over {number_in_words(len(counts), 'day')}; {number_in_words(counts[-1][1])} on the last one."
    )
    drawn = [{"title": "Visits a day", "sentence": sentence, "svg": days_chart(counts, sentence, "visits")}]
    rates = [(row["event_date"], row["carted"] / row["visits"], row["bought"] / row["visits"]) for row in visits.days]
    carted, ordered = (
        share_in_words(sum(row[stage] for row in visits.days), sum(row["visits"] for row in visits.days)) for stage in ("carted", "bought")
    )
    sentence = f"Over all these days {carted} of the visits put something into the basket, and {ordered} ended in an order."
    svg = rates_chart(rates, ("with a basket", "with an order"), sentence, "rates")
    return [*drawn, {"title": "Share of the visits, by day", "sentence": sentence, "svg": svg}]


def _channels(visits: Visits) -> list[dict[str, str]]:
    """Empty where the shop tells no channels."""
    if all(row["name"] is None for row in visits.channels):
        return []
    return [
        {
            "name": row["name"] or NOT_TOLD,
            "visits": number_in_words(row["visits"]),
            "carted": share_of_hundred(row["carted"], row["visits"]),
            "bought": share_of_hundred(row["bought"], row["visits"]),
            "bought_before": share_of_hundred(row["bought_before"], row["visits_before"]) if visits.has_before else "",
            "change": change_in_words(row["visits"], row["visits_before"] if visits.has_before else None),
        }
        for row in visits.channels
    ]


def _category(row: Row, *, has_before: bool) -> dict[str, str]:
    counts = {name: number_in_words(row[name]) for name in ("looks", "carts", "purchases")}
    share = share_of_hundred(row["purchases"], row["looks"])
    return {"name": row["name"], **counts, "share": share, "change": change_in_words(row["looks"], row["looks_before"] if has_before else None)}


def exposures_in_words(exposures: Exposures) -> dict[str, Any]:
    """What was shown by list and by place, and how often it was clicked and bought."""
    by_list = [{"name": _list_name(row), **_came_of_it(row)} for row in exposures.lists]
    ordered = sorted(exposures.places, key=lambda row: (row["name"] or "", row["position"] or 0))
    placed = {row["name"] for row in ordered if row["position"] is not None}
    told = [row for row in ordered if row["name"] is not None or row["position"] is not None]
    by_place = [{"name": _place_name(row, placed), **_came_of_it(row)} for row in told]
    total = sum(row["shown"] for row in exposures.lists)
    sentence = f"In the {PERIOD_DAYS} days up to {day_in_words(exposures.last_day)} products were shown {number_in_words(total, 'time')}"
    sentence += f"; “bought” is by the same customer on that day or in the {BOUGHT_DAYS} days after it."
    return {"sentence": sentence, "lists": by_list, "places": by_place}


def _list_name(row: Row) -> str:
    return SETTINGS.get(row["setting"]) or row["name"] or NOT_TOLD


def _place_name(row: Row, placed: Collection[str | None]) -> str:
    """placed: names of pages of which other rows tell the place."""
    place = f"place {row['position']}" if row["position"] is not None else f"place {NOT_TOLD}" if row["name"] in placed else None
    return ", ".join(part for part in (row["name"], place) if part)


def _came_of_it(row: Row) -> dict[str, str]:
    clicked, bought = (share_of_hundred(row[part], row[whole]) for part, whole in (("clicked", "told"), ("bought", "known")))
    return {"shown": number_in_words(row["shown"]), "clicked": clicked, "bought": bought}


def responses_in_words(responses: Sequence[Row]) -> list[dict[str, str]]:
    """For each setting what customers bought of their lists, sent back, dismissed and how they rated it."""
    return [
        {
            "name": SETTINGS[row["setting"]],
            **{name: number_in_words(row[name]) for name in ("bought", "dismissed", "ratings")},
            "returned": f"{number_in_words(row['returned'])} ({share_in_words(row['returned'], row['bought'])})" if row["bought"] else "0",
            "stars": "–" if row["stars"] is None else f"{row['stars']:.1f}",
            "low": number_in_words(row["low"]),
        }
        for row in sorted(responses, key=lambda row: list(SETTINGS).index(row["setting"]))
    ]
