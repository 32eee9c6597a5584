"""`check-source` of the corner shop."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from basketgraph.clean.check_source import Rehearsal, SourceCheck, TableCheck
from basketgraph.clean.cleaning import CleanSettings
from basketgraph.clean.landing_files import Landing
from basketgraph.clean.ledger import Counts
from basketgraph.clean.sql_checks import checked_source
from basketgraph.foundation.tables.warehouse import RunTables
from support.corner_shop import KEY, Shop


def rehearsal(shop: Shop) -> Rehearsal:
    checked = checked_source(shop.spark, shop.given, "conf/sources/corner.yaml")
    release = RunTables(shop.spark, str(shop.warehouse), "check")
    moment = datetime(2026, 3, 3, tzinfo=timezone.utc)
    return Rehearsal(checked, Landing(shop.spark, str(shop.landing)), release, key=KEY, settings=CleanSettings(batch_bytes=1), now=moment)


def told(check: SourceCheck) -> dict[str, dict[str, Any]]:
    """Counts as `ops.files` tells them."""
    return {
        one.table: {
            "read": one.counts.read,
            "accepted": one.counts.accepted,
            "rejected": one.counts.rejected,
            "duplicates": one.counts.duplicate,
            "left_out": one.counts.left_out,
            "superseded": one.counts.superseded,
            "retracted": one.counts.retracted,
            "rejected_by_reason": dict(sorted(one.counts.by_reason.items())),
        }
        for one in check.tables
    }


FINE: dict[str, Any] = {
    "events": 100, "exact": True, "users": 30, "items": 20, "with_visitor": 0, "orders": 60, "days": 30, "types": {"purchase": 99, "cancellation": 1},
    "sold": 100, "in_the_future": 0, "before_1995": 0,
    "of_one_piece": 60, "of_whole_units": 5, "for_nothing": 0, "first_day": "2026-01-01", "last_day": "2026-02-01", "least_amount_minor": 50,
    "greatest_amount_minor": 9000, "median_price_minor": 450, "median_quantity": 1, "currencies": ["EUR"],
}  # fmt: skip


def check_of(facts: Mapping[str, Any] | None = None, *, rejected: int = 0, duplicate: int = 0, superseded: int = 0) -> SourceCheck:
    counts = Counts(100, 100 - rejected - duplicate, rejected, duplicate, superseded, {"unreadable:event_time": rejected})
    return SourceCheck("corner", 1, 0, [], [TableCheck("silver.events", counts, {}, {**FINE, **(facts or {})})], None)
