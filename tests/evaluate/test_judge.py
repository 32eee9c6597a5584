"""Judging lists: who is judged, by what, and what a missing list costs."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from basketgraph.evaluate.judge import judged, published_lists, recommender_lists, relevant_items
from basketgraph.evaluate.settings import EvaluateSettings
from basketgraph.foundation.cuts import Cuts
from support.contract_rows import rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

CUT = date(2026, 3, 1)
CUTS = Cuts(CUT - timedelta(days=28), CUT, 28)
SETTINGS = EvaluateSettings(seed=0, draws=1, max_users=100)


def bought(user: str, item: str, day: int, kind: str = "purchase") -> dict[str, Any]:
    return {"user_id": user, "item_id": item, "event_date": CUT + timedelta(days=day), "event_type": kind}


@pytest.fixture(scope="module")
def relevant(spark: SparkSession) -> DataFrame:
    events = [
        bought("u1", "old", 0),  # first day of the window
        bought("u1", "new", 27),  # last day
        bought("u1", "new", 3),  # again
        bought("u1", "late", 28),  # a day too late
        bought("u1", "early", -1),  # before the cut
        bought("u1", "fee", 5),
        bought("u1", "returned", 5, "cancellation"),
        bought("u2", "old", 5),
        bought("stranger", "new", 5),  # no history: nobody could have known
        {**bought("u2", "new", 5), "event_id": "given back"},
    ]
    given_back = {"event_id": "given back", "valid_from": CUT + timedelta(days=27), "kept_quantity": 0}  # the window's last day
    ids = ("old", "new", "late", "early", "fee", "returned")
    items = [{"item_id": item, "valid_from": date(2020, 1, 1), "recommendable": item != "fee"} for item in ids]
    edges = [{"user_id": "u1", "item_id": "old"}, {"user_id": "u1", "item_id": "early"}, {"user_id": "u2", "item_id": "old"}]
    return relevant_items(
        rows(spark, "silver.events", events),
        rows(spark, "gold.kept_purchases", [given_back]),
        rows(spark, "silver.items", items),
        rows(spark, "gold.interactions", edges),
        CUTS,
        SETTINGS,
    )


def test_relevant_is_what_known_users_bought_in_the_window_and_in_discovery_only_what_is_new(relevant: DataFrame) -> None:
    found = {(row.setting, row.user_id): row["items"] for row in relevant.collect()}
    assert found == {("rebuy", "u1"): ["new", "old"], ("rebuy", "u2"): ["old"], ("discovery", "u1"): ["new"]}


def test_each_model_is_judged_at_k_and_a_missing_list_scores_0(spark: SparkSession, relevant: DataFrame) -> None:
    lists = spark.createDataFrame(
        [
            ("rebuy", "als", "u1", 1, "junk"),
            ("rebuy", "als", "u1", 2, "old"),
            ("rebuy", "published", "u1", 1, "new"),
            ("rebuy", "published", "u1", 2, "old"),
            ("discovery", "published", "u1", 2, "new"),
            ("rebuy", "published", "unjudged", 1, "old"),
        ],
        "setting string, model string, user_id string, rank int, item_id string",
    )
    got = {(r.setting, r.model, r.user_id): (r.recall, r.ndcg) for r in judged(lists, relevant, ["als", "published"], 2).collect()}
    second = 1 / math.log2(3)
    assert len(got) == 2 * 3  # every model for every judged user
    assert got["rebuy", "als", "u1"] == (0.5, pytest.approx(second / (1 + second)))
    assert got["rebuy", "published", "u1"] == (1.0, pytest.approx(1.0))
    assert got["discovery", "published", "u1"] == (1.0, pytest.approx(second))
    assert got["rebuy", "published", "u2"] == got["discovery", "als", "u1"] == (0.0, 0.0)


def test_only_so_many_users_are_judged_and_always_the_same(spark: SparkSession) -> None:
    given = [bought(f"u{n}", "old", 1) for n in range(20)]
    events, edges = rows(spark, "silver.events", given), rows(spark, "gold.interactions", [{"user_id": f"u{n}"} for n in range(20)])
    items = rows(spark, "silver.items", [{"item_id": "old", "valid_from": date(2020, 1, 1), "recommendable": True}])
    none_kept = rows(spark, "gold.kept_purchases", [])
    samples = []
    for _ in range(2):
        sample = relevant_items(events, none_kept, items, edges, CUTS, EvaluateSettings(seed=3, draws=1, max_users=5))
        samples.append(sorted(row.user_id for row in sample.where("setting = 'rebuy'").collect()))
    assert len(samples[0]) == 5
    assert samples[0] == samples[1]


def test_a_recommenders_list_is_its_own_ranks_up_to_k(spark: SparkSession) -> None:
    placed = [
        {"setting": "rebuy", "user_id": "u1", "item_id": "a", "als_rank": 20, "ease_rank": 21, "personal_frequency_rank": 1},
        {"setting": "discovery", "user_id": "u1", "item_id": "b", "als_rank": 1, "personal_frequency_rank": 1},
    ]
    got = {(r.setting, r.model, r["rank"], r.item_id) for r in recommender_lists(rows(spark, "gold.candidates", placed), 20).collect()}
    assert got == {("rebuy", "als", 20, "a"), ("rebuy", "personal_frequency", 1, "a"), ("discovery", "als", 1, "b")}


def test_published_lists_are_cut_at_k(spark: SparkSession) -> None:
    given = [{"setting": "rebuy", "user_id": "u1", "rank": n, "item_id": f"i{n}"} for n in (1, 2, 3)]
    got = published_lists(rows(spark, "gold.recommendations", given), 2).collect()
    assert sorted((r.model, r["rank"], r.item_id) for r in got) == [("published", 1, "i1"), ("published", 2, "i2")]
