"""gold.similar_items: each item's nearest neighbours by what is written about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F
from scipy import sparse

from basketgraph.content.features import character_grams, words
from basketgraph.content.settings import ContentSettings
from basketgraph.content.tfidf import fit_tfidf

SUMS = "first_text string, sums array<double>, squares array<double>"
NEIGHBOURS = "text_hash string, related array<struct<related_item_id:string,score:float>>"
PARTS = WORDS, MEANING = ("words", "meaning")
WORDS_POWER, MEANING_POWER, GRAMS_POWER = 2, 6, 2  # as of new items: what is near outweighs many that are a little alike
DIGITS = 4  # of a score, beyond which rounding errors would order texts that are equally alike
BLOCK = 128  # texts whose similarities to all listed ones are in memory at once
TASKS = 16  # Spark would give so few rows to one task, though each is much work

Floats = NDArray[np.float32]


class ListedTexts(NamedTuple):
    """The texts of items that lists may hold, the most bought first, and the items of each, likewise.

    texts: text_hash, text, vector (null: it has none), by number.
    items: number (of the text), item_id, share (of the text's score: 1 for the most bought), in that order.
    """

    texts: pa.Table
    items: pa.Table


def similar_items(bought: DataFrame, listed: DataFrame, texts: DataFrame, vectors: DataFrame, settings: ContentSettings) -> DataFrame:
    """The listed items that are most like each item that somebody bought, by words and by meaning.

    bought:  item_id, one row an item.
    listed:  item_id, buyers (lately) of the items that lists may hold; only these are neighbours.
    texts:   rows of gold.item_texts as of the cut.   vectors: text_hash, vector of one model, one row a text; may be empty.
    returns: item_id, related_item_id, rank (1 is nearest), score: see `Similarities`. Items of one text come by buyers, and an item is no neighbour
             of its own; an item without a text has none. The `similar_texts` texts of listed items that most people bought lately take part.
    """
    known = bought.join(texts.select("item_id", "text_hash", "text"), "item_id", how="inner")  # at most one text an item
    of_known = _with_vectors(known.select("text_hash", "text").distinct(), vectors).repartition(TASKS, "text_hash")
    of_known = of_known.sortWithinPartitions("text_hash").localCheckpoint()  # read twice
    similarities = Similarities(listed_texts(listed, texts, vectors, settings), settings.similar_neighbours)
    sums = of_known.mapInArrow(similarities.sums, SUMS).orderBy("first_text").toArrow()
    found = of_known.mapInArrow(similarities.scaled(sums, of_known.count()).nearest, NEIGHBOURS)
    others = F.filter("related", lambda one: one["related_item_id"] != F.col("item_id"))
    placed = F.posexplode(F.slice(others, 1, settings.similar_neighbours)).alias("place", "one")
    near = known.select("item_id", "text_hash").join(found, "text_hash", how="inner").select("item_id", placed)  # one row a text on the right
    return near.select("item_id", "one.related_item_id", (F.col("place") + 1).alias("rank"), "one.score")


def listed_texts(listed: DataFrame, texts: DataFrame, vectors: DataFrame, settings: ContentSettings) -> ListedTexts:
    """The `similar_texts` texts that most people bought lately, and as many items of each as can be neighbours. Arguments as of `similar_items`."""
    sold = listed.join(texts, "item_id", how="inner")  # at most one text an item
    of_texts = sold.groupBy("text_hash").agg(F.first("text").alias("text"), F.sum("buyers").alias("buyers"))
    of_texts = of_texts.orderBy(F.desc("buyers"), "text_hash").limit(settings.similar_texts)
    found = _with_vectors(of_texts, vectors).orderBy(F.desc("buyers"), "text_hash").select("text_hash", "text", "vector").toArrow()
    numbers = {text_hash: number for number, text_hash in enumerate(found["text_hash"].to_pylist())}
    most_bought = Window.partitionBy("text_hash").orderBy(F.desc("buyers"), "item_id")
    share = F.sqrt((F.col("buyers") + 1) / (F.max("buyers").over(Window.partitionBy("text_hash")) + 1)).cast("float")
    placed = sold.withColumns({"place": F.row_number().over(most_bought), "share": share}).where(F.col("place") <= settings.similar_neighbours + 1)
    taking_part = placed.join(F.broadcast(of_texts.select("text_hash")), "text_hash", how="left_semi")
    items = taking_part.select("text_hash", "place", "item_id", "share").toArrow()
    of_items = pa.array([numbers[text_hash] for text_hash in items["text_hash"].to_pylist()], pa.int64())
    ordered = items.append_column("number", of_items).sort_by([("number", "ascending"), ("place", "ascending")])
    return ListedTexts(found, ordered.select(["number", "item_id", "share"]))


def _with_vectors(texts: DataFrame, vectors: DataFrame) -> DataFrame:
    return texts.join(vectors.select("text_hash", "vector"), "text_hash", how="left")  # at most one vector a text


class Similarities:
    """Similarities of blocks of texts to all listed ones; it holds the listed side, and is sent to the workers with it.

    The score of a known text i and a listed one j is w(i, j) / sqrt(sum of w(k, j) over the known texts k) for the words, plus the same for the
    meaning, each divided by its root mean square over all pairs. w is the cosine of words by TF-IDF ^ 2, or of the encoder's vectors ^ 6; where one
    of two texts has no vector, the cosine of character n-grams ^ 2 stands for the latter. So a text that is a little like everything wins nothing.
    The most bought item of a text has its score, and the others that times sqrt((1 + their buyers) / (1 + those of the most bought)).
    """

    def __init__(self, listed: ListedTexts, neighbours: int) -> None:
        texts = listed.texts["text"].to_pylist()
        self.neighbours = neighbours
        self.items = listed.items["item_id"].combine_chunks()
        self.shares = listed.items["share"].to_numpy()
        self.first_item = np.searchsorted(listed.items["number"].to_numpy(), np.arange(len(texts) + 1))
        self.words, self.grams = fit_tfidf([words(text) for text in texts]), fit_tfidf([character_grams(text) for text in texts])
        self.by_words = self.words.vectors([words(text) for text in texts]).T.tocsr()  # [features, texts]
        self.by_grams = self.grams.vectors([character_grams(text) for text in texts])  # [texts, features]
        column = listed.texts["vector"].combine_chunks()
        self.vectors = _stacked(column, pc.max(pc.list_value_length(column)).as_py() or 1)
        self.scales: dict[str, Floats] = {part: np.ones(len(texts), dtype=np.float32) for part in PARTS}

    def sums(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The sums of w and of w ^ 2 over the texts of a partition: of each part and listed text, one after the other."""
        first, sums, squares = "", np.zeros((len(PARTS), len(self.vectors))), np.zeros((len(PARTS), len(self.vectors)))
        for block in _blocks(batches):
            first = first or block.column("text_hash")[0].as_py()
            for number, alike in enumerate(self._alike(block).values()):
                sums[number] += alike.sum(axis=0, dtype=np.float64)
                squares[number] += np.square(alike, dtype=np.float64).sum(axis=0)
        if first:
            lists = [pa.array([of_all.ravel()], pa.list_(pa.float64())) for of_all in (sums, squares)]
            yield pa.RecordBatch.from_arrays([pa.array([first]), *lists], names=["first_text", "sums", "squares"])

    def scaled(self, sums: pa.Table, known: int) -> Similarities:
        """The same with the factors that make scores of w. sums: rows of `sums`, in the order in which they are added up. known: texts in them."""
        shape = (sums.num_rows, len(PARTS), len(self.vectors))
        of_all, squares = (np.array(sums[name].to_pylist(), dtype=np.float64).reshape(shape).sum(axis=0) for name in ("sums", "squares"))
        of_all = np.maximum(of_all, 1e-9)
        mean_squares = (squares / of_all).sum(axis=1, keepdims=True) / max(known * len(self.vectors), 1)
        factors = 1 / np.sqrt(of_all * np.maximum(mean_squares, 1e-9))
        similarities = copy(self)
        similarities.scales = dict(zip(PARTS, factors.astype(np.float32), strict=True))
        return similarities

    def nearest(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Of each text the nearest listed items, one more than are kept: one of them may be the item itself."""
        for block in _blocks(batches):
            parts = [alike * self.scales[part] for part, alike in self._alike(block).items()]
            scores = np.round(np.sum(parts, axis=0), DIGITS)
            found = [self._items(row) for row in scores]
            offsets = np.cumsum([0, *(len(items) for items, _ in found)], dtype=np.int32)
            items, near = (np.concatenate([part[side] for part in found]) for side in (0, 1))
            pairs = pa.StructArray.from_arrays([self.items.take(pa.array(items)), pa.array(near)], names=["related_item_id", "score"])
            related = pa.ListArray.from_arrays(pa.array(offsets), pairs)
            yield pa.RecordBatch.from_arrays([block.column("text_hash"), related], names=["text_hash", "related"])

    def _items(self, scores: Floats) -> tuple[NDArray[np.int64], Floats]:
        """(numbers of items, scores) of one text, nearest first; equal scores go to the text that more people bought, then to the item."""
        wanted = self.neighbours + 1
        texts = np.flatnonzero(scores > 0)
        if len(texts) > wanted:  # only what reaches the last place, ties included, is sorted
            texts = texts[scores[texts] >= np.partition(scores[texts], len(texts) - wanted)[len(texts) - wanted]]
        counts = self.first_item[texts + 1] - self.first_item[texts]
        items = np.repeat(self.first_item[texts], counts) + np.concatenate([np.arange(count) for count in (*counts, 0)])
        of_items = np.repeat(scores[texts], counts) * self.shares[items]
        nearest = np.lexsort((items, -of_items))[:wanted]
        return items[nearest].astype(np.int64), of_items[nearest].astype(np.float32)

    def _alike(self, block: pa.RecordBatch) -> dict[str, Floats]:
        """Of each part w of a block's texts, float32 [texts, listed texts]."""
        texts = block.column("text").to_pylist()
        by_words = np.asarray((self.words.vectors([words(text) for text in texts]) @ self.by_words).toarray()) ** WORDS_POWER
        vectors = _stacked(block.column("vector"), self.vectors.shape[1])
        by_meaning = np.maximum(vectors @ self.vectors.T, 0) ** MEANING_POWER  # 0 where either text has no vector
        has_vector, listed_has = vectors.any(axis=1), self.vectors.any(axis=1)
        if not (has_vector.all() and listed_has.all()):
            grams = self.grams.vectors([character_grams(text) for text in texts])
            by_meaning[~has_vector] = _squared(grams[~has_vector] @ self.by_grams.T)
            by_meaning[:, ~listed_has] = _squared(grams @ self.by_grams[~listed_has].T)
        return {WORDS: np.asarray(by_words), MEANING: np.asarray(by_meaning)}


def _squared(cosines: sparse.csr_matrix) -> Floats:
    return np.asarray(cosines.toarray(), dtype=np.float32) ** GRAMS_POWER


def _stacked(vectors: pa.ListArray, width: int) -> Floats:
    """Lists of `width` numbers as float32 [lists, width]; zeros for null, and for a list of another length."""
    rows = np.zeros((len(vectors), width), dtype=np.float32)
    has = np.asarray(pc.fill_null(pc.equal(pc.list_value_length(vectors), width), False))
    rows[has] = np.asarray(vectors.filter(pa.array(has)).flatten(), dtype=np.float32).reshape(-1, width)
    return rows


def _blocks(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, BLOCK):
            yield batch.slice(start, BLOCK)
