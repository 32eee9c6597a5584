"""Judging next-item recommenders on a plain file of sequences, without Spark: `basketgraph bench sequences`."""

import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch

from basketgraph.foundation.distributed.launch import free_threads
from basketgraph.foundation.peak_memory import peak_memory_bytes
from basketgraph.foundation.ranking import Interval, interval, paired_difference
from basketgraph.sequences.blend import blend_weight, blended, tuned_counts
from basketgraph.sequences.leave_one_out import Array, LeaveOneOut, gains, hits, read_leave_one_out, sample, target_ranks
from basketgraph.sequences.results import MODEL, Result
from basketgraph.sequences.scoring import Transformer
from basketgraph.sequences.settings import SequenceSettings
from basketgraph.sequences.training import train_sequences
from basketgraph.shards.plain import Nodes, seal_sequences

LEVEL = 0.9
VALIDATION_PEOPLE = 10_000
SHARDS = 8
LONGEST = 1_000  # items of a line that are trained on, the latest: the lists of a sealed set have one length
Say = Callable[[str], None]


def silent(text: str) -> None:
    """Say nothing."""


def bench(file: Path, settings: SequenceSettings, *, ranks: int = 1, say: Say = silent) -> dict[str, Any]:
    """Popularity, transition counts, the Transformer and a blend, judged by each person's last item (protocol: leave_one_out).

    returns: hr@10 and ndcg@10 of each with 90 % intervals over people; gain: blend less counts, paired; seconds, peak_memory_bytes, losses, ...
    """
    started = time.monotonic()
    data = read_leave_one_out(file, say)
    valid = sample(data.valid, VALIDATION_PEOPLE, settings.seed)
    count_settings, counts = tuned_counts(data, valid, say)
    training_started = time.monotonic()
    transformer, result = fit(data, settings, ranks, say)
    training = time.monotonic() - training_started
    torch.set_num_threads(free_threads(1))
    weight = blend_weight(valid, len(data.items), lambda histories: (transformer.scores(histories), counts.scores(histories)), say)
    popularity = np.bincount(np.concatenate(data.training), minlength=len(data.items)).astype(np.float32)

    def scores(histories: Sequence[Array]) -> dict[str, Array]:
        of_counts, of_model = counts.scores(histories), transformer.scores(histories)
        blend = blended(of_model, of_counts, weight)
        return {"popularity": np.tile(popularity, (len(histories), 1)), "counts": of_counts, "transformer": of_model, "blend": blend}

    ranked = target_ranks(data.test, len(data.items), scores)
    gain = paired_difference(hits(ranked["blend"]), hits(ranked["counts"]), settings.seed, level=LEVEL)
    return {
        **{name: _figures(of_people, settings.seed) for name, of_people in ranked.items()},
        "gain": {"hr@10": round(gain.mean, 5), "low": round(gain.low, 5), "high": round(gain.high, 5)},
        "weight_of_counts": weight,
        "counts_settings": vars(count_settings),
        "losses": list(result.losses),
        "seconds": round(time.monotonic() - started, 2),
        "training_seconds": round(training, 2),
        "peak_memory_bytes": result.peak_memory_bytes + peak_memory_bytes(),
        "people": len(data.test.targets),
        "items": len(data.items),
        "ranks": ranks,
        "dim": settings.dim,
        "seed": settings.seed,
    }


def fit(data: LeaveOneOut, settings: SequenceSettings, ranks: int, say: Say = silent) -> tuple[Transformer, Result]:
    """Seal the training sequences, train on them with `ranks` ranks, and read the model."""
    with tempfile.TemporaryDirectory(prefix="basketgraph-bench-", ignore_cleanup_errors=True) as folder:
        shards, model_dir = Path(folder) / "shards", Path(folder) / "model"
        seal_sequences(shards, [taken[-LONGEST:] for taken in data.training], Nodes(data.items), shards=max(SHARDS, ranks), cut=date.max)
        result = train_sequences(
            shards,
            model_dir,
            settings,
            ranks=ranks,
            on_epoch=lambda epoch: say(f"epoch {epoch['number'] + 1}: loss {epoch['loss']:.4f}, {epoch['seconds']:.0f} s"),
        )
        return Transformer.read(model_dir / MODEL, data.training, len(data.items), settings), result


def _figures(ranked: Array, seed: int) -> dict[str, float]:
    """low and high are those of hr@10."""

    def rounded(figure: str, bounds: str, values: Interval) -> dict[str, float]:
        return {figure: round(values.mean, 5), f"{bounds}low": round(values.low, 5), f"{bounds}high": round(values.high, 5)}

    hit_rate, ndcg = (interval(values, seed, level=LEVEL) for values in (hits(ranked), gains(ranked)))
    return {**rounded("hr@10", "", hit_rate), **rounded("ndcg@10", "ndcg@10_", ndcg)}
