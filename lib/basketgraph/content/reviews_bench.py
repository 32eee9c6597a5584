"""Judging what a text's words tell of its writer or its subject, on a plain file, without Spark: `basketgraph bench reviews`."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from basketgraph.content.encoder import encode
from basketgraph.content.head_choice import quality, tuned_penalty
from basketgraph.content.linear_head import LinearHead, fit_head
from basketgraph.content.text_spaces import SPACES, fit_spaces
from basketgraph.foundation.config import UserError
from basketgraph.foundation.peak_memory import peak_memory_bytes
from basketgraph.foundation.progress import at

LEAST = 50  # labelled texts
Say = Callable[[str], None]


def silent(text: str) -> None:
    """Say nothing."""


def bench_reviews(
    file: Path, text_columns: Sequence[str], label_column: str, *, learn: int, few: int, judge: int, seed: int = 0, say: Say = silent
) -> dict[str, Any]:
    """Predict the label of each text by linear heads on words, characters, the encoder's vectors, and words with vectors.

    Texts are drawn at random: `learn` to learn from, of which a fifth chooses the penalty and the space, and at most `judge` others to be judged by.

    returns: of each space, and of `few` texts to learn from (few:SPACE), auc where there are two classes, and accuracy, each with a 90 % interval
             over texts; calibration_error (10 equal-count bins, of the likelier class; of two classes of the second); chosen: the space that the
             validation prefers; majority: accuracy of the commonest class; counts, seconds, peak_memory_bytes.
    errors:  UserError for a file or columns that are not there, and for fewer than LEAST labelled texts or one class alone.
    """
    started = time.monotonic()
    texts, labels, learn = drawn(file, text_columns, label_column, learn=learn, judge=judge, seed=seed)
    say(f"{learn:,} texts to learn from, {len(texts) - learn:,} to be judged by; classes: {', '.join(sorted(set(labels)))}")
    at("text vectors")
    vectors = encode(texts)  # with their punctuation: `not` and `!` carry the mood
    result: dict[str, Any] = {}
    validated = {}
    for name, space in fit_spaces(texts[:learn]).items():
        at(f"heads on {name}")
        features = space.features(texts, vectors)
        head, validated[name] = tuned_head(features[:learn], labels[:learn])
        result[name] = quality(head, features[learn:], labels[learn:], seed)
        if few < learn:
            result[f"few:{name}"] = quality(tuned_head(features[:few], labels[:few])[0], features[learn:], labels[learn:], seed)
    common = max(sorted(set(labels[:learn])), key=labels[:learn].count)
    return {
        **result,
        "chosen": max(SPACES, key=lambda name: validated[name]),
        "majority": round(float(np.mean([label == common for label in labels[learn:]])), 5),
        "learned": learn,
        "judged": len(texts) - learn,
        "seconds": round(time.monotonic() - started, 2),
        "peak_memory_bytes": peak_memory_bytes(),
        "seed": seed,
    }


def tuned_head(features: Any, labels: Sequence[str]) -> tuple[LinearHead, float]:
    """The head of the tuned penalty, fitted on all texts; and its preference on the last fifth."""
    penalty, preferred = tuned_penalty(features, labels)
    return fit_head(features, labels, penalty), preferred


def drawn(file: Path, text_columns: Sequence[str], label_column: str, *, learn: int, judge: int, seed: int) -> tuple[list[str], list[str], int]:
    """Texts and labels of `read_labelled`, drawn at random, at most learn + judge; and how many of them, the first ones, are to learn from."""
    texts, labels = read_labelled(file, text_columns, label_column)
    order = np.random.default_rng(seed).permutation(len(texts))[: learn + judge]
    return [texts[row] for row in order], [labels[row] for row in order], min(learn, round(0.8 * len(order)))


def read_labelled(file: Path, text_columns: Sequence[str], label_column: str) -> tuple[list[str], list[str]]:
    """The texts (columns put together) and labels of the rows that have both. file: CSV with a header, or Parquet."""
    try:
        table: pa.Table = pq.read_table(file) if file.suffix == ".parquet" else pyarrow.csv.read_csv(file, parse_options=_QUOTED)
    except (OSError, pa.ArrowInvalid) as error:
        raise UserError(f"{file}: cannot be read", [f"file: want CSV with a header or Parquet, have {error}"], "Name such a file.") from error
    if lacking := [name for name in (*text_columns, label_column) if name not in table.column_names]:
        raise UserError(f"{file}: lacks columns", [f"columns: want {', '.join(lacking)}, have {', '.join(table.column_names)}"], "Name its columns.")
    columns = [table[name].to_pylist() for name in text_columns]
    texts = [" ".join(str(part) for part in parts if part is not None).strip() for parts in zip(*columns, strict=True)]
    both = [(text, str(label)) for text, label in zip(texts, table[label_column].to_pylist(), strict=True) if text and label not in (None, "")]
    classes = {label for _, label in both}
    if len(both) < LEAST or len(classes) < 2:
        fault = f"rows: want at least {LEAST} with a text and a label, of two classes, have {len(both)} of {len(classes)}"
        raise UserError(f"{file}: too few labelled texts", [fault], "Name a larger file, or another column.")
    return [text for text, _ in both], [label for _, label in both]


_QUOTED = pyarrow.csv.ParseOptions(newlines_in_values=True)
