"""What other behaviours add to purchases, from plain files, without Spark: `basketgraph bench behaviours`."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from basketgraph.foundation.config import UserError
from basketgraph.foundation.item_lists import ItemList, read_item_lists
from basketgraph.foundation.peak_memory import peak_memory_bytes
from basketgraph.foundation.ranking import interval, paired_difference
from basketgraph.recall.behaviours import (
    BehaviourCosine,
    Interactions,
    LearnedWeight,
    Relevant,
    behaviour_cosine,
    learn_weights,
    open_carts_first,
    popularity_places,
    ranks,
    relevant,
    user_blocks,
    without,
)

CART = "cart"  # what the name of a behaviour starts with whose open items are reminded of
ARMS = ("popularity", "purchases", "reminder", "behaviours")
LEVEL = 0.9  # of the intervals

Say = Callable[[str], None]


def silent(text: str) -> None:
    """Say nothing."""


def bench(
    train_file: Path, also: Mapping[str, Path], test_file: Path, *, valid_file: Path | None = None, seed: int = 0, say: Say = silent
) -> dict[str, Any]:
    """Rank all items for each person of the test file; what a person bought in training is masked.

    also:       behaviour -> file of the people's items. The open items of one whose name starts with `cart` come first in the lists of
                `reminder` and `behaviours`; without such a name no list has any.
    valid_file: purchases after training, on which weights are learned; None: one purchase of each person who has two or more, by seed.
    returns:    for each of ARMS: quality of `all`, `in_own_cart` (who bought out of the own open cart) and `not_in_own_cart` (open carts are
                masked, in all arms alike); gain_not_in_own_cart of behaviours over purchases, weights, seconds, peak_memory_bytes, seed.
    errors:     UserError for files that cannot be read or hold no edge.
    """
    started = time.monotonic()
    files = [train_file, test_file, *also.values(), *([valid_file] if valid_file else [])]
    purchases, test, *others = read_matrices(files, say)
    valid = others.pop() if valid_file else None
    interactions = Interactions(purchases, dict(zip(also, others, strict=True)))
    cart = next((name for name in also if name.lower().startswith(CART)), None)
    say(f"{purchases.shape[0]:,} people, {purchases.shape[1]:,} items, {purchases.nnz:,} purchases; open carts: {cart or 'none'}")
    fit, held_out = (interactions, without(valid, purchases)) if valid is not None else hold_out(interactions, seed)
    learned = learn_weights(fit, held_out, cart=cart, seed=seed)
    for name, weight in learned.items():
        say(f"{name}: weight in profiles {weight.best.profile}, in similarities {weight.best.similarity}")
    carts = interactions.open_carts(cart) if cart else sparse.csr_matrix(purchases.shape, dtype=np.float32)
    weights = {name: weight.best for name, weight in learned.items()}
    result = judge(interactions, behaviour_cosine(interactions, weights), carts, test, seed)
    return {
        **result,
        "weights": {name: _as_json(weight) for name, weight in learned.items()},
        "seconds": round(time.monotonic() - started, 2),
        "peak_memory_bytes": peak_memory_bytes(),
        "seed": seed,
        "people": purchases.shape[0],
        "items": purchases.shape[1],
    }


def read_matrices(paths: Sequence[Path], say: Say) -> list[sparse.csr_matrix]:
    """float32 CSR [people, items] of each file, 1 where a line has the item, with one numbering of people and items."""
    lists = [read_item_lists(path, say) for path in paths]
    people = _numbers({line.owner for each in lists for line in each})
    items = _numbers({item for each in lists for line in each for item in line.items})
    return [_matrix(each, people, items) for each in lists]


def _numbers(names: set[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(sorted(names))}


def _matrix(lists: Sequence[ItemList], people: Mapping[str, int], items: Mapping[str, int]) -> sparse.csr_matrix:
    rows = np.array([people[line.owner] for line in lists for _ in line.items], dtype=np.int64)
    columns = np.array([items[item] for line in lists for item in line.items], dtype=np.int64)
    matrix = sparse.csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=(len(people), len(items)))
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix


def hold_out(interactions: Interactions, seed: int) -> tuple[Interactions, sparse.csr_matrix]:
    """One purchase of each person who has two or more, drawn by seed. returns: interactions without these, and these."""
    purchases = interactions.purchases
    sizes = np.diff(purchases.indptr)
    drawn = purchases.indptr[:-1] + np.floor(np.random.default_rng(seed).random(len(sizes)) * sizes).astype(np.int64)
    is_held = np.zeros(purchases.nnz, dtype=np.float32)
    is_held[drawn[sizes >= 2]] = 1.0
    held_out = sparse.csr_matrix((is_held, purchases.indices.copy(), purchases.indptr.copy()), shape=purchases.shape)
    held_out.eliminate_zeros()
    return Interactions(without(purchases, held_out), interactions.others), held_out


def judge(interactions: Interactions, model: BehaviourCosine, carts: sparse.csr_matrix, test: sparse.csr_matrix, seed: int) -> dict[str, Any]:
    """The quality of each arm for all people, for those who bought out of their open cart and for the others, and what behaviours gain."""
    purchases = interactions.purchases
    alone = behaviour_cosine(Interactions(purchases), {})
    arms = {"purchases": alone, "reminder": open_carts_first(alone, carts), "behaviours": open_carts_first(model, carts)}
    places, wanted = popularity_places(purchases), relevant(test)
    every = {arm: [np.zeros(0, dtype=np.int64)] for arm in ARMS}  # ranks of the wanted items among all but the training purchases
    others = {arm: [np.zeros(0, dtype=np.int64)] for arm in ARMS}  # ... and but the open carts
    for users in user_blocks(purchases.shape[0]):
        own, of_block = purchases[users], wanted.of(users)
        own_or_open = (own + carts[users]).tocsr()
        for arm in ARMS:
            scores = arms[arm].scores(users) if arm in arms else sparse.csr_matrix(own.shape, dtype=np.float32)
            every[arm].append(ranks(scores, own, places, of_block))
            others[arm].append(ranks(scores, own_or_open, places, of_block))
    reminded = np.asarray(test.multiply(carts).sum(axis=1)).ravel() > 0
    wants = np.bincount(wanted.users, minlength=purchases.shape[0]) > 0
    result: dict[str, Any] = {}
    hits = {}
    for arm in ARMS:
        of_all = by_person(np.concatenate(every[arm]), wanted, len(wants))
        masked = by_person(np.concatenate(others[arm]), wanted, len(wants))
        groups = {"all": (of_all, wants), "in_own_cart": (of_all, wants & reminded), "not_in_own_cart": (masked, wants & ~reminded)}
        result[arm] = {group: _quality(values, who, seed) for group, (values, who) in groups.items()}
        hits[arm] = masked["hr@10"][wants & ~reminded]
    mean, low, high = paired_difference(hits["behaviours"], hits["purchases"], seed, level=LEVEL)
    return {**result, "gain_not_in_own_cart": {"hr@10": mean, "low": low, "high": high}}


def by_person(ranked: NDArray[np.int64], wanted: Relevant, people: int) -> dict[str, NDArray[np.float64]]:
    """hr@10 (any wanted item in the first 10), ndcg@10 (ideal DCG cut at 10) and recall@20 of each person; [people] each."""
    total = np.bincount(wanted.users, minlength=people)
    ideal = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(2, 12)))])[np.minimum(total, 10)]
    gains = np.where(ranked <= 10, 1.0 / np.log2(1.0 + ranked), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):  # people without a wanted item, whom no group holds
        return {
            "hr@10": (np.bincount(wanted.users, weights=ranked <= 10, minlength=people) > 0).astype(np.float64),
            "ndcg@10": np.bincount(wanted.users, weights=gains, minlength=people) / ideal,
            "recall@20": np.bincount(wanted.users, weights=ranked <= 20, minlength=people) / total,
        }


def _quality(values: Mapping[str, NDArray[np.float64]], who: NDArray[np.bool_], seed: int) -> dict[str, float | int | None]:
    """Means over the people of a group; low and high: of hr@10, a 90 % bootstrap interval over people. null for nobody."""
    if not who.any():
        return {**dict.fromkeys((*values, "low", "high")), "people": 0}
    _, low, high = interval(values["hr@10"][who], seed, level=LEVEL)
    return {**{name: float(each[who].mean()) for name, each in values.items()}, "low": low, "high": high, "people": int(who.sum())}


def _as_json(weight: LearnedWeight) -> dict[str, float]:
    parts = {"": weight.best, "_low": weight.low, "_high": weight.high}
    return {f"{name}{suffix}": value for suffix, part in parts.items() for name, value in part._asdict().items()}


def parse_also(given: Sequence[str]) -> dict[str, Path]:
    """NAME=FILE flags. Raises UserError for one without a name or a file, and for a name that comes twice."""
    pairs = [text.partition("=")[::2] for text in given]
    faults = [f"--also: want NAME=FILE, have {text}" for text, (name, file) in zip(given, pairs, strict=True) if not (name and file)]
    names = [name for name, _ in pairs]
    faults += [f"--also: want each name once, have {name} twice" for name in sorted({name for name in names if names.count(name) > 1})]
    if faults:
        raise UserError("behaviours cannot be read", faults, "Name each behaviour with its file: --also carts=carts.txt")
    return {name: Path(file) for name, file in pairs}
