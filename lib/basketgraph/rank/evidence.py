"""What explains a score, as plain arrays: similar items, the graph's messages, buyers and names."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from basketgraph.foundation.goals import LIKED, GoalWords

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Part:
    """One of the user's own items and its share of a score. users: how many bought both, where that is known."""

    item_id: str
    share: float
    purchases: int
    last_date: date
    users: int | None


@dataclass(frozen=True)
class UserHistory:
    """The items that one user bought before the cut, sorted by id, and the user's vector and scale in the graph."""

    item_ids: list[str]
    index: Ints  # the items' numbers in Evidence; -1 where it lacks an item
    weights: Floats
    purchases: list[int]
    last_dates: list[date]
    embedding: Floats | None
    scale: float

    def part(self, i: int, share: float, users: int | None = None) -> Part:
        return Part(self.item_ids[i], float(share), self.purchases[i], self.last_dates[i], users)


@dataclass(frozen=True)
class Neighbours:
    """Item j is the neighbour of items[first[j] : first[j + 1]], in order of their number, by scores. users: who bought both; None: not known."""

    first: Ints  # [items + 1]
    items: Ints
    scores: Floats
    users: Ints | None


@dataclass(frozen=True)
class Evidence:
    """The item side. `place` numbers the items; messages and vectors are NaN where the graph does not know the item.

    An item is never explained by another of the same name: a shop's names may be types of product, and such a reason says nothing.
    """

    place: dict[str, int]
    names: list[str | None]
    named_as: Ints  # [items]: equal for items of the same name
    buyers: Ints  # [items]: distinct users in the last `popularity_days`
    related: Neighbours  # by who bought both
    similar: Neighbours  # by what is written about both
    messages: Floats  # [items, d]: what an item adds to the graph vector of a user who bought it
    vectors: Floats  # [items, d]
    popularity_days: int
    words: GoalWords
    of_others: GoalWords  # what similar items have in common: of a shop whose similarities are of more than its goal, that people like both
    parts: int  # at most so many of the user's items are named in a reason

    def name(self, item_id: str) -> str:
        place = self.place.get(item_id)
        return (self.names[place] if place is not None else None) or f"item {item_id}"

    def differ_in_name(self, item_id: str, than: str) -> bool:
        """Whether two items are called differently; one that is not known is called by its id."""
        number, other = self.place.get(item_id), self.place.get(than)
        return item_id != than if number is None or other is None else self._has_another_name(number, other)

    def history_of(self, user: dict[str, Any]) -> UserHistory:
        """user: a row of `reasons.listed_users`."""
        had = user["had"] or []
        embedding = user["embedding"]
        return UserHistory(
            [row["item_id"] for row in had],
            np.array([self.place.get(row["item_id"], -1) for row in had], dtype=np.int64),
            np.array([row["weight"] for row in had], dtype=np.float64),
            [row["purchases"] for row in had],
            [row["last_date"] for row in had],
            None if embedding is None else np.asarray(embedding[:-1], dtype=np.float64),
            float(user["scale"] or 0.0),
        )

    def from_related(self, item_id: str, user: UserHistory) -> list[Part]:
        """The user's items of other names that are bought by those who buy this item. See `_from_neighbours`."""
        return self._from_neighbours(self.related, item_id, user)

    def from_similar(self, item_id: str, user: UserHistory) -> list[Part]:
        """The user's items of other names that are alike in words. See `_from_neighbours`."""
        return self._from_neighbours(self.similar, item_id, user)

    def _from_neighbours(self, neighbours: Neighbours, item_id: str, user: UserHistory) -> list[Part]:
        """The user's items of other names that have this item as a neighbour, by share of weight times similarity of all; may be empty."""
        number = self.place[item_id]
        near = slice(neighbours.first[number], neighbours.first[number + 1])
        items = neighbours.items[near]
        at = np.minimum(np.searchsorted(items, user.index), max(len(items) - 1, 0))
        linked = np.flatnonzero(items[at] == user.index) if len(items) else np.zeros(0, dtype=np.int64)
        strength = neighbours.scores[near][at[linked]] * user.weights[linked]
        users = [None] * len(linked) if neighbours.users is None else neighbours.users[near][at[linked]].tolist()
        best = [i for i in np.lexsort((linked, -strength)) if self._has_another_name(user.index[linked[i]], number)][: self.parts]
        return [user.part(linked[i], strength[i] / strength.sum(), users[i]) for i in best]

    def from_graph(self, item_id: str, user: UserHistory) -> tuple[list[Part], float] | None:
        """The graph's score as an exact sum: the share that each of the user's items adds, and the share of the user's own vector.

        None where the graph does not know the user or the item, or where no item of another name adds to a positive score.
        """
        number = self.place[item_id]
        vector = self.vectors[number]
        if user.embedding is None or np.isnan(vector).any() or not len(user.index):
            return None
        total = float(user.embedding @ vector)
        adds = np.nan_to_num(np.where(user.index >= 0, self.messages[user.index] @ vector, 0.0)) * user.weights * user.scale
        if total <= 0 or adds.max() <= 0:
            return None
        adding = [i for i in np.lexsort((np.arange(len(adds)), -adds)) if adds[i] > 0 and self._has_another_name(user.index[i], number)]
        if not adding:
            return None
        return [user.part(int(i), adds[i] / total) for i in adding[: self.parts]], 1 - float(adds.sum()) / total

    def _has_another_name(self, number: int, than: int) -> bool:
        return bool(self.named_as[number] != self.named_as[than])


def evidence(
    items: pa.Table,
    buyers: pa.Table,
    related: pa.Table,
    similar: pa.Table,
    graph_items: pa.Table,
    *,
    popularity_days: int,
    parts: int,
    words: GoalWords,
    mixed: bool = False,
) -> Evidence:
    """The item side of one cut.

    items:       item_id, name (null where it has none): every item that users bought or lists hold.
    buyers:      item_id, buyers.
    related:     item_id, related_item_id, score, users; may be empty.
    similar:     item_id, related_item_id, score; may be empty.
    graph_items: item_id, embedding, message; may be empty.
    words:       of the shop's goal.
    mixed:       whether edges are made of other behaviours, too.
    """
    ids = items["item_id"].combine_chunks()

    def places(column: pa.ChunkedArray) -> Ints:
        return np.asarray(pc.fill_null(pc.index_in(column, value_set=ids), -1).to_numpy(), dtype=np.int64)

    counts = np.zeros(len(ids), dtype=np.int64)
    bought = places(buyers["item_id"])
    counts[bought[bought >= 0]] = buyers["buyers"].to_numpy()[bought >= 0]

    def neighbours(pairs: pa.Table) -> Neighbours:
        near, of = places(pairs["item_id"]), places(pairs["related_item_id"])
        order = np.lexsort((near, of))
        order = order[(near[order] >= 0) & (of[order] >= 0)]
        users = pairs["users"].to_numpy()[order] if "users" in pairs.column_names else None
        return Neighbours(np.searchsorted(of[order], np.arange(len(ids) + 1)), near[order], pairs["score"].to_numpy()[order], users)

    in_graph = places(graph_items["item_id"])
    vectors = _rows(graph_items["embedding"], in_graph, len(ids))
    names = items["name"].to_pylist()
    first_of = {name: number for number, name in reversed(list(enumerate(names)))}
    return Evidence(
        place={item: number for number, item in enumerate(ids.to_pylist())},
        names=names,
        named_as=np.array([number if name is None else first_of[name] for number, name in enumerate(names)], dtype=np.int64),
        buyers=counts,
        related=neighbours(related),
        similar=neighbours(similar),
        messages=_rows(graph_items["message"], in_graph, len(ids)),
        vectors=vectors[:, :-1] if vectors.shape[1] else vectors,
        popularity_days=popularity_days,
        words=words,
        of_others=LIKED if mixed else words,
        parts=parts,
    )


def _rows(vectors: pa.ChunkedArray, places: Ints, count: int) -> Floats:
    """Lists of one length as float32 [count, length], list i in row places[i]; all other rows are NaN."""
    flat = np.asarray(pc.list_flatten(vectors).to_numpy(), dtype=np.float32)
    width = len(flat) // len(vectors) if len(vectors) else 1
    rows = np.full((count, width), np.nan, dtype=np.float32)
    if len(vectors):
        rows[places[places >= 0]] = flat.reshape(-1, width)[places >= 0]
    return rows
