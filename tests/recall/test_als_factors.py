"""ALS finds planted groups of users and items again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from basketgraph.recall.als_factors import als_factors
from support.contract_rows import rows
from support.recall_settings import recall_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_users_prefer_the_items_of_their_own_group_also_those_they_never_had(spark: SparkSession) -> None:
    had = [
        {"user_id": f"{group}{u}", "item_id": f"{group}{i}", "weight": 1.0}
        for group in ("beer", "milk")
        for u in range(6)
        for i in range(6)
        if u != i  # each user misses one item of the group
    ]
    users, items = als_factors(rows(spark, "gold.interactions", had), recall_settings())
    user_factors = {row.user_id: np.array(row.factors) for row in users.collect()}
    item_factors = {row.item_id: np.array(row.factors) for row in items.collect()}
    assert len(user_factors) == len(item_factors) == 12
    for group, other in (("beer", "milk"), ("milk", "beer")):
        for u in range(6):
            score = {item: user_factors[f"{group}{u}"] @ factors for item, factors in item_factors.items()}
            assert score[f"{group}{u}"] > max(score[f"{other}{i}"] for i in range(6)) + 0.3


def test_rare_items_take_no_part_and_a_shop_of_rare_items_has_no_factors(spark: SparkSession) -> None:
    had = [{"user_id": f"u{u}", "item_id": "common", "weight": 1.0} for u in range(3)] + [{"user_id": "u1", "item_id": "rare", "weight": 1.0}]
    edges = rows(spark, "gold.interactions", had)
    _, items = als_factors(edges, recall_settings(als_min_users=3))
    assert [row.item_id for row in items.collect()] == ["common"]
    users, items = als_factors(edges, recall_settings(als_min_users=4))
    assert users.collect() == items.collect() == []
    assert items.columns == ["item_id", "factors"]
