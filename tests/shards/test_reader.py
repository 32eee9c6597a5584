"""A sealed set is read as it was sealed, or refused."""

import json
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from basketgraph.foundation.config import UserError
from basketgraph.shards.manifest import MANIFEST, Manifest, described, seal_set
from basketgraph.shards.plain import Nodes, seal_arrays, seal_sequences
from basketgraph.shards.reader import ShardSet, _batches

USERS, ITEMS, SHARDS = 50, 12, 3


def arrays():
    draw = np.random.default_rng(0)
    pairs = np.unique(np.stack([draw.integers(USERS, size=200), draw.integers(ITEMS, size=200)], 1), axis=0)
    return pairs[:, 0], pairs[:, 1], draw.uniform(1, 3, len(pairs)).astype(np.float32)


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    users = Nodes([f"u{k:02d}" for k in range(USERS)], np.arange(USERS * 2, dtype=np.float32).reshape(USERS, 2))
    items = Nodes([f"i{k:02d}" for k in range(ITEMS)], np.ones((ITEMS, 2), np.float32), np.eye(ITEMS, dtype=np.float32)[:, :4], ("a", "b", "c", "d"))
    seal_arrays(tmp_path / "set", arrays(), users, items, shards=SHARDS, cut=date(2026, 3, 1))
    return tmp_path / "set"


def rewrite_with(folder: Path, **changed: object) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, **changed}))


def test_rows_come_back_in_the_order_of_their_indices_whatever_order_they_lie_in(sealed):
    for name in ("edges-00001.parquet", "users-00001.parquet"):
        table = pq.read_table(sealed / name)
        pq.write_table(table.take(np.random.default_rng(1).permutation(len(table))), sealed / name, row_group_size=5)
    manifest = ShardSet(sealed, ()).manifest
    files = [described(sealed, f.name, f.kind, f.shard).model_dump(mode="json") for f in manifest.files]
    rewrite_with(sealed, files=files)
    shards = ShardSet(sealed)
    users, items, weights = (
        np.concatenate(parts) for parts in zip(*((e.users, e.items, e.weights) for e in map(shards.edges, range(3))), strict=True)
    )
    for got, want in zip((users, items, weights), arrays(), strict=True):
        np.testing.assert_array_equal(got, want)
    of_shard = shards.users(1)
    np.testing.assert_array_equal(of_shard.start, np.arange(USERS * 2, dtype=np.float32).reshape(USERS, 2)[of_shard.index])
    assert of_shard.ids.tolist() == [f"u{k:02d}" for k in of_shard.index]
    assert of_shard.features.shape == (len(of_shard.index), 0)
    np.testing.assert_array_equal(shards.items().features, np.eye(ITEMS)[:, :4])


def test_sequences_come_back_in_their_order_and_shards_without_people_are_empty(tmp_path):
    draw = np.random.default_rng(0)
    taken = [draw.integers(ITEMS, size=size) for size in (3, 0, 5, 1, 2, 4, 5)]
    manifest = seal_sequences(tmp_path / "set", taken, Nodes([f"i{k:02d}" for k in range(ITEMS)]), shards=9, cut=date(2026, 3, 1))
    assert (manifest.sequences, manifest.sequence_length, manifest.items, manifest.users, manifest.edges) == (7, 5, ITEMS, 0, 0)
    file = tmp_path / "set" / "sequences-00008.parquet"
    assert manifest.of_kind("sequences", [0])[0].rows == 0
    sealed = ShardSet(tmp_path / "set")
    got = [items.tolist() for shard in sealed.shards for items in sealed.sequences(shard).items]
    assert got == [items.tolist() for items in taken]
    assert sealed.items().ids.tolist() == [f"i{k:02d}" for k in range(ITEMS)]
    assert len(ShardSet(tmp_path / "set", [8]).edges(8).users) == 0
    file.write_bytes(b"short")
    with pytest.raises(UserError, match=r"sequences-00008\.parquet: want"):
        ShardSet(tmp_path / "set", [8])


def test_every_difference_from_the_manifest_is_listed_at_once(sealed):
    content = bytearray((sealed / "users-00000.parquet").read_bytes())
    content[50] ^= 1
    (sealed / "users-00000.parquet").write_bytes(content)
    (sealed / "edges-00001.parquet").write_bytes(b"short")
    (sealed / "items.parquet").unlink()
    with pytest.raises(UserError) as mistake:
        ShardSet(sealed)
    said = str(mistake.value)
    assert "users-00000.parquet: want sha256" in said
    assert "edges-00001.parquet: want" in said
    assert "have 5" in said
    assert "items.parquet: want" in said
    assert "have no file" in said
    assert "Seal the set again" in said


def test_only_the_files_of_the_shards_asked_for_are_checked(sealed):
    (sealed / "edges-00002.parquet").unlink()
    assert len(ShardSet(sealed, [0, 1]).edges(0).users) > 0
    with pytest.raises(UserError, match=r"edges-00002\.parquet"):
        ShardSet(sealed, [0, 2])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"format": 0}, "format: want 1, have 0"),
        ({"schema_hash": "old"}, "schema_hash: want"),
        ({"cut": "never"}, "cut: "),
        ({"colour": "red"}, "colour: "),
        ({"item_ids_sha256": "0" * 64}, "of ids 000000000000"),
    ],
)
def test_a_manifest_of_something_else_is_refused(sealed, changed, said):
    rewrite_with(sealed, **changed)
    with pytest.raises(UserError) as mistake:
        ShardSet(sealed).items()
    assert said in str(mistake.value)


def test_a_folder_without_a_manifest_is_no_set(tmp_path):
    with pytest.raises(UserError, match=r"manifest\.json: want a file"):
        ShardSet(tmp_path)


def test_a_file_with_fewer_rows_than_sealed_is_refused(sealed):
    pq.write_table(pq.read_table(sealed / "edges-00000.parquet").slice(1), sealed / "edges-00000.parquet")
    manifest = ShardSet(sealed, ()).manifest
    again = [{**described(sealed, f.name, f.kind, f.shard).model_dump(mode="json"), "rows": f.rows} for f in manifest.files]
    rewrite_with(sealed, files=again)
    with pytest.raises(UserError, match=r"edges-00000\.parquet: want \d+ rows, have \d+"):
        ShardSet(sealed).edges(0)


def test_no_row_group_is_lost_however_often_a_file_of_many_is_read(sealed):
    file = sealed / "edges-00001.parquet"
    table = pq.read_table(file)
    pq.write_table(table, file, row_group_size=5)
    for _ in range(25):  # a reader of one epoch loses some in every fourth read
        got = np.concatenate([batch["item_index"] for batch in _batches(sealed, [file.name], ["item_index"], len(table))])
        np.testing.assert_array_equal(got, table["item_index"].to_numpy())


def test_a_seal_that_fails_leaves_the_set_that_was_there_and_a_killed_ones_left_overs_go(sealed):
    before = (sealed / MANIFEST).read_text()

    def fails(writing: Path) -> Manifest:
        (writing / "half.parquet").write_bytes(b"half")
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        seal_set(sealed, fails)
    assert (sealed / MANIFEST).read_text() == before
    assert [path.name for path in sealed.parent.iterdir()] == ["set"]
    shutil.copytree(sealed, sealed.parent / ".set.new")
    manifest = ShardSet(sealed).manifest
    users, items = Nodes([f"u{k:02d}" for k in range(USERS)]), Nodes([f"i{k:02d}" for k in range(ITEMS)])
    again = seal_arrays(sealed, arrays(), users, items, shards=1, cut=manifest.cut)
    assert ShardSet(sealed).manifest == again
    assert [path.name for path in sealed.parent.iterdir()] == ["set"]
