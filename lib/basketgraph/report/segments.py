"""Segments for the page: what the step `user_segments` counted, where its table is live, in the words of a shop's manager."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from basketgraph.foundation.money import minor_units
from basketgraph.foundation.quality.renderers import number_in_words
from basketgraph.report.sentences import day_in_words

STEP, TABLE = "user_segments", "gold.user_segments"
KINDS = {"rule": "By rule", "learned": "Learned"}
COLUMNS = ("customers", "spent in 28 days", "spent in 90 days", "joined", "left")


def segments_in_words(found: Mapping[str, Any]) -> dict[str, Any]:
    """A sentence, and a table for each kind of segment.   found: `metrics.segments` of the step's detail."""
    earlier = found["compared_with"]
    compared = f"Joined and left: since {day_in_words(date.fromisoformat(earlier))}." if earlier else "There is no earlier day to compare with yet."
    learned = " Learned segments group customers who are alike; their names say in what they differ most from everybody."
    has_learned = any(row["kind"] == "learned" for row in found["segments"])
    tables = []
    for kind, title in KINDS.items():
        rows = [_row(row, found["currency"]) for row in found["segments"] if row["kind"] == kind]
        if rows:
            tables.append({"title": title, "rows": rows})
    return {
        "sentence": f"As of {day_in_words(date.fromisoformat(found['as_of']))}. {compared}{learned if has_learned else ''}",
        "without_column": found["without_column"],
        "columns": COLUMNS if earlier else COLUMNS[:3],
        "tables": tables,
    }


def _row(row: Mapping[str, Any], currency: str) -> dict[str, Any]:
    spend = [f"{number_in_words(round(row[name] / minor_units(currency)))} {currency}" for name in ("spend_minor_28d", "spend_minor_90d")]
    moved = ["new" if row[name] is None else number_in_words(row[name]) for name in ("joined", "left")]
    name = row["segment"].replace("_", " ") if row["kind"] == "rule" else row["segment"]
    return {"name": name[:1].upper() + name[1:], "cells": [number_in_words(row["people"]), *spend, *moved]}
