"""Judging recommendations of new items on plain files, without Spark: `basketgraph bench new-items`."""

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from basketgraph.content.encoder import encode
from basketgraph.content.features import character_grams, plain, words
from basketgraph.content.new_item_problem import VALIDATION, Lines, Problem, Texts, as_problem, fitted, learned_weights
from basketgraph.content.new_items import POPULARITY, RIDGE, NewItemScores, blended
from basketgraph.content.reserved_places import ListHits, chosen_places, list_hits
from basketgraph.content.tfidf import tfidf_vectors
from basketgraph.content.title_files import read_titles
from basketgraph.foundation.config import UserError
from basketgraph.foundation.item_lists import ItemList, read_item_lists
from basketgraph.foundation.peak_memory import peak_memory_bytes
from basketgraph.foundation.progress import at, each
from basketgraph.foundation.ranking import Interval, interval, paired_difference, recall_ndcg, top_k
from basketgraph.foundation.recommenders import NEW_PLACES

LEVEL = 0.9
K = 20
PEOPLE_AT_ONCE = 1_000
MOST_BYTES = 8 << 30  # of the scores' weights
SHORTEST = 5  # items of a line whose order says which items are late
Say = Callable[[str], None]


def silent(text: str) -> None:
    """Say nothing."""


def bench_titles(train_file: Path, test_file: Path, titles_file: Path, *, seed: int = 0, say: Say = silent) -> dict[str, Any]:
    """Recommend the test's items that no training line has, by titles; judged are people with a training item and a new one in the test.

    The weights of the blend are learned inside the training lines: the items that come latest in people's lines play the new ones, and people
    are asked with what they had before the first of these.

    returns: recall@20 of popularity, words, encoder, ridge and blend with 90 % intervals over people, gain: blend less words, paired; places: how
             many of a list's 20 are best kept for new items, by the validation, and what these lists gain over lists of known items alone, ...
    errors:  UserError for files that cannot be read, and where nobody can be judged.
    """
    started = time.monotonic()
    train, test, titles = read_item_lists(train_file, say), read_item_lists(test_file, say), read_titles(titles_file, say)
    histories, later = by_owner(train), by_owner(test)
    known = {item for items in histories.values() for item in items}
    new = {item for items in later.values() for item in items} - known
    people = tuple(histories)
    owned = [histories[person] for person in people]
    problem = as_problem(owned, owned, [later.get(person, ()) for person in people], known, new)
    _want_judged(problem, f"{test_file}: nobody to judge", "people with a training item and a test item that no training line has")
    untitled = sum(item not in titles for item in known | new)
    say(f"{len(people):,} people, {len(known):,} known items, {len(new):,} new, {untitled:,} without a title; {len(problem.judged):,} people judged")
    texts = _texts(sorted(known | new), titles)
    late = latest_items(owned)
    asked = [before_first(line, late) for line in owned]
    model, result = _judge(problem, held_out(owned, late, asked=asked), texts, seed, say)
    at("places for new items")
    before = as_problem(asked, asked, owned, {item for line in asked for item in line}, late)  # what people took later is not fitted on
    result["places"] = _places(_list_hits(fitted(before, texts), before, result["weights"]), _list_hits(model, problem, result["weights"]), seed)
    return _finished(result, seed, started)


def bench_attributes(data_file: Path, attributes_file: Path, *, held_out_share: float, seed: int = 0, say: Say = silent) -> dict[str, Any]:
    """Recommend items that are held out at random, by their attributes, to the people who have them; as `bench_titles`, without an encoder.

    attributes_file: JSON, {item: [attribute ids]}. The attributes are the words. The weights are learned on known items, drawn likewise.
    """
    started = time.monotonic()
    histories = by_owner(read_item_lists(data_file, say))
    attributes = _read_attributes(attributes_file)
    owned = list(histories.values())
    items = sorted({item for line in owned for item in line})
    draw = np.random.default_rng(seed)
    new = set(draw.choice(items, round(held_out_share * len(items)), replace=False).tolist())
    problem = held_out(owned, new)
    _want_judged(problem, f"{data_file}: nobody to judge", "people with an item that is held out and one that is not")
    say(f"{len(owned):,} people, {len(problem.known):,} known items, {len(problem.new):,} held out; {len(problem.judged):,} people judged")
    vectors = tfidf_vectors([attributes.get(item, []) for item in items])
    texts = {"words": (vectors, {item: row for row, item in enumerate(items)})}
    played = set(draw.choice(problem.known, round(held_out_share * len(problem.known)), replace=False).tolist())
    validation = held_out([[item for item in line if item not in new] for line in owned], played)
    _, result = _judge(problem, validation, texts, seed, say)
    return _finished({**result, "encoder": None}, seed, started)


def by_owner(lists: Sequence[ItemList]) -> dict[str, tuple[str, ...]]:
    """Each person's items in the file's order, of several lines of one person too."""
    owned: dict[str, tuple[str, ...]] = {}
    for line in lists:
        owned[line.owner] = owned.get(line.owner, ()) + line.items
    return owned


def _read_attributes(path: Path) -> dict[str, list[str]]:
    wanted = "want {item: [attribute ids]}"
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read", [f"file: want JSON, have {error.strerror}"], "Name an existing file.") from error
    except ValueError as error:
        raise UserError(f"{path}: is no JSON", [f"file: {wanted}, have {error}"], "Name a JSON file.") from None
    if not isinstance(found, dict) or not all(isinstance(ids, list) for ids in found.values()):
        raise UserError(f"{path}: holds no attributes", [f"file: {wanted}, have other JSON"], "Name a file in that format.")
    return {item: [str(attribute) for attribute in ids] for item, ids in found.items()}


def _want_judged(problem: Problem, what: str, wanted: str) -> None:
    if not len(problem.judged):
        have = f"{len(problem.known):,} known and {len(problem.new):,} new items, which nobody has together"
        raise UserError(what, [f"people: want {wanted}, have {have}"], "Name files of one shop, the test after the training.")


def _texts(items: Sequence[str], titles: Mapping[str, str]) -> Texts:
    """The titles' vectors; items without a title have zeros."""
    texts = [titles.get(item) for item in items]
    rows = {item: row for row, item in enumerate(items)}
    return {
        "words": (tfidf_vectors([words(text) for text in texts]), rows),
        "characters": (tfidf_vectors([character_grams(text) for text in texts]), rows),
        "encoder": (encode([plain(text) for text in texts]), rows),
    }


def latest_items(owned: Lines) -> set[str]:
    """The VALIDATION share of all items whose mean place in people's lines, from 0 (first) to 1 (last), is latest: in lines in time order these
    are the items that came last. Lines of fewer than SHORTEST items say nothing.
    """
    places: dict[str, list[float]] = {}
    for line in owned:
        for place, item in enumerate(line if len(line) >= SHORTEST else ()):
            places.setdefault(item, []).append(place / (len(line) - 1))
    means = {item: float(np.mean(of_item)) for item, of_item in places.items() if len(of_item) > 2}
    return set(sorted(means, key=lambda item: (-means[item], item))[: round(VALIDATION * len({item for line in owned for item in line}))])


def before_first(line: Sequence[str], late: Collection[str]) -> Sequence[str]:
    """A line up to its first late item."""
    return line[: next((place for place, item in enumerate(line) if item in late), len(line))]


def held_out(owned: Lines, new: Collection[str], *, asked: Lines | None = None) -> Problem:
    """The problem in which `new` items are taken out of people's lines. asked: as in `as_problem`; None: the whole lines."""
    known = {item for line in owned for item in line} - set(new)
    return as_problem(owned, owned if asked is None else asked, owned, known, new)


def _want_memory(problem: Problem, texts: Texts) -> None:
    """Raises UserError for more known and new items than MOST_BYTES hold."""
    wanted = 4 * len(problem.known) * len(problem.new) * 2 * (len(texts) + 1)
    if wanted > MOST_BYTES:
        have = f"{len(problem.known):,} known x {len(problem.new):,} new ones, {wanted >> 30:,} GiB"
        raise UserError("bench new-items: too many items", [f"items: want at most {MOST_BYTES >> 30} GiB, have {have}"], "Take a part of the shop.")


def _judge(problem: Problem, validation: Problem, texts: Texts, seed: int, say: Say) -> tuple[NewItemScores, dict[str, Any]]:
    """The fitted scores, and what they reach."""
    _want_memory(problem, texts)
    weights = learned_weights(validation, texts, seed, k=K)
    say("weights of the blend: " + ", ".join(f"{name} {weight:g}" for name, weight in weights.items()))
    at("scores of the new items")
    model = fitted(problem, texts)
    named = [name for name in (POPULARITY, "words", "encoder", RIDGE) if name in model.names]
    reached: dict[str, list[NDArray[np.float64]]] = {name: [] for name in (*named, "blend")}
    for start in each(range(0, len(problem.judged), PEOPLE_AT_ONCE), "thousands of people judged"):
        people = problem.judged[start : start + PEOPLE_AT_ONCE]
        scores, relevant = model.scores(problem.asked[people]), problem.relevant[people]
        for name in reached:
            top = top_k(blended(scores, weights) if name == "blend" else scores[name], K)
            reached[name].append(recall_ndcg(top, relevant.indptr, relevant.indices, K)[0])
    recalls = {name: np.concatenate(parts) for name, parts in reached.items()}
    gain = paired_difference(recalls["blend"], recalls["words"], seed, level=LEVEL)
    figures = {name: interval(values, seed, level=LEVEL) for name, values in recalls.items()} | {"gain": gain}
    return model, {
        **{name: _rounded(f"recall@{K}", of) for name, of in figures.items()},
        "weights": weights,
        "people": len(problem.judged),
        "known_items": len(problem.known),
        "new_items": len(problem.new),
    }


def _rounded(name: str, of: Interval) -> dict[str, float]:
    return {name: round(of.mean, 5), "low": round(of.low, 5), "high": round(of.high, 5)}


def _finished(result: dict[str, Any], seed: int, started: float) -> dict[str, Any]:
    return {**result, "seconds": round(time.monotonic() - started, 2), "peak_memory_bytes": peak_memory_bytes(), "seed": seed}


def _list_hits(model: NewItemScores, problem: Problem, weights: Mapping[str, float]) -> ListHits:
    """Of all people who had something and took something later that they did not have."""
    asked = np.diff(problem.asked.indptr) > 0
    people = np.flatnonzero(asked & ((np.diff(problem.relevant.indptr) > 0) | (np.diff(problem.later.indptr) > 0)))
    chunks = [people[start : start + PEOPLE_AT_ONCE] for start in range(0, len(people), PEOPLE_AT_ONCE)] or [people]
    return ListHits.joined([list_hits(model, weights, problem.asked[of], (problem.later[of], problem.relevant[of]), K) for of in chunks])


def _places(validation: ListHits, test: ListHits, seed: int) -> dict[str, Any]:
    """chosen by the validation; by the test: precision and recall of lists with so many places, and what each number of places gains, paired."""
    chosen = chosen_places(validation, seed, level=LEVEL)

    def gain(values: Callable[[int], NDArray[np.float64]], places: int) -> Interval:
        return paired_difference(values(places), values(0), seed, level=LEVEL)

    return {
        "chosen": chosen,
        "people": len(test.relevant),
        f"precision@{K}": round(float(test.precision(chosen).mean()), 5),
        f"recall@{K}": round(float(test.recall(chosen).mean()), 5),
        "gains": {
            str(places): {
                "precision": _rounded(f"precision@{K}", gain(test.precision, places)),
                "recall": _rounded(f"recall@{K}", gain(test.recall, places)),
            }
            for places in NEW_PLACES
        },
    }
