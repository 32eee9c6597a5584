"""The item side of every source on plain arrays, read once per worker, and the scores that it gives to a block of users."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from basketgraph.recall.ease import Ease, ease
from basketgraph.recall.matrix import Floats, Numbers, edges_matrix, places, sorted_ids
from basketgraph.recall.settings import RecallSettings


@dataclass(frozen=True)
class Block:
    """Some users with what they had before the cut; row u of every array is user_ids[u]."""

    user_ids: pa.Array
    weights: sparse.csr_matrix  # [users, history items]: log counts
    decayed: sparse.csr_matrix  # [users, history items]: decayed counts
    als: Floats  # [users, als rank]; NaN where ALS does not know the user
    graph: Floats  # [users, graph dimension]; NaN likewise


@dataclass(frozen=True)
class Catalogue:
    """What may be listed, and each source's item side. A source that has none (no graph yet, too many users for EASE) is None."""

    listed: pa.StringArray  # [n], sorted: ties go to the lower id
    history: pa.StringArray  # [h], sorted: every item that any user had, or that may be listed
    history_place: NDArray[np.int64]  # [n]: where each listed item is in `history`
    popularity: Floats  # [n]
    als: Floats | None  # [n, als rank], NaN rows for items ALS does not know
    graph: Floats | None  # [n, graph dimension]
    related: sparse.csr_matrix | None  # [h, n]
    ease: Ease | None

    @property
    def absent(self) -> list[str]:
        """The sources that have no item side."""
        sides = {"item_cosine": self.related, "als": self.als, "ease": self.ease, "graph": self.graph}
        return [source for source, side in sides.items() if side is None]

    def scores(self, block: Block) -> dict[str, Floats]:
        """Each source's float32 [users, n] for a block; -inf where it has no opinion. Absent sources are left out."""
        found = {"popularity": _positive(np.broadcast_to(self.popularity, (len(block.user_ids), len(self.listed))))}
        found["personal_frequency"] = _positive(block.decayed[:, self.history_place].toarray())
        if self.related is not None:
            found["item_cosine"] = _positive((block.weights @ self.related).toarray())
        if self.als is not None:
            found["als"] = _known(block.als @ self.als.T)
        if self.ease is not None:
            found["ease"] = self.ease.scores(block.user_ids)
        if self.graph is not None:
            found["graph"] = _known(block.graph @ self.graph.T)
        return found

    def owned(self, block: Block) -> NDArray[np.bool_]:
        """bool [users, n]: what each user of the block bought before the cut."""
        return np.asarray((block.weights[:, self.history_place] > 0).toarray())


def _positive(scores: Numbers) -> Floats:
    """A count of nothing is no opinion."""
    return np.where(scores > 0, scores, -np.inf).astype(np.float32)


def _known(scores: Numbers) -> Floats:
    return np.where(np.isnan(scores), -np.inf, scores).astype(np.float32)


def catalogue(
    assortment: pa.Table,
    edges: pa.Table,
    related: pa.Table,
    als_items: pa.Table,
    graph_items: pa.Table,
    settings: RecallSettings,
) -> Catalogue:
    """Put the item side together from what the tables of one cut hold; an empty table means that the source is absent.

    assortment:  item_id, buyers            edges: user_id, item_id, weight (only EASE needs them; may be cut to none where it is not wanted)
    related:     item_id, related_item_id, score
    als_items:   item_id, factors           graph_items: item_id, embedding
    """
    listed = sorted_ids(assortment["item_id"])
    history = sorted_ids(pa.chunked_array([*assortment["item_id"].chunks, *related["item_id"].chunks, *edges["item_id"].chunks], pa.string()))
    popularity = np.zeros(len(listed), dtype=np.float32)
    popularity[places(assortment["item_id"], listed)] = assortment["buyers"].to_numpy()
    return Catalogue(
        listed=listed,
        history=history,
        history_place=places(listed, history),
        popularity=popularity,
        als=_vectors(als_items["item_id"], als_items["factors"], listed),
        graph=_vectors(graph_items["item_id"], graph_items["embedding"], listed),
        related=_neighbours(related, history, listed),
        ease=ease(edges_matrix(edges), listed, settings.ease_lambda) if edges.num_rows else None,
    )


def _vectors(ids: pa.ChunkedArray, vectors: pa.ChunkedArray, listed: pa.StringArray) -> Floats | None:
    """float32 [n, d] in the order of `listed`, NaN where an item has no vector; None where no item has any."""
    if len(ids) == 0:
        return None
    rows = stacked(vectors.combine_chunks())
    place = places(listed, ids.combine_chunks())
    return np.where((place >= 0)[:, None], rows[place], np.nan).astype(np.float32)


def stacked(vectors: pa.ListArray) -> Floats:
    """List rows of one length as float32 [rows, length]; a null row is NaN."""
    lengths = np.asarray(vectors.value_lengths().fill_null(0))
    width = int(lengths.max(initial=0))
    rows = np.full((len(vectors), width), np.nan, dtype=np.float32)
    rows[lengths > 0] = np.asarray(vectors.flatten(), dtype=np.float32).reshape(-1, width) if width else 0
    return rows


def _neighbours(related: pa.Table, history: pa.StringArray, listed: pa.StringArray) -> sparse.csr_matrix | None:
    if related.num_rows == 0:
        return None
    row, column = places(related["item_id"], history), places(related["related_item_id"], listed)
    there = column >= 0
    scores = related["score"].to_numpy()[there].astype(np.float32)
    return sparse.csr_matrix((scores, (row[there], column[there])), shape=(len(history), len(listed)))
