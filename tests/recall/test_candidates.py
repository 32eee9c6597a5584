"""Candidates from planted item sides: unions, ranks, what may not be listed, and recommenders that are absent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from basketgraph.foundation.recommenders import NAMES
from basketgraph.recall.candidates import candidates, edges_for_ease, user_rows
from basketgraph.recall.catalogue import COUNTS, Catalogue, catalogue, similarities
from support.contract_rows import rows
from support.recall_settings import recall_settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ITEMS = ["a", "b", "c", "d", "e"]
HAD = {"u1": {"a": 2.0, "b": 1.0}, "u2": {"b": 1.0, "c": 1.0}, "u3": {"gone": 1.0}}


def table(schema: dict[str, pa.DataType], *columns: list[Any]) -> pa.Table:
    return pa.table([pa.chunked_array([pa.array(c, t)]) for c, t in zip(columns or [[]] * len(schema), schema.values(), strict=True)], list(schema))


def edges_table() -> pa.Table:
    flat = [(user, item, weight) for user, items in HAD.items() for item, weight in items.items()]
    return table({"user_id": pa.string(), "item_id": pa.string(), "weight": pa.float64()}, *map(list, zip(*flat, strict=True)))


def item_side(**changed: pa.Table) -> Catalogue:
    number = pa.list_(pa.float32())
    tables = {
        "edges": edges_table(),
        "related": table({"item_id": pa.string(), "related_item_id": pa.string(), "score": pa.float32()}, ["a", "gone"], ["d", "e"], [0.5, 0.4]),
        "als": table({"item_id": pa.string(), "vector": number}, ["a", "e"], [[1.0, 0.0], [3.0, 1.0]]),
        "graph": table({"item_id": pa.string(), "vector": number}),
    } | changed
    assortment = table({"item_id": pa.string(), "buyers": pa.int64()}, ITEMS, [5, 9, 0, 7, 7])
    vectors = {name: tables[name] for name in ("als", "graph")}
    return catalogue(assortment, tables["edges"], {"item_cosine": tables["related"]}, vectors, recall_settings())


def candidate_rows(spark: SparkSession, side: Catalogue, **settings: Any) -> list[Any]:
    had = [{"user_id": u, "item_id": i, "weight": w, "decayed": w / 2} for u, items in HAD.items() for i, w in items.items()]
    als = spark.createDataFrame([("u1", [1.0, 2.0]), ("u2", [1.0, 0.0])], "user_id string, vector array<float>")
    graph = spark.createDataFrame([], "user_id string, vector array<float>")
    users = user_rows(rows(spark, "gold.interactions", had), {"als": als, "graph": graph})
    return candidates(users, side, recall_settings(**settings)).collect()


@pytest.fixture(scope="module")
def placed(spark: SparkSession) -> list[Any]:
    return candidate_rows(spark, item_side())


def places(found: list[Any], setting: str, user: str, source: str) -> list[str]:
    ranked = [(row[f"{source}_rank"], row.item_id) for row in found if (row.setting, row.user_id) == (setting, user)]
    return [item for rank, item in sorted(pair for pair in ranked if pair[0] is not None)]


def test_each_recommender_ranks_all_that_may_be_listed_and_ties_go_to_the_lower_id(placed: list[Any]) -> None:
    assert places(placed, "rebuy", "u1", "popularity") == ["b", "d", "e"]
    assert places(placed, "rebuy", "u1", "personal_frequency") == ["a", "b"]
    assert places(placed, "rebuy", "u1", "item_cosine") == ["d"]
    assert places(placed, "rebuy", "u1", "als") == ["e", "a"]


def test_discovery_lists_nothing_that_the_user_had(placed: list[Any]) -> None:
    assert places(placed, "discovery", "u1", "popularity") == ["d", "e"]  # c sold nothing of late: no opinion
    new = {(row.user_id, row.item_id) for row in placed if row.setting == "discovery"}
    assert not {(user, item) for user, items in HAD.items() for item in items} & new
    assert places(placed, "discovery", "u1", "personal_frequency") == []


def test_what_is_no_longer_sold_still_says_what_goes_with_it(placed: list[Any]) -> None:
    assert places(placed, "rebuy", "u3", "item_cosine") == ["e"]
    assert all(row.item_id in ITEMS for row in placed)


def test_a_candidate_keeps_the_scores_of_recommenders_that_did_not_place_it(placed: list[Any]) -> None:
    (row,) = [row for row in placed if (row.setting, row.user_id, row.item_id) == ("rebuy", "u1", "d")]
    assert row.popularity_score == 7
    assert row.item_cosine_score == 1.0  # weight 2 x similarity 0.5
    assert row.als_score is None  # ALS does not know the item
    assert row.ease_score is not None


def test_a_recommender_that_is_absent_has_no_scores_and_a_user_it_does_not_know_none_either(placed: list[Any]) -> None:
    assert all(row.graph_score is row.graph_rank is row.graph_z is None for row in placed)
    assert all(row.als_score is None for row in placed if row.user_id == "u3")


def test_standardised_scores_of_a_user_have_mean_0_and_deviation_1(placed: list[Any]) -> None:
    for source in NAMES:
        scores = np.array([row[f"{source}_z"] for row in placed if (row.setting, row.user_id) == ("rebuy", "u2") and row[f"{source}_z"] is not None])
        if len(scores) > 1 and scores.any():
            np.testing.assert_allclose([scores.mean(), scores.std()], [0, 1], atol=1e-5)


def test_blocks_of_users_change_nothing(spark: SparkSession, placed: list[Any]) -> None:
    whole = candidate_rows(spark, item_side(), block_users=100)
    assert sorted(map(repr, whole)) == sorted(map(repr, placed))


def test_a_shop_with_popularity_alone_still_gets_candidates(spark: SparkSession) -> None:
    side = item_side(
        edges=edges_table().slice(0, 0),
        related=table({"item_id": pa.string(), "related_item_id": pa.string(), "score": pa.float32()}),
        als=table({"item_id": pa.string(), "vector": pa.list_(pa.float32())}),
    )
    assert side.absent == ["open_cart", "session", "item_cosine", "words", "ease", "als", "graph", "sequence"]
    found = candidate_rows(spark, side)
    assert places(found, "discovery", "u3", "popularity") == ["b", "d", "e"]


def test_open_carts_and_last_visits_are_scored_by_themselves_and_what_was_refused_is_not_listed(spark: SparkSession) -> None:
    follows = table({"item_id": pa.string(), "related_item_id": pa.string(), "score": pa.float32()}, ["c", "a"], ["a", "e"], [0.5, 1.0])
    side = replace(item_side(), counts=(*COUNTS, "open_cart"))
    side = replace(side, neighbours={**side.neighbours, "session": similarities(follows, side.history, side.listed)})

    def of_users(*given: tuple[str, str, float]) -> DataFrame:
        return spark.createDataFrame(list(given), "user_id string, item_id string, weight double")

    lately = {"open_cart": of_users(("u1", "e", 1.0), ("u1", "a", 0.5), ("stranger", "e", 1.0)), "session": of_users(("u1", "c", 1.0))}
    seen = {"user_id": "u1", "item_id": "e", "weight": 0.1, "decayed": 0.0, "purchases": 0}
    had = [{"user_id": u, "item_id": i, "weight": w, "decayed": w / 2} for u, items in HAD.items() for i, w in items.items()]
    users = user_rows(rows(spark, "gold.interactions", [*had, seen]), {}, lately, of_users(("u2", "d", 1.0)))
    found = candidates(users, replace(side, vectors={}), recall_settings()).collect()
    assert places(found, "rebuy", "u1", "open_cart") == ["e", "a"]
    assert places(found, "discovery", "u1", "open_cart") == ["e"], "it was looked at only"
    assert places(found, "rebuy", "u1", "session") == ["a"]
    assert places(found, "rebuy", "u2", "open_cart") == []
    assert places(found, "discovery", "stranger", "open_cart") == ["e"], "a visitor who bought nothing yet"
    assert "d" in {row.item_id for row in found if row.user_id == "u1"}
    assert "d" not in {row.item_id for row in found if row.user_id == "u2"}


def test_ease_gets_no_edges_where_users_are_too_many(spark: SparkSession) -> None:
    edges: DataFrame = rows(spark, "gold.interactions", [{"user_id": u, "item_id": "a"} for u in ("u1", "u2", "u3")])
    assert edges_for_ease(edges, recall_settings(ease_max_users=3)).count() == 3
    assert edges_for_ease(edges, recall_settings(ease_max_users=2)).count() == 0
