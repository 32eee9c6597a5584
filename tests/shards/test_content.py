"""Which features the shop's tables give, as of a cut."""

from datetime import date

import numpy as np
from pyspark.sql import functions as F

from basketgraph.shards.content import item_features, user_features
from basketgraph.shards.writer import ShardSettings
from support.contract_rows import rows

CUT = date(2026, 3, 1)


def test_items_are_taken_as_they_were_on_the_day_before_the_cut(spark):
    items = rows(
        spark,
        "silver.items",
        [
            {"item_id": "a", "valid_from": date(2026, 1, 1), "valid_to": date(2026, 3, 1), "category": "tea"},  # held until the cut
            {"item_id": "a", "valid_from": date(2026, 3, 1), "category": "jam"},  # not known yet
            {"item_id": "b", "valid_from": date(2026, 1, 1), "category": "tea"},
            {"item_id": "c", "valid_from": date(2026, 1, 1), "category": "tea", "recommendable": False},  # never sold, withdrawn
            {"item_id": "d", "valid_from": date(2026, 1, 1), "category": "jam"},  # never sold, may be shown
        ],
    )
    sold = [{"item_id": "a", "quantity": 2, "amount_minor": 200}, {"item_id": "b", "quantity": 1, "amount_minor": 900}]
    interactions = rows(spark, "gold.interactions", [{"as_of": CUT, "user_id": "u", **row} for row in sold])
    found = item_features(items, interactions, as_of=CUT, settings=ShardSettings(buckets=512))
    got = {row.item_id: np.array(row.features) for row in found.frame.collect()}
    assert sorted(got) == ["a", "b", "d"]
    assert {len(vector) for vector in got.values()} == {len(found.labels)}
    assert np.array_equal(got["a"][2:], got["b"][2:])  # the same names
    assert not np.array_equal(got["a"][2:], got["d"][2:])
    assert got["a"][1] < got["b"][1]  # cheaper within tea
    without_new = item_features(items, interactions, as_of=CUT, settings=ShardSettings(new_items=False))
    assert sorted(row.item_id for row in without_new.frame.collect()) == ["a", "b"]


def test_profiles_give_numbers_habits_and_names(spark):
    same = {"as_of": CUT, "hour_shares": [1 / 24] * 24, "weekday_shares": [1 / 7] * 7, "lifecycle": "active"}
    profiles = rows(
        spark,
        "gold.user_profiles",
        [
            {**same, "user_id": "a", "orders": 1, "categories": [("tea", 1.0)], "brands": []},
            {**same, "user_id": "b", "orders": 9, "categories": [("jam", 1.0)], "brands": []},
        ],
    )
    found = user_features(profiles, buckets=512)
    got = {row.user_id: dict(zip(found.labels, row.features, strict=True)) for row in found.frame.collect()}
    assert got["a"]["orders"] < 0 < got["b"]["orders"]
    assert got["a"]["hour_shares[23]"] == 0  # a number that is the same for all says nothing
    different = [label for label in found.labels if got["a"][label] != got["b"][label]]
    assert [label for label in different if label.startswith("bucket")]
    assert not [label for label in found.labels if label.startswith(("user_id", "as_of"))]
    of_behaviours = profiles.withColumns({"preferred_channel": F.lit("web"), "preferred_device": F.lit("phone"), "searches": F.lit(9)})
    again = user_features(of_behaviours.select(*profiles.columns), buckets=512)
    assert sorted(again.frame.collect()) == sorted(found.frame.collect()), "shops without such columns keep their vectors"
