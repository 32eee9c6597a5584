"""An event whose newer version lies on another day: it moves, and is neither doubled nor lost."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from basketgraph.profiles.changed_days import stale_days
from basketgraph.profiles.user_days import user_days
from support.corner_shop import Shop, deliver, line, mapping

OLD, NEW = "2026-03-01 10:00", "2026-03-05 10:00"


def days(shop: Shop) -> dict[str, tuple[str, int]]:
    return {row["event_id"]: (str(row["event_date"]), row["quantity"]) for row in shop.rows("silver.events")}


def delivered(shop: Shop, *names: str) -> None:
    files: dict[str, tuple[int, list[str]]] = {
        "old": (0, [line(1, at=OLD), line(2, at=OLD), line(3, at="2026-03-03 10:00")]),
        "new": (5, [line(1, at=NEW, pieces="7"), line(4, at=NEW)]),
    }
    for name in names:
        minute, lines = files[name]
        deliver(shop.landing, f"{name}.csv", *lines, minute=minute)


@pytest.mark.long
@pytest.mark.parametrize("deliveries", [[("old",), ("new",)], [("new",), ("old",)], [("old", "new")]])
def test_an_event_moves_to_its_new_day_in_any_order_of_delivery_and_counts_add_up(
    spark: SparkSession, tmp_path: Path, deliveries: list[tuple[str, ...]]
) -> None:
    shop = Shop(spark, tmp_path, mapping())
    for names in deliveries:
        delivered(shop, *names)
        shop.clean()
    assert days(shop) == {"1": ("2026-03-05", 7), "2": ("2026-03-01", 2), "3": ("2026-03-03", 2), "4": ("2026-03-05", 2)}
    assert shop.table("silver.events").count() == 4
    assert shop.counts() == {
        "read": 5,
        "accepted": 5,
        "rejected": 0,
        "duplicates": 0,
        "left_out": 0,
        "superseded": 1,
        "retracted": 0,
        "rejected_by_reason": {},
    }


@pytest.mark.slow
def test_it_moves_where_order_numbers_are_made_of_its_day(spark: SparkSession, tmp_path: Path) -> None:
    given = mapping()
    del given["tables"]["silver.events"]["columns"]["order_id"]
    shop = Shop(spark, tmp_path, given)
    for name in ("old", "new"):
        delivered(shop, name)
        shop.clean()
    assert shop.table("silver.events").count() == 4
    assert days(shop)["1"] == ("2026-03-05", 7)
    assert shop.counts() == {
        "read": 5,
        "accepted": 5,
        "rejected": 0,
        "duplicates": 0,
        "left_out": 0,
        "superseded": 1,
        "retracted": 0,
        "rejected_by_reason": {},
    }


@pytest.mark.long
def test_it_may_move_again_and_back_and_an_equal_version_is_a_duplicate(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path, mapping())
    for minute, at in enumerate([OLD, NEW, OLD]):
        deliver(shop.landing, f"{minute}.csv", line(1, at=at, title=f"version {minute}"), minute=minute)  # other bytes: a known file is not read
        shop.clean()
        assert days(shop) == {"1": (at[:10], 2)}
    before = shop.release().version("silver.events")
    deliver(shop.landing, "again.csv", line(1, at=OLD), minute=9)
    shop.clean()
    assert (shop.release().version("silver.events"), shop.counts()["duplicates"]) == (before, 1)


@pytest.mark.long
def test_where_the_mapping_says_that_days_never_change_a_moved_event_is_not_looked_up(spark: SparkSession, tmp_path: Path) -> None:
    """It is then in the table twice, and the check of the key stops the run."""
    for name, given, there in (("fixed", mapping(day_may_change=False), 2), ("moving", mapping(), 1)):
        shop = Shop(spark, tmp_path / name, given)
        for minute, at in enumerate((OLD, NEW)):
            deliver(shop.landing, f"{minute}.csv", line(1, at=at), minute=minute)
            shop.clean()
        assert shop.table("silver.events").count() == there


@pytest.mark.long
def test_both_days_of_a_moved_event_are_summarised_anew_the_emptied_one_too(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path, mapping())
    deliver(shop.landing, "a.csv", line(1, at=OLD), line(3, at="2026-03-03 10:00"))
    shop.clean()
    summarised = user_days(shop.table("silver.events"), time_zone="Europe/London", recipe="r").localCheckpoint()
    deliver(shop.landing, "b.csv", line(1, at=NEW), minute=1)
    shop.clean()
    stale = stale_days(shop.table("silver.events"), summarised, recipe="r").orderBy("event_date").collect()
    assert [row.event_date for row in stale] == [date(2026, 3, 1), date(2026, 3, 5)]
