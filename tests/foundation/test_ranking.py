"""Top-K, recall, NDCG and bootstrap intervals against sorting and counting by hand."""

import math

import numpy as np
import pytest

from basketgraph.foundation.ranking import interval, paired_difference, ratio_interval, recall_ndcg, top_k


def test_top_k_equals_a_stable_sort_when_scores_are_full_of_ties() -> None:
    scores = np.random.default_rng(3).integers(0, 5, (40, 33)).astype(np.float32)
    mask = np.random.default_rng(4).random((40, 33)) < 0.3
    got = top_k(scores, 7, mask=mask)
    for user in range(40):
        allowed = [item for item in range(33) if not mask[user, item]]
        want = sorted(allowed, key=lambda item: (-scores[user, item], item))[:7]
        assert got[user].tolist() == want


def test_top_k_pads_what_it_may_not_list() -> None:
    scores = np.array([[1.0, -np.inf, np.nan, 3.0]], dtype=np.float32)
    assert top_k(scores, 3).tolist() == [[3, 0, -1]]
    assert top_k(scores, 6, mask=np.array([[True, False, False, True]])).tolist() == [[-1] * 6]
    assert top_k(np.zeros((2, 0), dtype=np.float32), 2).tolist() == [[-1, -1], [-1, -1]]


def test_top_k_leaves_the_scores_as_they_were() -> None:
    scores = np.array([[1.0, np.nan, 2.0]], dtype=np.float32)
    before = scores.copy()
    top_k(scores, 2, mask=np.array([[False, False, True]]))
    np.testing.assert_array_equal(scores, before)


def test_recall_counts_all_relevant_items_and_the_ideal_list_is_cut_at_k() -> None:
    top = np.array([[5, 1, 9], [2, 0, -1], [7, 8, 9]])
    indptr = np.array([0, 4, 5, 5])
    indices = np.array([9, 5, 30, 31, 0])
    recall, ndcg = recall_ndcg(top, indptr, indices, 3)
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert recall[:2].tolist() == [2 / 4, 1.0]
    assert ndcg[:2].tolist() == pytest.approx([(1 + 1 / 2) / ideal, 1 / math.log2(3)])
    assert np.isnan(recall[2])
    assert np.isnan(ndcg[2])


def test_padding_is_a_miss_even_for_a_user_before_whom_item_numbers_end() -> None:
    recall, ndcg = recall_ndcg(np.array([[3, -1], [-1, -1]]), np.array([0, 1, 2]), np.array([3, 3]), 2)
    assert recall.tolist() == [1.0, 0.0]
    assert ndcg.tolist() == [1.0, 0.0]


def test_lists_shorter_and_longer_than_k_are_scored_at_k() -> None:
    longer = recall_ndcg(np.array([[1, 2, 3]]), np.array([0, 1]), np.array([3]), 2)
    shorter = recall_ndcg(np.array([[3]]), np.array([0, 2]), np.array([3, 4]), 2)
    assert [longer[0][0], longer[1][0]] == [0.0, 0.0]
    assert shorter[0][0] == 0.5
    assert shorter[1][0] == pytest.approx(1 / (1 + 1 / math.log2(3)))


def test_an_interval_covers_the_mean_and_narrows_with_users() -> None:
    values = np.random.default_rng(0).normal(0.3, 1.0, 4000)
    few, many = interval(values[:100], seed=1), interval(values, seed=1)
    assert few.low < values[:100].mean() < few.high
    assert many.high - many.low == pytest.approx(2 * 1.96 / math.sqrt(4000), rel=0.1)
    assert interval(values, seed=1) == many
    assert interval(values, seed=2) != many


def test_users_without_relevant_items_take_no_part() -> None:
    got = interval(np.array([1.0, np.nan, 0.0]), seed=0, draws=50)
    assert got.mean == 0.5
    assert all(math.isnan(part) for part in interval(np.array([np.nan]), seed=0))


def test_a_paired_difference_is_tighter_than_the_two_intervals() -> None:
    rng = np.random.default_rng(5)
    base = rng.normal(0, 1, 500)
    better = base + 0.05 + rng.normal(0, 0.01, 500)
    gain = paired_difference(better, base, seed=0)
    assert 0.045 < gain.low < gain.mean < gain.high < 0.055
    with pytest.raises(ValueError, match="differ in shape"):
        paired_difference(base, base[:3], seed=0)


def test_a_ratio_is_over_all_events_and_its_interval_over_their_owners() -> None:
    sums, counts = np.array([1.0, 0.0, 4.0, 0.0]), np.array([1, 3, 4, 0])
    got = ratio_interval(sums, counts, seed=1)
    assert got.mean == 5 / 8
    assert 0 <= got.low < 5 / 8 < got.high <= 1
    of_one = ratio_interval(np.array([3.0]), np.array([4]), seed=1)
    assert of_one == (0.75, 0.75, 0.75)  # the four events of one owner are no sample of four
    assert math.isnan(ratio_interval(np.zeros(2), np.zeros(2), seed=1).mean)
