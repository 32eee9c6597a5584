"""Places kept for new products, in the words of a shop's manager: how many, and what the window before the lists said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from basketgraph.report.lists_in_words import SETTINGS, per_hundred

STEP, TABLE = "recommendations", "gold.recommendations"


def new_places_in_words(kept: Mapping[str, Mapping[str, Any]]) -> str:
    """How many places each list keeps for new products, and why. kept: `metrics.new_places` of the step recommendations."""
    return " ".join(_new_places(SETTINGS[setting], kept[setting]) for setting in SETTINGS if setting in kept)


def _new_places(title: str, of: Mapping[str, Any]) -> str:
    kept = f"{of['places']} of {of['k']} places are kept for new products" if of["places"] else "no place is kept for new products"
    if not of["people"]:
        return f"{title}: {kept}{', as the settings say' if of['places'] else ''}."
    tried = str(of["places"] or max(of["gains"], key=lambda places: of["gains"][places]["mean"]))
    gain = {name: f"{100 * value:+.2f}" for name, value in of["gains"][tried].items()}
    bought = f"in the window before these lists {per_hundred(of['precision'])} of 100 places were bought without such places"
    return f"{title}: {kept}: {bought}, and {tried} of them change that by {gain['mean']} ({gain['low']} to {gain['high']})."
