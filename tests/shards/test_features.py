"""Feature vectors: numbers standardised, names hashed."""

import numpy as np
import pytest

from basketgraph.shards.features import FeatureColumns, feature_vectors


def test_numbers_are_standardised_and_an_unknown_one_is_the_mean(spark):
    people = spark.createDataFrame([("a", 0.0), ("b", None), ("c", 99.0)], "user_id string, spend double")
    vectors = feature_vectors(people, "user_id", FeatureColumns(numbers=["spend"]))
    got = {row.user_id: row.features for row in vectors.frame.collect()}
    assert got == {"a": [pytest.approx(-1.0)], "b": [0.0], "c": [pytest.approx(1.0)]}
    assert vectors.labels == ("spend",)


def test_names_share_a_bucket_only_within_their_column(spark):
    things = spark.createDataFrame(
        [("a", "x", None), ("b", "x", None), ("c", None, "x"), ("d", None, None)], "item_id string, brand string, category string"
    )
    vectors = feature_vectors(things, "item_id", FeatureColumns(names=["brand", "category"], buckets=512))
    got = {row.item_id: np.array(row.features) for row in vectors.frame.collect()}
    assert np.array_equal(got["a"], got["b"])
    assert np.abs(got["a"]).sum() == pytest.approx(0.5**0.5)
    assert not np.array_equal(np.abs(got["a"]), np.abs(got["c"]))
    assert not got["d"].any()
