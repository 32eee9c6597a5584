"""Nearest neighbours of items against the cosine written out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from basketgraph.recall.related_items import related_items, sampled_edges
from basketgraph.recall.settings import RecallSettings
from support.contract_rows import rows
from support.recall_settings import recall_settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def edges_of(spark: SparkSession, had: dict[str, dict[str, float]]) -> DataFrame:
    given = [{"user_id": user, "item_id": item, "weight": weight} for user, items in had.items() for item, weight in items.items()]
    return rows(spark, "gold.interactions", given)


def neighbours(edges: DataFrame, listed: DataFrame, settings: RecallSettings) -> list[Any]:
    items = edges.select("item_id").distinct()
    return related_items(items, sampled_edges(edges, settings).toArrow(), listed.toArrow(), settings).collect()


def test_neighbours_are_those_bought_by_the_same_users_nearest_first(spark: SparkSession) -> None:
    edges = edges_of(spark, {"u1": {"a": 1.0, "b": 2.0, "c": 1.0}, "u2": {"a": 3.0, "b": 1.0}, "u3": {"c": 1.0, "d": 1.0}})
    listed = edges.select("item_id").distinct()
    got = neighbours(edges, listed, recall_settings(related_shrink=1.0, related_min_users=1))
    of_a = sorted((r for r in got if r.item_id == "a"), key=lambda r: r["rank"])
    assert [(r.related_item_id, r.users) for r in of_a] == [("b", 2), ("c", 1)]
    np.testing.assert_allclose([r.score for r in of_a], [(2 + 3) / (np.sqrt(10) * np.sqrt(5) + 1), 1 / (np.sqrt(10) * np.sqrt(2) + 1)], rtol=1e-6)


def test_only_listed_items_are_neighbours_but_every_item_has_some(spark: SparkSession) -> None:
    edges = edges_of(spark, {"u1": {"old": 1.0, "new": 1.0}, "u2": {"old": 1.0, "new": 1.0}})
    listed = edges.select("item_id").distinct().where("item_id = 'new'")
    got = neighbours(edges, listed, recall_settings())
    assert [(r.item_id, r.related_item_id) for r in got] == [("old", "new")]


def test_a_pair_needs_enough_users_and_equal_neighbours_come_by_id(spark: SparkSession) -> None:
    edges = edges_of(spark, {"u1": dict.fromkeys("abcx", 1.0), "u2": dict.fromkeys("abc", 1.0), "u3": {"x": 1.0}})
    settings = recall_settings(related_min_users=2, related_neighbours=1)
    got = neighbours(edges, edges.select("item_id").distinct(), settings)
    assert sorted((r.item_id, r.related_item_id, r["rank"]) for r in got) == [("a", "b", 1), ("b", "a", 1), ("c", "a", 1)]
