"""Answers to questions: titles with the items that bear them, and what a person bought and paid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from basketgraph.content.features import is_without_blanks, words
from basketgraph.content.search import Route, SearchIndex
from basketgraph.content.settings import ContentSettings
from basketgraph.foundation.config import UserError
from basketgraph.foundation.ranking import MISSING, top_k

FoundBy = Literal["words", "letters", "meaning"]  # letters: by words of which it has none itself, so by n-grams alone

CLOSE = 0.9  # quantile of a person's cosines to all titles, from which a title is said to be like what they bought


class Item(NamedTuple):
    """An item that may be shown. category: as gold.price_bands names it; price_minor: of a piece, in the median; sales: lines of `sold_days`."""

    item_id: str
    title: str
    category: str
    price_minor: int | None
    sales: int


class Band(NamedTuple):
    """What a person pays for a piece of a category, in minor units."""

    low_minor: int
    high_minor: int


@dataclass(frozen=True)
class Person:
    """vector: float32 [dim], the mean of the vectors of their items, of length 1; zeros where none has a vector. bands: by category.

    close: the cosine from which a title is like what they bought.   avoided: items that they are not to be shown.
    """

    vector: NDArray[np.float32]
    bands: Mapping[str, Band]
    close: float
    avoided: frozenset[str] = frozenset()


class Answer(NamedTuple):
    """score: at most 1, for a person more. why: in words. items: how many items bear the title, this one included."""

    rank: int
    item_id: str
    title: str
    score: float
    found_by: FoundBy
    why: str
    category: str
    price_minor: int | None
    items: int


class Answers(NamedTuple):
    """read_as: the question's words as the titles spell them; None where that is how it was asked."""

    route: Route
    read_as: str | None
    answers: list[Answer]


@dataclass(frozen=True)
class Catalogue:
    """items: of each distinct text, in the order of the index's rows; those of one text by their sales, most first."""

    items: tuple[tuple[Item, ...], ...]
    index: SearchIndex

    def person(self, item_ids: frozenset[str], bands: Mapping[str, Band], avoided: frozenset[str] = frozenset()) -> Person:
        """item_ids: what they have; items that the catalogue lacks say nothing. avoided: what they are not to be shown."""
        rows = [row for row, of_title in enumerate(self.items) if any(item.item_id in item_ids for item in of_title)]
        mean = self.index.vectors[rows].sum(axis=0)
        vector = np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), dtype=np.float32)
        close = float(np.quantile(self.index.vectors @ vector, CLOSE)) if vector.any() else np.inf
        return Person(vector, bands, close, avoided)

    def answers(self, question: str, settings: ContentSettings, *, n: int, person: Person | None = None) -> Answers:
        """The best items for a question, one a title.

        person: their cosine to a title counts `person_weight`, and an item at a price that they pay in its category `price_weight`, among the titles
                that answer the question best (SearchSettings.reranked); of these, what they are not to be shown is left out.
        errors: UserError for a question without a word.
        """
        asked = words(question)
        if not asked:
            raise UserError("ask: an empty question", ["question: want a word, have none"], 'Ask for instance "birthday gift for boyfriend".')
        route, scores = self.index.answers(question)
        (best,) = top_k(np.where(scores > 0, scores, -np.inf)[None], min(max(n, self.index.settings.reranked), len(scores)))
        best = best[best != MISSING]
        likeness = self.index.vectors[best] @ person.vector if person else np.zeros(len(best), dtype=np.float32)
        corrected, bands, close = self.index.corrected(question), person.bands if person else {}, person.close if person else np.inf
        found = []
        for row, score, alike in zip(best.tolist(), scores[best].tolist(), likeness.tolist(), strict=True):
            shown = [item for item in self.items[row] if person is None or item.item_id not in person.avoided]
            if not shown:
                continue
            item, is_paid = _offered(shown, bands)
            common = _common_words(corrected, item) if route == "words" else []
            found_by: FoundBy = "meaning" if route == "meaning" else "words" if common else "letters"
            reasons = [f"by words: {', '.join(common)}" if common else f"by {found_by}"]
            reasons += ["like what they bought"] * (alike >= close) + ["at a price they pay"] * is_paid
            total = score + settings.person_weight * alike + settings.price_weight * is_paid
            why, bearing = ", ".join(reasons), len(shown)
            found.append(Answer(0, item.item_id, item.title, total, found_by, why, item.category, item.price_minor, bearing))
        ordered = sorted(found, key=lambda answer: -answer.score)[:n]
        ranked = [answer._replace(rank=rank, score=round(answer.score, 4)) for rank, answer in enumerate(ordered, 1)]
        return Answers(route, " ".join(corrected) if route == "words" and corrected != asked else None, ranked)


def _offered(items: Sequence[Item], bands: Mapping[str, Band]) -> tuple[Item, bool]:
    """The best sold item at a price that the person pays in its category, and True; else the best sold one."""
    for item in items:
        band = bands.get(item.category)
        if band is not None and item.price_minor is not None and band.low_minor <= item.price_minor <= band.high_minor:
            return item, True
    return items[0], False


def _common_words(corrected: Sequence[str], item: Item) -> list[str]:
    """The words of a question that an item has; in scripts without blanks between words, those that stand anywhere in its text."""
    there = words(f"{item.title} {item.category}")
    return [word for word in dict.fromkeys(corrected) if word in there or (is_without_blanks(word) and any(word in run for run in there))]
