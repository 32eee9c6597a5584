"""Replays of the corner shop's files, and what holds after each of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from basketgraph.clean.replay.replay import Replay, ReplayOutcome
from basketgraph.clean.replay.settings import ReplaySettings
from support.corner_shop import Shop, mapping

EVENTS, REJECTED = "silver.events", "silver.rejected_rows"
NOTHING: dict[str, Any] = {"rejected": False, "reason": None, "first_day": None, "last_day": None, "tables": ()}


def replay(shop: Shop, **chosen: Any) -> ReplayOutcome:
    return replaying(shop).run(ReplaySettings(**{**NOTHING, **chosen}))


def replaying(shop: Shop, **settings: Any) -> Replay:
    cleaning = shop.cleaning(**settings)
    return Replay(cleaning.checked, cleaning.landing, cleaning.release, key=cleaning.key, settings=cleaning.settings, now=cleaning.now)


def mended(**tables: Any) -> dict[str, Any]:
    """The mapping with other rules: `free` rows are accepted, unless `reject` names it anew."""
    found = mapping(**{key: value for key, value in tables.items() if key != "reject"})
    found["tables"][EVENTS]["reject"] = tables.get("reject", {"quantity_not_positive": "cast(pieces as bigint) <= 0"})
    return found


def assert_as_fresh(shop: Shop, tmp_path: Path, *tables: str) -> None:
    """The shop's tables are those of a warehouse that has only ever known the present mapping, and its counts add up."""
    fresh = Shop(shop.spark, tmp_path / "fresh", shop.given)
    fresh.landing = shop.landing
    fresh.clean()
    for table in tables or (EVENTS, REJECTED):
        assert shop.rows(table) == fresh.rows(table)
    assert_counts_add_up(shop)


def assert_counts_add_up(shop: Shop, table: str = EVENTS) -> None:
    for entry in (row.asDict() for row in shop.table("ops.files").where(f"table_name = '{table}'").collect()):
        assert entry["rows_read"] == entry["rows_accepted"] + entry["rows_rejected"] + entry["rows_duplicate"] + entry["rows_left_out"], entry
        assert min(entry[f"rows_{name}"] for name in ("accepted", "rejected", "duplicate", "superseded")) >= 0, entry
    counts = shop.counts(table)
    assert shop.table(table).count() == counts["accepted"] - counts["superseded"] - counts["retracted"]
    assert shop.table(REJECTED).where(f"table_name = '{table}'").count() == counts["rejected"]
