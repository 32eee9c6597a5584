"""Which new items a person may want: items that nobody has yet, by what is written about them and by what people have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from basketgraph.foundation.config import Settings

Matrix = Any  # scipy CSR, or a dense array
Floats = NDArray[np.float32]
POPULARITY, RIDGE = "popularity", "ridge"
NEIGHBOURS = "_neighbours"  # ends the name of a score that goes through what people have together


class NewItemSettings(Settings):
    """ease: the ridge of EASE, which says what people have together; above ease_max_items known items the cosine of items says it.

    ridge, ridge_features: of the regression, and the commonest features that it looks at. nearest: known items in a new item's neighbourhood.
    """

    ease: float = 200.0
    ease_max_items: int = 5_000
    ridge: float = 3.0
    ridge_features: int = 4_000
    nearest: int = 10


@dataclass(frozen=True)
class Space:
    """One way to compare texts: rows of length 1 (or 0) whose products are similarities, of known and of new items.

    power: similarities are raised to it before they are summed up, so that one near item outweighs many that are a little alike.
    """

    name: str
    known: Matrix  # float32 [known, features]
    new: Matrix  # float32 [new, features]
    power: float


@dataclass(frozen=True)
class NewItemScores:
    """weights: of each score a float32 [known, new]: a person's score of a new item is the sum over their items. popularity: float32 [new].

    together: [known, known], 0 on the diagonal: the same for known items, by what people have together.
    """

    weights: Mapping[str, Floats]
    popularity: Floats
    together: Matrix

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.weights, POPULARITY)

    def scores(self, owned: sparse.csr_matrix) -> dict[str, Floats]:
        """Of each name float32 [people, new].

        owned: [people, known], 1 where a person has an item.
        """
        popularity = np.broadcast_to(self.popularity, (owned.shape[0], len(self.popularity)))
        return {**{name: np.asarray(owned @ weights, dtype=np.float32) for name, weights in self.weights.items()}, POPULARITY: popularity}


def fit_new_items(owned: sparse.csr_matrix, spaces: Sequence[Space], settings: NewItemSettings) -> NewItemScores:
    """The scores of new items, each in the name of its space, with two more for the regression on all spaces.

    owned:   float32 [people, known], 1 where a person has an item; each item is somebody's.
    spaces:  the first one says whose popularity a new item gets.
    returns: `<space>`: sum over own items of similarity^power, over the root of the sum over all known items, so that an item which is a little
             like everything does not win. `<space>_neighbours`: what people have together (EASE or cosine) says how much a person wants each
             known item, and a new item gets the mean of the known ones by similarity^power. `ridge`, `ridge_neighbours`: the same two by ridge
             regression on the features instead of similarities. `popularity`: mean people of the nearest known items.
    memory:  4 bytes x known x new for each score.
    """
    together = _together(owned, settings)
    weights: dict[str, Floats] = {}
    for space in spaces:
        alike, of_all = _alike(space)
        weights[space.name] = alike / np.sqrt(of_all)
        weights[f"{space.name}{NEIGHBOURS}"] = _dense(together @ (alike / of_all))
    regressed = _regressed(spaces, settings)
    weights |= {RIDGE: regressed, f"{RIDGE}{NEIGHBOURS}": _dense(together @ regressed)}
    return NewItemScores(weights, _popularity(owned, spaces[0], settings.nearest), together)


def summed_similarities(space: Space) -> Floats:
    """float32 [known, new]: the weights of the score `<space>` of `fit_new_items` alone."""
    alike, of_all = _alike(space)
    return np.asarray(alike / np.sqrt(of_all), dtype=np.float32)


def _alike(space: Space) -> tuple[Floats, Floats]:
    """Similarities to the space's power, [known, new], and their sums over all known items, [new]."""
    alike = np.maximum(_dense(space.known @ space.new.T), 0) ** space.power
    return alike, np.maximum(alike.sum(axis=0), 1e-9)


def _popularity(owned: sparse.csr_matrix, space: Space, nearest: int) -> Floats:
    """float32 [new]: how many people have each of the nearest known items, in the mean; ties go by the items' order."""
    people = np.asarray(owned.sum(axis=0)).ravel()
    near = np.argsort(-_dense(space.known @ space.new.T), axis=0, kind="stable")[:nearest]
    return np.asarray(people[near].mean(axis=0), dtype=np.float32)


def _together(owned: sparse.csr_matrix, settings: NewItemSettings) -> Matrix:
    """[known, known], 0 on the diagonal: how much having the row's item speaks for the column's. See NewItemSettings.ease."""
    both = (owned.T @ owned).astype(np.float32)
    if both.shape[0] > settings.ease_max_items:
        lengths = sparse.diags(1 / np.sqrt(both.diagonal()))
        cosines = (lengths @ both @ lengths).tolil()
        cosines.setdiag(0)
        return cosines.tocsr().astype(np.float32)
    gram = both.toarray()
    gram[np.diag_indices_from(gram)] += settings.ease
    inverse = linalg.inv(gram, overwrite_a=True)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


def _regressed(spaces: Sequence[Space], settings: NewItemSettings) -> Floats:
    """float32 [known, new]: A (A'A + ridge I)^-1 b, by which a person's interactions, regressed on the features A of the known items, predict
    those with the features b of a new one. Every space counts alike.
    """
    kept = [_commonest(space, settings.ridge_features) for space in spaces]
    gram = np.block([[_dense(left.T @ right) for right, _ in kept] for left, _ in kept])
    gram[np.diag_indices_from(gram)] += settings.ridge
    new = np.concatenate([_dense(right.T) for _, right in kept])  # [features, new]
    solved = linalg.solve(gram, new, assume_a="pos", overwrite_a=True)
    bounds = np.cumsum([0, *(left.shape[1] for left, _ in kept)])
    parts = [_dense(left @ solved[low:high]) for (left, _), low, high in zip(kept, bounds[:-1], bounds[1:], strict=True)]
    return np.asarray(sum(parts), dtype=np.float32)


def _commonest(space: Space, most: int) -> tuple[Matrix, Matrix]:
    """The features of a space that most known items have."""
    if space.known.shape[1] <= most:
        return space.known, space.new
    having = np.asarray((space.known != 0).sum(axis=0)).ravel()
    columns = np.sort(np.argsort(-having, kind="stable")[:most])
    return space.known[:, columns], space.new[:, columns]


def _dense(matrix: Matrix) -> Floats:
    return np.asarray(matrix.toarray() if sparse.issparse(matrix) else matrix, dtype=np.float32)


def standardised(scores: Floats) -> Floats:
    """Each person's scores with mean 0 and deviation 1 over the new items; zeros where all are equal."""
    deviations = scores.std(axis=1, keepdims=True)
    return np.asarray((scores - scores.mean(axis=1, keepdims=True)) / np.where(deviations > 0, deviations, 1), dtype=np.float32)


def blended(scores: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    """The weighted sum of standardised scores, [people, new]."""
    return np.asarray(sum(weight * standardised(scores[name]) for name, weight in weights.items() if weight), dtype=np.float32)


def blend_weights(scores: Mapping[str, Floats], relevant: sparse.csr_matrix, k: int = 20) -> dict[str, float]:
    """The weights of a blend: from 1 for each, one after the other is set to 0, .25, .5, 1, 2 or 4 where that raises Recall@k by .0005; twice.

    scores:   of each name [people, new], of a validation.
    relevant: bool [people, new], at least one for each person.
    """
    parts = {name: standardised(of_name) for name, of_name in scores.items()}
    weights = dict.fromkeys(parts, 1.0)
    total = np.asarray(sum(parts.values()))
    wanted = relevant.toarray()
    best = _recall(total, wanted, k)
    for name in [*parts, *parts]:
        for weight in (0.0, 0.25, 0.5, 1.0, 2.0, 4.0):
            tried = total + (weight - weights[name]) * parts[name]
            reached = _recall(tried, wanted, k)
            if reached > best + 0.0005:
                best, total, weights[name] = reached, tried, weight
    return weights


def _recall(scores: Floats, wanted: NDArray[np.bool_], k: int) -> float:
    width = min(k, scores.shape[1])
    top = np.argpartition(-scores, width - 1, axis=1)[:, :width]
    return float((np.take_along_axis(wanted, top, axis=1).sum(axis=1) / wanted.sum(axis=1)).mean())
