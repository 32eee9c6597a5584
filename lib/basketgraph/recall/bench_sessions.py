"""Next clicks of sessions from plain files, without Spark: `basketgraph bench sessions`."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from basketgraph.foundation.config import UserError
from basketgraph.foundation.item_lists import read_item_lists
from basketgraph.foundation.peak_memory import peak_memory_bytes
from basketgraph.foundation.ranking import ratio_intervals
from basketgraph.recall.matrix import Floats, Numbers
from basketgraph.recall.next_click import NextClickSettings, next_click
from basketgraph.recall.session_neighbours import session_neighbours
from basketgraph.recall.sessions import Sessions, as_sessions, blocks, click_shares, item_numbers
from basketgraph.recall.transitions import transitions

K = 20
VALIDATION = 0.2  # of the training sessions, the last ones, where no validation file is given

Say = Callable[[str], None]
Scorer = Callable[[Sessions, Numbers], Floats]  # float32 [predictions, items]


def silent(text: str) -> None:
    """Say nothing."""


def bench(train_file: Path, test_file: Path, *, valid_file: Path | None = None, seed: int = 0, say: Say = silent) -> dict[str, Any]:
    """Predict each click of the test sessions but their first from the clicks before it. All items are ranked, none is masked.

    train_file: sessions in the order of time, from which everything is counted.
    valid_file: sessions after them, from which the weights of `shipped` are learned; None: the last fifth of the training sessions, with
                counts of the others.
    returns:    for popularity, transitions, neighbours and shipped: see `quality`; seconds, peak_memory_bytes, seed and sizes.
    errors:     UserError for files that cannot be read, or have no session of two clicks where one is wanted.
    """
    started = time.monotonic()
    paths = [train_file, test_file, *([valid_file] if valid_file else [])]
    lists = [[line.items for line in read_item_lists(path, say)] for path in paths]
    numbers = item_numbers([items for each in lists for items in each])
    train, test, *valid = (as_sessions(each, numbers) for each in lists)
    learned_on = (train, valid[0]) if valid else split(train)
    _want_two_clicks(train_file, train, len(learned_on[0].predicted))
    _want_two_clicks(valid_file or train_file, learned_on[1], len(learned_on[1].predicted))
    _want_two_clicks(test_file, test, len(test.predicted))
    popularity, settings = click_shares(train, len(numbers)), NextClickSettings()
    say(f"{len(train):,} training sessions, {len(numbers):,} items, {len(test.predicted):,} clicks to predict")
    shipped = next_click(train, learned_on, len(numbers), settings, seed=seed)
    say("weights of other items: " + ", ".join(f"{name} {weight:.2f}" for name, weight in shipped.weights_by_name().items()))
    scorers: Mapping[str, Scorer] = {
        "popularity": lambda _, predicted: np.broadcast_to(popularity, (len(predicted), len(popularity))),
        "transitions": transitions(train, len(numbers), settings.transitions).scores,
        "neighbours": session_neighbours(train, len(numbers), settings.neighbours).scores,
        "shipped": shipped.scores,
    }
    reached = {name: quality(test, target_ranks(scorer, test, popularity), seed) for name, scorer in scorers.items()}
    return {
        **reached,
        "seconds": round(time.monotonic() - started, 2),
        "peak_memory_bytes": peak_memory_bytes(),
        "seed": seed,
        "sessions": len(train),
        "items": len(numbers),
        "clicks": len(test.predicted),
    }


def split(train: Sessions) -> tuple[Sessions, Sessions]:
    """Training sessions without their last fifth, and that fifth."""
    bound = len(train) - max(1, round(VALIDATION * len(train)))
    return train.part(0, bound), train.part(bound, len(train))


def _want_two_clicks(path: Path, sessions: Sessions, predictions: int) -> None:
    if not predictions:
        fault = f"sessions: want some with two clicks and more, have {len(sessions):,} with fewer"
        raise UserError(f"{path}: no next click to learn from or to predict", [fault], "Name a file with `session item item ...` a line.")


def target_ranks(scorer: Scorer, sessions: Sessions, popularity: Floats) -> NDArray[np.int64]:
    """[predictions]: the rank of each clicked item among all items, best 1; equal scores go by popularity, then by number."""
    places = np.empty(len(popularity), dtype=np.int64)
    places[np.argsort(-popularity, kind="stable")] = np.arange(len(popularity))
    ranks = [np.zeros(0, dtype=np.int64)]
    for predicted in blocks(sessions.predicted, len(popularity)):
        scores, targets = scorer(sessions, predicted), sessions.items[predicted]
        reached = scores[np.arange(len(targets)), targets][:, None]
        ahead = (scores > reached) | ((scores == reached) & (places < places[targets][:, None]))
        ranks.append(1 + ahead.sum(axis=1))
    return np.concatenate(ranks)


def quality(sessions: Sessions, ranks: NDArray[np.int64], seed: int) -> dict[str, float]:
    """hr@20 and mrr@20 over all predicted clicks, and `_different` over those on another item than the click before.

    returns: of each also `_low` and `_high`, the bounds of a 90 % bootstrap interval over sessions.
    """
    predicted = sessions.predicted
    owner = sessions.session[predicted]
    different = sessions.items[predicted] != sessions.items[predicted - 1]
    gains = {f"hr@{K}": (ranks <= K).astype(np.float64), f"mrr@{K}": np.where(ranks <= K, 1.0 / ranks, 0.0)}
    found: dict[str, float] = {}
    for suffix, counted in (("", np.ones(len(ranks), dtype=bool)), ("_different", different)):
        counts = np.bincount(owner[counted], minlength=len(sessions)).astype(np.float64)
        for name, gain in gains.items():
            sums = np.bincount(owner[counted], weights=gain[counted], minlength=len(sessions)).astype(np.float64)
            ((mean, low, high),) = ratio_intervals(sums[:, None], counts[:, None], seed, level=0.9)
            found |= {f"{name}{suffix}": mean, f"{name}{suffix}_low": low, f"{name}{suffix}_high": high}
    return found
