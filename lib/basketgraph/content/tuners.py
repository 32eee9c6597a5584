"""Fine-tuned vectors of titles: by a linear head on the frozen ones, or by training the encoder's weights."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from basketgraph.content.encoder_tuning import EncoderSettings, tune_encoder, want_encoder
from basketgraph.content.fine_tune import HeadSettings, Purchases, pair_targets, train_head, tuned
from basketgraph.foundation.config import UserError

LEARNING_RATES = {"lora": 0.001, "full": 0.00005}
Floats = NDArray[np.float32]
Tune = Literal["head", "lora", "full"]


class Tuning(NamedTuple):
    """model: the folder of the encoder's weights, for lora and full alone; ranks: of Horovod, likewise. steps: at most, None: as the settings say."""

    tune: Tune
    model: Path | None
    ranks: int
    steps: int | None
    seed: int


class Trained(NamedTuple):
    """vectors: steps done -> float32 [texts, dim], of length 1 or 0.   seconds: of the training alone."""

    vectors: Mapping[int, Floats]
    seconds: float
    peak_memory_bytes: int = 0  # of the ranks


def check_tuning(tuning: Tuning) -> None:
    """Raises UserError for a tuning that cannot begin."""
    if tuning.tune == "head":
        if tuning.model is not None or tuning.ranks != 1:
            fault = f"tune: want lora or full with a model or several ranks, have head, {tuning.ranks} ranks and the model {tuning.model}"
            raise UserError("bench related: a linear head is trained in one process", [fault], "Leave --model and --ranks out, or tune the encoder.")
    elif tuning.model is None:
        cure = "Name the folder of the encoder's fp32 weights, as docs/content.md says."
        raise UserError(f"bench related: --tune {tuning.tune} trains weights", ["model: want a folder, have none"], cure)
    else:
        want_encoder(tuning.model, tuning.tune)


def tuned_vectors(
    frozen: Floats,
    texts: Sequence[str],
    rows: NDArray[np.int64],
    owned: Purchases,
    tuning: Tuning,
    *,
    steps: int | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Trained:
    """Train on what people have together, and give all texts new vectors; texts without a frozen vector stay without.

    frozen: float32 [texts, dim], of length 1 or 0.   texts: as the encoder reads them.   rows: the texts of the items of `owned`, in their order.
    steps:  train so many, and give the vectors after them alone; None: give them after each part of the training.
    """
    if tuning.tune == "head":
        of_head = HeadSettings().model_copy(update=_parts(tuning.steps, steps))
        started = time.monotonic()
        heads = dict(train_head(frozen[rows], owned, of_head, tuning.seed))
        return Trained({done: tuned(frozen, head) for done, head in heads.items()}, round(time.monotonic() - started, 2))
    assert tuning.model is not None
    targets, items = pair_targets(owned, frozen[rows].any(axis=1), HeadSettings())
    trained = rows[items]
    others = np.setdiff1d(np.flatnonzero(frozen.any(axis=1)), trained)
    order = np.concatenate([trained, others])
    settings = EncoderSettings(tune=tuning.tune, learning_rate=LEARNING_RATES[tuning.tune], seed=tuning.seed)
    found = tune_encoder(
        tuning.model,
        [texts[row] for row in order],
        targets,
        settings.model_copy(update=_parts(tuning.steps, steps)),
        ranks=tuning.ranks,
        on_progress=lambda done: say(f"{tuning.tune}: {done['steps']} steps, loss {done['loss']:.4f}, {done['seconds']:.0f} s"),
    )
    vectors = {}
    for done, of_order in found.vectors.items():
        vectors[done] = np.zeros((len(frozen), of_order.shape[1]), dtype=np.float32)
        vectors[done][order] = of_order
    return Trained(vectors, found.result.seconds, found.result.peak_memory_bytes)


def _parts(most: int | None, steps: int | None) -> dict[str, int]:
    """How long to train and when to give vectors: at most `most` steps in five parts, or `steps` in one; else as the settings say."""
    if steps is not None:
        return {"steps": steps, "every": steps}
    return {} if most is None else {"steps": most, "every": max(most // 5, 1)}
