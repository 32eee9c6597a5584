"""Judging which known items a new one is related to, by its title, on plain files without Spark: `basketgraph bench related`."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from basketgraph.content.encoder import encode
from basketgraph.content.features import plain, words
from basketgraph.content.fine_tune import Purchases, together
from basketgraph.content.new_item_problem import POWERS, Lines, Problem, as_problem, incidence
from basketgraph.content.new_items import Space, standardised, summed_similarities
from basketgraph.content.new_items_bench import LEVEL, K, Say, by_owner, latest_items, silent
from basketgraph.content.tfidf import tfidf_vectors
from basketgraph.content.title_files import read_titles
from basketgraph.content.tuners import Trained, Tuning, check_tuning, tuned_vectors
from basketgraph.foundation.config import UserError
from basketgraph.foundation.item_lists import ItemList, read_item_lists
from basketgraph.foundation.peak_memory import peak_memory_bytes
from basketgraph.foundation.progress import at
from basketgraph.foundation.ranking import Interval, interval, paired_difference, recall_ndcg, top_k

NEAREST = 10  # known items that people have together with a new one
LISTED = 20  # places in which they are looked for
LEAST = 2  # people, or baskets, that have both
Floats = NDArray[np.float32]
Reached = NDArray[np.float64]  # of each judged item the share of its nearest that is listed


class History(NamedTuple):
    """The items of each person, of all their lines, in the order in which they first came; and of each line, a basket where a person has several."""

    people: Lines
    baskets: Lines

    def without(self, items: set[str]) -> "History":
        return History(*([[item for item in line if item not in items] for line in lines] for lines in self))

    def incidence(self, items: Sequence[str]) -> Purchases:
        return Purchases(*(incidence(lines, items) for lines in self))


class Related(NamedTuple):
    """Items to judge: known and new ids in order, what people have of the known ones, and of each new one its nearest.

    nearest: int64 [judged, NEAREST], places in `known`; judged: places in `new` of the items that people have together with enough known ones.
    """

    known: tuple[str, ...]
    new: tuple[str, ...]
    owned: Purchases
    judged: NDArray[np.int64]
    nearest: NDArray[np.int64]


class Texts(NamedTuple):
    """All items' titles, as the encoder reads them, their vectors, and the row of each item."""

    plain: list[str]
    words: sparse.csr_matrix
    encoder: Floats
    rows: Mapping[str, int]

    def rows_of(self, items: Sequence[str]) -> NDArray[np.int64]:
        return np.array([self.rows[item] for item in items], dtype=np.int64)


def bench_related(train_file: Path, test_file: Path, titles_file: Path, tuning: Tuning, *, say: Say = silent) -> dict[str, Any]:
    """Of each item that no training line has, which known items people of the test have together with it: by its title alone.

    Vectors are tuned on the training lines. How long, and whether that is kept at all, is decided inside them: the items that come latest in
    people's lines play the new ones.

    returns: of words, encoder, tuned, encoder_words, tuned_words recall@20 of the 10 nearest known items, with 90 % intervals over items; gain:
             tuned_words less encoder_words, paired; kept: whether the validation keeps the tuned vectors; steps; training_seconds; new_items_encoder,
             new_items_tuned, new_items_gain: recall@20 of new items recommended to people, as `bench new-items` scores by an encoder.
    errors:  UserError for files that cannot be read, where no item can be judged, and for a tuning that cannot begin.
    """
    started = time.monotonic()
    check_tuning(tuning)
    train, test = (read_item_lists(file, say) for file in (train_file, test_file))
    titles = read_titles(titles_file, say)
    histories, later = by_owner(train), by_owner(test)
    known = {item for items in histories.values() for item in items}
    new = {item for items in later.values() for item in items} - known
    owned = as_history(train)
    problem = as_related(owned, as_history(test), known, new)
    if not len(problem.judged):
        fault = f"items: want new ones that {LEAST} people have together with each of {NEAREST} known ones, have none"
        raise UserError(f"{test_file}: nothing to judge", [fault], "Name files of one shop, the test after the training.")
    texts = _texts(sorted(known | new), titles)
    say(f"{len(problem.known):,} known items, {len(problem.new):,} new, of which {len(problem.judged):,} are judged")
    steps, validated = chosen_steps(owned, texts, tuning, say)
    say(f"validation: {steps} steps, {validated.mean:+.4f} ({validated.low:+.4f} .. {validated.high:+.4f}) for the tuned vectors")
    trained = _trained(problem, texts, tuning, steps, say)
    at("judging")
    people = as_problem(owned.people, owned.people, [later.get(person, ()) for person in histories], known, new)
    figures = _figures(problem, people, texts, texts._replace(encoder=trained.vectors[steps]), tuning.seed)
    return {
        **{name: {f"recall@{LISTED}": round(of.mean, 5), "low": round(of.low, 5), "high": round(of.high, 5)} for name, of in figures.items()},
        "validation": {"gain": round(validated.mean, 5), "low": round(validated.low, 5), "high": round(validated.high, 5)},
        "kept": bool(validated.low > 0),
        "tune": tuning.tune,
        "ranks": tuning.ranks,
        "steps": steps,
        "training_seconds": trained.seconds,
        "judged": len(problem.judged),
        "people": len(people.judged),
        "known_items": len(problem.known),
        "new_items": len(problem.new),
        "seconds": round(time.monotonic() - started, 2),
        "peak_memory_bytes": peak_memory_bytes() + trained.peak_memory_bytes,
        "seed": tuning.seed,
    }


def _figures(problem: Related, people: Problem, frozen: Texts, tuned: Texts, seed: int) -> dict[str, Interval]:
    """Recalls of each kind, and the paired gains. Those of new items are lacking where nobody can be judged by them."""
    of_frozen, of_tuned = _reached(problem, frozen), _reached(problem, tuned)
    reached = of_frozen | {"tuned": of_tuned["encoder"], "tuned_words": of_tuned["encoder_words"]}
    pairs = {"gain": ("tuned_words", "encoder_words")}
    if len(people.judged):
        reached |= {"new_items_encoder": _recommended(people, frozen), "new_items_tuned": _recommended(people, tuned)}
        pairs["new_items_gain"] = ("new_items_tuned", "new_items_encoder")
    gains = {name: paired_difference(reached[one], reached[other], seed, level=LEVEL) for name, (one, other) in pairs.items()}
    return {name: interval(values, seed, level=LEVEL) for name, values in reached.items()} | gains


def as_history(lists: Sequence[ItemList]) -> History:
    """People in the order of their first lines."""
    return History([tuple(dict.fromkeys(items)) for items in by_owner(lists).values()], [line.items for line in lists])


def as_related(train: History, later: History, known: set[str], new: set[str]) -> Related:
    """train: what may be learned from. later: what says what new items are related to."""
    of_known, of_new = tuple(sorted(known)), tuple(sorted(new))
    cosines = together(later.incidence(of_new), later.incidence(of_known), least=LEAST).toarray()
    judged = np.flatnonzero((cosines > 0).sum(axis=1) >= NEAREST)
    nearest = np.argsort(-cosines[judged], axis=1, kind="stable")[:, :NEAREST]
    return Related(of_known, of_new, train.incidence(of_known), judged, nearest)


def chosen_steps(owned: History, texts: Texts, tuning: Tuning, say: Say = silent) -> tuple[int, Interval]:
    """How many steps do best where the items that come latest in people's lines play the new ones, and the paired gain with these.

    owned: of the training lines.   errors: UserError where there is nothing to decide by.
    """
    late = latest_items(owned.people)
    known = {item for line in owned.people for item in line} - late
    problem = as_related(owned.without(late), owned, known, late)
    frozen = _reached(problem, texts)["encoder_words"] if len(problem.judged) else np.zeros(0)
    gains: dict[int, Reached] = {}
    if len(frozen):
        trained = _trained(problem, texts, tuning, None, say)
        gains = {steps: _reached(problem, texts._replace(encoder=vectors))["encoder_words"] for steps, vectors in trained.vectors.items()}
    if not gains:
        fault = f"train: want items that come late in lines and {NEAREST} others that people have together with them, have none"
        raise UserError("bench related: no validation is possible", [fault], "Name training lines in time order, of more people.")
    best = max(gains, key=lambda steps: (gains[steps].mean(), -steps))
    return best, paired_difference(gains[best], frozen, tuning.seed, level=LEVEL)


def _trained(problem: Related, texts: Texts, tuning: Tuning, steps: int | None, say: Say) -> Trained:
    return tuned_vectors(texts.encoder, texts.plain, texts.rows_of(problem.known), problem.owned, tuning, steps=steps, say=say)


def _recommended(problem: Problem, texts: Texts) -> Reached:
    """Of each judged person the recall of their new items among the 20 that are most like what they have, by the vectors alone."""
    known, new = (_of(texts.encoder, items, texts) for items in (problem.known, problem.new))
    weights = summed_similarities(Space("encoder", known, new, POWERS["encoder"]))
    relevant = problem.relevant[problem.judged]
    top = top_k(np.asarray(problem.asked[problem.judged] @ weights, dtype=np.float32), K)
    return np.asarray(recall_ndcg(top, relevant.indptr, relevant.indices, K)[0], dtype=np.float64)


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


def _of(vectors: Any, items: Sequence[str], texts: Texts) -> Any:
    return vectors[texts.rows_of(items)]


def _texts(items: list[str], titles: Mapping[str, str]) -> Texts:
    found = [titles.get(item) for item in items]
    read = [plain(text) for text in found]
    return Texts(read, tfidf_vectors([words(text) for text in found]), encode(read), {item: row for row, item in enumerate(items)})
