"""Transitions, neighbouring sessions and what is learned over them: planted structure, and the bench's protocol."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from basketgraph.cli.bench import app
from basketgraph.foundation.config import UserError
from basketgraph.foundation.transitions import TransitionSettings
from basketgraph.recall.bench_sessions import bench, quality, target_ranks
from basketgraph.recall.next_click import NEXT, NextClickSettings, describe, in_session, next_click
from basketgraph.recall.session_neighbours import NeighbourSettings, session_neighbours
from basketgraph.recall.sessions import Sessions, as_sessions, item_numbers
from basketgraph.recall.transitions import transitions

ITEMS = item_numbers(["abcde"])


def sessions(*words: str) -> Sessions:
    """One session a word, one click a letter of a to e."""
    return as_sessions(words, ITEMS)


def test_a_transition_counts_less_with_each_step_and_backwards_and_a_prefix_forgets() -> None:
    settings = TransitionSettings(steps=2, backward=0.5, row_power=0.0, column_power=0.0, decay=0.5)
    counted = transitions(sessions("abc", "aa"), 5, settings)
    a, b, c = (ITEMS[name] for name in "abc")
    got = counted.matrix.toarray()
    assert (got[a, b], got[a, c], got[b, a], got[c, a], got[a, a]) == (1.0, 0.5, 0.5, 0.25, 1.5)
    asked = sessions("abe")
    np.testing.assert_allclose(counted.scores(asked, asked.predicted[-1:])[0], got[b] + 0.5 * got[a])


def test_rows_are_divided_by_their_sum() -> None:
    assert transitions(sessions("ab", "ac", "ac", "ac"), 5, NEXT).matrix.toarray()[0].tolist() == [0, 0.25, 0.75, 0, 0]


def test_only_the_nearest_of_an_items_newest_sessions_vote() -> None:
    history = sessions("ad", "abe", "ac")  # the newest is last
    asked = sessions("abe")
    last = asked.predicted[-1:]
    votes = session_neighbours(history, 5, NeighbourSettings(neighbours=1, recent=10)).scores(asked, last)[0]
    assert [votes[ITEMS[name]] > 0 for name in "cde"] == [False, False, True]  # it shares a and b
    first = asked.predicted[:1]  # from the prefix `a` all three are equally near, so the newest votes
    votes = session_neighbours(history, 5, NeighbourSettings(neighbours=1, recent=10)).scores(asked, first)[0]
    assert [votes[ITEMS[name]] > 0 for name in "cde"] == [True, False, False]
    votes = session_neighbours(history, 5, NeighbourSettings(neighbours=10, recent=2)).scores(asked, first)[0]
    assert [votes[ITEMS[name]] > 0 for name in "cde"] == [True, False, True]  # `ad` is too old to be found by a


def test_repeats_are_counted_inside_the_session_alone() -> None:
    asked = sessions("aa", "abba")
    run, clicks, distinct, times, repeats, share = (column[-1] for column in in_session(asked, asked.predicted, 5))
    assert (run, clicks, distinct, times, repeats, share) == (2, 3, 2, 2, 1, 0.5)  # before the last a: a b b


def test_the_last_item_is_no_candidate_for_another_item() -> None:
    history = sessions("aab", "abc", "aad")
    counts = next_click(history, (history, history), 5, NextClickSettings(), seed=0).counts
    known = describe(counts, history, history.predicted, 100)
    assert known.candidates.shape[1] == 4
    assert not (known.candidates == known.last[:, None]).any()


def test_items_that_are_clicked_twice_are_learned() -> None:
    """a is always clicked twice, then one of b to e, which never are: transitions know the shares, only the run says which comes now."""
    rng = np.random.default_rng(1)
    drawn = [f"aa{'bcde'[n]}aa{'bcde'[n]}" for n in rng.integers(0, 4, 300)]
    history, later = sessions(*drawn[:200]), sessions(*drawn[200:])
    model = next_click(history, (history.part(0, 120), history.part(120, 200)), 5, NextClickSettings(repeat_weight=1.0), seed=0)
    popularity = np.zeros(5, dtype=np.float32)
    best = target_ranks(model.scores, later, popularity) == 1
    repeats = later.items[later.predicted] == later.items[later.predicted - 1]
    assert best[repeats].all()
    assert best[later.place[later.predicted] == 5].all()  # the letter of the first half, which the session has shown


def test_equal_scores_go_by_popularity_and_clicks_on_the_same_item_count_in_one_column_only() -> None:
    asked = sessions("aab")
    popularity = np.array([0.1, 0.2, 0.3, 0.2, 0.2], dtype=np.float32)
    ranks = target_ranks(lambda _, predicted: np.zeros((len(predicted), 5), np.float32), asked, popularity)
    assert ranks.tolist() == [5, 2]
    got = quality(asked, ranks, seed=0)
    assert (got["hr@20"], got["mrr@20"], got["mrr@20_different"]) == (1.0, (1 / 5 + 1 / 2) / 2, 1 / 2)
    assert quality(asked, np.array([21, 20]), seed=0)["hr@20"] == 0.5


def test_the_bench_prints_all_methods_with_bounds_and_wants_clicks_to_predict(tmp_path: Path) -> None:
    train, test, single = (tmp_path / name for name in ("train", "test", "single"))
    train.write_text("".join(f"{n} x y{n % 3} z{n % 3}\n" for n in range(40)))
    test.write_text("1 y1 z1\n2 y2 z2 z2\n")
    single.write_text("1 y1\n")
    found = CliRunner().invoke(app, ["sessions", "--train", str(train), "--test", str(test), "--valid", str(train), "--json"])
    assert found.exit_code == 0, found.output
    result = json.loads(found.stdout.splitlines()[-1])
    assert set(result) >= {"popularity", "transitions", "neighbours", "shipped", "seconds", "peak_memory_bytes", "seed"}
    assert result["clicks"] == 3
    for method in ("popularity", "transitions", "neighbours", "shipped"):
        for name in ("hr@20", "mrr@20", "hr@20_different", "mrr@20_different"):
            assert result[method][f"{name}_low"] <= result[method][name] <= result[method][f"{name}_high"]
    assert result["transitions"]["mrr@20_different"] == 1.0
    with pytest.raises(UserError, match="no next click"):
        bench(train, single)


@pytest.mark.long
def test_the_clickstream_reaches_what_was_measured(shared_data: Path, tmp_path: Path) -> None:
    lines = (shared_data / "clicks" / "sessions.txt").read_text().splitlines(keepends=True)
    cut = len(lines) * 4 // 5
    (tmp_path / "train").write_text("".join(lines[:cut]))
    (tmp_path / "test").write_text("".join(lines[cut:]))
    shipped = bench(tmp_path / "train", tmp_path / "test")["shipped"]
    assert shipped["hr@20"] >= 0.67
    assert shipped["mrr@20"] >= 0.355
    assert shipped["hr@20_different"] >= 0.56
    assert shipped["mrr@20_different"] >= 0.21
