"""Vectors of items (of their texts, or of other kinds) as features in shard sets: their leading components."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from basketgraph.shards.features import Features

SAMPLE = 20_000  # distinct texts, by hash, that the components are found from
SCHEMA = "text_hash string, features array<float>"
Floats = NDArray[np.float32]


def vectors_of_kinds(items: DataFrame) -> dict[str, DataFrame]:
    """kind -> item_id, vector of the items that have one of this kind and of the length that most have; the smaller of two lengths of as many.

    items: silver.items rows, one an item.
    """
    each = items.select("item_id", F.inline("vectors")).withColumn("length", F.size("vector"))
    counts = each.groupBy("name", "length").count().orderBy("name", F.desc("count"), "length").collect()
    lengths: dict[str, int] = {}
    for row in counts:
        lengths.setdefault(row.name, row.length)
    return {
        kind: each.where((F.col("name") == kind) & (F.col("length") == length)).select("item_id", "vector")
        for kind, length in sorted(lengths.items())
    }


def vector_features(vectors: DataFrame, width: int, kind: str) -> Features:
    """As `text_features`, of vectors that the shop gives itself. vectors: item_id, vector; one row an item, all of one length."""
    of_items = vectors.withColumn("text_hash", F.col("item_id"))
    return text_features(of_items.select("item_id", "text_hash"), of_items.select("text_hash", "vector"), width, kind)


def text_features(texts: DataFrame, vectors: DataFrame, width: int, kind: str = "text") -> Features:
    """The `width` leading principal components of the vectors of items' texts, on one scale: the mean squared length is 1.

    texts:   item_id, text_hash; one row an item.
    vectors: text_hash, vector (null: the encoder does not know the text), of one model.
    kind:    what labels of the features begin with.
    returns: one row for each item whose text has a vector.
    """
    given = vectors.where(F.col("vector").isNotNull()).select("text_hash", "vector")
    known = given.join(texts.select("text_hash").distinct(), "text_hash", how="left_semi")  # others may be of after the cut
    sample = known.orderBy("text_hash").limit(SAMPLE).toArrow()
    mean, components = leading_components(sample["vector"], width)
    projected = known.mapInArrow(partial(_projected, mean=mean, components=components), SCHEMA)
    of_items = texts.join(projected, "text_hash", how="inner").select("item_id", "features")  # one row a text
    return Features(of_items, tuple(f"{kind}[{number}]" for number in range(components.shape[1])))


def leading_components(vectors: pa.ChunkedArray, width: int) -> tuple[Floats, Floats]:
    """The mean [d] and the leading components [d, at most width], scaled so that projections have a mean squared length of 1."""
    if not len(vectors):
        return np.zeros(0, np.float32), np.zeros((0, 0), np.float32)
    rows = _rows(vectors.combine_chunks())
    mean = rows.mean(axis=0)
    _, lengths, directions = np.linalg.svd(rows - mean, full_matrices=False)
    kept = int(min(width, (lengths > 1e-6).sum()))
    scale = max(float(np.sqrt((lengths[:kept] ** 2).sum() / len(rows))), 1e-9)
    signs = np.sign(directions[np.arange(kept), np.abs(directions[:kept]).argmax(axis=1)])  # a component and its mirror are one
    return mean.astype(np.float32), (directions[:kept].T * signs / scale).astype(np.float32)


def _projected(batches: Iterable[pa.RecordBatch], *, mean: Floats, components: Floats) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        found: Any = (_rows(batch.column("vector")) - mean) @ components
        lists = pa.ListArray.from_arrays(np.arange(len(found) + 1, dtype=np.int32) * found.shape[1], pa.array(found.ravel(), pa.float32()))
        yield pa.RecordBatch.from_arrays([batch.column("text_hash"), lists], names=["text_hash", "features"])


def _rows(vectors: pa.ListArray) -> Floats:
    return np.asarray(vectors.flatten(), dtype=np.float32).reshape(len(vectors), -1)
