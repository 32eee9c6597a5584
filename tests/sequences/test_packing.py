"""Packed rows teach each item once, from the items before it."""

import numpy as np

from basketgraph.sequences.packing import pack, training_rows
from basketgraph.shards.manifest import EMPTY


def taught(rows) -> list[tuple[list[int], int]]:
    """What each entry sees, and what it is to predict."""
    found = []
    for items, targets, positions in zip(rows.items.tolist(), rows.targets.tolist(), rows.positions.tolist(), strict=True):
        found += [(items[k - positions[k] : k + 1], targets[k]) for k in range(len(items)) if positions[k] != EMPTY]
    return sorted(found)


def test_each_item_is_taught_from_those_before_it_and_short_sequences_share_a_row():
    rows = training_rows([np.array([1, 2, 3]), np.array([9]), np.array([4, 5]), np.array([], np.int64), np.array([6, 7, 8, 6])], length=4)
    assert taught(rows) == sorted([([1], 2), ([1, 2], 3), ([4], 5), ([6], 7), ([6, 7], 8), ([6, 7, 8], 6)])
    assert rows.items.shape == (2, 4)  # 3 + 1 and 2 entries
    assert rows.index.tolist() == [0, 1]


def test_a_longer_sequence_is_cut_from_its_end_on():
    rows = training_rows([np.arange(6)], length=3)
    assert taught(rows) == [([0], 1), ([0, 1], 2), ([2], 3), ([2, 3], 4), ([2, 3, 4], 5)]


def test_each_sequence_is_found_where_the_packing_says():
    draw = np.random.default_rng(0)
    sequences = [draw.integers(100, size=size) for size in draw.integers(1, 8, size=50)]
    packed = pack(sequences, sequences, 7)
    for number, items in enumerate(sequences):
        begin = packed.begin_of[number]
        np.testing.assert_array_equal(packed.rows.items[packed.row_of[number], begin : begin + len(items)], items)
        assert packed.rows.positions[packed.row_of[number], begin] == 0
    filled = (packed.rows.items != EMPTY).sum()
    assert filled == sum(map(len, sequences))
    assert len(packed.rows.index) <= -(-filled // 7) + 1  # hardly any room is left
