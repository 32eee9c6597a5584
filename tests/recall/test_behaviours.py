"""Weighted behaviours: the formulas, ranks with masks, weights on planted behaviours, and the bench."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from typer.testing import CliRunner

from basketgraph.cli.bench import app
from basketgraph.foundation.config import UserError
from basketgraph.recall.behaviours import (
    POWER,
    Interactions,
    Weight,
    behaviour_cosine,
    learn_weights,
    open_carts_first,
    popularity_places,
    ranks,
    relevant,
    without,
)
from basketgraph.recall.bench_behaviours import bench, hold_out, judge, parse_also


def matrix(*rows: str, items: int = 6) -> sparse.csr_matrix:
    """[people, items]: a word a person, a letter from a on an item."""
    dense = np.zeros((len(rows), items), dtype=np.float32)
    for row, word in enumerate(rows):
        dense[row, [ord(letter) - ord("a") for letter in word]] = 1.0
    return sparse.csr_matrix(dense)


def test_items_are_alike_by_the_formula_and_behaviours_count_by_their_weights() -> None:
    interactions = Interactions(matrix("ab", "ac", "a"), {"carts": matrix("c", "", "b")})
    weights = {"carts": Weight(profile=0.5, similarity=0.25)}
    mixed = interactions.purchases.toarray() + 0.25 * interactions.others["carts"].toarray()
    products = mixed.T @ mixed
    degrees = np.diag(products)
    want = products[:3, :3] / np.outer(degrees[:3], degrees[:3]) ** POWER
    np.fill_diagonal(want, 0)
    model = behaviour_cosine(interactions, weights)
    np.testing.assert_allclose(model.similarity.toarray()[:3, :3], want, rtol=1e-5)
    np.testing.assert_allclose(model.profiles.toarray()[0], [1, 1, 0.5, 0, 0, 0])
    np.testing.assert_allclose(model.scores(slice(0, 1)).toarray()[0, :3], [1, 1, 0.5] @ want, rtol=1e-5)


def test_ranks_are_those_of_sorting_each_list() -> None:
    rng = np.random.default_rng(3)
    scores = sparse.csr_matrix(np.round(rng.random((20, 30)) * (rng.random((20, 30)) < 0.4), 1))  # rounded: with ties
    masked = sparse.csr_matrix((rng.random((20, 30)) < 0.2).astype(np.float32))
    places = rng.permutation(30)
    wanted = relevant(sparse.csr_matrix((rng.random((20, 30)) < 0.1).astype(np.float32)))
    got = ranks(scores, masked, places, wanted)
    dense, hidden = scores.toarray(), masked.toarray() > 0
    for user, item, rank in zip(wanted.users, wanted.items, got, strict=True):
        listed = [other for other in np.lexsort((places, -dense[user])) if not hidden[user, other]]
        assert rank == (31 if hidden[user, item] else listed.index(item) + 1)


def test_open_carts_come_first_in_the_order_of_their_scores() -> None:
    interactions = Interactions(matrix("ab", "ab", "ac", "bd"), {"carts": matrix("ad", "", "ef", "")})
    carts = interactions.open_carts("carts")
    assert carts[[0], :].toarray().tolist() == [[0, 0, 0, 1, 0, 0]]  # what was bought is no longer open
    scores = open_carts_first(behaviour_cosine(interactions, {}), carts).scores(slice(0, 4)).toarray()
    assert scores[0].argmax() == 3
    assert set(np.argsort(-scores[2])[:2]) == {4, 5}


def test_people_who_bought_something_else_are_judged_with_their_open_carts_masked_in_all_arms() -> None:
    """Person 0 buys out of the cart (d), person 1 does not (c) and has d and e open: both are popular, and would come before c."""
    train = matrix("a", "a", "ad", "ade", "ace", "bde", "bde")
    interactions = Interactions(train, {"carts": matrix("d", "de", "", "", "", "", "")})
    test = matrix("d", "c", "", "", "", "", "")
    result = judge(interactions, behaviour_cosine(interactions, {}), interactions.open_carts("carts"), test, seed=0)
    for arm in ("popularity", "purchases", "reminder", "behaviours"):
        assert [result[arm][group]["people"] for group in ("all", "in_own_cart", "not_in_own_cart")] == [2, 1, 1]
    assert result["reminder"]["in_own_cart"]["ndcg@10"] == 1.0
    assert result["reminder"]["not_in_own_cart"] == result["purchases"]["not_in_own_cart"]
    assert result["purchases"]["not_in_own_cart"]["ndcg@10"] == 1.0  # c is second to none once d and e are masked
    assert result["purchases"]["all"]["ndcg@10"] < 1.0
    assert result["gain_not_in_own_cart"] == {"hr@10": 0.0, "low": 0.0, "high": 0.0}


def planted(rng: np.random.Generator, people: int = 600, items: int = 80) -> tuple[Interactions, sparse.csr_matrix]:
    """Ten groups of people and of items; a person buys one item of the group, looks at three of it, and dismisses any three."""
    group = np.arange(people) % 10
    of_group = lambda count: (rng.integers(0, items // 10, (people, count)) * 10 + group[:, None]).ravel()  # noqa: E731
    rows = lambda count: np.repeat(np.arange(people), count)  # noqa: E731

    def built(columns: np.ndarray, count: int) -> sparse.csr_matrix:
        dense = np.zeros((people, items), dtype=np.float32)
        dense[rows(count), columns] = 1.0
        return sparse.csr_matrix(dense)

    others = {"views": built(of_group(3), 3), "noise": built(rng.integers(0, items, people * 3), 3)}
    purchases, later = built(of_group(1), 1), built(of_group(1), 1)
    return Interactions(purchases, others), later


def test_a_behaviour_that_tells_tastes_gets_a_weight_and_that_of_noise_may_be_none() -> None:
    interactions, later = planted(np.random.default_rng(1))
    learned = learn_weights(interactions, later, cart=None, seed=0)
    assert min(learned["views"].best) > 0
    assert learned["noise"].low == Weight(0.0, 0.0)
    assert learned["views"].low.profile <= learned["views"].best.profile <= learned["views"].high.profile


def test_purchases_out_of_the_own_cart_teach_nothing() -> None:
    interactions, later = planted(np.random.default_rng(2), people=100)
    later = without(later, interactions.purchases)
    reminded = Interactions(interactions.purchases, {"carts": (later + interactions.others["noise"]).sign()})
    assert learn_weights(reminded, later, cart=None, seed=0)["carts"].best.profile > 0
    with pytest.raises(UserError, match="have none"):  # all later purchases lie in the cart
        learn_weights(reminded, later, cart="carts", seed=0)


def test_one_purchase_of_each_person_with_two_or_more_is_held_out() -> None:
    interactions = Interactions(matrix("abc", "d", "", "ef"), {})
    fit, held_out = hold_out(interactions, seed=4)
    assert np.diff(held_out.indptr).tolist() == [1, 0, 0, 1]
    assert ((fit.purchases + held_out) != interactions.purchases).nnz == 0
    assert (hold_out(interactions, seed=4)[1] != held_out).nnz == 0


def test_places_are_those_of_the_number_of_buyers() -> None:
    assert popularity_places(matrix("ab", "b", "c")).tolist() == [1, 0, 2, 3, 4, 5]


def test_the_bench_prints_the_json_of_its_arms(tmp_path: Path) -> None:
    train, carts, test = (tmp_path / name for name in ("train", "carts", "test"))
    train.write_text("1 a b\n2 a b c\n3 b c\n4 a d f\n5 a d c\n")
    carts.write_text("1 c\n4 b e\n")
    test.write_text("1 c\n4 c\n")
    given = ["behaviours", "--train", str(train), "--also", f"carts={carts}", "--test", str(test), "--seed", "3", "--json"]
    found = CliRunner().invoke(app, given)
    assert found.exit_code == 0, found.output
    result = json.loads(found.stdout.splitlines()[-1])
    assert set(result) >= {"popularity", "purchases", "reminder", "behaviours", "gain_not_in_own_cart", "weights", "seconds", "peak_memory_bytes"}
    assert result["seed"] == 3
    assert set(result["behaviours"]["in_own_cart"]) == {"hr@10", "ndcg@10", "recall@20", "low", "high", "people"}
    assert result["reminder"]["in_own_cart"]["ndcg@10"] == 1.0
    assert set(result["weights"]["carts"]) >= {"profile", "similarity", "profile_low", "similarity_high"}
    with pytest.raises(UserError, match=r"(?s)have carts\n.*want each name once, have views twice"):
        parse_also(["carts", "views=a", "views=b"])
    with pytest.raises(UserError, match="cannot be read"):
        bench(train, {"carts": tmp_path / "absent"}, test)
