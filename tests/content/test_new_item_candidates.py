"""New items as of a cut, and each user's best ones."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyspark.sql import functions as F

from basketgraph.content.new_item_candidates import (
    described_items,
    known_items,
    learned_new_items,
    new_item_candidates,
    new_items,
    sampled_edges,
    user_lines,
)
from support.contract_rows import rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

CUT = date(2026, 6, 1)
OPENED = date(2026, 1, 1)


def days_before(days: int) -> date:
    return CUT - timedelta(days=days)


def items(spark: SparkSession, listed_on: dict[str, date], withdrawn: str = "") -> DataFrame:
    return rows(spark, "silver.items", [{"item_id": i, "valid_from": day, "recommendable": i != withdrawn} for i, day in listed_on.items()])


def sales(spark: SparkSession, sold: list[tuple[str, date, int]]) -> DataFrame:
    """One purchase by each of so many people."""
    return rows(spark, "silver.events", [{"item_id": i, "event_date": day, "user_id": f"u{n}"} for i, day, users in sold for n in range(users)])


def new_of(listed: DataFrame, bought: DataFrame, most: int = 9) -> list[str]:
    return [row.item_id for row in new_items(listed, bought, as_of=CUT, days=28, buyers=3, most=most).collect()]


def test_an_item_is_new_for_some_days_from_its_first_sale_or_its_first_day_in_the_list_on(spark: SparkSession) -> None:
    listed_on = {
        **dict.fromkeys(["old", "sold first", "sold too early", "sold to many", "withdrawn"], OPENED),
        **{"listed first": days_before(28), "listed too early": days_before(29), "listed last": days_before(1), "of after the cut": CUT},
        "listed and sold": days_before(3),
    }
    sold = [("old", OPENED, 1), ("old", days_before(2), 1), ("sold first", days_before(28), 2), ("sold too early", days_before(29), 1)]
    sold += [("sold to many", days_before(5), 3), ("withdrawn", days_before(5), 1), ("listed and sold", days_before(2), 1)]
    listed, bought = items(spark, listed_on, withdrawn="withdrawn"), sales(spark, sold)
    assert new_of(listed, bought) == ["listed last", "listed and sold", "listed first", "sold first"]
    assert new_of(listed, bought, most=2) == ["listed last", "listed and sold"]


def test_what_stood_in_the_list_or_was_sold_from_the_start_is_not_new(spark: SparkSession) -> None:
    begins = days_before(40)  # what comes on the 28th day after it, the 12th before the cut, is the first to be new
    listed = items(spark, {"a": begins, "b": days_before(13), "c": days_before(12), "d": begins, "e": begins, "f": begins})
    bought = sales(spark, [("d", begins, 1), ("e", days_before(13), 1), ("f", days_before(12), 1)])
    assert new_of(listed, bought) == ["c", "f"]
    assert new_of(items(spark, {"a": date(1900, 1, 1)}), bought) == [], "one list for ever: nothing comes by being listed"


@pytest.fixture(scope="module")
def shop(spark: SparkSession) -> dict[str, DataFrame]:
    """Two groups: people buy lanterns, or cushions. Each kind has a new item; of a third new item nothing is written."""
    kinds = ("lantern", "cushion")
    edges: list[dict[str, Any]] = []
    for user in range(20):
        for number in range(4):
            day = OPENED + timedelta(days=20 * number)
            edges.append({"user_id": f"u{user:02d}", "item_id": f"{kinds[user % 2]} {number}", "first_date": day, "purchases": 1})
    edges.append({"user_id": "looked", "item_id": "lantern 1", "first_date": OPENED, "purchases": 0})
    edges.append({"user_id": "u02", "item_id": "lantern new", "first_date": OPENED, "purchases": 1})
    ids = [f"{kind} {number}" for kind in kinds for number in (*range(4), "new")]
    texts = [{"item_id": item, "text": f"{item.split()[0]} of {item.split()[1]}", "text_hash": item} for item in ids]
    vectors = [{"text_hash": item, "vector": [1.0, 0.0] if "lantern" in item else [0.0, 1.0], "model": "m"} for item in ids[:-1]]
    return {
        "edges": rows(spark, "gold.interactions", edges),
        "new": spark.createDataFrame([("lantern new",), ("cushion new",), ("untitled",)], "item_id string"),
        "texts": rows(spark, "gold.item_texts", texts),
        "vectors": rows(spark, "gold.item_text_vectors", vectors),
        "refused": rows(spark, "gold.refused_items", [{"user_id": "u04", "item_id": "lantern new"}]),
    }


@pytest.mark.parametrize("with_vectors", [False, True])
def test_each_group_gets_the_new_item_of_its_kind(spark: SparkSession, shop: dict[str, DataFrame], with_vectors: bool) -> None:
    edges, new = shop["edges"], shop["new"]
    known = known_items(edges, new, 8)
    assert known.where(F.col("item_id").endswith("new")).isEmpty()
    described = described_items(known, new, shop["texts"], shop["vectors"] if with_vectors else shop["vectors"].limit(0)).toArrow()
    item_side = learned_new_items(described, sampled_edges(edges, known, users=100, seed=1).toArrow(), seed=1)
    assert item_side is not None
    assert item_side.new == ("cushion new", "lantern new")
    found: dict[str, list[Any]] = {}
    for row in new_item_candidates(user_lines(edges, shop["refused"]), item_side).orderBy("user_id", "rank").collect():
        found.setdefault(row.user_id, []).append(row)
    for user in ("u00", "u06", "looked"):
        assert [row.item_id for row in found[user]] == ["lantern new", "cushion new"]
        assert found[user][0].like_item_id.startswith("lantern")
        assert found[user][0].score > found[user][1].score
    assert [row.item_id for row in found["u01"]] == ["cushion new", "lantern new"]
    for user in ("u02", "u04"):  # bought and refused
        assert [(row.item_id, row["rank"]) for row in found[user]] == [("cushion new", 1)]


def test_without_something_new_or_something_written_there_is_nothing_to_compare(spark: SparkSession, shop: dict[str, DataFrame]) -> None:
    edges = sampled_edges(shop["edges"], known_items(shop["edges"], shop["new"], 8), users=3, seed=1).toArrow()
    assert len(set(edges["user_id"].to_pylist())) == 3
    schema = pa.schema([("item_id", pa.string()), ("is_new", pa.bool_()), ("text", pa.string()), ("vector", pa.list_(pa.float32()))])
    for row in ({"item_id": "x", "is_new": True, "text": "x"}, {"item_id": "lantern 1", "is_new": False, "text": "lantern"}):
        assert learned_new_items(pa.Table.from_pylist([row], schema), edges, seed=1) is None
