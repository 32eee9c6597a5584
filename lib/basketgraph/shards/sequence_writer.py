"""Sealing what people took, in order, from Spark."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from basketgraph.foundation.paths import file_url, globbed
from basketgraph.shards.manifest import EMPTY, Manifest, ShardFile, manifest_of, seal_set
from basketgraph.shards.writer import shard_of, with_index, with_vectors, write_shards


def seal_item_sequences(folder: Path, sequences: DataFrame, *, cut: date, tables: Mapping[str, int], shards: int) -> Manifest:
    """Seal the items of each person in order into `folder`, in place of the set that lies there.

    sequences: user_id, items (array<string>, at least one); one row a person, all older than the cut; read several times.
    tables:    table -> version that was read.
    returns:   the manifest; where nobody took two items the set is empty: there is no order to learn.
    """
    length = sequences.agg(F.max(F.size("items"))).collect()[0][0] or 0
    fields = {"cut": cut, "tables": dict(tables), "shards": shards, "start_width": 0, "user_features": (), "item_features": ()}

    def fill(writing: Path) -> Manifest:
        return manifest_of(writing, write_files(writing) if length > 1 else [], sequence_length=length, **fields)

    def write_files(writing: Path) -> list[ShardFile]:
        items = with_index(sequences.select(F.explode("items").alias("item_id")).distinct(), "item_id", 1)
        item_files = write_shards(with_vectors(items, "item_id", 0, None, None), writing, "items", 1)
        read = sequences.sparkSession.read.parquet(*[globbed(file_url(writing / file.name)) for file in item_files])
        taken = sequences.select("user_id", F.posexplode("items").alias("place", "item_id"))
        indexed = taken.join(read.select("item_id", "item_index"), "item_id", "inner")  # every item has its index
        in_order = F.sort_array(F.collect_list(F.struct("place", "item_index")))["item_index"].cast("array<int>")
        people = indexed.groupBy("user_id").agg(in_order.alias("items"))
        padded = F.concat("items", F.array_repeat(F.lit(EMPTY), F.lit(length) - F.size("items"))).alias("items")
        placed = people.select(shard_of(F.col("user_id"), shards).alias("shard"), "user_id", padded)
        return [*write_shards(placed, writing, "sequences", shards), *item_files]

    return seal_set(folder, fill)
