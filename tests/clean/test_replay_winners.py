"""Whose row stands after a replay where files that it did not choose say more of the same rows."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from support.corner_shop import Shop, deliver, line, mapping
from support.replays import EVENTS, assert_as_fresh, assert_counts_add_up, replay

MONTH_FIRST, DAY_FIRST = "try_to_timestamp(title, 'MM/dd/yyyy')", "try_to_timestamp(title, 'dd/MM/yyyy')"


def quantities(shop: Shop) -> dict[str, int]:
    return {row["event_id"]: row["quantity"] for row in shop.rows(EVENTS)}


@pytest.mark.long
def test_a_version_that_was_mended_to_an_older_one_gives_way_to_a_newer_one_in_another_file(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path, mapping(version=MONTH_FIRST))
    versions = [line(1, pieces="3", title="05/03/2026"), line(2, pieces="3", title="05/03/2026"), line(9, title="25/03/2026")]
    deliver(shop.landing, "a.csv", *versions)  # of 5 March; taken for 3 May
    deliver(shop.landing, "b.csv", line(1, pieces="4", title="04/04/2026"), line(2, pieces="4", title="03/03/2026"), minute=1)
    deliver(shop.landing, "c.csv", line(7, title="01/01/2026"), minute=2)  # shares nothing
    shop.clean()
    assert quantities(shop) == {"1": 3, "2": 3, "7": 2}
    shop.given = mapping(version=DAY_FIRST)
    assert replay(shop, rejected=True, reason="unreadable:version").tables[EVENTS]["files"] == 2
    assert quantities(shop) == {"1": 4, "2": 3, "7": 2, "9": 2}
    assert_counts_add_up(shop)


@pytest.mark.long
def test_of_equally_new_versions_that_read_otherwise_now_the_winner_is_that_of_a_fresh_reading(spark: SparkSession, tmp_path: Path) -> None:
    titles = [f"t{number}" for number in range(12)]
    shop = Shop(spark, tmp_path, mapping(columns={"channel": "'web'"}))
    deliver(shop.landing, "a.csv", *[line(n, pieces="3", title=t) for n, t in enumerate(titles)])
    deliver(shop.landing, "b.csv", *[line(n, pieces="4", title=t, at="2026-03-02 10:00") for n, t in enumerate(titles)])  # as new, another day
    shop.clean()
    shop.given = mapping(columns={"channel": "title"})  # of some of them the larger hash is now another one's
    before = quantities(shop)
    replay(shop, first_day=date(2026, 3, 1), last_day=date(2026, 3, 1))
    assert quantities(shop) != before
    assert_as_fresh(shop, tmp_path)


@pytest.mark.long
def test_rows_that_the_mapping_leaves_out_now_are_not_taken_for_keys_made_in_another_way(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", line(1), line(2, product="gift"))
    place = deliver(shop.landing, "b.csv", line(3, at="2026-03-04 10:00"), minute=1)
    shop.clean()
    place.unlink()  # with keys made in another way all files would be wanted
    shop.given = mapping(where="product <> 'gift'")
    assert replay(shop, first_day=date(2026, 3, 1), last_day=date(2026, 3, 1)).tables[EVENTS]["files"] == 1
    assert sorted(quantities(shop)) == ["1", "3"]
    assert_counts_add_up(shop)
