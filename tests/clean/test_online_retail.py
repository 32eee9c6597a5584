"""The right answer on real data: UCI Online Retail, December 2010 to June 2011."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.clean.kept_purchases import cancellation_counts, kept_purchases
from basketgraph.clean.mapping import cancellations_of
from basketgraph.foundation.config import data_yaml
from basketgraph.foundation.point_in_time import kept_before
from support.corner_shop import Shop

MAPPING = "conf/sources/online_retail.yaml"
ORDER = "541431,23166,MEDIUM CERAMIC TOP STORAGE JAR,74215,2011-01-18 10:01:00,1.04,12346.0,United Kingdom"
CANCELLED = "C541433,23166,MEDIUM CERAMIC TOP STORAGE JAR,-74215,2011-01-18 10:17:00,1.04,12346.0,United Kingdom"


@pytest.mark.slow
def test_of_the_order_of_74215_pieces_nothing_was_kept_once_its_cancellation_is_known(spark: SparkSession, tmp_path: Path, shared_data: Path) -> None:
    """The real order is cancelled on its own day; beside it stands the same by another customer, who cancels on the day after."""
    given = data_yaml(MAPPING)
    given["tables"] = {"silver.events": given["tables"]["silver.events"]}
    shop = Shop(spark, tmp_path, given)
    text = (shared_data / "online_retail" / "2011-01-18.csv").read_text()
    assert f"{ORDER}\n" in text
    assert f"{CANCELLED}\n" in text
    planted = ORDER.replace("541431", "1").replace("12346.0", "1"), CANCELLED.replace("541433", "2").replace("12346.0", "1").replace("01-18", "01-19")
    shop.landing.mkdir()
    (shop.landing / "2011-01-18.csv").write_text("\n".join([text.rstrip(), *planted]))
    shop.clean()

    events = shop.table("silver.events").localCheckpoint()
    terms = cancellations_of(given, MAPPING)
    assert terms is not None
    kept = kept_purchases(events, terms).localCheckpoint()
    huge = "quantity = 74215"
    assert sorted(row.event_type for row in events.where(huge).collect()) == ["cancellation", "cancellation", "purchase", "purchase"]
    states = {row.order_id: (row.valid_from, row.kept_quantity, row.kept_amount_minor) for row in kept.where(huge).collect()}
    assert states == {"541431": (date(2011, 1, 18), 0, 0), "1": (date(2011, 1, 19), 0, 0)}
    known = {day: kept_before(events, kept, as_of=date(2011, 1, day)).where(huge).collect() for day in (18, 19, 20)}
    assert {day: [(row.order_id, row.amount_minor) for row in found] for day, found in known.items()} == {18: [], 19: [("1", 7_718_360)], 20: []}


@pytest.mark.long
def test_what_customers_of_online_retail_kept(spark: SparkSession, tmp_path: Path, shared_data: Path) -> None:
    given = data_yaml(MAPPING)
    given["tables"] = {"silver.events": given["tables"]["silver.events"]}
    shop = Shop(spark, tmp_path, given)
    shop.clean(landing=shared_data / "online_retail", batch_bytes=1 << 29)
    events = shop.table("silver.events")
    terms = cancellations_of(given, MAPPING)
    assert terms is not None
    kept = kept_purchases(events, terms).localCheckpoint()
    counts = cancellation_counts(events, kept)
    assert (counts["cancellations"], counts["matched"], counts["unmatched"]) == (4_224, 3_291, 933)
    facts = [F.count("*"), F.sum("quantity"), F.sum("amount_minor")]
    bought = events.where("event_type = 'purchase'").agg(*facts).first() or ()
    net = kept_before(events, kept, as_of=date(2011, 7, 1)).agg(*facts).first() or ()
    assert tuple(bought) == (170_666, 2_299_374, 398_446_625)
    assert tuple(net) == (169_411, bought[1] - counts["pieces_matched"], 376_849_862)
    given_back = kept.where("valid_to IS NULL").agg(F.sum(F.col("amount_minor") - F.col("kept_amount_minor"))).first() or ()
    assert net[2] == bought[2] - given_back[0]


@pytest.mark.long
def test_online_retail_gives_the_right_answer_and_accounts_for_every_row(spark: SparkSession, tmp_path: Path, shared_data: Path) -> None:
    shop = Shop(spark, tmp_path, data_yaml("conf/sources/online_retail.yaml"))
    shop.clean(landing=shared_data / "online_retail", batch_bytes=1 << 29)
    events = shop.table("silver.events")
    facts = [F.count("*"), F.countDistinct("user_id"), F.countDistinct("item_id"), F.sum("amount_minor")]
    assert tuple(events.where("event_type = 'purchase'").agg(*facts).first() or ()) == (170_666, 2_960, 3_271, 398_446_625)
    counts = shop.counts()
    assert counts["read"] == 245_903
    assert counts["duplicates"] == 2_012 - 26  # of the exact duplicates 26 are rejected lines, each a row of its own
    assert counts["accepted"] == events.count() == 170_666 + 4_224
    assert counts["rejected"] == shop.table("silver.rejected_rows").count() == 69_027
    assert counts["rejected_by_reason"] == {"missing:user_id": 69_014, "price_not_positive": 1_478, "quantity_not_positive": 758}
    unknown = events.join(shop.table("silver.items").select("item_id"), on="item_id", how="left_anti")
    assert unknown.count() == 0
