"""The leak check raises for every row that lies at or after the cut, and for nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from pyspark.sql import SparkSession

from basketgraph.interactions.leaks import LeakError, check_no_leak
from support.contract_rows import rows

CUT = date(2026, 3, 1)


def test_the_day_before_the_cut_passes_and_the_cut_itself_does_not(
    spark: SparkSession,
) -> None:
    fine = rows(spark, "gold.interactions", [{"last_date": date(2026, 2, 28)}])
    check_no_leak(fine, cut=CUT, what="edges")
    leaking = fine.union(rows(spark, "gold.interactions", [{"last_date": CUT}]))
    with pytest.raises(LeakError, match="last_date: want every row before 2026-03-01, have 1 rows"):
        check_no_leak(leaking, cut=CUT, what="edges")


def test_every_named_column_is_looked_at(spark: SparkSession) -> None:
    edges = rows(
        spark,
        "gold.interactions",
        [{"first_date": CUT, "last_date": date(2026, 2, 28)}],
    )
    with pytest.raises(LeakError, match="first_date"):
        check_no_leak(edges, cut=CUT, columns=["last_date", "first_date"], what="edges")


def test_a_row_without_a_date_is_a_leak(spark: SparkSession) -> None:
    with pytest.raises(LeakError, match="valid_to"):
        check_no_leak(
            rows(spark, "silver.items", [{"valid_to": None}]),
            cut=CUT,
            columns=["valid_to"],
            what="vocabulary",
        )


def test_instants_are_held_against_the_shops_local_midnight(
    spark: SparkSession,
) -> None:
    last = rows(
        spark,
        "silver.events",
        [{"event_time": datetime(2026, 3, 1, 4, 59, 59, tzinfo=UTC)}],
    )  # 23:59:59 in New York
    check_no_leak(
        last,
        cut=CUT,
        columns=["event_time"],
        what="events",
        time_zone="America/New_York",
    )
    first = rows(
        spark,
        "silver.events",
        [{"event_time": datetime(2026, 3, 1, 5, 0, 0, tzinfo=UTC)}],
    )
    with pytest.raises(LeakError, match="event_time"):
        check_no_leak(
            first,
            cut=CUT,
            columns=["event_time"],
            what="events",
            time_zone="America/New_York",
        )


def test_a_leak_stops_the_run_as_quality_does(spark: SparkSession) -> None:
    with pytest.raises(LeakError) as raised:
        check_no_leak(
            rows(spark, "gold.interactions", [{"last_date": CUT}]),
            cut=CUT,
            what="edges",
        )
    assert raised.value.exit_code == 3


def test_a_column_that_is_no_time_is_refused(spark: SparkSession) -> None:
    with pytest.raises(TypeError, match="weight: want a date"):
        check_no_leak(
            rows(spark, "gold.interactions", [{}]),
            cut=CUT,
            columns=["weight"],
            what="edges",
        )


def test_an_empty_frame_passes(spark: SparkSession) -> None:
    check_no_leak(rows(spark, "gold.interactions", []), cut=CUT, what="edges")
