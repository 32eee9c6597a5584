"""One row per key, and the same one whatever the order of delivery."""

from __future__ import annotations

from datetime import date, datetime, timezone
from itertools import permutations
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from basketgraph.clean.deduplication import HAD, HAD_OWNER, STATUS, judge
from basketgraph.clean.validity import with_valid_to
from support.contract_rows import rows

KEYS, VALUES = ["campaign_id"], ["campaign_type", "start_date", "end_date"]


def at(minute: int) -> datetime:
    return datetime(2026, 3, 1, 12, minute, tzinfo=timezone.utc)


def campaigns(spark: SparkSession, *given: dict[str, Any]) -> DataFrame:
    return rows(spark, "silver.campaigns", [{"campaign_type": "A", "source_time": at(0), "source_file": "f", **one} for one in given])


def statuses(judged: DataFrame) -> list[tuple[str, str, str]]:
    return sorted((row["campaign_id"], row["campaign_type"], row[STATUS]) for row in judged.collect())


def test_of_equal_rows_one_is_new_and_of_versions_the_newest(spark: SparkSession) -> None:
    given = [
        {"campaign_id": "1"},
        {"campaign_id": "1", "source_file": "g"},
        {"campaign_id": "2", "campaign_type": "A", "source_time": at(1)},
        {"campaign_id": "2", "campaign_type": "B", "source_time": at(2)},
        {"campaign_id": "3"},
    ]
    expected = [("1", "A", "duplicate"), ("1", "A", "new"), ("2", "A", "superseded"), ("2", "B", "new"), ("3", "A", "new")]
    assert statuses(judge(campaigns(spark, *given), None, KEYS, VALUES)) == expected


def test_equally_new_versions_have_one_winner_in_any_order(spark: SparkSession) -> None:
    versions = [{"campaign_id": "1", "campaign_type": kind} for kind in "ABC"]
    winners = set()
    for order in permutations(versions):
        judged = judge(campaigns(spark, *order).repartition(2), None, KEYS, VALUES)
        winners |= {row["campaign_type"] for row in judged.where(f"{STATUS} = 'new'").collect()}
    assert len(winners) == 1


def test_nulls_in_different_columns_are_different_rows(spark: SparkSession) -> None:
    given = [
        {"item_id": "1", "brand": "x", "category": None, "source_time": at(0)},
        {"item_id": "1", "brand": None, "category": "x", "source_time": at(0)},
    ]
    judged = judge(rows(spark, "silver.items", given), None, ["item_id"], ["brand", "category"])
    assert sorted(row[STATUS] for row in judged.collect()) == ["new", "superseded"]


@pytest.mark.parametrize(
    ("kind", "minute", "expected"),
    [
        ("A", 3, "duplicate"),  # equal, whatever its time
        ("B", 3, "changed"),
        ("B", 1, "superseded"),  # the late arrival of an older version
    ],
)
def test_a_batch_is_judged_against_the_table(spark: SparkSession, kind: str, minute: int, expected: str) -> None:
    table = campaigns(spark, {"campaign_id": "1", "campaign_type": "A", "source_time": at(2)}, {"campaign_id": "9"})
    batch = campaigns(spark, {"campaign_id": "1", "campaign_type": kind, "source_time": at(minute)}, {"campaign_id": "2"})
    assert statuses(judge(batch, table, KEYS, VALUES)) == [("1", kind, expected), ("2", "A", "new")]


def test_of_equally_new_versions_the_same_one_wins_in_one_batch_and_in_two(spark: SparkSession) -> None:
    a, b = {"campaign_id": "1", "campaign_type": "A"}, {"campaign_id": "1", "campaign_type": "B"}
    together = judge(campaigns(spark, a, b), None, KEYS, VALUES).where(f"{STATUS} = 'new'").collect()[0]["campaign_type"]
    for first, second in ((a, b), (b, a)):
        (later,) = judge(campaigns(spark, second), campaigns(spark, first), KEYS, VALUES).collect()
        winner = second if later[STATUS] == "changed" else first
        assert winner["campaign_type"] == together


def test_a_row_of_a_history_holds_until_the_next_one(spark: SparkSession) -> None:
    days = [date(2026, 1, 5), date(2026, 1, 1), date(2026, 1, 9)]
    history = rows(spark, "silver.items", [{"item_id": "1", "valid_from": day} for day in days] + [{"item_id": "2", "valid_from": days[0]}])
    got = {(row.item_id, row.valid_from): row.valid_to for row in with_valid_to(history, ["item_id", "valid_from"]).collect()}
    assert got == {("1", days[1]): days[0], ("1", days[0]): days[2], ("1", days[2]): None, ("2", days[0]): None}


def test_files_that_are_read_again_are_judged_as_if_they_had_given_nothing(spark: SparkSession) -> None:
    """`own` are the rows that they gave; of equal rows the one of the file that gave the table its row counts."""
    own = campaigns(spark, {"campaign_id": "1", "source_file": "g", "file_hash": "h"}, {"campaign_id": "3", "campaign_type": "B", "source_file": "g"})
    others = campaigns(spark, {"campaign_id": "2", "source_file": "o"})
    fresh = campaigns(
        spark,
        {"campaign_id": "1", "source_file": "f", "file_hash": "h", "source_time": at(5)},
        {"campaign_id": "1", "source_file": "g", "file_hash": "h"},
        {"campaign_id": "2", "source_file": "g", "file_hash": "h"},
        {"campaign_id": "3", "source_file": "g", "file_hash": "h"},  # says another thing than before
    )
    judged = judge(fresh, others, KEYS, VALUES, own=own).collect()
    found = sorted((row["campaign_id"], row["source_file"], row[STATUS], row[HAD], row[HAD_OWNER]) for row in judged)
    assert found == [
        ("1", "f", "duplicate", True, False),
        ("1", "g", "new", True, True),
        ("2", "g", "duplicate", False, False),
        ("3", "g", "new", True, False),  # of a content of that path that was overwritten
    ]
