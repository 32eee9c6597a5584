"""Recommendations of new items: planted structure, and the JSON of the bench."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from typer.testing import CliRunner

from basketgraph.cli.bench import app
from basketgraph.content import new_items_bench
from basketgraph.content.features import words
from basketgraph.content.new_items import NewItemScores, NewItemSettings, Space, blend_weights, blended, fit_new_items
from basketgraph.content.new_items_bench import bench_attributes, bench_titles, held_out, latest_items
from basketgraph.content.reserved_places import ListHits, chosen_places, list_hits
from basketgraph.content.tfidf import tfidf_vectors
from basketgraph.foundation.config import UserError

KINDS = ("lantern", "teapot", "cushion", "bracelet", "puzzle")


def test_a_new_item_that_shares_a_rare_word_is_found_by_own_items_and_by_what_people_have_together() -> None:
    titles = ["set red lantern", "set blue cushion", "set of garden tools", None, "lantern", "cushion", "garden", "tools set"]
    vectors = tfidf_vectors([words(title) for title in titles])
    owned = sparse.csr_matrix(np.array([[1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 1, 0], [1, 0, 1, 0], [1, 0, 1, 0], [0, 0, 0, 1]], dtype=np.float32))
    for ease_max_items in (0, 100):  # cosine, EASE
        settings = NewItemSettings(ease=1.0, ridge=0.1, nearest=1, ease_max_items=ease_max_items)
        found = fit_new_items(owned, [Space("words", vectors[:4], vectors[4:], 2.0)], settings)
        scores = found.scores(owned[:2])
        lantern, cushion, garden = range(3)
        for name in ("words", "ridge"):
            assert scores[name].argmax(axis=1).tolist() == [lantern, cushion]
        # who has the lantern alone gets the garden, which others have with it; nobody has the cushion with anything
        for name in ("words_neighbours", "ridge_neighbours"):
            assert scores[name][0, garden] > scores[name][0, cushion] + 0.01
        assert scores["popularity"].tolist() == [[4, 1, 3, 3]] * 2  # people who have the nearest title
        assert not found.scores(owned[5:])["words"].any()  # an item without a title speaks for none


def test_the_blend_leaves_out_what_does_not_help() -> None:
    rng = np.random.default_rng(0)
    relevant = sparse.csr_matrix(rng.random((200, 60)) < 0.05)
    judged = np.flatnonzero(np.diff(relevant.indptr) > 0)
    truth = relevant[judged].toarray().astype(float)
    scores = {
        "good": 0.4 * rng.normal(size=truth.shape) + truth,
        "wrong": -truth - 0.1 * rng.random(truth.shape),
        "noise": rng.normal(size=truth.shape),
    }
    weights = blend_weights(scores, relevant[judged], k=5)
    assert weights["wrong"] == 0
    assert weights["noise"] < weights["good"]
    assert blended({"flat": np.ones((2, 3))}, {"flat": 1.0}).tolist() == [[0, 0, 0]] * 2


def test_the_items_that_come_latest_in_lines_play_the_new_ones() -> None:
    lines = [[*"abcdefgh"], [*"bacedfgh"], [*"cabdefhg"]]
    assert latest_items(lines) == {"h"}  # 12 % of eight
    problem = held_out(lines, {"h"}, asked=[line[:2] for line in lines])
    assert (problem.known, problem.new) == (tuple("abcdefg"), ("h",))
    assert (problem.owned.sum(), problem.asked.sum(), problem.relevant.sum()) == (21, 6, 3)


def test_a_list_with_places_for_new_items_has_the_best_of_both_kinds() -> None:
    together = np.zeros((6, 6), dtype=np.float32)
    together[0, 1:] = [5, 4, 3, 2, 1]
    model = NewItemScores({"words": np.array([[5, 4, 3, 2, 1]] * 6, dtype=np.float32)}, np.zeros(5, dtype=np.float32), together)
    asked, known, new = (np.zeros((1, size)) for size in (6, 6, 5))
    asked[0, 0], known[0, [1, 5]], new[0, [0, 3]] = 1, 1, 1
    hits = list_hits(model, {"words": 1.0}, sparse.csr_matrix(asked), (sparse.csr_matrix(known > 0), sparse.csr_matrix(new > 0)), k=5)
    assert [hits.precision(places).tolist() for places in (0, 2, 3, 4)] == [[0.4], [0.4], [0.4], [0.6]]
    assert [hits.recall(places).tolist() for places in (0, 4)] == [[0.5], [0.75]]
    many = ListHits.joined([hits] * 50)
    assert chosen_places(many, 0, level=0.9) == 4
    assert chosen_places(ListHits(many.known, many.new * 0, many.relevant), 0, level=0.9) == 0


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """300 people of a kind each buy its items: eight in training, two of four new ones later. Everybody buys something of another kind, too."""
    draw = random.Random(0)
    kind_of = {f"{kind}{number}": kind for kind in KINDS for number in range(30)}
    of_kind = {kind: [item for item in kind_of if kind_of[item] == kind] for kind in KINDS}
    train, test = [], []
    for person in range(300):
        items = of_kind[KINDS[person % 5]]
        train.append([f"u{person}", *draw.sample(items[:20], 6), draw.choice(list(kind_of)[person % 5 * 30 :][:20]), *draw.sample(items[20:26], 2)])
        test.append([f"u{person}", *draw.sample(items[26:], 2), draw.choice(items[:20])])
    (tmp_path / "train.txt").write_text("".join(f"{' '.join(line)}\n" for line in train))
    (tmp_path / "test.txt").write_text("".join(f"{' '.join(line)}\n" for line in test))
    (tmp_path / "titles.tsv").write_text("".join(f"{item}\t{kind} no {index}\n" for index, (item, kind) in enumerate(kind_of.items())))
    (tmp_path / "attributes.json").write_text(json.dumps({item: [KINDS.index(kind), 9] for item, kind in kind_of.items()}))
    return tmp_path


def test_the_bench_finds_the_kind_that_a_person_buys(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_titles = ["--train", str(shop / "train.txt"), "--test", str(shop / "test.txt"), "--titles", str(shop / "titles.tsv")]
    by_attributes = ["--data", str(shop / "train.txt"), "--attributes", str(shop / "attributes.json"), "--held-out", ".2"]
    for given in (by_titles, by_attributes):
        ran = CliRunner().invoke(app, ["new-items", *given, "--seed", "3", "--json"])
        assert ran.exit_code == 0, ran.output
        found = json.loads(ran.stdout.splitlines()[-1])
        for name in ("popularity", "words", "ridge", "blend", "gain"):
            assert found[name]["low"] <= found[name]["recall@20"] <= found[name]["high"]
        assert found["gain"]["recall@20"] == pytest.approx(found["blend"]["recall@20"] - found["words"]["recall@20"], abs=2e-5)
        assert found["blend"]["recall@20"] > 0.85
        if given is by_titles:
            places = found["places"]
            best = places["gains"][str(places["chosen"])]  # seventeen known items of the own kind leave three places of twenty to others
            assert best["precision"]["low"] > 0
            assert best["recall"]["low"] > 0
    assert found["encoder"] is None
    with pytest.raises(UserError, match=r"nobody to judge\n.*have 130 known and 0 new items"):
        bench_titles(shop / "train.txt", shop / "train.txt", shop / "titles.tsv")
    ran = CliRunner().invoke(app, ["new-items", "--train", "a.txt", "--attributes", "b.json"])
    assert "have --train --attributes" in str(ran.exception)
    monkeypatch.setattr(new_items_bench, "MOST_BYTES", 1 << 10)
    with pytest.raises(UserError, match="have 130 known x 20 new ones"):
        bench_titles(shop / "train.txt", shop / "test.txt", shop / "titles.tsv")
    (shop / "attributes.json").write_text('["a"]')
    with pytest.raises(UserError, match="have other JSON"):
        bench_attributes(shop / "train.txt", shop / "attributes.json", held_out_share=0.15)


@pytest.mark.long
@pytest.mark.parametrize("name", ["Beauty", "Toys_and_Games"])
def test_items_held_out_are_found_by_their_attributes(name: str, shared_data: Path) -> None:
    folder = shared_data / "amazon_sequences"
    found = bench_attributes(folder / f"{name}.txt", folder / f"{name}_item2attributes.json", held_out_share=0.15)
    assert found["blend"]["recall@20"] >= 0.17
    assert found["gain"]["low"] > 0
