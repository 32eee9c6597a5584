"""What linear heads read of a text: TF-IDF of words or characters, the encoder's vector, or words with vectors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from scipy import sparse

from basketgraph.content.encoder import Vectors
from basketgraph.content.features import character_grams, words
from basketgraph.content.tfidf import Tfidf, fit_tfidf

SpaceName = Literal["words", "characters", "encoder", "words + encoder"]
SPACES: tuple[SpaceName, ...] = ("words", "characters", "encoder", "words + encoder")
MOST_FEATURES = 60_000  # of a TF-IDF, the commonest
VECTOR_LENGTHS = {"encoder": 4.0, "words + encoder": 2.0}  # words have the length 1: vectors are many small numbers


@dataclass(frozen=True)
class TextSpace:
    """tfidf: of words with pairs of neighbours, or of character n-grams; None where the encoder stands alone."""

    name: SpaceName
    tfidf: Tfidf | None

    @property
    def reads_vectors(self) -> bool:
        return self.name in VECTOR_LENGTHS

    def features(self, texts: Sequence[str], vectors: Vectors | None) -> Any:
        """[texts, features], sparse or dense; a row of zeros: the space knows nothing of the text.

        vectors: float32 [texts, dim] of `encode`, where the space reads vectors; else None will do.
        """
        by_words = None if self.tfidf is None else self.tfidf.vectors([_parts(self.name, text) for text in texts])
        if not self.reads_vectors:
            return by_words
        assert vectors is not None
        scaled = vectors * VECTOR_LENGTHS[self.name]
        return scaled if by_words is None else sparse.hstack([by_words, sparse.csr_matrix(scaled)]).tocsr()


def fit_spaces(texts: Sequence[str]) -> Mapping[SpaceName, TextSpace]:
    """Each of SPACES; their words and characters are those of at least two of the texts."""
    by_words, by_characters = (_common_tfidf([_parts(name, text) for text in texts]) for name in ("words", "characters"))
    tfidf = {"words": by_words, "characters": by_characters, "encoder": None, "words + encoder": by_words}
    return {name: TextSpace(name, tfidf[name]) for name in SPACES}


def _parts(name: str, text: str) -> list[str]:
    """What a TF-IDF counts: character n-grams, or words and pairs of neighbours."""
    if name == "characters":
        return character_grams(text)
    found = words(text)
    return [*found, *(f"{one} {other}" for one, other in pairwise(found))]


def _common_tfidf(texts: Sequence[Sequence[str]]) -> Tfidf:
    fitted = fit_tfidf(texts)
    having = np.asarray((fitted.vectors(texts) > 0).sum(axis=0)).ravel()
    columns = np.sort(np.argsort(-having, kind="stable")[:MOST_FEATURES])
    kept = columns[having[columns] > 1]  # what one text alone has says nothing of another
    names = list(fitted.columns)
    return Tfidf({names[column]: number for number, column in enumerate(kept.tolist())}, fitted.idf[kept])
