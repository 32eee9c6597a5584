"""Spelling correction of queries by the words of the titles."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from basketgraph.content.features import is_without_blanks
from basketgraph.content.tfidf import Tfidf, fit_tfidf

SHORTEST = 3  # letters of a word that is corrected
ONE_EDIT = 4  # letters up to which one edit is allowed; two in longer words
COMPARED = 40  # known words whose letters are most alike


@dataclass(frozen=True)
class Spelling:
    """known: the words of all titles; titles: int64 [known], how many titles have each; letters: see `_letters`, fitted on them."""

    known: tuple[str, ...]
    titles: NDArray[np.int64]
    letters: Tfidf
    vectors: sparse.csr_matrix  # [letters, known]
    numbers: dict[str, int]
    corrected: dict[str, str] = field(default_factory=dict)  # a cache

    def correct(self, words: Iterable[str]) -> list[str]:
        """Each word, or the known word that is fewest edits away: swaps of neighbours, letters too few, too many or others. See `_nearest`."""
        return [self._corrected(word) for word in words]

    def _corrected(self, word: str) -> str:
        if word in self.numbers or len(word) < SHORTEST or is_without_blanks(word):
            return word
        if word not in self.corrected:
            self.corrected[word] = self._nearest(word)
        return self.corrected[word]

    def _nearest(self, word: str) -> str:
        """The known word of fewest edits (at most 1 up to ONE_EDIT letters, 2 in longer words), then with the same first letter, then of
        most titles; the word itself where there is none.
        """
        alike = (self.letters.vectors([_letters(word)]) @ self.vectors).toarray()[0]
        allowed = 1 if len(word) <= ONE_EDIT else 2
        best, nearest = (allowed, True, 0, ""), word  # what is worse than all that is allowed
        for number in np.argsort(-alike, kind="stable")[:COMPARED]:
            other = self.known[number]
            if abs(len(other) - len(word)) <= allowed:
                key = (edits(word, other), other[0] != word[0], -int(self.titles[number]), other)
                if key < best:
                    best, nearest = key, other
        return nearest


def fit_spelling(titles: Sequence[Sequence[str]]) -> Spelling:
    """titles: the words of each title."""
    having: dict[str, int] = {}
    for title in titles:
        for word in set(title):
            having[word] = having.get(word, 0) + 1
    known = tuple(sorted(having))
    letters = fit_tfidf([_letters(word) for word in known])
    vectors = letters.vectors([_letters(word) for word in known]).T.tocsr()
    return Spelling(known, np.array([having[word] for word in known], dtype=np.int64), letters, vectors, {word: n for n, word in enumerate(known)})


def _letters(word: str) -> list[str]:
    """Letters, and pairs of them with a blank before and after the word: a swap leaves all of the first and most of the second."""
    padded = f" {word} "
    return [*word, *(padded[start : start + 2] for start in range(len(padded) - 1))]


def edits(a: str, b: str) -> int:
    """Optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours (Damerau 1964)."""
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        row = [i]
        for j, other in enumerate(b, 1):
            least = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                least = min(least, before[j - 2] + 1)
            row.append(least)
        before, last = last, row
    return last[-1]
