"""One pass over a large first load: rows and refused rows by file, and which keys occur more than once. Rows in, few rows out.

Counting keys with Spark's own aggregation moves every key through a shuffle as a row and then through a hash table. Here 64-bit hashes of keys
are gathered to blocks of bytes, moved as such, and sorted: a third of the work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import functions as F

from basketgraph.clean.deduplication import KEY_HASH
from basketgraph.clean.raw_rows import FILE_NUMBER

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

PART_BITS = 6
PARTS = 1 << PART_BITS  # of 20 million keys each part is some megabytes; Spark gives a task as many of them as it finds good
CHUNK = 1 << 21  # keys that a worker holds before it hands them on: 16 MB
COUNTS = -1  # the part that carries counts instead of keys
COUNTED = ("rows", "refused", "broken")
BLOCKS = "part int, file int, rows bigint, refused bigint, broken bigint, keys binary"
FOUND = f"file int, rows bigint, refused bigint, broken bigint, {KEY_HASH} bigint"


def tally(rows: DataFrame, *, refused: Column, broken: Column, key: Column) -> DataFrame:
    """Count rows and find repeated keys.

    rows:    mapped rows, with FILE_NUMBER (null is told as -1).
    refused, broken: conditions that are counted, never null.   key: the 64-bit hash of the key of a row that is not refused.
    returns: FOUND rows: per file (or some rows a file, to be summed) the counts; and per hash of a key that more than one accepted row may
             have (a hash can be shared by chance) a row with that alone.
    """
    # In two steps, so that what refuses a row, the dearest expression by far, is evaluated once.
    flagged = rows.select(F.coalesce(FILE_NUMBER, F.lit(-1)).alias("file"), refused.alias("refused"), broken.alias("broken"), key.alias("key"))
    shown = flagged.withColumn("key", F.when(~F.col("refused"), F.col("key")))
    return shown.mapInArrow(_blocks, BLOCKS).repartition("part").mapInArrow(_repeated, FOUND)


def _blocks(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Keys as blocks of bytes, one for each value of their first bits, and counts by file."""
    counts: dict[int, Any] = {}  # file -> COUNTED
    held: list[npt.NDArray[Any]] = []
    size = 0
    for batch in batches:
        files = batch.column("file").to_numpy() + 1  # so that none is below 0
        flags = [batch.column(name).to_numpy(zero_copy_only=False) for name in COUNTED[1:]]
        sums = np.stack([np.bincount(files), *(np.bincount(files, weights=flag) for flag in flags)], axis=1).astype(np.int64)  # [files, counts]
        for file in np.flatnonzero(sums[:, 0]):
            counts[int(file) - 1] = counts.get(int(file) - 1, 0) + sums[file]
        keys = batch.column("key").drop_null().to_numpy()
        held.append(keys)
        size += len(keys)
        if size >= CHUNK:
            yield _by_part(np.concatenate(held))
            held, size = [], 0
    if size:
        yield _by_part(np.concatenate(held))
    columns = np.array(list(counts.values())).reshape(-1, len(COUNTED)).T
    yield _batch(BLOCKS, [COUNTS] * len(counts), list(counts), *columns, [b""] * len(counts))


def _by_part(keys: npt.NDArray[Any]) -> pa.RecordBatch:
    ordered = np.sort(keys.view(np.uint64))
    bounds = np.searchsorted(ordered, np.arange(1, PARTS, dtype=np.uint64) << np.uint64(64 - PART_BITS))
    blocks = [block.tobytes() for block in np.split(ordered, bounds)]
    nothing = [0] * PARTS
    return _batch(BLOCKS, list(range(PARTS)), nothing, *[nothing for _ in COUNTED], blocks)


def _repeated(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Counts as they came, and the hashes that occur more than once."""
    blocks: dict[int, list[npt.NDArray[Any]]] = {}
    for batch in batches:
        counted = batch.filter(pc.equal(batch.column("part"), COUNTS))
        columns = [counted.column(name).to_pylist() for name in ("file", *COUNTED)]
        yield _batch(FOUND, *columns, [None] * counted.num_rows)
        for part, keys in zip(batch.column("part").to_pylist(), batch.column("keys"), strict=True):
            if part != COUNTS:
                blocks.setdefault(part, []).append(np.frombuffer(keys.as_buffer(), np.int64))
    for part in list(blocks):
        ordered = np.sort(np.concatenate(blocks.pop(part)))
        twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
        nothing = [None] * len(twice)
        yield _batch(FOUND, nothing, *[nothing for _ in COUNTED], twice)


def _batch(ddl: str, *columns: object) -> pa.RecordBatch:
    kinds = {"int": pa.int32(), "bigint": pa.int64(), "binary": pa.binary()}
    fields = [field.split() for field in ddl.split(", ")]
    arrays = [pa.array(values, kinds[kind]) for values, (_, kind) in zip(columns, fields, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, [name for name, _ in fields])
