"""gold.item_texts and gold.item_text_vectors: what is written about each item, and the vector of each distinct text, encoded once."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from basketgraph.content.encoder import encode, model_files
from basketgraph.content.features import words
from basketgraph.foundation.config import UserError
from basketgraph.foundation.item_names import product_name
from basketgraph.foundation.tables.warehouse import RunTables, newest_release

TEXTS = "item_id string, title string, text string, text_hash string"
ENCODED = "text_hash string, vector array<float>, seconds double"
LONGEST_TEXT = 2_000  # characters of a column; an encoder reads some 1,000 of them


def item_texts(items: DataFrame, columns: Sequence[str]) -> DataFrame:
    """The text of each item, as the encoder reads it: normalised words with blanks between them.

    items:   silver.items rows, one an item.
    columns: of silver.items; their words are put one after the other, those of later columns only where no earlier one has them. Of the name the
             package size is left out, so that the sizes of a product have one text.
    returns: rows of gold.item_texts; an item without a word in any column has none.
    """
    named = items.withColumn("name", product_name())
    given = [F.substring(column, 1, LONGEST_TEXT).alias(f"text_{number}") for number, column in enumerate(columns)]
    return named.select("item_id", F.col("name").alias("title"), *given).mapInArrow(_joined, TEXTS)


def _joined(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        items, titles, *columns = (column.to_pylist() for column in batch.columns)
        texts = [joined_words(values) for values in zip(*columns, strict=True)]
        rows = [
            {"item_id": item, "title": title or text, "text": text, "text_hash": hashlib.sha256(text.encode()).hexdigest()}
            for item, title, text in zip(items, titles, texts, strict=True)
            if text
        ]
        yield pa.RecordBatch.from_pylist(rows, schema=pa.schema([(name, pa.string()) for name in ("item_id", "title", "text", "text_hash")]))


def joined_words(values: Iterable[str | None]) -> str:
    """The words of several texts; a later one adds only those that no earlier one has. TEA, GREEN and `Green teas` give `tea green teas`."""
    joined: list[str] = []
    for value in values:
        there = set(joined)
        joined += [word for word in words(value) if word not in there]
    return " ".join(joined)


def missing_texts(texts: DataFrame, vectors: DataFrame, *, model_id: str) -> DataFrame:
    """text_hash, text of each distinct text that has no vector of the model yet.

    texts: rows of gold.item_texts.   vectors: rows of gold.item_text_vectors.
    """
    there = vectors.where(F.col("model") == model_id).select("text_hash")
    return texts.select("text_hash", "text").distinct().join(there, "text_hash", how="left_anti")


def unused_vectors(texts: DataFrame, vectors: DataFrame, *, model_id: str) -> DataFrame:
    """text_hash, model of vectors whose text no item has any more, or that another model made. Arguments as of `missing_texts`."""
    read = texts.select("text_hash").distinct().withColumn("model", F.lit(model_id))
    return vectors.select("text_hash", "model").join(read, ["text_hash", "model"], how="left_anti")


def live_text_vectors(tables: RunTables) -> DataFrame | None:
    """Rows of gold.item_text_vectors that are live: a run of `content` that was stopped holds up nothing. None where there are none."""
    version = ((newest_release(tables) or {}).get("versions") or {}).get("gold.item_text_vectors")
    return None if version is None else tables.read_version("gold.item_text_vectors", version)


def encoded(texts: DataFrame, *, model: str, model_id: str, partitions: int) -> DataFrame:
    """The vectors of distinct texts, made on the executors: one model a Python worker, in one thread.

    texts:      text_hash, text.
    model:      `default`, or a folder that every executor sees.
    partitions: one a core. Vectors do not depend on it (but for rounding of 1e-6).
    returns:    text_hash, model, vector (null: of a text that the encoder does not know), by_characters, seconds (of CPU, with its share of
                loading the model).
    errors:     UserError on an executor that lacks the extra `words`, or has another model than the driver.
    """
    found = texts.repartition(partitions, "text_hash").mapInArrow(partial(_vectors, model=model, model_id=model_id), ENCODED)
    return found.withColumns({"model": F.lit(model_id), "by_characters": F.col("vector").isNull()})


def _vectors(batches: Iterable[pa.RecordBatch], *, model: str, model_id: str) -> Iterator[pa.RecordBatch]:
    if (have := model_files(model).id) != model_id:
        raise UserError(f"content.model: executors have another {model}", [f"want {model_id}, have {have}"], "Copy the driver's to all machines.")
    for batch in batches:
        began = time.process_time()
        vectors = encode(batch.column("text").to_pylist(), model)
        rows: list[Any] = [vector if is_known else None for vector, is_known in zip(vectors, vectors.any(axis=1), strict=True)]
        seconds = np.full(len(rows), (time.process_time() - began) / max(len(rows), 1))
        arrays = [batch.column("text_hash"), pa.array(rows, type=pa.list_(pa.float32())), pa.array(seconds)]
        yield pa.RecordBatch.from_arrays(arrays, names=["text_hash", "vector", "seconds"])


def counted_texts(texts: DataFrame, vectors: DataFrame) -> DataFrame:
    """titles, texts (distinct ones), by_characters (titles whose text has no vector), as one row.

    texts: rows of gold.item_texts.   vectors: rows of gold.item_text_vectors of one model.
    """
    of_items = texts.join(vectors.select("text_hash", "by_characters"), "text_hash", how="left")  # one row a text
    counts = {"titles": F.count("*"), "texts": F.countDistinct("text_hash"), "by_characters": F.count_if("by_characters")}
    return of_items.agg(*(count.alias(name) for name, count in counts.items()))
