"""Item cosine over several behaviours, with weights that are learned, and the reminder of open carts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from basketgraph.foundation.config import UserError
from basketgraph.recall.matrix import Numbers

POWER = 0.1  # of the items' degrees that products are divided by: a cosine has .5, which lists rare items too often
GRID = (0.0, 0.25, 0.5, 1.0)  # weights that are tried; a purchase weighs 1
BLOCK = 256  # users whose scores are in memory at once; larger blocks spend more time on getting memory than on sums
LEARNERS = 20_000  # people on whom weights are learned at most: more change no weight, and take as much longer
DRAWS = 500  # of the bootstrap of learned weights


class Weight(NamedTuple):
    """What one event of a behaviour counts, where a purchase counts 1: in a person's profile, and in the similarity of items."""

    profile: float
    similarity: float


class LearnedWeight(NamedTuple):
    """The weight that was best on held-out purchases, and its 90 % bootstrap interval over people."""

    best: Weight
    low: Weight
    high: Weight


@dataclass(frozen=True)
class Interactions:
    """purchases: float32 CSR [users, items], 1 where the user bought the item; others: behaviour -> the same of that behaviour."""

    purchases: sparse.csr_matrix
    others: Mapping[str, sparse.csr_matrix] = field(default_factory=dict)

    def summed(self, weights: Mapping[str, float]) -> sparse.csr_matrix:
        """[users, items]: purchases, and the other behaviours by their weights; a behaviour without a weight counts nothing."""
        total = self.purchases
        for name, weight in weights.items():
            if weight:
                total = total + weight * self.others[name]
        return total.tocsr().astype(np.float32)

    def open_carts(self, name: str) -> sparse.csr_matrix:
        """[users, items]: 1 where the item was put into the cart and not bought."""
        return without(self.others[name], self.purchases)


@dataclass(frozen=True)
class BehaviourCosine:
    """profiles: float32 CSR [users, items]; similarity: float32 CSR [items, items]. A score is a profile's sum of similarities."""

    profiles: sparse.csr_matrix
    similarity: sparse.csr_matrix

    def scores(self, users: slice) -> sparse.csr_matrix:
        """float32 CSR [users of the block, items]; an item that is not there scores 0."""
        return (self.profiles[users] @ self.similarity).tocsr()


def behaviour_cosine(interactions: Interactions, weights: Mapping[str, Weight]) -> BehaviourCosine:
    """Similarities of items by the people who bought both, or did something else with them, by the weights of behaviours."""
    profiles = interactions.summed({name: weight.profile for name, weight in weights.items()})
    return BehaviourCosine(profiles, item_similarity(interactions.summed({name: weight.similarity for name, weight in weights.items()})))


def item_similarity(weights: sparse.csr_matrix) -> sparse.csr_matrix:
    """x_i . x_j / (|x_i|^2 |x_j|^2)^POWER of the columns, 0 of an item with itself. weights: [users, items]; returns: CSR [items, items]."""
    products = (weights.T @ weights).tocsr()
    degrees = products.diagonal()
    damping = sparse.diags(np.where(degrees > 0, np.maximum(degrees, 1e-12) ** -POWER, 0.0).astype(np.float32))
    scaled = (damping @ products @ damping).tocsr()
    return (scaled - sparse.diags(scaled.diagonal())).tocsr()


def without(matrix: sparse.csr_matrix, other: sparse.csr_matrix) -> sparse.csr_matrix:
    """The matrix without the entries that the other one has, too."""
    left = (matrix - matrix.multiply(other > 0)).tocsr()
    left.eliminate_zeros()
    return left


def open_carts_first(model: BehaviourCosine, carts: sparse.csr_matrix) -> BehaviourCosine:
    """The model with each person's open carts before everything else, in the order of their scores.

    [profiles, carts] times [similarity; h I] are the scores, with h more for open carts, and h is above every score.
    """
    highest = float(model.profiles.sum(axis=1).max() * model.similarity.max())
    above = (highest + 1.0) * sparse.identity(carts.shape[1], dtype=np.float32, format="csr")
    return BehaviourCosine(sparse.hstack([model.profiles, carts], format="csr"), sparse.vstack([model.similarity, above], format="csr"))


class Relevant(NamedTuple):
    """Items that people went on to buy: users, items: [pairs], sorted by user."""

    users: Numbers
    items: Numbers

    def of(self, users: slice) -> "Relevant":
        """Those of a block of users, whose numbers then start at 0."""
        first, last = np.searchsorted(self.users, [users.start, users.stop])
        return Relevant(self.users[first:last] - users.start, self.items[first:last])


def relevant(matrix: sparse.csr_matrix) -> Relevant:
    """The entries of a matrix [users, items] as pairs."""
    rows, columns = matrix.tocsr().sorted_indices().nonzero()
    return Relevant(rows.astype(np.int64), columns.astype(np.int64))


def ranks(scores: sparse.csr_matrix, masked: sparse.csr_matrix, places: Numbers, wanted: Relevant) -> NDArray[np.int64]:
    """[pairs]: the rank of each relevant item in its user's list of all items, best 1; the number of items + 1 where it is masked.

    scores: CSR [users, items], positive; items without a score follow those with one, in the order of `places`, which also breaks ties.
    masked: CSR [users, items], entries are never listed.   places: [items], the place of each item by popularity, best 0.
    """
    pairs = len(wanted.items)
    is_masked = np.zeros(masked.shape, dtype=bool)
    is_masked[np.repeat(np.arange(masked.shape[0]), np.diff(masked.indptr)), masked.indices] = True
    rows = scores[wanted.users]  # of each pair
    pair = np.repeat(np.arange(pairs), np.diff(rows.indptr))
    values = np.where(is_masked[wanted.users[pair], rows.indices], 0.0, rows.data)
    reached = np.bincount(pair, weights=np.where(rows.indices == wanted.items[pair], values, 0.0), minlength=pairs)
    place = places[wanted.items]
    is_before = places[rows.indices] < place[pair]
    is_ahead = (values > reached[pair]) | ((values == reached[pair]) & is_before)
    scored_rank = 1 + np.bincount(pair[is_ahead], minlength=pairs)
    scored, scored_before = (np.bincount(pair[which], minlength=pairs) for which in (values > 0, (values > 0) & is_before))
    hidden = masked[wanted.users]
    of_hidden = np.repeat(np.arange(pairs), np.diff(hidden.indptr))
    hidden_before = np.bincount(of_hidden[places[hidden.indices] < place[of_hidden]], minlength=pairs)
    unscored_rank = 1 + scored + place - scored_before - hidden_before
    rank = np.where(reached > 0, scored_rank, unscored_rank)
    return np.where(is_masked[wanted.users, wanted.items], len(places) + 1, rank).astype(np.int64)


def popularity_places(purchases: sparse.csr_matrix) -> NDArray[np.int64]:
    """[items]: the place of each item by the number of its buyers, best 0; equal ones in the order of their numbers."""
    buyers = np.bincount(purchases.indices, minlength=purchases.shape[1])
    places = np.empty(len(buyers), dtype=np.int64)
    places[np.argsort(-buyers, kind="stable")] = np.arange(len(buyers))
    return places


def user_blocks(users: int) -> Iterator[slice]:
    for start in range(0, users, BLOCK):
        yield slice(start, min(users, start + BLOCK))


def learn_weights(
    interactions: Interactions, held_out: sparse.csr_matrix, *, cart: str | None, seed: int, tied: bool = False
) -> dict[str, LearnedWeight]:
    """Choose each behaviour's weights on held-out purchases, one behaviour after the other: the highest mean of 1 / log2(1 + rank).

    interactions: without the held-out purchases.   held_out: CSR [users, items].
    cart:         the behaviour whose open carts are a recommender of their own. They are masked, and who bought out of the own cart is left
                  out: else a purchase makes its own cart item similar to the rest of the basket, and the weights learn the reminder.
    tied:         the same weight in profiles and in similarities, as edges of one graph have.
    errors:       UserError where no held-out purchase is left.
    """
    masked = interactions.purchases
    if cart is not None:
        carts = interactions.open_carts(cart)
        masked = (masked + carts).tocsr()
        reminded = np.asarray(held_out.multiply(carts).sum(axis=1)).ravel() > 0
    else:
        reminded = np.zeros(held_out.shape[0], dtype=bool)
    people = np.flatnonzero((np.diff(held_out.indptr) > 0) & ~reminded)
    if not len(people):
        fault = "held-out purchases: want some that are not out of the own open cart, have none"
        raise UserError("weights of behaviours cannot be learned", [fault], "Give later purchases to learn on (--valid).")
    if len(people) > LEARNERS:
        people = np.sort(np.random.default_rng(seed).choice(people, LEARNERS, replace=False))
    masked, wanted = masked[people], relevant(held_out[people])
    places = popularity_places(interactions.purchases)
    learned: dict[str, LearnedWeight] = {}
    for name in interactions.others:
        fixed = {other: weight.best for other, weight in learned.items()}
        candidates, gains = [], []
        for similarity in GRID:
            model = behaviour_cosine(interactions, {**fixed, name: Weight(0.0, similarity)})
            for profile in (similarity,) if tied else GRID:
                profiles = interactions.summed({**{other: weight.profile for other, weight in fixed.items()}, name: profile})
                candidates.append(Weight(profile, similarity))
                gains.append(_gains(BehaviourCosine(profiles[people], model.similarity), masked, places, wanted))
        learned[name] = _best(candidates, np.array(gains), seed)
    return learned


def _gains(model: BehaviourCosine, masked: sparse.csr_matrix, places: Numbers, wanted: Relevant) -> NDArray[np.float64]:
    """[pairs]: 1 / log2(1 + rank), the gain of NDCG without a cut, which is less noisy than with one."""
    parts = [ranks(model.scores(users), masked[users], places, wanted.of(users)) for users in user_blocks(masked.shape[0])]
    return np.asarray(1.0 / np.log2(1.0 + np.concatenate(parts)))


def _best(candidates: list[Weight], gains: NDArray[np.float64], seed: int) -> LearnedWeight:
    """The candidate with the highest mean gain, and bounds over draws of purchases. gains: [candidates, pairs]."""
    counts = np.random.default_rng(seed).poisson(1.0, (DRAWS, gains.shape[1])).astype(np.float32)
    drawn = np.array(candidates)[np.argmax(gains @ counts.T, axis=0)]
    low, high = np.quantile(drawn, [0.05, 0.95], axis=0, method="nearest")
    return LearnedWeight(candidates[int(np.argmax(gains.mean(axis=1)))], Weight(*low), Weight(*high))
