"""Sealing from Spark, read back through petastorm."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from basketgraph.foundation.config import UserError
from basketgraph.shards.features import FeatureColumns, feature_vectors
from basketgraph.shards.manifest import ids_sha256
from basketgraph.shards.reader import ShardSet
from basketgraph.shards.writer import seal_shards
from support.contract_rows import ODD

CUT = date(2026, 3, 1)
PAIRS = [(f"u{u:02d}", f"i{(u * 7 + k) % 11:02d}", float(1 + k)) for u in range(20) for k in range(1 + u % 4)]


@pytest.fixture(scope="module")
def sealed(spark, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sealed") / ODD / "set"
    interactions = spark.createDataFrame(PAIRS, "user_id string, item_id string, weight double")
    users = spark.createDataFrame([(f"u{u:02d}", [float(u), 0.5]) for u in range(19)], "user_id string, factors array<float>")
    items = spark.createDataFrame([(f"i{i:02d}", [0.25, float(i)]) for i in range(11)], "item_id string, factors array<float>")
    known = spark.createDataFrame([("i03", "tea"), ("i99", "jam")], "item_id string, category string")
    content = feature_vectors(known, "item_id", FeatureColumns(names=["category"], buckets=4))
    manifest = seal_shards(folder, interactions, cut=CUT, tables={"gold.interactions": 3}, shards=3, factors=(users, items), item_features=content)
    return folder, manifest


def test_every_edge_comes_back_by_the_ids_it_had(sealed):
    folder, manifest = sealed
    reader = ShardSet(folder)
    items = reader.items()
    got = set()
    for shard in range(manifest.shards):
        users, edges = reader.users(shard), reader.edges(shard)
        names = dict(zip(users.index.tolist(), users.ids.tolist(), strict=True))
        got |= {(names[u], items.ids[i], w) for u, i, w in zip(edges.users.tolist(), edges.items.tolist(), edges.weights.tolist(), strict=True)}
    assert got == set(PAIRS)


def test_a_users_edges_lie_in_the_users_shard_and_indices_count_through_the_set(sealed):
    folder, manifest = sealed
    reader = ShardSet(folder)
    indices = []
    for shard in range(manifest.shards):
        users = reader.users(shard)
        indices.extend(users.index.tolist())
        assert set(reader.edges(shard).users.tolist()) <= set(users.index.tolist())
        assert sorted(users.ids.tolist()) == users.ids.tolist()
    assert indices == list(range(20))


def test_start_vectors_follow_their_ids_and_an_id_without_factors_starts_at_zero(sealed):
    folder, manifest = sealed
    reader = ShardSet(folder)
    found = {name: start for shard in range(manifest.shards) for name, start in zip(reader.users(shard).ids, reader.users(shard).start, strict=True)}
    assert {name: start.tolist() for name, start in found.items()} == {f"u{u:02d}": [float(u), 0.5] if u < 19 else [0.0, 0.0] for u in range(20)}


def test_an_item_without_sales_is_sealed_for_its_content(sealed):
    items = ShardSet(sealed[0]).items()
    assert items.ids.tolist() == [*(f"i{i:02d}" for i in range(11)), "i99"]
    bought, new = items.features[3], items.features[11]
    assert np.abs(bought).sum() == np.abs(new).sum() == 1
    assert np.abs(items.features).sum() == 2


def test_the_manifest_says_what_was_sealed(sealed):
    folder, manifest = sealed
    assert (manifest.users, manifest.items, manifest.edges, manifest.start_width) == (20, 12, len(PAIRS), 2)
    assert (manifest.cut, manifest.tables) == (CUT, {"gold.interactions": 3})
    assert manifest.item_ids_sha256 == ids_sha256([*(f"i{i:02d}" for i in range(11)), "i99"])
    assert sorted(path.name for path in folder.iterdir()) == sorted(["manifest.json", *(file.name for file in manifest.files)])


def test_the_same_rows_in_another_order_seal_the_same_bytes_of_meaning(spark, sealed, tmp_path: Path):
    folder, manifest = sealed
    shuffled = spark.createDataFrame(PAIRS[::-1], "user_id string, item_id string, weight double").repartition(5)
    again = seal_shards(tmp_path / "again", shuffled, cut=CUT, tables={}, shards=3)
    first, second = ShardSet(folder), ShardSet(tmp_path / "again")
    assert again.user_ids_sha256 == manifest.user_ids_sha256
    for shard in range(3):
        assert first.edges(shard).users.tolist() == second.edges(shard).users.tolist()
        assert first.edges(shard).weights.tolist() == second.edges(shard).weights.tolist()


def test_without_an_interaction_the_set_is_empty_and_without_factors_training_finds_its_own_start(spark, tmp_path: Path):
    folder = tmp_path / "set"
    pairs = spark.createDataFrame(PAIRS, "user_id string, item_id string, weight double")
    nobody = tuple(spark.createDataFrame([], f"{name}_id string, factors array<float>") for name in ("user", "item"))
    known = spark.createDataFrame([("i03", "tea")], "item_id string, category string")
    content = feature_vectors(known, "item_id", FeatureColumns(names=["category"], buckets=4))
    manifest = seal_shards(folder, pairs, cut=CUT, tables={}, shards=2, factors=nobody)
    assert (manifest.start_width, manifest.edges) == (0, len(PAIRS))
    empty = seal_shards(folder, pairs.limit(0), cut=CUT, tables={}, shards=2, factors=nobody, item_features=content)
    assert (empty.users, empty.items, empty.edges, empty.files) == (0, 0, 0, ())
    assert ShardSet(folder).manifest == empty
    uneven = (
        nobody[0].union(spark.createDataFrame([("u00", [1.0])], nobody[0].schema)),
        spark.createDataFrame([("i00", [1.0, 2.0])], nobody[1].schema),
    )
    with pytest.raises(UserError, match=r"want one width of users and items, have \[1, 2\]"):
        seal_shards(folder, pairs, cut=CUT, tables={}, shards=2, factors=uneven)
