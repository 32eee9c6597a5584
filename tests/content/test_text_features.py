"""Text vectors as features of items: their leading components, and zeros where a text has none."""

from __future__ import annotations

import numpy as np
import pytest
from pyspark.sql import SparkSession

from basketgraph.content.text_features import text_features, vector_features, vectors_of_kinds
from basketgraph.shards.features import Features, with_more
from support.contract_rows import rows


def test_items_of_like_texts_have_like_features_and_those_without_a_vector_have_zeros(spark: SparkSession) -> None:
    draw = np.random.default_rng(0)
    kinds = draw.normal(size=(2, 12))
    given = {f"t{number}": kinds[number % 2] + 0.05 * draw.normal(size=12) for number in range(10)}
    vectors = [(name, [float(x) for x in vector / np.linalg.norm(vector)]) for name, vector in given.items()]
    known = spark.createDataFrame([*vectors, ("foreign", None)], "text_hash string, vector array<float>")
    items = [("i0", "t0"), ("i1", "t1"), ("i2", "t2"), ("same as i2", "t2"), ("f", "foreign"), *((f"x{n}", f"t{n}") for n in range(3, 10))]
    found = text_features(spark.createDataFrame(items, "item_id string, text_hash string"), known, 4)
    assert found.labels == ("text[0]", "text[1]", "text[2]", "text[3]")
    got = {row.item_id: np.array(row.features) for row in found.frame.collect()}
    assert set(got) == {item for item, text in items if text != "foreign"}
    assert got["i2"].tolist() == got["same as i2"].tolist()
    assert np.linalg.norm(got["i0"] - got["i2"]) < 0.3 < 1.5 < np.linalg.norm(got["i0"] - got["i1"])
    of_texts = np.array([got[item] for item in ("i0", "i1", "i2", *(f"x{n}" for n in range(3, 10)))])
    assert (of_texts**2).sum(axis=1).mean() == pytest.approx(1, rel=0.01)
    np.testing.assert_allclose(of_texts.mean(axis=0), 0, atol=1e-5)

    others = Features(spark.createDataFrame([("i0", [9.0]), ("f", [8.0])], "item_id string, features array<float>"), ("price",))
    both = with_more(others, found, "item_id")
    assert both.labels == ("price", *found.labels)
    joined = {row.item_id: row.features for row in both.frame.collect()}
    assert joined["i0"] == pytest.approx([9.0, *got["i0"]])
    assert joined["f"] == [8.0, 0.0, 0.0, 0.0, 0.0]

    for items_of_cut in (items[4:5], items[:0]):  # all that have a vector come later
        nothing = text_features(spark.createDataFrame(items_of_cut, "item_id string, text_hash string"), known, 4)
        assert (nothing.labels, nothing.frame.count()) == ((), 0)


def test_vectors_of_other_kinds_are_those_of_the_length_that_most_items_have(spark: SparkSession) -> None:
    image, sound = ("image", [1.0, 0.0]), ("audio", [0.5])
    given = {"a": [sound, image], "b": [("image", [0.0, 1.0])], "c": [("image", [9.0])], "d": None, "e": []}
    items = rows(spark, "silver.items", [{"item_id": item, "vectors": vectors} for item, vectors in given.items()])
    kinds = vectors_of_kinds(items)
    found = {kind: {row.item_id: list(row.vector) for row in frame.collect()} for kind, frame in kinds.items()}
    assert found == {"audio": {"a": [0.5]}, "image": {"a": [1.0, 0.0], "b": [0.0, 1.0]}}
    features = vector_features(kinds["image"], 4, "image")
    assert features.labels == ("image[0]",), "two vectors have one direction between them"
    (a,), (b,) = (row.features for row in features.frame.orderBy("item_id").collect())
    assert a == pytest.approx(-b)
    assert abs(a) == pytest.approx(1)
