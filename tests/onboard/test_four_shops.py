"""Four kinds of shops that a newcomer tries first: what is drafted of each, what would become of its rows, and which of them get lists."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from basketgraph.clean.check_source import hints
from basketgraph.cli.runner import run_pipeline
from basketgraph.cli.sources import facts_in_words
from basketgraph.foundation.config import CONF_VARIABLE, Config, UserError, load
from basketgraph.foundation.runs.steps import want_events
from basketgraph.foundation.tables.warehouse import LiveRelease
from support import behaviour_logs, four_shops
from support.corner_shop import KEY
from support.drafts_in_spark import checked, drafted, events


@pytest.mark.slow
def test_each_shops_events_and_reviews_are_accepted_as_what_they_are(spark: SparkSession, tmp_path: Path) -> None:
    found = []
    for header in (False, True):
        place = four_shops.acts(tmp_path / f"b{header}", rows=1000, header=header)
        counts, facts = events(checked(spark, drafted(place), tmp_path / "warehouse"))
        lines = set(place.read_text(encoding="utf-8").splitlines()[header:])
        assert (counts.accepted, counts.by_reason) == (len(lines), {})
        assert facts["types"]["purchase"] == sum(",buy," in line for line in lines)
        told = f"({facts['types']['view']} views, {facts['types']['favourite']} favourites, {facts['types']['cart_add']} put into the basket, "
        assert told in facts_in_words(facts)
        found.append((counts.accepted, facts["users"], facts["first_day"]))
    assert found[0] == found[1], "the same rows, with a header and without"

    log = behaviour_logs.visitor_events(tmp_path / "views", 300, {"view": 1})
    views = checked(spark, drafted(tmp_path / "views"), tmp_path / "warehouse")
    counts, facts = events(views)
    assert (counts.accepted, facts["types"], facts["orders"], facts["currencies"]) == (300, log.types, 0, [])
    assert "300 events (300 views, 0 cancellations) of 60 people" in facts_in_words(facts)
    assert hints(views) == []

    products = checked(spark, drafted(four_shops.metadata_and_reviews(tmp_path / "c")), tmp_path / "warehouse")
    assert {one.table: one.counts.accepted for one in products.tables} == {"silver.reviews": 2000, "silver.items": 120}


def shop_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, *, pipeline: str) -> Config:
    place = tmp_path / "conf-dir" / "conf" / "sources" / "newshop.yaml"
    place.parent.mkdir(parents=True)
    place.write_text(text, encoding="utf-8")
    monkeypatch.setenv(CONF_VARIABLE, str(tmp_path / "conf-dir"))
    monkeypatch.setenv("BASKETGRAPH_KEY", KEY.secret.decode())
    small = {"graph.epochs": "1", "graph.dim": "16", "recall.als_rank": "8", "ranks": "1"}
    return load("local", "newshop", {"warehouse": str(tmp_path / "warehouse"), **small}, pipeline=pipeline)


@pytest.mark.long
def test_a_shop_of_reviews_alone_is_cleaned_and_published(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    behaviour_logs.clothing_reviews(tmp_path / "landing")
    conf = shop_of(tmp_path, monkeypatch, drafted(tmp_path / "landing").text, pipeline="clean")
    outcome = run_pipeline(conf, "clean")
    assert outcome.error is None, outcome.error
    live = LiveRelease(spark, conf.warehouse)
    assert (live.read("silver.reviews").count(), live.read("silver.items").count()) == (300, 40)


@pytest.mark.long
def test_a_log_of_behaviour_gives_lists_of_what_was_bought_without_any_item_table(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = drafted(four_shops.acts(tmp_path / "landing", rows=15_000, days=120, users=40))
    without_items = found.text.partition("  silver.items:")[0]
    conf = shop_of(tmp_path, monkeypatch, without_items, pipeline="clean")
    for pipeline in ("clean", "recommend"):
        outcome = run_pipeline(replace(conf, pipeline=pipeline), pipeline)
        assert outcome.error is None, outcome.error
    live = LiveRelease(spark, conf.warehouse)
    bought = live.read("silver.events").where("event_type = 'purchase'").select("item_id").distinct()
    lists = live.read("gold.recommendations")
    assert lists.select("user_id").distinct().count() > 35
    assert lists.join(bought, "item_id", how="left_anti").count() == 0
    assert live.read("gold.interactions").where(f"as_of = DATE'{outcome.state['as_of']}'").select("item_id").distinct().count() == bought.count()
    assert {name for example in outcome.examples for name in example.bought} <= {row.item_id for row in bought.collect()}
    assert outcome.examples, "items are called by their ids"


def test_lists_of_a_shop_whose_mapping_has_no_purchases_are_refused_before_anything_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = drafted(four_shops.metadata_and_reviews(tmp_path / "landing")).text
    want_events(shop_of(tmp_path / "drafted", monkeypatch, text, pipeline="all"), ["clean", "interactions"])  # its goal is drafted: ratings
    conf = shop_of(tmp_path, monkeypatch, text.replace("goal: {rating_at_least: 4}\n", ""), pipeline="all")
    want_events(conf, ["clean", "publish"])
    with pytest.raises(UserError, match=r"newshop.yaml: want silver.events among tables, have silver.reviews, silver.items"):
        want_events(conf, ["clean", "interactions"])
    assert not os.path.exists(conf.warehouse)
