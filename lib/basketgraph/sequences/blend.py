"""What validation chooses: the settings of the transition counts, and how the counts and the Transformer are blended."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from basketgraph.foundation.transitions import TransitionSettings
from basketgraph.sequences.leave_one_out import Held, LeaveOneOut, gains, target_ranks
from basketgraph.sequences.transitions import COUNTS, TransitionCounts

Array = NDArray[Any]
AXES: dict[str, tuple[float, ...]] = {
    "decay": (0.3, 0.45, 0.6, 0.75, 0.9),
    "column_power": (0.0, 0.1, 0.3, 0.5),
    "row_power": (0.0, 0.1, 0.3, 0.5, 0.7),
    "backward": (0.0, 0.3, 0.6, 1.0),
}
WEIGHTS = tuple(np.round(np.arange(0, 1.01, 0.1), 2).tolist())  # of the counts in the blend
SOFTMAX_FLOOR, SHARE_FLOOR = np.float32(1e-7), np.float32(1e-4)  # what an item gets at least, so that one recommender alone can never veto it
Say = Callable[[str], None]


def tuned_counts(data: LeaveOneOut, valid: Held, say: Say = lambda text: None) -> tuple[TransitionSettings, TransitionCounts]:
    """The settings with the best NDCG@10 on validation, one axis after the other."""
    items, reached = len(data.items), dict[TransitionSettings, float]()

    def judge(settings: TransitionSettings) -> float:
        if settings not in reached:
            counts = TransitionCounts.of(data.training, items, settings)
            ranked = target_ranks(valid, items, lambda histories: {"counts": counts.scores(histories)})
            reached[settings] = float(gains(ranked["counts"]).mean())
        return reached[settings]

    best = COUNTS
    for name, values in AXES.items():
        tried = [best, *(replace(best, **{name: value}) for value in values)]  # type: ignore[arg-type]
        best = max(tried, key=judge)
    say("counts: " + ", ".join(f"{name} {value}" for name, value in asdict(best).items()) + f"; validation NDCG@10 {reached[best]:.4f}")
    return best, TransitionCounts.of(data.training, items, best)


def blended(logits: Array, counts: Array, weight: float) -> Array:
    """(1 - weight) log(softmax + floor) + weight log(share of the counts + floor): float32 [histories, items]."""
    mixed: Array = (1 - weight) * log_softmax(logits) + weight * log_shares(counts)
    return mixed


def log_softmax(logits: Array) -> Array:
    chances = np.exp(logits - logits.max(1, keepdims=True))
    logs: Array = np.log(chances / chances.sum(1, keepdims=True) + SOFTMAX_FLOOR)
    return logs


def log_shares(counts: Array) -> Array:
    logs: Array = np.log(counts / np.maximum(counts.sum(1, keepdims=True), np.float32(1e-12)) + SHARE_FLOOR)
    return logs


def blend_weight(valid: Held, items: int, score: Callable[[Sequence[Array]], tuple[Array, Array]], say: Say = lambda text: None) -> float:
    """The weight of the counts with the best NDCG@10 on validation. score: histories -> the Transformer's logits, and the counts."""

    def candidates(histories: Sequence[Array]) -> dict[str, Array]:
        logits, counts = score(histories)
        of_model, of_counts = log_softmax(logits), log_shares(counts)
        return {str(weight): (1 - weight) * of_model + weight * of_counts for weight in WEIGHTS}

    reached = {float(name): float(gains(ranks).mean()) for name, ranks in target_ranks(valid, items, candidates).items()}
    best = max(reached, key=lambda weight: reached[weight])
    say(f"blend: counts weigh {best}; validation NDCG@10 {reached[best]:.4f}, counts alone {reached[1.0]:.4f}, Transformer alone {reached[0.0]:.4f}")
    return best
