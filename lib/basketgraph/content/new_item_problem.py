"""Known and new items as matrices over people, and the weights of the blend, learned on known items that play the new ones."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from basketgraph.content.new_items import NEIGHBOURS, POPULARITY, RIDGE, NewItemScores, NewItemSettings, Space, blend_weights, fit_new_items
from basketgraph.foundation.progress import at

VALIDATION = 0.12  # of the known items: those that play new ones
VALIDATION_PEOPLE = 2_000
POWERS = {"words": 2.0, "characters": 2.0, "encoder": 6.0}  # an encoder finds all texts a little alike
Lines = Sequence[Sequence[str]]  # a person's items
Texts = Mapping[str, tuple[Any, dict[str, int]]]  # of each space its vectors [items, features], and the row of each item


@dataclass(frozen=True)
class Problem:
    """known, new: item ids. owned: float32 [people, known], from which scores are fitted; asked: the same, what a person had before the new items.

    relevant: bool [people, new]; judged: rows of people who have of both. later: bool [people, known], what people took later of the known items that
    they did not have.
    """

    known: tuple[str, ...]
    new: tuple[str, ...]
    owned: sparse.csr_matrix
    asked: sparse.csr_matrix
    relevant: sparse.csr_matrix
    judged: NDArray[np.int64]
    later: sparse.csr_matrix


def as_problem(owned: Lines, asked: Lines, wanted: Lines, known: Collection[str], new: Collection[str]) -> Problem:
    """owned, asked, wanted: of each person, in the same order; of the first two the known items count, of the last the new ones."""
    of_known, of_new = (tuple(sorted(items)) for items in (known, new))
    has, had = incidence(owned, of_known), incidence(asked, of_known)
    return of_incidence(of_known, of_new, has, had, incidence(wanted, of_new), incidence(wanted, of_known))


def of_incidence(
    known: tuple[str, ...],
    new: tuple[str, ...],
    has: sparse.csr_matrix,
    had: sparse.csr_matrix,
    wants: sparse.csr_matrix,
    wants_known: sparse.csr_matrix,
) -> Problem:
    """has, had: float32 [people, known], what people own and had when asked.   wants, wants_known: [people, new], [people, known]."""
    wanted = wants.astype(bool)
    judged = np.flatnonzero((np.diff(had.indptr) > 0) & (np.diff(wanted.indptr) > 0))
    return Problem(known, new, has, had, wanted, judged, (wants_known > had).tocsr())


def incidence(lines: Lines, items: Sequence[str]) -> sparse.csr_matrix:
    """float32 [lines, items], 1 where a line has an item; columns in order."""
    column = {item: number for number, item in enumerate(items)}
    rows = [sorted({column[item] for item in line if item in column}) for line in lines]
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.int64)])
    indices = np.array([number for row in rows for number in row], dtype=np.int64)
    return sparse.csr_matrix((np.ones(len(indices), dtype=np.float32), indices, indptr), shape=(len(lines), len(items)))


def fitted(problem: Problem, texts: Texts, settings: NewItemSettings | None = None) -> NewItemScores:
    """The scores of the problem's new items. texts: of all its items. settings: None takes those of the bench."""
    spaces = [
        Space(name, vectors[[rows[item] for item in problem.known]], vectors[[rows[item] for item in problem.new]], POWERS[name])
        for name, (vectors, rows) in texts.items()
    ]
    return fit_new_items(problem.owned, spaces, settings or NewItemSettings())


def learned_weights(validation: Problem, texts: Texts, seed: int, *, k: int, settings: NewItemSettings | None = None) -> dict[str, float]:
    """The blend's weights by Recall@k of at most VALIDATION_PEOPLE, drawn by the seed; 1 for each score where the validation judges nobody."""
    at("scores of the validation")
    model = fitted(validation, texts, settings) if len(validation.judged) else None
    if model is None:
        return dict.fromkeys([*(f"{name}{end}" for name in (*texts, RIDGE) for end in ("", NEIGHBOURS)), POPULARITY], 1.0)
    people = validation.judged
    if len(people) > VALIDATION_PEOPLE:
        people = np.sort(np.random.default_rng(seed).choice(people, VALIDATION_PEOPLE, replace=False))
    at("weights of the blend")
    return blend_weights(model.scores(validation.asked[people]), validation.relevant[people], k)
