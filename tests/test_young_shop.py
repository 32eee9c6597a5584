"""Shops without much history, from a file to lists, through the real steps: what cannot learn takes no part, and the run says what is not judged."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.config import CONF_VARIABLE
from basketgraph.pipeline import Outcome, run_pipeline
from basketgraph.tables import LiveRelease
from young import YoungShop, regulars


def ran(shop: YoungShop, pipeline: str) -> dict[str, Any]:
    outcome: Outcome = run_pipeline(shop.config(pipeline), pipeline)
    assert outcome.error is None, outcome.error
    assert outcome.refused is None
    return outcome.as_json()


def lists(spark: SparkSession, shop: YoungShop, setting: str) -> dict[str, list[Any]]:
    live = LiveRelease(spark, str(shop.warehouse)).read("gold.recommendations")
    newest = live.agg({"as_of": "max"}).collect()[0][0]
    found: dict[str, list[Any]] = {}
    for row in live.where((live.as_of == newest) & (live.setting == setting)).orderBy("user_id", "rank").collect():
        found.setdefault(row.user_id, []).append(row)
    return found


@pytest.mark.long
def test_a_shop_of_twelve_days_gets_lists_and_is_told_from_when_on_they_can_be_judged(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = YoungShop(tmp_path, regulars(12))
    monkeypatch.setenv(CONF_VARIABLE, str(shop.conf))
    for number, pipeline in enumerate(("all", "recommend"), 1):
        told = ran(shop, pipeline)
        assert (told["release"], told["as_of"], told["judged_from"], told["metrics"]) == (number, "2026-03-13", "2026-03-15", {})
        page = re.sub(r"\s+", " ", Path(told["report"]).read_text())
        assert "lists can be judged from 2026-03-15 on, with 14 days of purchases" in page
        rebuy, discovery = lists(spark, shop, "rebuy"), lists(spark, shop, "discovery")
        assert len(rebuy) == len(discovery) == 18
        assert all(len(rows) == 14 for rows in rebuy.values()), "all that the shop sells"
    for user, rows in rebuy.items():
        own = [row.source == "personal_frequency" for row in rows]
        assert own == sorted(own, reverse=True), "what the user bought comes first"
        assert not {row.item_id for row in discovery[user]} & {row.item_id for row, mine in zip(rows, own, strict=True) if mine}
        assert {row.source for row in rows} <= {"personal_frequency", "popularity", "graph", "item_cosine", "ease", "als"}
