"""Judging which known items a new one is related to, by its title, on plain files without Spark: `basketgraph bench related`."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from basketgraph.content.encoder import encode
from basketgraph.content.features import plain, words
from basketgraph.content.fine_tune import HeadSettings, people_cosines, train_head, tuned
from basketgraph.content.new_item_problem import Lines, incidence
from basketgraph.content.new_items import standardised
from basketgraph.content.new_items_bench import LEVEL, Say, by_owner, latest_items, silent
from basketgraph.content.tfidf import tfidf_vectors
from basketgraph.content.title_files import read_titles
from basketgraph.foundation.config import UserError
from basketgraph.foundation.item_lists import read_item_lists
from basketgraph.foundation.peak_memory import peak_memory_bytes
from basketgraph.foundation.ranking import interval, paired_difference

NEAREST = 10  # known items that people have together with a new one
LISTED = 20  # places in which they are looked for
LEAST_PEOPLE = 2  # who have both
Floats = NDArray[np.float32]
Reached = NDArray[np.float64]  # of each judged item the share of its nearest that is listed


class Related(NamedTuple):
    """Items to judge: known and new ids in order, what people have of the known ones, and of each new one its nearest.

    nearest: int64 [judged, NEAREST], places in `known`; judged: places in `new` of the items that people have together with enough known ones.
    """

    known: tuple[str, ...]
    new: tuple[str, ...]
    owned: sparse.csr_matrix
    judged: NDArray[np.int64]
    nearest: NDArray[np.int64]


class Texts(NamedTuple):
    """The vectors of all items' titles, and the row of each item."""

    words: sparse.csr_matrix
    encoder: Floats
    rows: Mapping[str, int]


def bench_related(train_file: Path, test_file: Path, titles_file: Path, *, seed: int = 0, say: Say = silent) -> dict[str, Any]:
    """Of each item that no training line has, which known items people of the test have together with it: by its title alone.

    The head is trained on the training lines. How long, and whether it is kept at all, is decided inside them: the items that come latest in
    people's lines play the new ones.

    returns: of words, encoder, tuned, encoder_words, tuned_words recall@20 of the 10 nearest known items, with 90 % intervals over items; gain:
             tuned_words less encoder_words, paired; kept: whether the validation keeps the head; steps.
    errors:  UserError for files that cannot be read, and where no item can be judged.
    """
    started = time.monotonic()
    histories, later = (by_owner(read_item_lists(file, say)) for file in (train_file, test_file))
    titles = read_titles(titles_file, say)
    known = {item for items in histories.values() for item in items}
    new = {item for items in later.values() for item in items} - known
    problem = as_related(list(histories.values()), list(later.values()), known, new)
    if not len(problem.judged):
        fault = f"items: want new ones that {LEAST_PEOPLE} people have together with each of {NEAREST} known ones, have none"
        raise UserError(f"{test_file}: nothing to judge", [fault], "Name files of one shop, the test after the training.")
    texts = _texts(sorted(known | new), titles)
    say(f"{len(problem.known):,} known items, {len(problem.new):,} new, of which {len(problem.judged):,} are judged")
    steps, validated = chosen_steps(list(histories.values()), texts, seed)
    say(f"validation: {steps} steps, {validated.mean:+.4f} ({validated.low:+.4f} .. {validated.high:+.4f}) for the head")
    reached = _reached(problem, texts)
    head = dict(train_head(_of(texts.encoder, problem.known, texts), problem.owned, HeadSettings(steps=steps, every=steps), seed))[steps]
    with_head = _reached(problem, texts._replace(encoder=tuned(texts.encoder, head)))
    reached |= {"tuned": with_head["encoder"], "tuned_words": with_head["encoder_words"]}
    gain = paired_difference(reached["tuned_words"], reached["encoder_words"], seed, level=LEVEL)
    figures = {name: interval(values, seed, level=LEVEL) for name, values in reached.items()} | {"gain": gain}
    return {
        **{name: {f"recall@{LISTED}": round(of.mean, 5), "low": round(of.low, 5), "high": round(of.high, 5)} for name, of in figures.items()},
        "validation": {"gain": round(validated.mean, 5), "low": round(validated.low, 5), "high": round(validated.high, 5)},
        "kept": bool(validated.low > 0),
        "steps": steps,
        "judged": len(problem.judged),
        "known_items": len(problem.known),
        "new_items": len(problem.new),
        "seconds": round(time.monotonic() - started, 2),
        "peak_memory_bytes": peak_memory_bytes(),
        "seed": seed,
    }


def as_related(train: Lines, later: Lines, known: set[str], new: set[str]) -> Related:
    """train: lines of people that a head may learn from. later: lines that say what new items are related to."""
    of_known, of_new = tuple(sorted(known)), tuple(sorted(new))
    cosines = people_cosines(incidence(later, of_new), incidence(later, of_known), least=LEAST_PEOPLE).toarray()
    judged = np.flatnonzero((cosines > 0).sum(axis=1) >= NEAREST)
    nearest = np.argsort(-cosines[judged], axis=1, kind="stable")[:, :NEAREST]
    return Related(of_known, of_new, incidence(train, of_known), judged, nearest)


def chosen_steps(owned: Lines, texts: Texts, seed: int) -> tuple[int, Any]:
    """How many steps do best where the items that come latest in people's lines play the new ones, and the paired gain with these.

    owned: the training lines.   errors: UserError where there is nothing to decide by.
    """
    late = latest_items(owned)
    known = {item for line in owned for item in line} - late
    problem = as_related([[item for item in line if item not in late] for line in owned], owned, known, late)
    frozen = _reached(problem, texts)["encoder_words"] if len(problem.judged) else np.zeros(0)
    gains: dict[int, Reached] = {}
    for steps, head in train_head(_of(texts.encoder, problem.known, texts), problem.owned, HeadSettings(), seed):
        gains[steps] = _reached(problem, texts._replace(encoder=tuned(texts.encoder, head)))["encoder_words"] if len(frozen) else np.zeros(0)
    if not gains or not len(frozen):
        fault = f"train: want items that come late in lines and {NEAREST} others that people have together with them, have none"
        raise UserError("bench related: no validation is possible", [fault], "Name training lines in time order, of more people.")
    best = max(gains, key=lambda steps: (gains[steps].mean(), -steps))
    return best, paired_difference(gains[best], frozen, seed, level=LEVEL)


def _reached(problem: Related, texts: Texts) -> dict[str, Reached]:
    """Of words, encoder and both the share of each judged item's nearest that is among the LISTED most alike known items."""
    new = [problem.new[place] for place in problem.judged]
    alike = {
        "words": np.asarray((_of(texts.words, new, texts) @ _of(texts.words, problem.known, texts).T).toarray(), dtype=np.float32),
        "encoder": _of(texts.encoder, new, texts) @ _of(texts.encoder, problem.known, texts).T,
    }
    alike["encoder_words"] = standardised(alike["words"]) + standardised(alike["encoder"])
    reached = {}
    for name, scores in alike.items():
        listed = np.argsort(-scores, axis=1, kind="stable")[:, :LISTED]
        reached[name] = (listed[:, :, None] == problem.nearest[:, None, :]).any(axis=1).mean(axis=1)
    return reached


def _of(vectors: Any, items: Any, texts: Texts) -> Any:
    return vectors[[texts.rows[item] for item in items]]


def _texts(items: list[str], titles: Mapping[str, str]) -> Texts:
    found = [titles.get(item) for item in items]
    rows = {item: row for row, item in enumerate(items)}
    return Texts(tfidf_vectors([words(text) for text in found]), encode([plain(text) for text in found]), rows)
