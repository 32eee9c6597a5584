"""Drafts of mappings and what is in them; no Spark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from basketgraph.clean.mapping import read_source
from basketgraph.foundation.privacy.log_masking import masked
from basketgraph.onboard.draft import Draft, draft

EVENT_TYPE = "tables.silver.events.event_type"


def drafted(*given: Path, landing: Path | None = None, currency: str | None = None, time_zone: str | None = None) -> Draft:
    found = draft("newshop", [str(place) for place in given], landing=landing, currency=currency, time_zone=time_zone, masker=masked)
    _, faults = read_source(yaml.safe_load(found.text), "newshop")
    assert faults == [], found.text
    return found


def mapping(found: Draft) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(found.text)
    return loaded


def columns(found: Draft, table: str = "silver.events") -> dict[str, str]:
    return dict(mapping(found)["tables"][table]["columns"])


def lets(found: Draft) -> dict[str, str]:
    return dict(next(iter(mapping(found)["files"].values()))["let"])


def with_columns(place: Path, *given: str) -> Draft:
    return draft("newshop", [str(place)], landing=None, currency=None, time_zone=None, masker=str, columns=given)


def asked(found: Draft, place: str = "tables") -> list[str]:
    """The TODOs of a draft at this place and below it."""
    return [remark.text for remark in found.said("todo") if f"{remark.place}.".startswith(f"{place}.")]
