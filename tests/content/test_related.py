"""Related items of hidden items: fine-tuning finds what people have together, and is left out where it does not pay."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from typer.testing import CliRunner

from basketgraph.cli.bench import app
from basketgraph.content.fine_tune import HeadSettings, people_cosines, train_head, tuned
from basketgraph.content.related_bench import bench_related
from basketgraph.foundation.config import UserError

TOGETHER = (
    ("lantern", "biscuit"),
    ("teapot", "seed"),
    ("spade", "candle"),
)  # what one kind of people buys; the words of a pair have nothing in common


def test_the_head_draws_together_what_people_have_together_and_leaves_texts_without_a_vector_alone() -> None:
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(9, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[8] = 0
    owned = sparse.csr_matrix(np.repeat(np.eye(4, dtype=np.float32), 2, axis=1).repeat(3, axis=0))  # items 0 and 1, 2 and 3, ... are together
    owned = sparse.hstack([owned, sparse.csr_matrix((12, 1), dtype=np.float32)]).tocsr()
    cosines = people_cosines(owned, owned, least=2).toarray()
    np.testing.assert_allclose(cosines[0], [1, 1, 0, 0, 0, 0, 0, 0, 0], atol=1e-6)
    settings = HeadSettings(steps=100, every=50, batch=8, learning_rate=0.01)
    heads = dict(train_head(vectors, owned, settings, seed=1))
    assert list(heads) == [50, 100]
    moved = tuned(vectors, heads[100])
    alike = moved[:8] @ moved[:8].T
    np.fill_diagonal(alike, -2)
    assert alike.argmax(axis=1).tolist() == [1, 0, 3, 2, 5, 4, 7, 6]
    assert (vectors[:8] @ vectors[:8].T - 3 * np.eye(8)).argmax(axis=1).tolist() != [1, 0, 3, 2, 5, 4, 7, 6]
    assert not moved[8].any()
    again = dict(train_head(vectors, owned, settings, seed=1))
    np.testing.assert_allclose(again[100], heads[100], atol=1e-6)


@pytest.mark.slow
def test_the_bench_judges_new_items_by_what_people_of_the_test_have_together(tmp_path: Path) -> None:
    draw = random.Random(0)
    of_kind = [[f"{word}{number}" for word in words for number in range(14)] for words in TOGETHER]
    train, test = [], []
    for person in range(240):
        items = of_kind[person % 3]
        old, late = [item for item in items if int(item.lstrip("abcdefghijklmnopqrstuvwxyz")) < 10], [i for i in items if i[-2:] in ("10", "11")]
        train.append([f"u{person}", *draw.sample(old, 8), draw.choice(late)])
        test.append([f"u{person}", *draw.sample(old, 8), *draw.sample([item for item in items if item[-2:] in ("12", "13")], 2)])
    for name, lines in (("train", train), ("test", test)):
        (tmp_path / name).write_text("".join(f"{' '.join(line)}\n" for line in lines))
    (tmp_path / "titles").write_text("".join(f"{item}\t{item.rstrip('0123456789')} no {item[-1]}\n" for items in of_kind for item in items))
    given = [word for name in ("train", "test", "titles") for word in (f"--{name}", str(tmp_path / name))]
    ran = CliRunner().invoke(app, ["related", *given, "--json"])
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout.splitlines()[-1])
    assert (found["judged"], found["new_items"], found["known_items"]) == (12, 12, 72)
    for name in ("words", "encoder", "tuned", "encoder_words", "tuned_words", "gain"):
        assert found[name]["low"] <= found[name]["recall@20"] <= found[name]["high"]
    assert found["gain"]["recall@20"] == pytest.approx(found["tuned_words"]["recall@20"] - found["encoder_words"]["recall@20"], abs=2e-5)
    assert found["gain"]["low"] > 0
    # Half of what goes with a lantern are biscuits, which its title does not say.
    assert found["tuned"]["recall@20"] > found["encoder"]["recall@20"] + 0.2
    assert found["kept"]
    assert found["kept"] == (found["validation"]["low"] > 0)
    with pytest.raises(UserError, match="want new ones that 2 people have together with each of 10 known ones, have none"):
        bench_related(tmp_path / "train", tmp_path / "train", tmp_path / "titles")
