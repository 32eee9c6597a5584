"""Related items of hidden items: fine-tuning finds what people have together, and is left out where it does not pay."""

import json
import random
from importlib import util
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from typer.testing import CliRunner

from basketgraph.cli.bench import app
from basketgraph.content.encoder_tuning import EncoderSettings, TunedVectors, tune_encoder
from basketgraph.content.fine_tune import HeadSettings, Purchases, pair_targets, people_cosines, train_head, tuned
from basketgraph.content.related_bench import as_history, as_related, bench_related
from basketgraph.content.tuners import Tuning, check_tuning, tuned_vectors
from basketgraph.foundation.config import UserError
from basketgraph.foundation.item_lists import ItemList

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
    heads = dict(train_head(vectors, Purchases(owned, owned), settings, seed=1))
    assert list(heads) == [50, 100]
    moved = tuned(vectors, heads[100])
    alike = moved[:8] @ moved[:8].T
    np.fill_diagonal(alike, -2)
    assert alike.argmax(axis=1).tolist() == [1, 0, 3, 2, 5, 4, 7, 6]
    assert (vectors[:8] @ vectors[:8].T - 3 * np.eye(8)).argmax(axis=1).tolist() != [1, 0, 3, 2, 5, 4, 7, 6]
    assert not moved[8].any()
    again = dict(train_head(vectors, Purchases(owned, owned), settings, seed=1))
    np.testing.assert_allclose(again[100], heads[100], atol=1e-6)


def test_what_lies_in_one_basket_counts_beside_what_one_person_has() -> None:
    baskets = [("ann", ("a", "b")), ("ann", ("c",)), ("bob", ("a", "b")), ("bob", ("c",)), ("cy", ("d",))]
    history = as_history([ItemList(owner, items) for owner, items in baskets])
    assert list(history.people) == [("a", "b", "c"), ("a", "b", "c"), ("d",)]
    targets, items = pair_targets(history.incidence("abcd"), np.array([True, True, True, False]), HeadSettings(power=1.0))
    assert items.tolist() == [0, 1, 2]  # nobody can be near to an item without a text
    # a and b: cosine 1 over people and 1 over baskets; a and c: 1 over people, in no basket together
    np.testing.assert_allclose(targets.toarray(), [[0, 2 / 3, 1 / 3], [2 / 3, 0, 1 / 3], [1 / 2, 1 / 2, 0]], atol=1e-6)
    problem = as_related(history.without({"c"}), history, {"a", "b", "d"}, {"c"})
    assert problem.owned.baskets.toarray().tolist() == [[1, 1, 0], [0, 0, 0], [1, 1, 0], [0, 0, 0], [0, 0, 1]]


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
    # People buy new items of their kind alone: what is near in tuned vectors is what they have.
    assert found["people"] == 240
    assert found["new_items_gain"]["recall@20"] == pytest.approx(
        found["new_items_tuned"]["recall@20"] - found["new_items_encoder"]["recall@20"], abs=2e-5
    )
    with pytest.raises(UserError, match="want new ones that 2 people have together with each of 10 known ones, have none"):
        bench_related(tmp_path / "train", tmp_path / "train", tmp_path / "titles", Tuning("head", None, 1, None, 0))


WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "lantern", "biscuit", "teapot", "seed", "spade", "candle", "red", "old", "tin", "big"]
DIM, INNER = 16, 32


def test_a_tuning_that_cannot_begin_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="--tune lora trains weights\n  model: want a folder, have none"):
        check_tuning(Tuning("lora", None, 1, None, 0))
    with pytest.raises(UserError, match="want lora or full with a model or several ranks, have head, 2 ranks"):
        check_tuning(Tuning("head", None, 2, None, 0))
    found = "basketgraph.content.encoder_tuning.util.find_spec"
    monkeypatch.setattr(found, lambda name: None)
    with pytest.raises(UserError, match="want the extra `tune`, have no transformers, peft"):
        check_tuning(Tuning("lora", tmp_path, 1, None, 0))
    monkeypatch.setattr(found, lambda name: "a package")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match=r"have no model\.safetensors, tokenizer\.json"):
        check_tuning(Tuning("full", tmp_path, 1, None, 0))


@pytest.fixture(scope="module")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of one layer with random weights, as sentence-transformers keeps a model."""
    if lacking := [package for package in ("transformers", "peft") if util.find_spec(package) is None]:
        pytest.skip(f"the extra `tune` is not installed: no {', '.join(lacking)}")
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    folder = tmp_path_factory.mktemp("encoder")
    config = {"model_type": "bert", "architectures": ["BertModel"], "vocab_size": len(WORDS), "hidden_size": DIM, "num_hidden_layers": 1}
    config |= {"num_attention_heads": 2, "intermediate_size": INNER, "max_position_embeddings": 16, "pad_token_id": 0}
    (folder / "config.json").write_text(json.dumps(config))
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(folder / "tokenizer.json"))
    draw, weights = np.random.default_rng(0), {}

    def random(name: str, *shape: int) -> None:
        weights[name] = draw.normal(0, 0.3, size=shape).astype(np.float32)

    def norm(name: str) -> None:
        weights[f"{name}.weight"], weights[f"{name}.bias"] = np.ones(DIM, dtype=np.float32), np.zeros(DIM, dtype=np.float32)

    for name, rows in (("word", len(WORDS)), ("position", 16), ("token_type", 2)):
        random(f"embeddings.{name}_embeddings.weight", rows, DIM)
    layer = "encoder.layer.0"
    sizes = {f"attention.self.{part}": (DIM, DIM) for part in ("query", "key", "value")}
    sizes |= {"attention.output.dense": (DIM, DIM), "intermediate.dense": (INNER, DIM), "output.dense": (DIM, INNER)}
    for name, (out, given) in sizes.items():
        random(f"{layer}.{name}.weight", out, given)
        random(f"{layer}.{name}.bias", out)
    for name in ("embeddings", f"{layer}.attention.output", f"{layer}.output"):
        norm(f"{name}.LayerNorm")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def titles_of_pairs() -> tuple[list[str], sparse.csr_matrix]:
    """Titles `red lantern`, `red biscuit`, ... whose targets are the titles of the other word of the pair."""
    titles = [f"{colour} {word}" for pair in TOGETHER for word in pair for colour in ("red", "old", "tin", "big")]
    wanted = np.kron(np.kron(np.eye(3), [[0, 1], [1, 0]]), np.full((4, 4), 1 / 4)).astype(np.float32)
    return titles, sparse.csr_matrix(wanted)


def near_to_its_partner(vectors: np.ndarray) -> float:
    """How much nearer a title is to those of the other word of its pair than to those of other pairs."""
    wanted = titles_of_pairs()[1].toarray() > 0
    others = np.kron(1 - np.eye(3), np.ones((8, 8))) > 0
    cosines = vectors[:24] @ vectors[:24].T
    return float(cosines[wanted].mean() - cosines[others].mean())


@pytest.mark.long
@pytest.mark.parametrize("tune", ["full", "lora"])
def test_two_ranks_tune_the_encoder_as_one_does(tune: str, tiny_encoder: Path) -> None:
    titles, targets = titles_of_pairs()
    settings = EncoderSettings(tune=tune, learning_rate=0.01, batch=9, steps=40, every=20, warmup=4, lora_rank=4, threads=1)
    seen: list[dict[str, float]] = []

    def tuned_by(ranks: int) -> TunedVectors:
        return tune_encoder(tiny_encoder, [*titles, "red seed lantern"], targets, settings, ranks=ranks, on_progress=seen.append)

    one, two = tuned_by(1), tuned_by(2)
    assert (one.result.ranks, two.result.ranks, len(one.result.losses)) == (1, 2, 40)
    np.testing.assert_allclose(two.result.losses, one.result.losses, atol=1e-4)
    assert [steps["steps"] for steps in seen] == [20, 40, 20, 40]
    for steps in (20, 40):
        np.testing.assert_allclose(two.vectors[steps], one.vectors[steps], atol=1e-3)
    assert one.vectors[40].shape == (25, DIM)
    np.testing.assert_allclose(np.linalg.norm(one.vectors[40], axis=1), 1, atol=1e-5)
    assert np.mean(one.result.losses[-5:]) < np.mean(one.result.losses[:5]) - 0.2
    assert near_to_its_partner(one.vectors[40]) > near_to_its_partner(one.vectors[20])
    additions = 4 * (4 * 2 * DIM + 2 * (DIM + INNER))  # two matrices of rank 4 to each of six layers
    assert one.result.trained_weights == additions if tune == "lora" else one.result.trained_weights > 4 * DIM * DIM + 2 * DIM * INNER


@pytest.mark.long
def test_texts_without_a_frozen_vector_stay_without(tiny_encoder: Path) -> None:
    titles, _ = titles_of_pairs()
    people = sparse.csr_matrix(np.kron(np.eye(3), np.ones((2, 8))).astype(np.float32))  # two people have all of a pair
    frozen = np.ones((26, 4), dtype=np.float32) / 2
    frozen[24] = 0
    tuning = Tuning("full", tiny_encoder, 1, 10, 0)
    found = tuned_vectors(frozen, [*titles, "", "red seed"], np.arange(24), Purchases(people, people), tuning, steps=10)
    assert list(found.vectors) == [10]
    assert found.vectors[10].shape == (26, DIM)
    assert not found.vectors[10][24].any()
    np.testing.assert_allclose(np.linalg.norm(found.vectors[10][[0, 25]], axis=1), 1, atol=1e-5)
