"""TF-IDF vectors: the plain baseline of every encoder, and its companion in every blend."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


@dataclass(frozen=True)
class Tfidf:
    """columns: the column of each feature; idf: float64 [features], ln((1 + texts) / (1 + texts with the feature)) + 1."""

    columns: dict[str, int]
    idf: NDArray[np.float64]

    def vectors(self, texts: Sequence[Sequence[str]]) -> sparse.csr_matrix:
        """float32 [texts, features]: (1 + ln count) * idf in rows of length 1; unknown features are left out, a text without any is a row of zeros.

        texts: the features of each text (see `features`), repeats included.
        """
        counts = _counts(texts, self.columns)
        counts.data = (1 + np.log(counts.data)) * self.idf[counts.indices]
        lengths = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
        counts.data /= np.repeat(lengths, np.diff(counts.indptr))
        return counts.astype(np.float32)


def fit_tfidf(texts: Sequence[Sequence[str]]) -> Tfidf:
    """Number the features of the texts in the order of their code points, and weigh them by how few texts have them."""
    columns = {feature: number for number, feature in enumerate(sorted({feature for text in texts for feature in text}))}
    having = np.bincount(_counts(texts, columns).indices, minlength=len(columns))
    return Tfidf(columns, np.log((1 + len(texts)) / (1 + having)) + 1)


def tfidf_vectors(texts: Sequence[Sequence[str]]) -> sparse.csr_matrix:
    """The vectors of texts that are also those fitted on."""
    return fit_tfidf(texts).vectors(texts)


def _counts(texts: Sequence[Sequence[str]], columns: dict[str, int]) -> sparse.csr_matrix:
    """float64 [texts, features]; the columns of a row are in order, so that sums of floats are the same in every run."""
    rows = [sorted((columns[feature], count) for feature, count in Counter(text).items() if feature in columns) for text in texts]
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.int64)])
    pairs = np.array([pair for row in rows for pair in row], dtype=np.int64).reshape(-1, 2)
    return sparse.csr_matrix((pairs[:, 1].astype(np.float64), pairs[:, 0], indptr), shape=(len(texts), len(columns)))
