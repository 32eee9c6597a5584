"""`check-source` of the corner shop."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from basketgraph.clean.check_source import Rehearsal, SourceCheck, TableCheck
from basketgraph.clean.expressions import checked_source
from basketgraph.clean.ledger import Counts
from basketgraph.clean.load import CleanSettings
from basketgraph.clean.pick_up import Landing
from basketgraph.tables import Release
from support.corner_shop import KEY, Shop


def rehearsal(shop: Shop) -> Rehearsal:
    checked = checked_source(shop.spark, shop.given, "conf/sources/corner.yaml")
    release = Release(shop.spark, str(shop.warehouse), "check")
    moment = datetime(2026, 3, 3, tzinfo=timezone.utc)
    return Rehearsal(checked, Landing(shop.spark, str(shop.landing)), release, key=KEY, settings=CleanSettings(batch_bytes=1), now=moment)


FINE: dict[str, Any] = {
    "events": 100, "exact": True, "users": 30, "items": 20, "orders": 60, "days": 30, "cancellations": 1, "in_the_future": 0, "before_1995": 0,
    "of_one_piece": 60, "of_whole_units": 5, "for_nothing": 0, "first_day": "2026-01-01", "last_day": "2026-02-01", "least_amount_minor": 50,
    "greatest_amount_minor": 9000, "median_price_minor": 450, "median_quantity": 1, "currencies": ["EUR"],
}  # fmt: skip


def check_of(facts: Mapping[str, Any] | None = None, *, rejected: int = 0, duplicate: int = 0, superseded: int = 0) -> SourceCheck:
    counts = Counts(100, 100 - rejected - duplicate, rejected, duplicate, superseded, {"unreadable:event_time": rejected})
    return SourceCheck("corner", 1, 0, [], [TableCheck("silver.events", counts, {}, {**FINE, **(facts or {})})], None)
