"""The protocol: what trains, what is judged, and what a rank is."""

import numpy as np
import pytest

from basketgraph.foundation.config import UserError
from basketgraph.foundation.ranking import recall_ndcg, top_k
from basketgraph.sequences.leave_one_out import MISS, Held, gains, hits, read_leave_one_out, target_ranks


def test_the_last_item_is_the_test_the_one_before_it_validation_and_short_lines_train_only(tmp_path):
    (tmp_path / "lines.txt").write_text("ann a b c d\nbob e f\ncid g\ndan d a b\n")
    data = read_leave_one_out(tmp_path / "lines.txt")

    def names(sequences):
        return ["".join(data.items[item] for item in sequence) for sequence in sequences]

    assert names(data.training) == ["ab", "ef", "g", "d"]
    assert (names(data.valid.histories), names([data.valid.targets])) == (["ab", "d"], ["ca"])
    assert (names(data.test.histories), names([data.test.targets])) == (["abc", "da"], ["db"])


@pytest.mark.parametrize(("lines", "said"), [("ann a b\nbob c d\n", "at least 3 items"), ("ann a b c\nbob c\n", "at least 4 items, or of 2")])
def test_a_file_with_nothing_to_judge_or_to_learn_from_is_refused(tmp_path, lines, said):
    (tmp_path / "lines.txt").write_text(lines)
    with pytest.raises(UserError, match=said):
        read_leave_one_out(tmp_path / "lines.txt")


def test_ranks_are_places_in_the_masked_list():
    draw = np.random.default_rng(0)
    scores = draw.integers(6, size=(300, 20)).astype(np.float32)  # with many ties
    scores[draw.random(scores.shape) < 0.1] = -np.inf
    histories, targets = [draw.permutation(20)[:4] for _ in scores], draw.integers(20, size=300)
    seen = np.zeros(scores.shape, bool)
    for person, history in enumerate(histories):
        seen[person, history] = True
    top = top_k(scores, 20, mask=seen)
    want = np.array([(row.tolist().index(target) if target in row else MISS) for row, target in zip(top, targets, strict=True)])
    ranks = target_ranks(Held(histories, targets), 20, lambda _: {"one": scores.copy()})["one"]
    np.testing.assert_array_equal(ranks, want)
    assert (ranks == MISS).any()  # those whose item is in their own history are among them
    recall, ndcg = recall_ndcg(top, np.arange(301), targets, 10)
    np.testing.assert_array_equal(hits(ranks), recall)
    np.testing.assert_allclose(gains(ranks), ndcg)
