"""Whose row stands after a replay where files that it did not choose say more of the same rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from clean.shop import Shop, deliver, line
from clean.test_replay import EVENTS, assert_counts_add_up, replay


@pytest.mark.long
@pytest.mark.parametrize("how", ["mapped", "derived, and the chosen file gave the table nothing"])
def test_where_keys_are_made_in_another_way_files_that_share_no_row_are_read_again_too(spark: SparkSession, tmp_path: Path, how: str) -> None:
    shop = Shop(spark, tmp_path)
    good = [line(1)]
    if how != "mapped":
        del shop.given["tables"][EVENTS]["columns"]["event_id"]
        good = []
    deliver(shop.landing, "a.csv", *good, line(2, price="0.00"))
    deliver(shop.landing, "b.csv", line(3), minute=1)
    shop.clean()
    if how == "mapped":
        shop.given["tables"][EVENTS]["columns"]["event_id"] = "concat('e', line)"
    else:
        del shop.given["files"]["sales"]["columns"]["title"]
    assert replay(shop, rejected=True).tables[EVENTS]["files"] == 2
    deliver(shop.landing, "c.csv", line(3), line(4), minute=2)  # a row of b.csv again
    shop.clean()
    assert sorted(row["order_id"] for row in shop.rows(EVENTS)) == ["1", "3", "4"][1 - len(good) :]
    assert_counts_add_up(shop)
