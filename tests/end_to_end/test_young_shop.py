"""Shops without much history, from a file to lists, through the real steps: what cannot learn takes no part, and the run says what is not judged."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.cli.runner import Outcome, load_job, run_pipeline
from basketgraph.foundation.config import CONF_VARIABLE
from basketgraph.foundation.runs.steps import pipelines
from basketgraph.foundation.tables.warehouse import LiveRelease, RunTables
from support.contract_rows import rows
from support.young_shop import OPENED, YoungShop, regulars

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


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
        assert (told["release"], told["as_of"], told["judged_from"], [*told["metrics"]]) == (number, "2026-03-13", "2026-03-15", ["new_places"])
        assert {of["places"] for of in told["metrics"]["new_places"].values()} == {0}
        page = re.sub(r"\s+", " ", Path(told["report"]).read_text())
        assert "lists can be judged from 2026-03-15 on, with 14 days of purchases" in page
        rebuy, discovery = lists(spark, shop, "rebuy"), lists(spark, shop, "discovery")
        assert len(rebuy) == len(discovery) == 18
        assert all(len(listed) == 14 for listed in rebuy.values()), "all that the shop sells"
    for user, listed in rebuy.items():
        own = [row.source == "personal_frequency" for row in listed]
        assert own == sorted(own, reverse=True), "what the user bought comes first"
        assert not {row.item_id for row in discovery[user]} & {row.item_id for row, mine in zip(listed, own, strict=True) if mine}


@pytest.mark.long
def test_jobs_cope_with_a_cut_before_which_nothing_was_bought(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps from silver to the gate, without the checks in between, for a shop that opened yesterday."""
    shop = YoungShop(tmp_path, [])
    monkeypatch.setenv(CONF_VARIABLE, str(shop.conf))
    conf, ds = shop.config("all"), OPENED + timedelta(days=1)
    release = RunTables(spark, conf.warehouse, "run", checker=lambda *_: None)
    events = [
        {"event_id": str(n), "user_id": user, "item_id": item, "order_id": user, "event_type": "purchase", "event_date": day, "event_time": NOON}
        for n, (user, item, day) in enumerate(regulars(1))
    ]
    release.overwrite(rows(spark, "silver.events", events), "silver.events")
    items = sorted({event["item_id"] for event in events})
    known = [{"item_id": item, "valid_from": OPENED, "valid_to": None, "recommendable": True} for item in items]
    release.overwrite(rows(spark, "silver.items", known), "silver.items")
    details = {}
    for name in pipelines().named("all").steps[1:-2]:
        details[name] = load_job(name)(spark, conf, ds, release).detail
    assert details["gate"]["judged_from"] == "2026-03-15"
    assert details["evaluations"] == {"metrics": {}, "gains": {}}
    assert details["recommendations"]["ordered_by_ladder"] == ["rebuy", "discovery"]
    assert release.read("gold.user_embeddings").select("as_of").distinct().collect() == [(ds,)], "nothing was learnt of the cut before"
    lists = release.read("gold.recommendations").where("setting = 'rebuy'").orderBy("user_id", "rank").collect()
    first = {row.user_id: row.item_id for row in reversed(lists)}
    assert first == {event["user_id"]: min(e["item_id"] for e in events if e["user_id"] == event["user_id"]) for event in events}
    assert len(lists) == len(first) * len(items)
