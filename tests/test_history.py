"""What was known of an item or a user before a day."""

from __future__ import annotations

from datetime import date

from pyspark.sql import SparkSession

from basketgraph.history import known_before
from support import rows


def test_the_attributes_of_the_last_day_before_as_of_are_known(
    spark: SparkSession,
) -> None:
    spans = {
        "began the day before": (date(2026, 2, 28), None),
        "begins that day": (date(2026, 3, 1), None),
        "ended the day before": (date(2026, 1, 1), date(2026, 2, 28)),
        "ends that day": (date(2026, 1, 1), date(2026, 3, 1)),
        "ends later": (date(2026, 1, 1), date(2026, 4, 1)),
    }
    items = rows(
        spark,
        "silver.items",
        [{"item_id": i, "valid_from": start, "valid_to": end} for i, (start, end) in spans.items()],
    )
    found = {row.item_id for row in known_before(items, date(2026, 3, 1)).collect()}
    assert found == {"began the day before", "ends that day", "ends later"}
