"""The item side of every recommender as plain arrays, and the scores that it gives to a block of users."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

from basketgraph.foundation.recommenders import NAMES
from basketgraph.recall.ease import Ease, ease
from basketgraph.recall.matrix import Floats, Numbers, edges_matrix, places, sorted_ids
from basketgraph.recall.settings import RecallSettings

COUNTS = ("popularity", "personal_frequency")  # recommenders that every shop has


@dataclass(frozen=True)
class Block:
    """Some users and their purchases before the cut; row u of every array is user_ids[u]."""

    user_ids: pa.Array
    weights: sparse.csr_matrix  # [users, history items]: log counts
    decayed: sparse.csr_matrix  # [users, history items]: decayed counts
    vectors: Mapping[str, Floats]  # recommender -> [users, its dimension]; NaN where it does not know the user
    profiles: Mapping[str, sparse.csr_matrix] = field(default_factory=dict)  # recommender -> [users, history items], in place of weights
    refused: sparse.csr_matrix | None = None  # [users, history items]; None where nobody of the shop refused anything


@dataclass(frozen=True)
class Catalogue:
    """The assortment, and each recommender's item side; absent is one without (no graph, too many users for EASE)."""

    listed: pa.StringArray  # [n], sorted: ties go to the lower id
    history: pa.StringArray  # [h], sorted: every item that any user bought, or that may be listed
    history_place: NDArray[np.int64]  # [n]: where each listed item is in `history`
    popularity: Floats  # [n]
    neighbours: Mapping[str, sparse.csr_matrix]  # recommender -> [h, n]
    vectors: Mapping[str, Floats]  # recommender -> [n, its dimension], NaN rows for items it does not know
    ease: Ease | None
    counts: Sequence[str] = COUNTS  # recommenders of this kind that are there

    @property
    def absent(self) -> list[str]:
        """The recommenders that have no item side."""
        present = {*self.counts, *self.neighbours, *self.vectors, *(["ease"] if self.ease is not None else [])}
        return [name for name in NAMES if name not in present]

    def scores(self, block: Block) -> dict[str, Floats]:
        """Each recommender's float32 [users, n] for a block; -inf where it has no opinion. Absent ones are left out."""
        scores = {"popularity": _positive(np.broadcast_to(self.popularity, (len(block.user_ids), len(self.listed))))}
        scores["personal_frequency"] = _positive(block.decayed[:, self.history_place].toarray())
        for name in set(self.counts) - set(COUNTS):
            scores[name] = _positive(block.profiles[name][:, self.history_place].toarray())
        for name, similarities in self.neighbours.items():
            scores[name] = _positive((block.profiles.get(name, block.weights) @ similarities).toarray())
        if self.ease is not None:
            scores["ease"] = self.ease.scores(block.user_ids)
        scores |= {name: _known(block.vectors[name] @ items.T) for name, items in self.vectors.items()}
        return scores

    def owned(self, block: Block) -> NDArray[np.bool_]:
        """bool [users, n]: what each user of the block bought before the cut."""
        return np.asarray((block.decayed[:, self.history_place] > 0).toarray())

    def refused(self, block: Block) -> NDArray[np.bool_] | None:
        """bool [users, n]: what each user of the block refused; None where that is nothing."""
        if block.refused is None or not block.refused.nnz:
            return None
        return np.asarray((block.refused[:, self.history_place] > 0).toarray())


def _positive(scores: Numbers) -> Floats:
    """A recommender has no opinion of what it counts 0 times."""
    return np.where(scores > 0, scores, -np.inf).astype(np.float32)


def _known(scores: Numbers) -> Floats:
    return np.where(np.isnan(scores), -np.inf, scores).astype(np.float32)


def catalogue(
    assortment: pa.Table,
    edges: pa.Table,
    neighbours: Mapping[str, pa.Table],
    vectors: Mapping[str, pa.Table],
    settings: RecallSettings,
    *,
    counts: Sequence[str] = COUNTS,
) -> Catalogue:
    """The item side of one cut; a recommender whose table is empty is absent.

    assortment:  item_id, buyers
    edges:       user_id, item_id, weight, for EASE
    neighbours:  recommender -> item_id, related_item_id, score
    vectors:     recommender -> item_id, vector
    counts:      recommenders of this kind that the shop has; of those beyond COUNTS the users' rows have profiles
    """
    listed = sorted_ids(assortment["item_id"])
    with_history = [assortment, edges, *neighbours.values()]
    history = sorted_ids(pa.chunked_array([chunk for table in with_history for chunk in table["item_id"].chunks], pa.string()))
    popularity = np.zeros(len(listed), dtype=np.float32)
    popularity[places(assortment["item_id"], listed)] = assortment["buyers"].to_numpy()
    return Catalogue(
        listed=listed,
        history=history,
        history_place=places(listed, history),
        popularity=popularity,
        neighbours={name: similarities(table, history, listed) for name, table in neighbours.items() if table.num_rows},
        vectors={name: _vectors(table["item_id"], table["vector"], listed) for name, table in vectors.items() if table.num_rows},
        ease=ease(edges_matrix(edges), listed, settings.ease_lambda) if edges.num_rows else None,
        counts=tuple(counts),
    )


def _vectors(ids: pa.ChunkedArray, vectors: pa.ChunkedArray, listed: pa.StringArray) -> Floats:
    """float32 [n, d] in the order of `listed`, NaN where an item has no vector."""
    rows = stacked(vectors.combine_chunks(), pc.max(pc.list_value_length(vectors)).as_py())
    place = places(listed, ids.combine_chunks())
    return np.where((place >= 0)[:, None], rows[place], np.nan).astype(np.float32)


def stacked(vectors: pa.ListArray, width: int) -> Floats:
    """Lists of `width` numbers as float32 [rows, width]; a null list is NaN."""
    rows = np.full((len(vectors), width), np.nan, dtype=np.float32)
    rows[np.asarray(vectors.is_valid())] = np.asarray(vectors.flatten(), dtype=np.float32).reshape(-1, width)
    return rows


def similarities(related: pa.Table, history: pa.StringArray, listed: pa.StringArray) -> sparse.csr_matrix:
    """float32 [history, listed] of item_id, related_item_id, score rows."""
    row, column = places(related["item_id"], history), places(related["related_item_id"], listed)
    is_listed = column >= 0
    scores = related["score"].to_numpy()[is_listed].astype(np.float32)
    return sparse.csr_matrix((scores, (row[is_listed], column[is_listed])), shape=(len(history), len(listed)))
