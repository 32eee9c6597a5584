"""Sealing a shard set from Spark: one Parquet file for each shard and kind, in the order of the indices."""

import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Literal

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from basketgraph.foundation.config import Settings, UserError
from basketgraph.foundation.paths import file_url, globbed
from basketgraph.shards.features import Features
from basketgraph.shards.manifest import Manifest, ShardFile, described, manifest_of, seal_set


class ShardSettings(Settings):
    """Section `shards` of conf/settings.yaml."""

    shards: int = 8  # at most this many ranks can train
    buckets: int = 64  # of the hashed names among the features
    new_items: bool = True  # whether a set holds items that nobody bought before the cut
    text: int = 0  # numbers of an item's text vector among its features, where the shop has text vectors; 0 for none
    vectors: int = 0  # and of each other kind of vector that silver.items has (image, audio, ...)


def shard_of(user: Column, shards: int) -> Column:
    """The shard of a user, by a hash of the id: a user is in the same shard every day."""
    return F.pmod(F.xxhash64(user), F.lit(shards)).cast("int")


def seal_shards(
    folder: Path,
    interactions: DataFrame,
    *,
    cut: date,
    tables: Mapping[str, int],
    shards: int,
    factors: tuple[DataFrame, DataFrame] | None = None,
    user_features: Features | None = None,
    item_features: Features | None = None,
) -> Manifest:
    """Seal the graph as of a cut into `folder`, in place of the set that lies there.

    interactions: user_id, item_id, weight; one row per pair, all older than the cut.
    tables:       table -> version that was read.
    factors:      (user_id, factors) and (item_id, factors): where training starts; an id without factors starts at 0.
    features:     one row per id; users and items without interactions are sealed too.
    returns:      the manifest; without an interaction the set is empty, and there is nothing to train on.
    errors:       UserError where factors are of different widths.
    """
    width = _factor_width(factors)
    spark = interactions.sparkSession

    def fill(writing: Path) -> Manifest:
        files = [] if interactions.isEmpty() else write_files(writing)
        features = {"user_features": user_features, "item_features": item_features}
        labels = {name: of_nodes.labels if of_nodes else () for name, of_nodes in features.items()}
        return manifest_of(writing, files, cut=cut, tables=dict(tables), shards=shards, start_width=width, **labels)

    def write_files(writing: Path) -> list[ShardFile]:
        users = with_index(_all_ids(interactions, "user_id", user_features), "user_id", shards)
        users = with_vectors(users, "user_id", width, factors[0] if factors else None, user_features)
        user_files = write_shards(users, writing, "users", shards)
        items = with_index(_all_ids(interactions, "item_id", item_features), "item_id", 1)
        items = with_vectors(items, "item_id", width, factors[1] if factors else None, item_features)
        item_files = write_shards(items, writing, "items", 1)
        written_users, written_items = (
            spark.read.parquet(*[globbed(file_url(writing / file.name)) for file in files]).select(f"{kind}_id", f"{kind}_index")
            for kind, files in (("user", user_files), ("item", item_files))
        )
        edges = (  # every pair matches one user and one item: both lists were made from these pairs
            interactions.join(written_users, "user_id", "inner")
            .join(written_items, "item_id", "inner")
            .select(shard_of(F.col("user_id"), shards).alias("shard"), "user_index", "item_index", F.col("weight").cast("float").alias("weight"))
        )
        return [*user_files, *write_shards(edges, writing, "edges", shards), *item_files]

    return seal_set(folder, fill)


def _factor_width(factors: tuple[DataFrame, DataFrame] | None) -> int:
    if factors is None:
        return 0
    widths = [row.width for frame in factors for row in frame.select(F.size("factors").alias("width")).distinct().collect()]
    if len(set(widths)) > 1:
        raise UserError("shards: the factors cannot be a start", [f"factors: want one width of users and items, have {sorted(set(widths))}"])
    return int(widths[0]) if widths else 0  # no item was common enough for ALS: training finds a start of its own


def _all_ids(interactions: DataFrame, id_column: str, features: Features | None) -> DataFrame:
    ids = interactions.select(id_column)
    if features is not None:
        ids = ids.union(features.frame.select(id_column))
    return ids.distinct()


def with_index(ids: DataFrame, id_column: str, shards: int) -> DataFrame:
    """id, shard and index: shard by shard, in each the ids in order, numbered from 0 on through the whole set."""
    kind = id_column.removesuffix("_id")
    placed = ids.withColumn("shard", shard_of(F.col(id_column), shards) if shards > 1 else F.lit(0))
    counts = {row.shard: row["count"] for row in placed.groupBy("shard").count().collect()}  # one row per shard
    offsets = [sum(counts.get(before, 0) for before in range(shard)) for shard in range(shards)]
    offset = F.get(F.array(*[F.lit(number) for number in offsets]), F.col("shard")).cast("bigint")
    within = F.row_number().over(Window.partitionBy("shard").orderBy(id_column)) - 1
    return placed.withColumn(f"{kind}_index", offset + within)


def with_vectors(ids: DataFrame, id_column: str, width: int, factors: DataFrame | None, features: Features | None) -> DataFrame:
    """The start vector and the features of every id, zeros where it has none: lists of one length each."""
    lengths = {"start": width, "features": len(features.labels) if features else 0}
    if factors is not None:
        ids = ids.join(factors.select(id_column, F.col("factors").cast("array<float>").alias("start")), id_column, "left")  # at most one row per id
    if features is not None:
        ids = ids.join(features.frame, id_column, "left")  # at most one row per id
    for name, length in lengths.items():
        zeros = F.array_repeat(F.lit(0.0), length).cast("array<float>")
        ids = ids.withColumn(name, F.coalesce(F.col(name), zeros) if name in ids.columns else zeros)
    return ids


def write_shards(frame: DataFrame, writing: Path, kind: Literal["users", "edges", "items", "sequences"], shards: int) -> list[ShardFile]:
    """One file for each shard that has rows; the rows of a shard in order."""
    order = {"users": ["user_index"], "edges": ["user_index", "item_index"], "items": ["item_index"], "sequences": ["user_id"]}[kind]
    raw = writing / f"_{kind}"
    whole = frame.repartition(shards, "shard").sortWithinPartitions("shard", *order)
    whole.write.partitionBy("shard").parquet(file_url(raw))
    files = []
    for part in sorted(raw.glob("shard=*/*.parquet")):
        shard = None if kind == "items" else int(part.parent.name.removeprefix("shard="))
        name = "items.parquet" if shard is None else f"{kind}-{shard:05d}.parquet"
        part.rename(writing / name)  # a second file of a shard would replace the first: names are compared below
        files.append(described(writing, name, kind, shard))
    names = [file.name for file in files]
    if len(names) != len(set(names)):
        raise RuntimeError(f"{kind}: a shard was written as several files: {names}")
    shutil.rmtree(raw)
    return files
