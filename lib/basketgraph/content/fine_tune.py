"""Supervised fine-tuning of text vectors on what people have together: a linear head on frozen vectors, trained contrastively."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from basketgraph.foundation.config import Settings

Floats = NDArray[np.float32]


class HeadSettings(Settings):
    """power: a pair of items counts by `together` to this power; temperature: of the cosines of vectors in the softmax.

    batch: items a step; steps: at most; every: after so many steps the validation looks at the head.
    max_items: those that most people have take part.
    """

    power: float = 4.0
    temperature: float = 0.1
    learning_rate: float = 0.001
    batch: int = 512
    steps: int = 200
    every: int = 40
    max_items: int = 6_000


class Purchases(NamedTuple):
    """What people have, and what lay in one basket: float32 [people, items] and [baskets, items], 1 where one has an item."""

    people: sparse.csr_matrix
    baskets: sparse.csr_matrix


def train_head(vectors: Floats, owned: Purchases, settings: HeadSettings, seed: int) -> Iterator[tuple[int, Floats]]:
    """A matrix that is learnt so that items which people have together get near vectors; it starts as the identity.

    vectors: float32 [items, dim], of length 1 or 0.   owned: of the same items.
    yields:  (steps done, float32 [dim, dim]) after every `every` steps; the new vector of an item is `tuned(vectors, head)`.
    """
    import torch

    from basketgraph.content.contrastive import related_loss
    from basketgraph.foundation.adam import Adam

    targets, items = pair_targets(owned, vectors.any(axis=1), settings)
    if not len(items):
        return
    texts = torch.from_numpy(np.ascontiguousarray(vectors[items]))  # [items, dim]
    head = torch.eye(texts.shape[1], requires_grad=True)
    optimizer, draw = Adam({"head": head}), np.random.default_rng(seed)
    trained = np.flatnonzero(np.diff(targets.indptr))
    for step in range(1, settings.steps + 1):
        batch = np.sort(draw.choice(trained, min(settings.batch, len(trained)), replace=False))
        near = torch.nn.functional.normalize(texts @ head, dim=1)  # [items, dim]
        loss = related_loss(near, torch.from_numpy(batch), torch.from_numpy(targets[batch].toarray()), settings.temperature)
        head.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step(settings.learning_rate)
        if step % settings.every == 0:
            yield step, head.detach().numpy().copy()


def tuned(vectors: Floats, head: Floats) -> Floats:
    """float32 [texts, dim] of length 1; what has no vector stays without."""
    moved = vectors @ head
    return np.asarray(moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def people_cosines(left: sparse.csr_matrix, right: sparse.csr_matrix, *, least: int = 1) -> sparse.csr_matrix:
    """float32 [left items, right items]: people who have both, over the root of the product of those who have each; 0 below `least` people.

    left, right: float32 [people, items], 1 where a person has an item.
    """
    both = (left.T @ right).tocsr()
    both.data[both.data < least] = 0
    both.eliminate_zeros()
    lengths = [sparse.diags(1 / np.sqrt(np.maximum(np.asarray(side.sum(axis=0)).ravel(), 1))) for side in (left, right)]
    return (lengths[0] @ both @ lengths[1]).tocsr().astype(np.float32)


def together(left: Purchases, right: Purchases, *, least: int) -> sparse.csr_matrix:
    """float32 [left items, right items]: `people_cosines` over people plus those over baskets."""
    over_people, over_baskets = (people_cosines(one, other, least=least) for one, other in zip(left, right, strict=True))
    return (over_people + over_baskets).tocsr()


def pair_targets(owned: Purchases, has_text: NDArray[np.bool_], settings: HeadSettings) -> tuple[Any, NDArray[np.int64]]:
    """Rows of weights that add up to 1 (or none), CSR [items, items], of the items that take part; and which these are.

    has_text: of each item, whether it has a vector.
    source:   cosines correct for how popular either item is.
    """
    having = np.asarray(owned.people.sum(axis=0)).ravel() * has_text
    items = np.sort(np.argsort(-having, kind="stable")[: settings.max_items])
    items = items[having[items] > 0]
    of_items = Purchases(owned.people[:, items], owned.baskets[:, items])
    weights = together(of_items, of_items, least=2)
    weights.setdiag(0)
    weights.eliminate_zeros()
    weights.data **= settings.power
    sums = np.asarray(weights.sum(axis=1)).ravel()
    return (sparse.diags(1 / np.where(sums > 0, sums, 1)) @ weights).tocsr().astype(np.float32), items
