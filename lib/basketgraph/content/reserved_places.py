"""Places of a list that are kept for new items: scores of known and of new items cannot be compared, so new ones alone never get a place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from basketgraph.content.new_items import NewItemScores, blended
from basketgraph.foundation.ranking import best_variant, top_k
from basketgraph.foundation.recommenders import NEW_PLACES


@dataclass(frozen=True)
class ListHits:
    """What people took of the lists with n places for new items: known [people, k + 1], new [people, max(NEW_PLACES) + 1]: relevant items among the
    first so many of each kind; relevant [people]: all that there are.
    """

    known: NDArray[np.float64]
    new: NDArray[np.float64]
    relevant: NDArray[np.float64]

    @classmethod
    def joined(cls, parts: "Sequence[ListHits]") -> "ListHits":
        """The people of all parts, of which there has to be one."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("known", "new", "relevant")))

    def precision(self, places: int) -> NDArray[np.float64]:
        k = self.known.shape[1] - 1
        return np.asarray((self.known[:, k - places] + self.new[:, places]) / k)

    def recall(self, places: int) -> NDArray[np.float64]:
        k = self.known.shape[1] - 1
        return np.asarray((self.known[:, k - places] + self.new[:, places]) / self.relevant)


def list_hits(
    model: NewItemScores,
    weights: Mapping[str, float],
    asked: sparse.csr_matrix,
    relevant: tuple[sparse.csr_matrix, sparse.csr_matrix],
    k: int,
) -> ListHits:
    """The hits of lists of what a person does not have: known items by what people have together, new ones by the blend.

    asked:    float32 [people, known], 1 where a person has an item.
    relevant: bool [people, known] without what a person has, and bool [people, new]; together at least one a person.
    """
    scores = np.asarray(asked @ model.together, dtype=np.float32) if not sparse.issparse(model.together) else (asked @ model.together).toarray()
    known = top_k(scores, k, mask=asked.toarray() > 0)
    new = top_k(blended(model.scores(asked), weights), max(NEW_PLACES))
    of_known, of_new = relevant
    return ListHits(_first(known, of_known), _first(new, of_new), np.asarray(of_known.sum(axis=1) + of_new.sum(axis=1)).ravel().astype(float))


def _first(top: NDArray[np.int64], relevant: sparse.csr_matrix) -> NDArray[np.float64]:
    """Hits among the first 0, 1, ... of each list; top: columns, -1 where the list is shorter."""
    wanted = relevant.toarray()
    hits = np.take_along_axis(wanted, np.maximum(top, 0), axis=1) & (top >= 0)
    return np.concatenate([np.zeros((len(top), 1)), hits.cumsum(axis=1)], axis=1)


def chosen_places(hits: ListHits, seed: int, *, level: float) -> int:
    """The number of NEW_PLACES with the highest precision by `best_variant`; 0 where none raises it. hits: of a validation."""
    return best_variant({places: hits.precision(places) for places in (0, *NEW_PLACES)}, seed, level=level)
