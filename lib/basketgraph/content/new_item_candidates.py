"""gold.new_item_candidates: which items of a shop are new as of a cut, and each user's best ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy import sparse

from basketgraph.content.features import character_grams, words
from basketgraph.content.new_item_problem import VALIDATION, Lines, Texts, fitted, incidence, learned_weights, of_incidence
from basketgraph.content.new_items import Floats, NewItemScores, NewItemSettings, blended
from basketgraph.content.tfidf import tfidf_vectors
from basketgraph.foundation.point_in_time import known_before
from basketgraph.foundation.ranking import top_k
from basketgraph.foundation.recommenders import NEW_PLACES

CANDIDATES = "user_id string, item_id string, rank int, score double, like_item_id string"
FITTED = NewItemSettings(ridge_features=1_000)  # a run fits four times, and the driver's share of a step is to be seconds
LEAST_LIKENESS = 0.25  # mean cosine of two texts, below which neither is said to be like the other
USERS_AT_ONCE = 500


@dataclass(frozen=True)
class NewItems:
    """The item side of one cut, sent to every worker: the new items, the known ones, and what a user's known items say of the new.

    known, new:  item ids, sorted.   model, weights: the scores, and what each counts in the blend.
    likeness:    float32 [known, new]: the cosine of the texts, in the mean of words, characters and vectors.
    """

    known: tuple[str, ...]
    new: tuple[str, ...]
    model: NewItemScores
    weights: dict[str, float]
    likeness: Floats


def new_items(items: DataFrame, bought: DataFrame, *, as_of: date, days: int, buyers: int, most: int) -> DataFrame:
    """item_id of the items that are new as of a cut, at most `most`, those that came last.

    An item came on the day of its first sale, or, where it was never sold, on the first day that the shop listed it. It is new where that day is one
    of the `days` before the cut, it may be shown, and fewer than `buyers` people bought it. In the first `days` of a shop's sales nothing comes by
    being sold, and in the first `days` of its list nothing by being listed: nobody knows how long such items had been there.

    items:  silver.items rows with their history.
    bought: rows of `kept_before` the cut.
    """
    begins = F.lit(as_of - timedelta(days=days))
    may_be_shown = known_before(items, as_of).where("recommendable").select("item_id")
    listed = items.where(F.col("valid_from") < F.lit(as_of)).groupBy("item_id").agg(F.min("valid_from").alias("listed_on"))
    sold = bought.groupBy("item_id").agg(F.min("event_date").alias("sold_on"), F.countDistinct("user_id").alias("buyers"))
    firsts = listed.agg(F.min("listed_on").alias("list_begins")).join(
        bought.agg(F.min("event_date").alias("sales_begin")), how="cross"
    )  # one row each
    came_on, known_since = F.coalesce("sold_on", "listed_on"), F.when(F.col("sold_on").isNull(), F.col("list_begins")).otherwise(F.col("sales_begin"))
    is_new = (came_on >= begins) & (came_on >= F.date_add(known_since, days)) & (F.coalesce("buyers", F.lit(0)) < buyers)
    return (
        listed.join(may_be_shown, "item_id", how="left_semi")
        .join(sold, "item_id", how="left")  # at most one row an item
        .join(F.broadcast(firsts), how="cross")
        .where(is_new)
        .orderBy(came_on.desc(), "item_id")
        .limit(most)
        .select("item_id")
    )


def known_items(edges: DataFrame, new: DataFrame, most: int) -> DataFrame:
    """item_id of the items that are not new, at most `most`, those of the most users. edges: gold.interactions rows.   new: rows of `new_items`."""
    users = edges.join(F.broadcast(new), "item_id", how="left_anti").groupBy("item_id").agg(F.count("*").alias("users"))
    return users.orderBy(F.desc("users"), "item_id").limit(most).select("item_id")


def described_items(known: DataFrame, new: DataFrame, texts: DataFrame, vectors: DataFrame) -> DataFrame:
    """item_id, is_new, text, vector (null where the text has none) of the items of which something is written.

    known, new: item_id.   texts: rows of gold.item_texts as of the cut.   vectors: rows of gold.item_text_vectors of one model; may be empty.
    """
    items = known.withColumn("is_new", F.lit(False)).unionByName(new.withColumn("is_new", F.lit(True)))
    described = texts.join(F.broadcast(items), "item_id", how="inner")  # at most one row an item on either side
    return described.join(vectors.select("text_hash", "vector"), "text_hash", how="left").select("item_id", "is_new", "text", "vector")  # one a text


def sampled_edges(edges: DataFrame, known: DataFrame, *, users: int, seed: int) -> DataFrame:
    """user_id, item_id, first_date: the edges of known items of at most `users` users, by hash. edges: gold.interactions rows of one cut."""
    sample = edges.select("user_id").distinct().orderBy(F.xxhash64("user_id", F.lit(seed)), "user_id").limit(users)
    of_known = edges.select("user_id", "item_id", "first_date").join(F.broadcast(known), "item_id", how="left_semi")
    return of_known.join(F.broadcast(sample), "user_id", how="left_semi")


def learned_new_items(described: pa.Table, edges: pa.Table, *, seed: int, k: int = 20) -> NewItems | None:
    """The scores of the new items, and the weights of the blend; None where nothing is new, or nothing is written about what people have.

    The latest VALIDATION share of the known items by their first day play the new ones, for people with what they had before the first of these
    days; the weights are those with the best Recall@k.

    described: rows of `described_items`.   edges: rows of `sampled_edges`.
    """
    described = described.sort_by("item_id")
    item_ids, is_new = described["item_id"].to_pylist(), described["is_new"].to_pylist()
    new = tuple(item for item, of_new in zip(item_ids, is_new, strict=True) if of_new)
    old = {item for item, of_new in zip(item_ids, is_new, strict=True) if not of_new}
    lines = _coded(edges)
    known = [column for column, item in enumerate(lines.items) if item in old]
    if not new or not known:
        return None
    texts = _spaces(described)
    late, first_late = _latest(lines, known)
    has, had = lines.incidence(), lines.incidence(before=first_late)
    before = np.setdiff1d(np.intersect1d(known, had.indices), late)
    of_before, of_late = (tuple(lines.items[column] for column in columns) for columns in (before, late))
    played = of_incidence(of_before, of_late, had[:, before], had[:, before], has[:, late], has[:, before])
    weights = learned_weights(played, texts, seed, k=k, settings=FITTED)
    if not any(weights.values()):
        weights = dict.fromkeys(weights, 1.0)
    of_known, nobody = has[:, known], sparse.csr_matrix((has.shape[0], len(new)), dtype=np.float32)
    problem = of_incidence(tuple(lines.items[column] for column in known), new, of_known, of_known, nobody, of_known)
    model = fitted(problem, texts, FITTED)
    kept = {name: of_name for name, of_name in model.weights.items() if weights[name]}
    light = replace(model, weights=kept, together=sparse.csr_matrix((0, 0)))  # workers hold it
    likeness = np.mean([_cosines(vectors, numbers, problem.known, problem.new) for vectors, numbers in texts.values()], axis=0, dtype=np.float32)
    return NewItems(problem.known, problem.new, light, weights, likeness)


def _spaces(described: pa.Table) -> Texts:
    """Words, characters and, where a text has a vector, vectors; a text without one has zeros."""
    numbers = {item: number for number, item in enumerate(described["item_id"].to_pylist())}
    texts, vectors = described["text"].to_pylist(), described["vector"].to_pylist()
    spaces: dict[str, tuple[Any, dict[str, int]]] = {
        "words": (tfidf_vectors([words(text) for text in texts]), numbers),
        "characters": (tfidf_vectors([character_grams(text) for text in texts]), numbers),
    }
    width = max((len(vector) for vector in vectors if vector is not None), default=0)
    if width:
        encoded = np.array([vector if vector is not None else np.zeros(width) for vector in vectors], dtype=np.float32)
        spaces["encoder"] = (encoded, numbers)
    return spaces


@dataclass(frozen=True)
class _CodedLines:
    """Edges as numbers, some 20 bytes each. users: how many; items: their ids, sorted; user, item: int of each edge; day: days since 1970 of each."""

    users: int
    items: list[str]
    user: NDArray[np.int64]
    item: NDArray[np.int64]
    day: NDArray[np.int32]

    def incidence(self, *, before: int | None = None) -> sparse.csr_matrix:
        """float32 [users, items], 1 where a user has an item; before: only edges of earlier days."""
        some = slice(None) if before is None else self.day < before
        rows, columns = self.user[some], self.item[some]
        return sparse.csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=(self.users, len(self.items)))


def _coded(edges: pa.Table) -> _CodedLines:
    """edges: one row a user and item."""
    users, user = _codes(edges["user_id"])
    items, item = _codes(edges["item_id"])
    return _CodedLines(len(users), items, user, item, edges["first_date"].cast(pa.int32()).to_numpy())


def _codes(column: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int64]]:
    """The different values in order, and the number of each row's."""
    names = column.unique().sort()
    return names.to_pylist(), pc.index_in(column, value_set=names).to_numpy().astype(np.int64)


def _latest(lines: _CodedLines, known: list[int]) -> tuple[NDArray[np.int64], int]:
    """The VALIDATION share of the known items whose first day is latest, in order, and the first of these days. known: numbers of items."""
    first = np.full(len(lines.items), np.iinfo(np.int32).max, dtype=np.int32)
    np.minimum.at(first, lines.item, lines.day)
    late = sorted(known, key=lambda item: (first[item], item), reverse=True)[: max(1, round(VALIDATION * len(known)))]
    return np.array(sorted(late)), int(first[late[-1]])


def _cosines(vectors: Any, numbers: dict[str, int], known: tuple[str, ...], new: tuple[str, ...]) -> Floats:
    product = vectors[[numbers[item] for item in known]] @ vectors[[numbers[item] for item in new]].T
    return np.asarray(product.toarray() if sparse.issparse(product) else product, dtype=np.float32)


def user_lines(edges: DataFrame, refused: DataFrame) -> DataFrame:
    """user_id, items (what the user has to do with), unwanted (what the user bought or refused): one row per user.

    edges: gold.interactions rows of one cut.   refused: user_id, item_id.
    """
    sent_back = refused.groupBy("user_id").agg(F.collect_set("item_id").alias("refused"))
    bought = F.collect_set(F.when(F.col("purchases") > 0, F.col("item_id")))
    lines = edges.groupBy("user_id").agg(F.sort_array(F.collect_set("item_id")).alias("items"), bought.alias("bought"))
    unwanted = F.array_union("bought", F.coalesce("refused", F.array().cast("array<string>"))).alias("unwanted")
    return lines.join(sent_back, "user_id", how="left").select("user_id", "items", unwanted)  # at most one row on either side


def new_item_candidates(users: DataFrame, item_side: NewItems) -> DataFrame:
    """Each user's best new items, at most max(NEW_PLACES): user_id, item_id, rank (1 is best), score, like_item_id.

    users:   rows of `user_lines`.
    returns: none that the user bought or refused. like_item_id: the user's item whose text is nearest; null where none is near.
    """
    return users.mapInArrow(partial(_of_batches, item_side=item_side), CANDIDATES)


def _of_batches(batches: Iterable[pa.RecordBatch], *, item_side: NewItems) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, USERS_AT_ONCE):
            yield _best(batch.slice(start, USERS_AT_ONCE), item_side)


def _best(batch: pa.RecordBatch, item_side: NewItems) -> pa.RecordBatch:
    lines: Lines = batch.column("items").to_pylist()
    owned = incidence(lines, item_side.known)
    unwanted = incidence(batch.column("unwanted").to_pylist(), item_side.new).toarray() > 0
    scores = blended(item_side.model.scores(owned), item_side.weights)
    top = top_k(scores, max(NEW_PLACES), mask=unwanted)
    row, place = np.nonzero(top >= 0)
    column = top[row, place]
    nearest = [_nearest(owned.indices[owned.indptr[of] : owned.indptr[of + 1]], number, item_side) for of, number in zip(row, column, strict=True)]
    arrays = [
        batch.column("user_id").take(pa.array(row)),
        pa.array([item_side.new[number] for number in column], pa.string()),
        pa.array(place + 1, pa.int32()),
        pa.array(scores[row, column], pa.float64()),
        pa.array(nearest, pa.string()),
    ]
    return pa.RecordBatch.from_arrays(arrays, names=["user_id", "item_id", "rank", "score", "like_item_id"])


def _nearest(own: Any, number: int, item_side: NewItems) -> str | None:
    """own: the user's rows of `likeness`."""
    if not len(own):
        return None
    best = own[item_side.likeness[own, number].argmax()]
    return item_side.known[best] if item_side.likeness[best, number] >= LEAST_LIKENESS else None
