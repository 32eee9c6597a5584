"""The right answer on real data: UCI Online Retail, December 2010 to June 2011."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.config import data_yaml
from clean.shop import Shop


@pytest.mark.long
def test_online_retail_gives_the_right_answer_and_accounts_for_every_row(spark: SparkSession, tmp_path: Path, shared_data: Path) -> None:
    shop = Shop(spark, tmp_path, data_yaml("conf/sources/online_retail.yaml"))
    shop.clean(landing=shared_data / "online_retail", batch_bytes=1 << 29)
    events = shop.table("silver.events")
    facts = [F.count("*"), F.countDistinct("user_id"), F.countDistinct("item_id"), F.sum("amount_minor")]
    assert tuple(events.where("event_type = 'purchase'").agg(*facts).first() or ()) == (170_666, 2_960, 3_271, 398_446_625)
    counts = shop.counts()
    assert counts["read"] == 245_903
    assert counts["duplicates"] == 2_012
    assert counts["accepted"] == events.count() == 170_666 + 4_224
    assert counts["rejected"] == shop.table("silver.rejected_rows").count() == 69_001
    assert counts["rejected_by_reason"] == {"missing:user_id": 68_988, "price_not_positive": 1_473, "quantity_not_positive": 758}
    unknown = events.join(shop.table("silver.items").select("item_id"), on="item_id", how="left_anti")
    assert unknown.count() == 0
