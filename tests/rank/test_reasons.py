"""Reasons: which source a sentence is about, and that its evidence adds up."""

from __future__ import annotations

import itertools
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from basketgraph.foundation.goals import PURCHASE
from basketgraph.foundation.recommenders import NAMES
from basketgraph.rank.evidence import Evidence, evidence
from basketgraph.rank.reasons import listed_users, reasons
from support.contract_rows import rows

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NUMBERS = pa.list_(pa.float32())
MESSAGES = {"milk": [1.0, 0.0], "oats": [0.0, 2.0], "tea": [-1.0, 0.0]}
VECTORS = {"honey": [0.6, 0.8, 0.3], "milk": [1.0, 0.0, 0.1], "rum": [-1.0, 0.0, 0.0], "other milk": [1.0, 0.0, 0.0]}  # popularity last
USER = {"embedding": [2.0, 3.0, 1.0], "scale": 0.5}
HAD = {"milk": (1.0, 3, date(2026, 3, 1)), "oats": (0.5, 1, date(2026, 2, 1)), "tea": (1.0, 2, date(2026, 1, 1))}
LISTED = {  # item -> ranks of the sources that placed it
    "milk": {"popularity": 1, "personal_frequency": 4},
    "honey": {"graph": 2, "ease": 3},
    "rum": {"graph": 1, "item_cosine": 5},
    "jam": {"als": 1, "graph": 2},
    "nuts": {"popularity": 9},
    "other milk": {"graph": 1, "ease": 2},
    "third milk": {"als": 1},
    "oat bar": {"words": 1, "popularity": 1},
    "oat cake": {"words": 1},
    "fourth milk": {"words": 2, "popularity": 3},
}


def column(values: list[Any], kind: pa.DataType) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, kind)])


@pytest.fixture(scope="module")
def item_side() -> Evidence:
    names = {"milk": "Milk", "oats": "Oats", "tea": None, "honey": "Honey", "rum": "Rum", "jam": "Jam", "nuts": "Nuts"}
    names |= {
        "other milk": "Milk",
        "third milk": "Milk",
        "fourth milk": "Milk",
        "oat bar": "Oat bar",
        "oat cake": "Oat cake",
        "seeds": "Seeds",
        "new jam": "New jam",
        "new milk": "Milk",
    }
    known = sorted(set(MESSAGES) | set(VECTORS))
    graph = {
        "item_id": column(known, pa.string()),
        "embedding": column([VECTORS.get(item, [0.0, 1.0, 0.0]) for item in known], NUMBERS),
        "message": column([MESSAGES.get(item, [0.0, 0.0]) for item in known], NUMBERS),
    }
    related = [("milk", "jam", 0.2, 7), ("tea", "jam", 0.6, 5), ("oats", "jam", 0.1, 2), ("oats", "rum", 0.5, 4), ("nuts", "honey", 0.9, 9)]
    related += [("milk", "other milk", 0.9, 9), ("oats", "other milk", 0.2, 3), ("milk", "third milk", 0.9, 9)]
    near = dict(zip(("item_id", "related_item_id", "score", "users"), zip(*related, strict=True), strict=True))
    similar = [("oats", "oat bar", 0.8), ("milk", "oat bar", 0.1), ("seeds", "oat bar", 0.3), ("milk", "fourth milk", 2.0)]
    alike = dict(zip(("item_id", "related_item_id", "score"), zip(*similar, strict=True), strict=True))
    kinds = (pa.string(), pa.string(), pa.float32(), pa.int64())
    return evidence(
        pa.table({"item_id": column(list(names), pa.string()), "name": column(list(names.values()), pa.string())}),
        pa.table({"item_id": column(["nuts", "rum"], pa.string()), "buyers": column([12, 1], pa.int64())}),
        pa.table({name: column(list(values), kind) for (name, values), kind in zip(near.items(), kinds, strict=True)}),
        pa.table({name: column(list(values), kind) for (name, values), kind in zip(alike.items(), kinds, strict=False)}),
        pa.table(graph),
        popularity_days=28,
        parts=2,
        words=PURCHASE.words,
    )


@pytest.fixture(scope="module")
def why(spark: SparkSession, item_side: Evidence) -> dict[str, Any]:
    ranks = ", ".join(f"{source}_rank int" for source in NAMES)
    listed = [("rebuy", "u1", n, item, 1.0 / n, *(placed.get(s) for s in NAMES)) for n, (item, placed) in enumerate(LISTED.items(), 1)]
    lists = spark.createDataFrame(listed, f"setting string, user_id string, rank int, item_id string, score double, {ranks}")
    had = [{"user_id": "u1", "item_id": i, "weight": w, "purchases": n, "last_date": d} for i, (w, n, d) in HAD.items()]
    graph = spark.createDataFrame([("u1", USER["embedding"], USER["scale"])], "user_id string, embedding array<float>, scale float")
    edges = rows(spark, "gold.interactions", had)
    new = [("u1", "honey", "milk"), ("u1", "new jam", "tea"), ("u1", "new milk", "milk"), ("u2", "new jam", "tea"), ("u1", "new nuts", None)]
    fresh = rows(
        spark,
        "gold.new_item_candidates",
        [{"user_id": user, "item_id": item, "like_item_id": like, "rank": rank} for rank, (user, item, like) in enumerate(new, 1)],
    )
    users = listed_users(lists, edges, graph, fresh)
    kept = reasons(users, item_side, k=len(LISTED) + 1, new_places={"rebuy": 4}).collect()
    first = len(LISTED) - 2  # three of the places are filled
    assert [(row.item_id, row["rank"]) for row in kept[:first]] == [(item, n) for n, item in enumerate(list(LISTED)[:first], 1)]
    assert all(later.score < row.score for row, later in itertools.pairwise(kept))
    told = [(row.item_id, row["rank"], row.sources, row.source, row.reason, len(row.evidence)) for row in kept[first:]]
    assert told == [
        ("new jam", first + 1, ["new_item"], "new_item", "New, and like item tea that you bought.", 1),
        ("new milk", first + 2, ["new_item"], "new_item", "New in the shop.", 0),  # of the name of the item that it is like
        ("new nuts", first + 3, ["new_item"], "new_item", "New in the shop.", 0),
    ]
    found = reasons(users, item_side, k=len(LISTED), new_places={"discovery": 4}).collect()
    assert [(row.item_id, row["rank"]) for row in found] == [(item, n) for n, item in enumerate(LISTED, 1)]
    return {row.item_id: row for row in found}


def test_what_the_user_bought_before_says_how_often_and_when(why: dict[str, Any]) -> None:
    assert why["milk"].source == "personal_frequency"
    assert why["milk"].reason == "You bought it 3 times, last on 2026-03-01."
    assert why["milk"].sources == ["popularity", "personal_frequency"]
    assert why["milk"].evidence[0].purchases == 3


def test_a_graph_score_is_taken_apart_exactly(why: dict[str, Any]) -> None:
    row = why["honey"]
    vector = np.array(VECTORS["honey"][:2])
    total = np.array(USER["embedding"][:2]) @ vector
    adds = {item: weight * USER["scale"] * (np.array(MESSAGES[item]) @ vector) for item, (weight, _, _) in HAD.items()}
    assert row.source == "graph"
    assert [(part.item_id, pytest.approx(part.share)) for part in row.evidence] == [("oats", adds["oats"] / total), ("milk", adds["milk"] / total)]
    assert row.own_share == pytest.approx(1 - sum(adds.values()) / total)
    assert row.reason == "Goes with what you buy, above all Oats and Milk."


def test_a_source_without_evidence_leaves_the_word_to_the_next(why: dict[str, Any]) -> None:
    assert why["rum"].sources == ["graph", "item_cosine"]  # the graph's score of it is below 0
    assert why["rum"].source == "item_cosine"
    assert [(part.item_id, part.share, part.users) for part in why["rum"].evidence] == [("oats", 1.0, 4)]
    assert why["rum"].own_share is None


def test_co_purchases_are_weighed_and_the_strongest_named(why: dict[str, Any]) -> None:
    row = why["jam"]  # tea 1.0 x .6, milk 1.0 x .2, oats .5 x .1
    assert row.source == "als"
    assert [(part.item_id, round(part.share, 4), part.users) for part in row.evidence] == [("tea", 0.7059, 5), ("milk", 0.2353, 7)]
    assert row.reason == "Bought by those who also buy item tea and Milk."


def test_popularity_counts_customers(why: dict[str, Any]) -> None:
    assert (why["nuts"].source, why["nuts"].reason) == ("popularity", "12 customers bought it in the last 28 days.")
    assert why["nuts"].evidence == []


def test_no_item_is_explained_by_another_of_its_name(why: dict[str, Any]) -> None:
    row = why["other milk"]  # in the graph nothing but the user's Milk speaks for it
    assert (row.source, row.reason) == ("ease", "Bought by those who also buy Oats.")
    assert [(part.item_id, part.share) for part in row.evidence] == [("oats", pytest.approx(0.1))], "of all that speaks for it, Milk included"
    assert why["third milk"].source == "popularity", "nothing else speaks for it"


def test_what_is_alike_in_words_names_the_own_items_that_it_is_like(why: dict[str, Any]) -> None:
    row = why["oat bar"]  # oats .5 x .8, milk 1.0 x .1
    assert (row.source, row.reason) == ("words", "Similar to Oats and Milk, which you bought.")
    assert [(part.item_id, round(part.share, 4), part.users) for part in row.evidence] == [("oats", 0.8, None), ("milk", 0.2, None)]
    assert row.own_share is None
    assert why["oat cake"].source == "popularity", "nothing that the user has is like it"
    assert why["fourth milk"].source == "popularity", "it is like another of its name alone"
