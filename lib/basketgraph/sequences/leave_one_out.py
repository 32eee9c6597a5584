"""Judging by each person's last item: the split, and the rank that a recommender gives to the item held out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from basketgraph.foundation.config import UserError
from basketgraph.foundation.item_lists import read_item_lists
from basketgraph.foundation.progress import at

Array = NDArray[Any]
Scorer = Callable[[Sequence[Array]], Array]  # histories -> float32 [histories, items]; -inf: never
SHORTEST = 3  # items of a line that is judged: one to learn from, one for validation, one for the test
CHUNK_BYTES = 16 << 20  # of one recommender's scores
MISS = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Held:
    """People's histories, and the item held out of each: its index, int64 [people]."""

    histories: list[Array]
    targets: Array


@dataclass(frozen=True)
class LeaveOneOut:
    """Sequences of item indices. A line of at least SHORTEST items trains without its last two; a shorter one trains whole and is not judged.

    valid: the last but one item, predicted from those before it; test: the last one, predicted from all others.
    """

    items: tuple[str, ...]  # ids in order of the index
    training: list[Array]
    valid: Held
    test: Held


def read_leave_one_out(path: Path, say: Callable[[str], None] = lambda text: None) -> LeaveOneOut:
    """Read `user item item ...` lines in time order.

    errors: UserError as `read_item_lists` raises it, and for a file without a line to judge or without a sequence to learn from.
    """
    lines = read_item_lists(path, say)
    items = tuple(sorted({item for line in lines for item in line.items}))
    number = {item: index for index, item in enumerate(items)}
    sequences = [np.array([number[item] for item in line.items], np.int64) for line in lines]
    judged = [items for items in sequences if len(items) >= SHORTEST]
    training = [items[:-2] if len(items) >= SHORTEST else items for items in sequences]
    faults = [] if judged else [f"lines: want some of at least {SHORTEST} items, have none"]
    if not any(len(items) > 1 for items in training):
        faults.append(f"lines: want some of at least {SHORTEST + 1} items, or of 2, have none; the last two of a longer line are held out")
    if faults:
        raise UserError(f"{path}: holds too short lines", faults, "Name a file with longer lines.")
    valid, test = (Held([items[:-back] for items in judged], np.array([items[-back] for items in judged], np.int64)) for back in (2, 1))
    return LeaveOneOut(items, training, valid, test)


def sample(held: Held, people: int, seed: int) -> Held:
    """At most `people` people, drawn at random: hit rates depend on the order of a file's lines."""
    chosen = np.sort(np.random.default_rng(seed).permutation(len(held.histories))[:people])
    return Held([held.histories[person] for person in chosen], held.targets[chosen])


def target_ranks(held: Held, items: int, score: Callable[[Sequence[Array]], Mapping[str, Array]]) -> dict[str, Array]:
    """The rank, from 0 on, of each person's held-out item among all items but those of the history, by each of several recommenders.

    score:   histories -> recommender -> float32 [histories, items], whose arrays are overwritten.
    returns: int64 [people] for each recommender. Equal scores rank by the item's index, as in ranking.top_k; MISS where the item cannot be listed.
    """
    parts: dict[str, list[Array]] = {}
    chunk = max(1, CHUNK_BYTES // (4 * items))
    for begin in range(0, len(held.histories), chunk):
        at("people scored", begin, len(held.histories))
        histories, targets = held.histories[begin : begin + chunk], held.targets[begin : begin + chunk]
        for name, scores in score(histories).items():
            parts.setdefault(name, []).append(_ranks(scores, histories, targets))
    return {name: np.concatenate(ranks) for name, ranks in parts.items()}


def _ranks(scores: Array, histories: Sequence[Array], targets: Array) -> Array:
    people = np.arange(len(targets))
    scores[np.repeat(people, [len(history) for history in histories]), np.concatenate(histories)] = -np.inf
    own = scores[people, targets][:, None]
    above = (scores > own).sum(1) + ((scores == own) & (np.arange(scores.shape[1]) < targets[:, None])).sum(1)
    return np.where(own[:, 0] > -np.inf, above, MISS)


def hits(ranks: Array, k: int = 10) -> Array:
    """HR@k of each person: 1 where the item held out is among the first k. float64 [people]."""
    return (ranks < k).astype(np.float64)


def gains(ranks: Array, k: int = 10) -> Array:
    """NDCG@k of each person, whose ideal is 1. float64 [people]."""
    return np.where(ranks < k, 1 / np.log2(np.minimum(ranks, k) + 2.0), 0.0)
