"""Logs, ratings and impressions as they are handed on: the draft and the documented mapping of each give the rows that were told."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyspark.sql import SparkSession

from basketgraph.clean.mapping import read_source
from support import behaviour_logs
from support.behaviour_logs import Log
from support.corner_shop import Shop
from support.drafts import asked, drafted, mapping

DOCUMENTED = dict(
    re.findall(r"```yaml (\w+)\n(.*?)```", (Path(__file__).resolve().parents[2] / "docs" / "sources.md").read_text(encoding="utf-8"), re.S)
)
PLACE = {"shop": "formats", "landing": "unused", "time_zone": "Asia/Shanghai", "currency": "CNY"}


def documented(name: str) -> dict[str, Any]:
    return {**PLACE, **yaml.safe_load(DOCUMENTED[name])}


def written(shop: Shop, name: str) -> Log:
    log: Log = getattr(behaviour_logs, name)(shop.landing)
    return log


def drafted_of(shop: Shop) -> dict[str, Any]:
    return mapping(drafted(shop.landing, currency="CNY", time_zone="Asia/Shanghai"))


def by_type_and_day(shop: Shop, table: str) -> Counter[tuple[str, Any]]:
    return Counter((row.get("event_type", "review"), row["event_date"]) for row in shop.rows(table))


def test_documented_mappings_have_no_faults_and_drafts_ask_for_no_more_than_money(tmp_path: Path) -> None:
    assert len(DOCUMENTED) == 7
    for name in DOCUMENTED:
        assert read_source(documented(name), name)[1] == []
        getattr(behaviour_logs, name)(tmp_path / name)
        asks = asked(drafted(tmp_path / name, currency="CNY", time_zone="Asia/Shanghai"))
        assert [text[:32] for text in asks] == ["no column looks like money; 0 st"] * (name in ("five_columns", "visitor_events"))


@pytest.mark.slow
def test_a_log_without_a_header_gives_its_counts_by_type_and_local_day(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    log = written(shop, "five_columns")
    shop.given = drafted_of(shop)
    shop.clean()
    assert by_type_and_day(shop, "silver.events") == log.counts
    counts = shop.counts()
    assert (counts["accepted"], counts["duplicates"], counts["rejected"]) == (sum(log.counts.values()), log.equal, log.unparsable)
    assert [reasons for table, reasons, _ in shop.rejected() if table == "silver.events"] == [["unparsable"]]
    both = next(row for row in shop.rows("silver.items") if row["item_id"] == "2000001")
    assert both["category"] == "4009", "of two categories the newer one holds"


@pytest.mark.long
@pytest.mark.parametrize("way", ["draft", "docs"])
@pytest.mark.parametrize("name", ["five_columns", "shop_events", "visitor_events", "ratings", "reviews"])
def test_every_row_of_a_known_format_comes_out_under_its_type_and_day(spark: SparkSession, tmp_path: Path, name: str, way: str) -> None:
    shop = Shop(spark, tmp_path)
    log = written(shop, name)
    shop.given = drafted_of(shop) if way == "draft" else documented(name)
    shop.clean()
    table = "silver.events" if name in ("five_columns", "shop_events", "visitor_events") else "silver.reviews"
    assert by_type_and_day(shop, table) == log.counts
    rows = shop.rows(table)
    if name == "shop_events":
        assert all((row["amount_minor"] is not None) == (row["event_type"] == "purchase") for row in rows)
        assert all(row["session_id"] is not None and row["user_id"] is not None for row in rows)
    if name == "visitor_events":
        assert {row["user_id"] for row in rows} == {None}
        assert len({row["order_id"] for row in rows} - {None}) == log.types["purchase"]
    if table == "silver.reviews":
        assert {row["rating_max"] for row in rows} == {5.0}


@pytest.mark.long
@pytest.mark.parametrize("way", ["draft", "docs"])
def test_impressions_arrive_whole_though_some_are_equal_and_are_clicked_by_place_as_counted_by_hand(
    spark: SparkSession, tmp_path: Path, way: str
) -> None:
    shop = Shop(spark, tmp_path)
    written(shop, "impressions")
    shop.given = drafted_of(shop) if way == "draft" else documented("impressions")
    shop.clean()
    by_hand: dict[int, list[int]] = defaultdict(list)
    for place in shop.landing.rglob("*.csv"):
        with place.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                by_hand[int(row["position"])].append(int(row["click"]))
    found: dict[int, list[int]] = defaultdict(list)
    for row in shop.rows("silver.exposures"):
        found[row["position"]].append(int(row["clicked"]))
    assert {place: (len(clicks), sum(clicks)) for place, clicks in found.items()} == {
        place: (len(clicks), sum(clicks)) for place, clicks in by_hand.items()
    }


@pytest.mark.slow
def test_equal_reviews_count_each_and_delivered_again_none(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path, documented("clothing_reviews"))
    log = written(shop, "clothing_reviews")
    place = shop.landing / "reviews.csv"
    lines = place.read_text(encoding="utf-8").splitlines()
    shop.clean()
    assert log.equal > 10
    assert len(shop.rows("silver.reviews")) == len(lines) - 1
    (shop.landing / "later.csv").write_text("\n".join([*lines, lines[1]]) + "\n", encoding="utf-8")
    shop.clean()
    assert len(shop.rows("silver.reviews")) == len(lines), "the same rows once more add none, and one more of them adds itself"
    counts = shop.counts("silver.reviews")
    assert (counts["read"], counts["duplicates"]) == (2 * len(lines) - 1, len(lines) - 1)
