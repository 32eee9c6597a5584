"""The next click of a session: whether it repeats the last one, and which other item it is on, by weights that are learned on later sessions."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from basketgraph.foundation.transitions import TransitionSettings
from basketgraph.foundation.trees import Trees, TreeSettings, train_trees
from basketgraph.recall.matrix import Floats, Numbers
from basketgraph.recall.session_neighbours import NeighbourSettings, SessionNeighbours, session_neighbours
from basketgraph.recall.sessions import Sessions, blocks, click_shares, prefixes
from basketgraph.recall.transitions import Transitions, transitions

OF_CANDIDATES = ("transitions", "next", "neighbours", "popularity", "seen", "seen_ago", "clicked_before_last")
OF_REPEATS = (
    *("run", "clicks", "distinct", "times", "repeats", "repeat_share", "item_repeats", "item_popularity"),
    *(f"{of}_{part}" for part in ("transitions", "next", "neighbours") for of in ("last", "best_other")),
)
FLOOR = 1e-4  # added to a share before its logarithm: an item that one method never saw stays possible
RUN = 10  # clicks back that are looked at for repeats and returns
NEXT = TransitionSettings(steps=1, backward=0.0, column_power=0.0, decay=0.0)  # what directly follows the last click


@dataclass(frozen=True)
class NextClickSettings:
    """candidates: items of each prefix that are scored; repeat_prior: clicks by which an item's share of repeats is smoothed.

    repeat_weight: what the probability of a repeat counts against those of other items. 1 ranks best for all clicks; less puts the last item
    lower in the list, where it is less in the way of other items.
    """

    transitions: TransitionSettings = field(default_factory=TransitionSettings)
    neighbours: NeighbourSettings = field(default_factory=NeighbourSettings)
    trees: TreeSettings = field(
        default_factory=lambda: TreeSettings(objective="binary", rounds=150, learning_rate=0.05, leaves=15, min_rows=50, feature_fraction=0.7, l2=5.0)
    )
    candidates: int = 100
    repeat_prior: float = 10.0
    repeat_weight: float = 0.55


@dataclass(frozen=True)
class Counts:
    """What is counted on sessions. popularity: float32 [items], shares of clicks; repeats: float32 [items], see `repeat_logits`."""

    transitions: Transitions
    following: Transitions
    neighbours: SessionNeighbours
    popularity: Floats
    repeats: Floats


@dataclass(frozen=True)
class Known:
    """What is known of a block of prefixes: candidates other than the last item, their features, and those of a repeat."""

    last: NDArray[np.int64]  # [predictions]
    candidates: NDArray[np.int64]  # [predictions, candidates]
    of_candidates: Floats  # [predictions, candidates, OF_CANDIDATES]
    of_repeats: Floats  # [predictions, OF_REPEATS]


@dataclass(frozen=True)
class NextClick:
    """weights: float64 [OF_CANDIDATES], of which other item; repeating: trees for the log odds of a repeat."""

    counts: Counts
    weights: NDArray[np.float64]
    repeating: Trees
    repeat_weight: float
    candidates: int

    def weights_by_name(self) -> dict[str, float]:
        return dict(zip(OF_CANDIDATES, self.weights.tolist(), strict=True))

    def scores(self, sessions: Sessions, predicted: Numbers) -> Floats:
        """float32 [predictions, items]: about the probability of each item; 0 for items that are no candidates."""
        known = describe(self.counts, sessions, predicted, self.candidates)
        repeat = 1.0 / (1.0 + np.exp(-self.repeating.score(known.of_repeats)))
        other = softmax(known.of_candidates @ self.weights.astype(np.float32)) * (1.0 - np.broadcast_to(repeat, known.last.shape))[:, None]
        scores = np.zeros((len(predicted), len(self.counts.popularity)), dtype=np.float32)
        np.put_along_axis(scores, known.candidates, other.astype(np.float32), axis=1)
        scores[np.arange(len(predicted)), known.last] = self.repeat_weight * repeat
        return scores


def next_click(sessions: Sessions, learned_on: tuple[Sessions, Sessions], items: int, settings: NextClickSettings, *, seed: int) -> NextClick:
    """Count on `sessions`, by weights that are learned on the second of two parts with counts of the first."""
    earlier, later = learned_on
    counts = count(earlier, items, settings)
    known = [describe(counts, later, predicted, settings.candidates) for predicted in blocks(later.predicted, items)]
    targets = later.items[later.predicted]
    is_repeat = targets == later.items[later.predicted - 1]
    rows = np.concatenate([np.zeros((0, len(OF_REPEATS)), np.float32), *(block.of_repeats for block in known)])
    repeating = train_trees(rows, is_repeat.astype(np.int64), np.zeros(len(rows)), OF_REPEATS, settings.trees, seed=seed) if len(rows) else Trees()
    return NextClick(count(sessions, items, settings), choice_weights(known, targets), repeating, settings.repeat_weight, settings.candidates)


def count(sessions: Sessions, items: int, settings: NextClickSettings) -> Counts:
    return Counts(
        transitions(sessions, items, settings.transitions),
        transitions(sessions, items, NEXT),
        session_neighbours(sessions, items, settings.neighbours),
        click_shares(sessions, items),
        repeat_logits(sessions, items, settings.repeat_prior),
    )


def describe(counts: Counts, sessions: Sessions, predicted: Numbers, width: int) -> Known:
    """Candidates of each prefix and the features of both models; `width` is the number of candidates."""
    last = sessions.items[predicted - 1]
    rows = np.arange(len(last))
    by_part = [shares(part.scores(sessions, predicted)) for part in (counts.transitions, counts.following, counts.neighbours)]
    own = [part[rows, last] for part in by_part]
    for part in by_part:
        part[rows, last] = 0.0  # a repeat is not another item
    together = np.sum([*by_part, np.broadcast_to(1e-3 * counts.popularity, by_part[0].shape)], axis=0)
    together[rows, last] = -1.0
    width = min(width, together.shape[1] - 1)
    candidates = np.argpartition(-together, width - 1, axis=1)[:, :width]
    ago = clicks_ago(sessions, predicted, candidates)
    of_candidates = [
        *(np.log(np.take_along_axis(part, candidates, axis=1) + FLOOR) for part in by_part),
        np.log(counts.popularity[candidates] + FLOOR),
        ago > 0,
        np.log(np.maximum(ago, 1)),
        ago == 2,
    ]
    best = [part.max(axis=1) for part in by_part]
    of_repeats = [
        *in_session(sessions, predicted, len(counts.popularity)),
        counts.repeats[last],
        np.log(counts.popularity[last] + FLOOR),
        *(column for pair in zip(own, best, strict=True) for column in pair),
    ]
    return Known(last, candidates, np.stack(of_candidates, axis=2).astype(np.float32), np.stack(of_repeats, axis=1).astype(np.float32))


def in_session(sessions: Sessions, predicted: Numbers, items: int) -> list[Numbers]:
    """The first of OF_REPEATS, each [predictions]: the run of clicks on the last item, clicks, distinct items, clicks on the last item, repeats."""
    clicks = sessions.place[predicted]
    last = sessions.items[predicted - 1]
    run, goes_on = np.ones(len(predicted), dtype=np.int64), np.ones(len(predicted), dtype=bool)
    for age in range(1, RUN):
        goes_on &= (clicks > age) & (sessions.items[np.maximum(predicted - 1 - age, 0)] == last)
        run += goes_on
    held = prefixes(sessions, predicted, items, lambda age, lengths: np.ones(len(lengths)))
    repeated = np.cumsum(np.concatenate([[False], sessions.items[1:] == sessions.items[:-1]]))
    repeats = repeated[predicted - 1] - repeated[predicted - clicks]
    times = np.asarray(held[np.arange(len(last)), last]).ravel()
    return [run, clicks, np.diff(held.indptr), times, repeats, repeats / np.maximum(clicks - 1, 1)]


def clicks_ago(sessions: Sessions, predicted: Numbers, candidates: Numbers) -> NDArray[np.int64]:
    """[predictions, candidates]: how many clicks ago each candidate was last clicked, among the last RUN clicks; 0 where it was not."""
    ago = np.zeros(candidates.shape, dtype=np.int64)
    for age in reversed(range(min(RUN, int(sessions.place[predicted].max(initial=0))))):
        reached = (sessions.place[predicted] > age)[:, None]
        ago[reached & (candidates == sessions.items[np.maximum(predicted - 1 - age, 0)][:, None])] = age + 1
    return ago


def repeat_logits(sessions: Sessions, items: int, prior: float) -> Floats:
    """float32 [items]: the log odds that a click on the item is followed by another on it, smoothed by `prior` clicks of the mean item."""
    before, after = sessions.items[sessions.predicted - 1], sessions.items[sessions.predicted]
    repeated = np.bincount(before, weights=before == after, minlength=items)
    followed = np.bincount(before, minlength=items)
    share = np.clip((repeated + prior * repeated.sum() / max(1, followed.sum())) / (followed + prior), 1e-3, 1 - 1e-3)
    return np.asarray(np.log(share / (1 - share)), dtype=np.float32)


def choice_weights(known: list[Known], targets: Numbers, ridge: float = 1.0) -> NDArray[np.float64]:
    """float64 [OF_CANDIDATES]: the weights of a conditional logit (McFadden 1974) of which other item is clicked next.

    known: blocks of prefixes.   targets: [predictions], the items clicked next; repeats, and items that are no candidates, take no part.
    """
    candidates = np.concatenate([block.candidates for block in known])
    features = np.concatenate([block.of_candidates for block in known])
    chosen = candidates == targets[:, None]
    held = chosen.any(axis=1)
    features, chosen = features[held], chosen[held]
    scale = features.std(axis=(0, 1)) + 1e-6
    features = features / scale
    wanted = features[chosen].sum(axis=0)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        probabilities = softmax(features @ weights.astype(np.float32))
        value = -np.log(probabilities[chosen] + 1e-30).sum() + ridge * weights @ weights
        return float(value), np.einsum("pc,pcf->f", probabilities, features) - wanted + 2 * ridge * weights

    return np.asarray(optimize.minimize(loss, np.zeros(len(scale)), jac=True, method="L-BFGS-B").x / scale)


def softmax(logits: Floats) -> Floats:
    """Probabilities of each row."""
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True))


def shares(scores: Floats) -> Floats:
    """Scores of each row divided by their sum; a row without any stays 0."""
    sums = scores.sum(axis=1, keepdims=True)
    return np.divide(scores, sums, out=np.zeros_like(scores), where=sums > 0)
