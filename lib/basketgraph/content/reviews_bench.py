"""Judging what a text's words tell of its writer or its subject, on a plain file, without Spark: `basketgraph bench reviews`."""

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from scipy import sparse

from basketgraph.content.encoder import encode
from basketgraph.content.features import character_grams, words
from basketgraph.content.linear_head import LinearHead, fit_head
from basketgraph.content.tfidf import fit_tfidf
from basketgraph.foundation.classification import auc, calibration_error
from basketgraph.foundation.config import UserError
from basketgraph.foundation.peak_memory import peak_memory_bytes
from basketgraph.foundation.progress import at
from basketgraph.foundation.ranking import interval

LEVEL = 0.9
DRAWS = 200
LEAST = 50  # labelled texts
VALIDATION = 0.2  # of the texts to learn from
PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0)
SPACES = ("words", "characters", "encoder", "words + encoder")
MOST_FEATURES = 60_000  # of a TF-IDF, the commonest
Say = Callable[[str], None]
Features = Mapping[str, Any]  # space -> [texts, features]


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
    texts, labels = read_labelled(file, text_columns, label_column)
    order = np.random.default_rng(seed).permutation(len(texts))
    order = order[: learn + judge]
    texts, labels = [texts[row] for row in order], [labels[row] for row in order]
    learn = min(learn, round(0.8 * len(texts)))
    say(f"{learn:,} texts to learn from, {len(texts) - learn:,} to be judged by; classes: {', '.join(sorted(set(labels)))}")
    features = text_features(texts, learn)
    result: dict[str, Any] = {}
    validated = {}
    for name in SPACES:
        at(f"heads on {name}")
        head, validated[name] = tuned_head(features[name][:learn], labels[:learn])
        result[name] = quality(head, features[name][learn:], labels[learn:], seed)
        if few < learn:
            result[f"few:{name}"] = quality(tuned_head(features[name][:few], labels[:few])[0], features[name][learn:], labels[learn:], seed)
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


def text_features(texts: Sequence[str], learn: int) -> Features:
    """Each of SPACES: [texts, features]; words (and pairs of neighbours) and characters are numbered by the first `learn` texts."""
    at("words and characters")
    of_words = [[*found, *(f"{one} {other}" for one, other in pairwise(found))] for found in map(words, texts)]
    by_words, by_characters = (_common_tfidf(of, learn) for of in (of_words, [character_grams(text) for text in texts]))
    at("text vectors")
    vectors = encode(list(texts))  # with its punctuation: `not` and `!` carry the mood
    scaled = sparse.csr_matrix(vectors * 2.0)  # of length 2, beside words of length 1: vectors are many small numbers
    return {"words": by_words, "characters": by_characters, "encoder": vectors * 4.0, "words + encoder": sparse.hstack([by_words, scaled]).tocsr()}


def _common_tfidf(texts: Sequence[Sequence[str]], learn: int) -> sparse.csr_matrix:
    fitted = fit_tfidf(texts[:learn]).vectors(texts)
    having = np.asarray((fitted[:learn] > 0).sum(axis=0)).ravel()
    columns = np.sort(np.argsort(-having, kind="stable")[:MOST_FEATURES])
    return fitted[:, columns[having[columns] > 1]]  # what one text alone has says nothing of another


def tuned_head(features: Any, labels: Sequence[str]) -> tuple[LinearHead, float]:
    """The head of the penalty with the least logarithmic loss on the last fifth of the texts, fitted on all; and its `preference` there."""
    cut = round((1 - VALIDATION) * len(labels))
    heads = {penalty: fit_head(features[:cut], labels[:cut], penalty) for penalty in PENALTIES}
    best = min(heads, key=lambda penalty: log_loss(heads[penalty], features[cut:], labels[cut:]))
    return fit_head(features, labels, best), preference(heads[best], features[cut:], labels[cut:])


def log_loss(head: LinearHead, features: Any, labels: Sequence[str]) -> float:
    """Mean of -ln of the probability of the true class; a class that the head does not know counts as 1e-9."""
    column = {name: number for number, name in enumerate(head.classes)}
    probabilities = head.probabilities(features)
    right = [probabilities[row, column[label]] if label in column else 0.0 for row, label in enumerate(labels)]
    return float(-np.log(np.maximum(right, 1e-9)).mean())


def preference(head: LinearHead, features: Any, labels: Sequence[str]) -> float:
    """AUC of two classes, where the labels have both; else accuracy."""
    probabilities, truth = head.probabilities(features), np.array(labels)
    area = auc(probabilities[:, 1], (truth == head.classes[1]).astype(float)) if len(head.classes) == 2 else np.nan
    return area if np.isfinite(area) else float((np.array(head.classes)[probabilities.argmax(axis=1)] == truth).mean())


def quality(head: LinearHead, features: Any, labels: Sequence[str], seed: int) -> dict[str, float]:
    """auc (of two classes), accuracy, calibration_error, each of the first two with `_low` and `_high` over texts."""
    probabilities, truth, classes = head.probabilities(features), np.array(labels), np.array(head.classes)
    right = (classes[probabilities.argmax(axis=1)] == truth).astype(float)
    accuracy = interval(right, seed, level=LEVEL)
    found: dict[str, float] = {"accuracy": accuracy.mean, "accuracy_low": accuracy.low, "accuracy_high": accuracy.high}
    if len(classes) == 2:
        score, outcome = probabilities[:, 1], (truth == classes[1]).astype(float)
        draw = np.random.default_rng(seed)
        drawn = [auc(score, outcome, draw.poisson(1.0, len(score)).astype(float)) for _ in range(DRAWS)]
        low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        found |= {"auc": auc(score, outcome), "auc_low": float(low), "auc_high": float(high), "calibration_error": calibration_error(score, outcome)}
    else:
        found["calibration_error"] = calibration_error(probabilities.max(axis=1), right)
    return {name: round(value, 5) for name, value in found.items()}
