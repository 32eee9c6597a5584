"""Shops without purchases, and one with every behaviour, from a file through onboarding to lists by the real steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.cli.runner import run_pipeline
from basketgraph.foundation.config import CONF_VARIABLE
from basketgraph.foundation.tables.warehouse import LiveRelease
from support.grouped_people import GroupedPeople, Look

EVENTS_HEADER = "user_id,item_id,event_type,timestamp"


def ran(shop: GroupedPeople, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv(CONF_VARIABLE, str(shop.conf))
    outcome = run_pipeline(shop.config("all"), "all")
    assert outcome.error is None, outcome.error
    assert outcome.refused is None
    return outcome.as_json()


def event(look: Look, kind: str) -> str:
    return f"u{look.person},i{look.item},{kind},{look.at:%Y-%m-%d %H:%M:%S}"


def listed(spark: SparkSession, shop: GroupedPeople) -> list[Any]:
    return LiveRelease(spark, str(shop.warehouse)).read("gold.recommendations").where("setting = 'rebuy'").orderBy("user_id", "rank").collect()


@pytest.mark.long
def test_a_shop_of_clicks_alone_gets_lists_that_are_judged_by_clicks(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = GroupedPeople(tmp_path, "clips", EVENTS_HEADER, lambda look: event(look, "view"))
    assert shop.mapping["goal"] == "view"
    told = ran(shop, monkeypatch)
    assert told["metrics"]["rebuy"]["published"]["ndcg@20"] > 0.3
    rows = listed(spark, shop)
    assert len({row.user_id for row in rows}) == 60
    again = [row.reason for row in rows if row.source == "personal_frequency"]
    assert again
    assert all(text.startswith("You looked at it ") for text in again)
    page = Path(told["report"]).read_text()
    assert "looked at" in page
    assert "product title" not in page, "its items have none: nothing is compared in words"
    assert told["metrics"]["text_vectors"]["titles"] == 0


@pytest.mark.long
def test_a_shop_of_ratings_alone_gets_lists_of_what_is_rated_highly(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def line(look: Look) -> str:
        return f"u{look.person},i{look.item},{5 if look.is_own_half and look.place < 5 else 4 if look.is_own_half else 1},{int(look.at.timestamp())}"

    shop = GroupedPeople(tmp_path, "stars", "userId,movieId,rating,timestamp", line)
    assert shop.mapping["goal"] == {"rating_at_least": 4}
    told = ran(shop, monkeypatch)
    assert told["metrics"]["rebuy"]["published"]["ndcg@20"] > 0.3
    assert len({row.user_id for row in listed(spark, shop)}) == 60


@pytest.mark.long
def test_a_shop_with_every_behaviour_learns_what_each_counts_and_reminds_of_open_carts(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def line(look: Look) -> str:
        draw = (look.person * 7 + look.item * 13 + look.at.minute) % 10
        return event(look, "purchase" if draw < 3 else "cart" if draw < 5 else "dislike" if draw == 5 else "view")

    shop = GroupedPeople(tmp_path, "everything", EVENTS_HEADER, line, people=300, items=200)  # most purchases are of what was never bought before
    assert "goal" not in shop.mapping
    told = ran(shop, monkeypatch)
    assert told["metrics"]["rebuy"]["published"]["ndcg@20"] > 0.1
    live = LiveRelease(spark, str(shop.warehouse))
    newest = live.read("gold.recommendations").agg({"as_of": "max"}).collect()[0][0]
    at = {
        name: live.read(f"gold.{name}").where(f"as_of = DATE'{newest}'") for name in ("audiences", "refused_items", "recommendations", "candidates")
    }
    pair = ["user_id", "item_id"]
    assert at["refused_items"].count() > 0
    assert at["recommendations"].join(at["refused_items"], pair, "left_semi").count() == 0
    carts = at["audiences"].where("audience = 'open_cart'")
    assert carts.count() > 0
    assert at["candidates"].where("setting = 'rebuy' AND open_cart_rank IS NOT NULL").join(carts, pair, "left_anti").count() == 0
    assert at["candidates"].where("session_rank IS NOT NULL").count() > 0
    counted = live.read("gold.interactions").selectExpr("explode(behaviours) AS one").select("one.behaviour").distinct().collect()
    weights = told["metrics"]["behaviour_weights"]
    assert {name: one["from"] for name, one in weights.items()} == {"view": "learned", "cart_add": "learned"}
    assert {row.behaviour for row in counted} == {name for name, one in weights.items() if one["weight"] > 0}
    assert max(one["weight"] for one in weights.values()) > 0
