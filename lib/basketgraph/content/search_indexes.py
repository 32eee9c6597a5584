"""gold.search_indexes: the rows that an index of questions is made of, and where its files lie."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from basketgraph.content.catalogue import Catalogue, Item
from basketgraph.content.search import SearchSettings, search_index
from basketgraph.content.settings import ContentSettings
from basketgraph.foundation.config import UserError
from basketgraph.foundation.point_in_time import kept_before

INDEXES = "gold.search_indexes"


class Sales(NamedTuple):
    """Where prices and sales come from. kept: gold.kept_purchases; days before as_of count; currency: of prices."""

    events: DataFrame
    kept: DataFrame
    as_of: date
    days: int
    currency: str


def sold_items(sales: Sales) -> DataFrame:
    """item_id, sales, price_minor of each item sold: purchase lines of which anything was kept, and the median of what was paid for a
    piece in the shop's currency.
    """
    first = sales.as_of - timedelta(days=sales.days)
    sold = kept_before(sales.events.where(F.col("event_date") >= F.lit(first)), sales.kept, as_of=sales.as_of)
    price = F.when((F.col("currency") == sales.currency) & (F.col("amount_minor") > 0), F.col("amount_minor") / F.col("quantity"))
    median = F.round(F.percentile_approx(price, 0.5)).cast("bigint")
    return sold.groupBy("item_id").agg(F.count("*").alias("sales"), median.alias("price_minor"))


def indexed_items(items: DataFrame, texts: DataFrame, sales: Sales) -> DataFrame:
    """The items that answer questions: those that may be shown and have a text.

    items:   silver.items rows, one an item.   texts: rows of gold.item_texts.
    returns: text_hash, text, item_id, title, category (the department of items without one; empty where neither is known), sales, price_minor;
             by text, then the best sold first.
    """
    shown = items.where("recommendable").select("item_id", F.coalesce("category", "department", F.lit("")).alias("category"))
    found = texts.join(shown, "item_id", how="inner").join(sold_items(sales), "item_id", how="left")  # at most one row an item each
    return found.withColumn("sales", F.coalesce("sales", F.lit(0))).orderBy("text", F.desc("sales"), "item_id")


def why_no_index(indexed: DataFrame, settings: ContentSettings, source_name: str) -> str | None:
    """Why there can be no index of questions; None where there can be one. indexed: rows of `indexed_items`."""
    if not settings.encode:
        return "texts are not encoded (content.encode)"
    return f"no item that may be shown has a title (`recommendable` and `name` in conf/sources/{source_name}.yaml)" if indexed.isEmpty() else None


def catalogue_of(items: pa.Table, vectors: pa.Table, *, model: str, settings: ContentSettings) -> Catalogue:
    """A catalogue ready for questions.

    items:   rows of `indexed_items`, in their order, at least one.   vectors: text_hash, vector of their texts.   model: as `encode` takes it.
    errors:  UserError where there are more titles than `max_titles`.
    """
    of_texts = [(text, [*rows]) for text, rows in groupby(items.to_pylist(), key=itemgetter("text"))]
    want_few(len(of_texts), settings.max_titles)
    texts = [text for text, _ in of_texts]
    of_hash = dict(zip(vectors["text_hash"].to_pylist(), _rows_of(vectors["vector"]), strict=True))
    dim = next((len(vector) for vector in of_hash.values() if vector is not None), 1)
    of_rows = [of_hash.get(rows[0]["text_hash"]) for _, rows in of_texts]
    matrix = np.stack([np.zeros(dim, dtype=np.float32) if vector is None else vector for vector in of_rows])
    listed = tuple(tuple(_item(row) for row in rows) for _, rows in of_texts)
    return Catalogue(listed, search_index(texts, SearchSettings(), vectors=matrix, model=model))


def want_few(titles: int, most: int) -> None:
    """Raises UserError where an index of so many titles does not fit the driver."""
    if titles > most:
        cure = "Raise content.max_titles, at some 10 kB of the driver's memory a title, or leave out items by `recommendable`."
        raise UserError("the index of questions would not fit the driver", [f"titles: want at most {most:,}, have {titles:,}"], cure)


def want_vectors(items: pa.Table, vectors: pa.Table, model_id: str) -> None:
    """Raises UserError where a text has no row in gold.item_text_vectors. Arguments as of `catalogue_of`."""
    if vectors.num_rows < len(set(items["text_hash"].to_pylist())):
        fault = f"gold.item_text_vectors: want a vector of {model_id} for each text, have {vectors.num_rows:,}"
        raise UserError("titles cannot be indexed", [fault], "Run `basketgraph run content --from text_vectors`.")


def _rows_of(column: pa.ChunkedArray) -> Iterable[Any]:
    """float32 [dim] of each list, None for null."""
    for chunk in column.chunks:
        flat, offsets, missing = chunk.values.to_numpy(), chunk.offsets.to_numpy(), chunk.is_null().to_numpy(zero_copy_only=False)
        yield from (None if gone else flat[low:high] for low, high, gone in zip(offsets[:-1], offsets[1:], missing, strict=True))


def _item(row: dict[str, Any]) -> Item:
    return Item(row["item_id"], row["title"], row["category"], row["price_minor"], row["sales"])
