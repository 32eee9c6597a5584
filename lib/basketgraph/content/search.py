"""Which titles answer a question: by its words, or by what it means."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from basketgraph.content.encoder import DEFAULT, encode, lacking_extra
from basketgraph.content.features import character_grams, is_foreign, plain, words
from basketgraph.content.spelling import Spelling, fit_spelling
from basketgraph.content.tfidf import Tfidf, fit_tfidf
from basketgraph.foundation.config import Settings, UserError
from basketgraph.foundation.ranking import top_k

Scores = NDArray[np.float32]  # [titles]; more is better, 0 is nothing in common
Route = Literal["words", "meaning"]
FIRST = 2.0  # is added to the scores of the nearest titles: more than the largest cosine, so that they stand above all others


class SearchSettings(Settings):
    """held: the share of the corrected words that one title must hold for an answer by words.

    bm25: its weight beside character n-grams, both at most 1; k1, b: its own numbers.
    feedback, feedback_weight: the nearest titles whose mean is added to the question's vector, and by how much (Rocchio 1971);
        at most a hundredth of all titles, since the mean of many says little.
    reranked: how many of the nearest titles are ordered anew by the sum.
    """

    held: float = 0.6
    bm25: float = 0.5
    k1: float = 1.2
    b: float = 0.75
    feedback: int = 10
    feedback_weight: float = 0.5
    reranked: int = 200


@dataclass(frozen=True)
class SearchIndex:
    """Titles prepared for questions, of which each is answered alone. Rows are the titles in their order."""

    settings: SearchSettings
    spelling: Spelling
    bm25: Any  # bm25s.BM25
    numbers: dict[str, int]  # of the words of titles
    holding: sparse.csr_matrix  # [words, titles], 1 where a title has a word
    grams: Tfidf
    gram_vectors: sparse.csr_matrix  # [grams, titles]
    vectors: NDArray[np.float32]  # [titles, dim]; zeros: a title that the encoder does not know
    model: str = DEFAULT  # what made the vectors, as `encode` takes it

    @cached_property
    def has_vectors(self) -> bool:
        """Whether the encoder knows any title."""
        return bool(self.vectors.any())  # reads all vectors, so once and not for each question

    def corrected(self, query: str) -> list[str]:
        """The words of a question, each as the titles spell it."""
        return self.spelling.correct(words(query))

    def ngram(self, query: str) -> Scores:
        """Cosine of character n-grams, as the question is spelled."""
        return self._gram_cosines(query)

    def lexical(self, query: str) -> Scores:
        """Cosine of character n-grams plus BM25 over its best, both of the corrected words."""
        corrected = self.corrected(query)
        known = [word for word in corrected if word in self.numbers]
        of_words = self.bm25.get_scores(known) if known else np.zeros(len(self.vectors), dtype=np.float32)
        best = of_words.max(initial=0.0)
        of_grams = self._gram_cosines(" ".join(corrected))
        return np.asarray(of_grams + self.settings.bm25 * of_words / best if best > 0 else of_grams, dtype=np.float32)

    def dense(self, query: str) -> Scores:
        """Cosine of the encoder's vectors; the nearest titles ordered anew, and put above the others, by cosine to the question and their mean.

        Zeros for a question that the encoder does not know.
        """
        if not self.has_vectors:
            return np.zeros(len(self.vectors), dtype=np.float32)
        (vector,) = encode([plain(query)], self.model)
        cosines = self.vectors @ vector
        if not vector.any():
            return np.asarray(cosines)
        (near,) = top_k(cosines[None], min(self.settings.reranked, len(cosines)))
        nearest = near[: min(self.settings.feedback, len(self.vectors) // 100)]
        mean = self.vectors[nearest].sum(axis=0)
        length = max(float(np.linalg.norm(mean)), 1e-9)  # without a mean, in a catalogue of few titles, the question stands alone
        cosines[near] = FIRST + self.vectors[near] @ (vector + self.settings.feedback_weight * mean / length)
        return np.asarray(cosines)

    def routed(self, query: str) -> Scores:
        """`dense` where no title holds most of the words and the encoder knows the question, else `lexical`."""
        if not self.is_lexical(query) and (scores := self.dense(query)).any():
            return scores
        return self.lexical(query)

    def answers(self, query: str) -> tuple[Route, Scores]:
        """How a question is routed, and the titles in the order of `routed` with scores of at most 1: above 0 only where there is something in
        common with the question. Of one by meaning only the nearest titles have a score.
        """
        if not self.is_lexical(query) and (scores := self.dense(query)).any():
            return "meaning", np.maximum(scores - FIRST, 0) / (1 + self.settings.feedback_weight)
        return "words", self.lexical(query) / (1 + self.settings.bm25)

    def is_lexical(self, query: str) -> bool:
        """Whether one title holds most of the corrected words, or there are none that the encoder could know."""
        corrected = set(self.corrected(query))
        rows = [self.numbers[word] for word in corrected if word in self.numbers]
        held = self.holding[rows].sum(axis=0).max() if rows else 0
        return (self.model == DEFAULT and is_foreign(query)) or not corrected or bool(held >= self.settings.held * len(corrected))

    def rankers(self) -> dict[str, Callable[[str], Scores]]:
        return {"lexical": self.lexical, "ngram": self.ngram, "dense": self.dense, "routed": self.routed}

    def _gram_cosines(self, text: str) -> Scores:
        return np.asarray((self.grams.vectors([character_grams(text)]) @ self.gram_vectors).toarray()[0])


def search_index(
    titles: Sequence[str | None], settings: SearchSettings, *, vectors: NDArray[np.float32] | None = None, model: str = DEFAULT
) -> SearchIndex:
    """Prepare titles for questions: 4 kB a title, most of it the encoder's vectors. Equal titles give an equal index, byte by byte.

    titles:  one or more; of a null or empty one nothing is found.
    vectors: float32 [titles, dim] that `model` made of them (see `encode`), where they are there already.
    errors:  UserError without the extra `words`, or where no title has a word.
    """
    try:
        import bm25s
    except ImportError as error:
        raise lacking_extra(str(error)) from error
    of_titles = [words(title) for title in titles]
    if not any(of_titles):
        raise UserError("search: nothing to search in", ["titles: want some with a word, have none"], "Name a file with titles.")
    spelling = fit_spelling(of_titles)
    bm25 = bm25s.BM25(k1=settings.k1, b=settings.b)
    # Numbered here: by itself it numbers words in the order of a set, which is another one in each process.
    bm25.index(([[spelling.numbers[word] for word in title] for title in of_titles], dict(spelling.numbers)), show_progress=False)
    of_grams = [character_grams(title) for title in titles]
    grams = fit_tfidf(of_grams)
    return SearchIndex(
        settings=settings,
        spelling=spelling,
        bm25=bm25,
        numbers=spelling.numbers,
        holding=_holding(of_titles, spelling.numbers),
        grams=grams,
        gram_vectors=grams.vectors(of_grams).T.tocsr(),
        vectors=encode([plain(title) for title in titles], model) if vectors is None else vectors,
        model=model,
    )


def _holding(titles: Sequence[Sequence[str]], numbers: dict[str, int]) -> sparse.csr_matrix:
    pairs = [(numbers[word], row) for row, title in enumerate(titles) for word in Counter(title)]
    rows, columns = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return sparse.csr_matrix((np.ones(len(rows), dtype=np.int32), (rows, columns)), shape=(len(numbers), len(titles)))
