"""Judging answers to questions on plain files, without Spark: `basketgraph bench search`."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from basketgraph.content.encoder import DEFAULT, MODEL
from basketgraph.content.features import plain
from basketgraph.content.search import Scores, SearchIndex, SearchSettings, search_index
from basketgraph.content.title_files import Query, read_queries, read_titles
from basketgraph.foundation.config import UserError
from basketgraph.foundation.peak_memory import peak_memory_bytes
from basketgraph.foundation.progress import each
from basketgraph.foundation.ranking import interval

LEVEL = 0.9
K = 10
Ints = NDArray[np.int64]
Say = Callable[[str], None]


def silent(text: str) -> None:
    """Say nothing."""


def bench(titles_file: Path, queries_file: Path, *, model: str = DEFAULT, seed: int = 0, say: Say = silent) -> dict[str, Any]:
    """Answer each query by all titles: by words, by character n-grams, by vectors, and routed. Skipped are queries none of whose ids has a title.

    model:   `default`, or a folder: see `encoder.model_files`.
    returns: of each way hit@1, hit@10, p@10 (relevant among the first ten, over ten), mrr, with 90 % intervals over queries; low and high are
             those of hit@10. milliseconds_per_query: the routed answer, the index loaded.
    errors:  UserError for files that cannot be read, and where no query is left.
    """
    started = time.monotonic()
    titles = read_titles(titles_file, say)
    rows = {item: row for row, item in enumerate(titles)}
    asked = [(query, np.array([rows[item] for item in query.relevant if item in rows], dtype=np.int64)) for query in read_queries(queries_file)]
    judged = [(query, relevant) for query, relevant in asked if len(relevant)]
    if not judged:
        fault = f"queries: want relevant ids of {titles_file}, have {len(asked):,} queries without one"
        raise UserError(f"{queries_file}: nothing to judge", [fault], "Name the titles that the queries are about.")
    index = search_index(list(titles.values()), SearchSettings(), model=model)
    by_characters = int((~index.vectors.any(axis=1)).sum())
    name = MODEL if model == DEFAULT else model
    say(f"{len(titles):,} titles, {by_characters:,} of them in words that {name} does not know, which character n-grams alone find")
    ranks = {
        name: [_ranks(ranker(query.text), relevant) for query, relevant in each(judged, f"queries answered, {name}")]
        for name, ranker in index.rankers().items()
    }
    return {
        **{name: _figures(of_queries, seed) for name, of_queries in ranks.items()},
        "queries": len(judged),
        "skipped": len(asked) - len(judged),
        "lexical_queries": sum(index.is_lexical(query.text) for query, _ in judged),
        "titles": len(titles),
        "titles_by_characters": by_characters,
        "milliseconds_per_query": _milliseconds(index, [query for query, _ in judged]),
        "seconds": round(time.monotonic() - started, 2),
        "peak_memory_bytes": peak_memory_bytes(),
        "seed": seed,
    }


def _ranks(scores: Scores, relevant: Ints) -> Ints:
    """The places of the relevant titles among all, best 1, in growing order; equal scores go by the titles' order."""
    own, numbers = scores[relevant][:, None], np.arange(len(scores))
    ahead = (scores > own) | ((scores == own) & (numbers < relevant[:, None]))
    return np.sort(1 + ahead.sum(axis=1))


def _figures(ranks: list[Ints], seed: int) -> dict[str, float]:
    best = np.array([of_query[0] for of_query in ranks])
    found = {
        "hit@10": best <= K,
        "hit@1": best == 1,
        "p@10": np.array([(of_query <= K).sum() / K for of_query in ranks]),
        "mrr": 1 / best,
    }
    figures: dict[str, float] = {}
    for name, values in found.items():
        mean, low, high = interval(np.asarray(values, dtype=np.float64), seed, level=LEVEL)
        prefix = "" if name == "hit@10" else f"{name}_"
        figures |= {name: round(mean, 5), f"{prefix}low": round(low, 5), f"{prefix}high": round(high, 5)}
    return figures


def _milliseconds(index: SearchIndex, queries: list[Query], most: int = 200) -> float:
    """Of one routed answer with its ten best titles, the mean over the first queries; spelling is corrected anew."""
    index.spelling.corrected.clear()
    index.dense(plain("warm up"))
    started = time.monotonic()
    for query in queries[:most]:
        scores = index.routed(query.text)
        np.argpartition(-scores, min(K, len(scores)) - 1)
    return round(1000 * (time.monotonic() - started) / len(queries[:most]), 2)
