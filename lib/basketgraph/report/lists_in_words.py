"""How customers used their lists, and what stands on them, in the words of a shop's manager."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from basketgraph.foundation.cuts import not_judged_in_words
from basketgraph.foundation.goals import PURCHASE, Goal
from basketgraph.foundation.money import minor_units
from basketgraph.foundation.quality.renderers import number_in_words, share_in_words
from basketgraph.foundation.recommenders import NEW_ITEM
from basketgraph.report.examples import Example, Place
from basketgraph.report.lists import Lists
from basketgraph.report.sentences import day_in_words

SETTINGS = {"rebuy": "Lists of anything", "discovery": "Lists of things new to the customer"}
COMPARED = {"popularity": "a bestseller list", "personal_frequency": "what they bought before"}
SEGMENTS = {"all": "all", "new": "new", "active": "active", "at_risk": "at risk", "lapsed": "lapsed", "prospect": "bought nothing yet"}
MEASURES = ("customers", "places", "spend")
REASONS = {
    "personal_frequency": "you bought it",
    "graph": "it goes with what you buy",
    "popularity": "many customers bought it",
    "open_cart": "it is in your cart",
    "words": "similar to what you bought",
    "session": "others went on to it from what you looked at last",
    NEW_ITEM: "it is new",
}  # the others name other products of the customer
OTHER_REASONS = "bought by those who also buy …"

Row = Mapping[str, Any]


def per_hundred(share: float | None) -> str:
    """86, 3.7: of 100; a dash where there is none."""
    if share is None:
        return "–"
    return f"{100 * share:.0f}" if share >= 0.0995 or share == 0 else f"{100 * share:.1f}"


def range_in_words(row: Row, measure: str) -> str:
    """84 to 87; empty where nothing was counted."""
    return "" if row[f"{measure}_share"] is None else f"{per_hundred(row[f'{measure}_low'])} to {per_hundred(row[f'{measure}_high'])}"


def goal_in_words(goal: Goal) -> str:
    """What this page's words mean in a shop whose lists are for something else than purchases; else empty."""
    if goal == PURCHASE:
        return ""
    return f"This shop's lists are for what people {goal.words.past}: where this page says “bought”, it means that, and nothing of it has a price."


def coverage_in_words(lists: Lists) -> str:
    """For how many customers there are lists."""
    without = lists.known - lists.customers
    told = f"{number_in_words(lists.customers)} of {number_in_words(lists.known, 'customer')} have a list"
    rest = f"; the other {number_in_words(without)} had bought nothing before that day that a list could be made of" if without > 0 else ""
    return f"{told}{rest}."


def judged_in_words(lists: Lists, window_days: int, judged_from: str | None) -> str:
    """Whose purchases the figures count; or from when on there can be any. judged_from: of a shop that is too young."""
    later = ""
    if not lists.are_judged and judged_from is not None:
        later = f"These lists are not judged yet: {not_judged_in_words(judged_from)}."
    elif not lists.are_judged:
        later = f"What customers buy from these lists can be counted from {day_in_words(lists.as_of + timedelta(days=window_days))} on."
    if not lists.outcomes:
        return later
    everybody = next(row for row in lists.outcomes if row["segment"] == "all")
    which = "a list" if lists.are_judged else f"a list as of {day_in_words(everybody['as_of'])}, made in the same way,"
    counted = f"Of {number_in_words(everybody['customers'], 'customer')} with {which} {number_in_words(everybody['shopped'])} shopped"
    counted += f" in the {everybody['window_days']} days after it. The figures are theirs; the true ones lie within the ranges in 95 of 100 cases."
    return f"{later} {counted}".strip()


def panels(lists: Lists) -> list[dict[str, Any]]:
    """For each setting that was judged the three figures beside those of simpler lists, and by segment."""
    made = []
    for setting, title in SETTINGS.items():
        rows = {(row["model"], row["segment"]): row for row in lists.outcomes if row["setting"] == setting}
        own = rows.get(("published", "all"))
        if own is None:
            continue
        beside = [(words, rows[model, "all"]) for model, words in COMPARED.items() if (model, "all") in rows]
        segments = [rows["published", segment] for segment in SEGMENTS if ("published", segment) in rows]
        made.append({"setting": setting, "title": title, "tiles": _tiles(setting, own, beside), "segments": list(map(_segment, segments))})
    return made


def _tiles(setting: str, own: Row, beside: Sequence[tuple[str, Row]]) -> list[dict[str, Any]]:
    money = own["currency"] or "of each currency"
    spent, listed = (f"{own[column] / minor_units(money):,.0f}" for column in ("spend_minor", "listed_spend_minor"))
    amounts = f": {listed} of {spent} {money}" if own["currency"] else ""
    on_what = " on things new to them" if setting == "discovery" else ""
    words = {
        "customers": ("of 100 customers", "who shopped bought something from their list"),
        "places": ("of 100 places", "on their lists were bought"),
        "spend": (f"of 100 {money}", f"that they spent{on_what} went to products on their list{amounts}"),
    }
    return [
        {
            "value": per_hundred(own[f"{measure}_share"]),
            "unit": words[measure][0],
            "text": words[measure][1],
            "range": range_in_words(own, measure),
            "beside": [(name, per_hundred(row[f"{measure}_share"]), range_in_words(row, measure)) for name, row in beside],
        }
        for measure in MEASURES
        if measure != "spend" or own["spend_minor"]
    ]


def _segment(row: Row) -> dict[str, Any]:
    cells = [(per_hundred(row[f"{measure}_share"]), range_in_words(row, measure)) for measure in MEASURES]
    counts = {name: number_in_words(row[name]) for name in ("customers", "shopped")}
    return {"name": SEGMENTS[row["segment"]], **counts, "cells": cells}


def reach(lists: Lists) -> list[dict[str, Any]]:
    """For each setting the products on most lists, and how many places have which reason."""
    made = []
    for setting, title in SETTINGS.items():
        products = [_product(row) for row in lists.products if row["setting"] == setting]
        if products:
            made.append({"title": title, "products": products, "reasons": _reasons([row for row in lists.reasons if row["setting"] == setting])})
    return made


def _product(row: Row) -> dict[str, Any]:
    kinds = f", {row['kinds']} kinds" if row["kinds"] > 1 else ""
    return {
        "name": row["name"],
        "kinds": kinds,
        "share": share_in_words(row["customers"], row["of"]),
        "width": round(100 * row["customers"] / row["of"]),
    }


def _reasons(rows: Sequence[Row]) -> list[tuple[str, str]]:
    counts: dict[str, int] = {}
    for row in rows:
        words = REASONS.get(row["source"], OTHER_REASONS)
        counts[words] = counts.get(words, 0) + row["places"]
    whole = sum(counts.values())
    return [(words, share_in_words(places, whole)) for words, places in sorted(counts.items(), key=lambda pair: -pair[1])]


def listed_in_words(lists: Lists) -> str:
    """How much of the assortment stands on any list."""
    share = f" ({share_in_words(lists.listed, lists.assortment)})" if 0 < lists.listed <= lists.assortment else ""
    return f"{number_in_words(lists.listed)} of the {number_in_words(lists.assortment, 'product')} that may be shown stand on a list{share}."


def example_in_words(example: Example, as_of: date) -> dict[str, Any]:
    """One customer for the page: purchases before, what came of the lists, and both lists with products of one name together."""
    lists = [{"title": title, "lines": grouped(example.lists[setting])} for setting, title in SETTINGS.items() if setting in example.lists]
    return {"bought": example.bought, "outcome": _outcome(example, as_of), "lists": lists}


def _outcome(example: Example, as_of: date) -> str:
    if not example.days:
        return f"Nothing is known yet of what this customer bought from {day_in_words(as_of)} on."
    listed = [place for places in example.lists.values() for place in places]
    bought = sum(place.bought for place in listed)
    return f"Bought {bought or 'none'} of these {len(listed)} products in the {example.days} days from {day_in_words(as_of)} on."


def grouped(places: Iterable[Place]) -> list[dict[str, Any]]:
    """Lines of a list, best first; products of one name share a line: {name, kinds, reason, bought, of}.

    kinds: what tells them apart and whether each was bought; one without a name of its own is left out where it stands alone.
    """
    by_name: dict[str, list[Place]] = {}
    for place in places:
        by_name.setdefault(place.name, []).append(place)
    return [
        {
            "name": name,
            "count": len(alike),
            "kinds": [(place.kind, place.bought) for place in alike if place.kind],
            "reason": alike[0].reason,
            "bought": sum(place.bought for place in alike),
        }
        for name, alike in by_name.items()
    ]
