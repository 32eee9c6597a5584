"""gold.candidates: the union of every recommender's best items for each user, by blocked matrix products over Arrow batches."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from scipy import sparse

from basketgraph.foundation.ranking import top_k
from basketgraph.foundation.recommenders import LIST_SETTINGS, NAMES
from basketgraph.recall.catalogue import Block, Catalogue, stacked
from basketgraph.recall.matrix import Floats, places
from basketgraph.recall.settings import RecallSettings

PARTS = ("score", "rank", "z")
REFUSED = "refused"
LEAST_DECAYED = 1e-9  # of what was bought long ago: it was bought all the same
CANDIDATES = ", ".join(
    ["setting string, user_id string, item_id string", *(f"{name}_score float, {name}_rank int, {name}_z float" for name in NAMES)]
)


def user_rows(
    edges: DataFrame, vectors: Mapping[str, DataFrame], profiles: Mapping[str, DataFrame] | None = None, refused: DataFrame | None = None
) -> DataFrame:
    """One row per user of the edges and profiles, with the purchases, other items and vectors that the recommenders score by.

    edges:    gold.interactions rows of one cut.
    vectors:  recommender -> user_id, vector; may be empty.
    profiles: recommender -> user_id, item_id, weight: items that it scores by in place of the edges.
    refused:  user_id, item_id: what is not listed for the user.
    returns:  user_id, items, weights, decayed (arrays of one length; decayed is 0 of what was not bought), vectors (a struct of each recommender's,
              may be null), and of each profile and the refused items a struct of items and weights, may be null.
    """
    had = F.when(F.col("purchases") > 0, F.greatest(F.col("decayed"), F.lit(LEAST_DECAYED))).otherwise(0.0)
    bought = F.sort_array(F.collect_list(F.struct("item_id", "weight", had.alias("decayed"))))
    users = edges.groupBy("user_id").agg(bought.alias("bought"))
    for name, of_users in vectors.items():
        users = users.join(of_users.select("user_id", F.col("vector").alias(f"{name}_vector")), "user_id", how="left")  # at most one row per user
    others = dict(profiles or {}) | ({} if refused is None else {REFUSED: refused.withColumn("weight", F.lit(1.0))})
    for name, rows in others.items():
        listed = F.sort_array(F.collect_list(F.struct("item_id", F.col("weight").cast("float").alias("weight"))))
        of_users = rows.groupBy("user_id").agg(listed.alias("rows"))
        alike = F.struct(F.col("rows.item_id").alias("items"), F.col("rows.weight").alias("weights")).alias(f"{name}_profile")
        how = "left" if name == REFUSED else "outer"  # a visitor with an open cart or a visit alone is a user, too
        users = users.join(of_users.select("user_id", alike), "user_id", how=how)  # at most one row per user on either side

    def of_bought(column: str, kind: str) -> Column:
        return F.coalesce(F.col(f"bought.{column}").cast(kind), F.array().cast(kind))

    return users.select(
        "user_id",
        of_bought("item_id", "array<string>").alias("items"),
        of_bought("weight", "array<float>").alias("weights"),
        of_bought("decayed", "array<float>").alias("decayed"),
        F.struct(*(F.col(f"{name}_vector").alias(name) for name in vectors)).alias("vectors"),
        *(F.col(f"{name}_profile") for name in others),
    )


def edges_for_ease(edges: DataFrame, settings: RecallSettings) -> DataFrame:
    """The edges EASE is fitted on: all of them, or none where there are more than `ease_max_users` users.

    edges: gold.interactions rows of one cut.
    """
    users = edges.agg(F.countDistinct("user_id").alias("users"))
    few = users.where(F.col("users") <= settings.ease_max_users)
    return edges.select("user_id", "item_id", "weight").join(F.broadcast(few), how="cross").drop("users")  # one row or none on the right


def candidates(users: DataFrame, catalogue: Catalogue, settings: RecallSettings) -> DataFrame:
    """The union of the recommenders' best listed items of each user, in both settings.

    users:   rows of `user_rows`. Beside the catalogue a worker holds `block_users` x listed items scores per recommender.
    returns: one row per setting, user and item: of each recommender its score, its rank (1 is best; null below its depth), and z, the score's
             distance from the user's mean over the candidates in standard deviations; null where it has no opinion.
    """
    return users.mapInArrow(partial(_of_batches, catalogue=catalogue, settings=settings), CANDIDATES)


def _of_batches(batches: Iterable[pa.RecordBatch], *, catalogue: Catalogue, settings: RecallSettings) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, settings.block_users):
            block = _block(batch.slice(start, settings.block_users), catalogue)
            scores, owned = catalogue.scores(block), catalogue.owned(block)
            refused = catalogue.refused(block)
            for setting in LIST_SETTINGS:
                mask = refused if setting == "rebuy" else owned if refused is None else owned | refused
                yield _picked(setting, block, catalogue, scores, mask, settings.depth(setting))


def _block(batch: pa.RecordBatch, catalogue: Catalogue) -> Block:
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    shape = (batch.num_rows, len(catalogue.history))

    def matrix(items: pa.ListArray, weights: pa.ListArray) -> sparse.csr_matrix:
        place = places(items.flatten(), catalogue.history)
        row = np.repeat(np.arange(batch.num_rows), np.asarray(items.value_lengths().fill_null(0)))
        values = np.asarray(weights.flatten(), dtype=np.float32)
        return sparse.csr_matrix((values[place >= 0], (row[place >= 0], place[place >= 0])), shape=shape)

    suffix = "_profile"
    profiles = {name.removesuffix(suffix): of.flatten() for name, of in columns.items() if name.endswith(suffix)}  # a null row has null lists
    others = {name: matrix(items, weights) for name, (items, weights) in profiles.items()}
    vectors = {name: stacked(columns["vectors"].field(name), items.shape[1]) for name, items in catalogue.vectors.items()}
    weights, decayed = (matrix(columns["items"], columns[name]) for name in ("weights", "decayed"))
    return Block(columns["user_id"], weights, decayed, vectors, others, others.pop(REFUSED, None))


def _picked(
    setting: str,
    block: Block,
    catalogue: Catalogue,
    scores: dict[str, Floats],
    mask: NDArray[np.bool_] | None,
    depth: dict[str, int],
) -> pa.RecordBatch:
    users, listed = len(block.user_ids), len(catalogue.listed)
    ranks = {name: _ranks(scores[name], depth[name], mask) for name in scores if depth[name] > 0}
    picked = np.zeros((users, listed), dtype=bool)
    for rank in ranks.values():
        picked |= rank > 0
    row, column = np.nonzero(picked)
    arrays = [
        pa.array([setting] * len(row), pa.string()),
        block.user_ids.take(pa.array(row)),
        catalogue.listed.take(pa.array(column)),
    ]
    for name in NAMES:
        score = scores[name][row, column] if name in scores else np.full(len(row), -np.inf, dtype=np.float32)
        rank = ranks[name][row, column] if name in ranks else np.zeros(len(row), dtype=np.int32)
        unknown = ~np.isfinite(score)
        arrays += [
            pa.array(score, pa.float32(), mask=unknown),
            pa.array(rank, pa.int32(), mask=rank == 0),
            pa.array(_standard(score, row, users), pa.float32(), mask=unknown),
        ]
    names = ["setting", "user_id", "item_id", *(f"{name}_{part}" for name in NAMES for part in PARTS)]
    return pa.RecordBatch.from_arrays(arrays, names=names)


def _ranks(scores: Floats, depth: int, mask: NDArray[np.bool_] | None) -> NDArray[np.int32]:
    """int32 [users, listed]: 1 for the best item, 0 below the depth."""
    top = top_k(scores, depth, mask=mask)
    ranks = np.zeros(scores.shape, dtype=np.int32)
    user, place = np.nonzero(top >= 0)
    ranks[user, top[user, place]] = place + 1
    return ranks


def _standard(score: Floats, row: NDArray[np.int64], users: int) -> Floats:
    """(score - mean) / deviation over the finite scores of each user; 0 where they are all alike."""
    finite = np.isfinite(score)
    values, owner = score[finite].astype(np.float64), row[finite]
    count = np.maximum(np.bincount(owner, minlength=users), 1)
    mean = np.bincount(owner, values, users) / count
    deviation = np.sqrt(np.bincount(owner, (values - mean[owner]) ** 2, users) / count)
    standard = np.zeros(len(score), dtype=np.float32)
    standard[finite] = (values - mean[owner]) / np.maximum(deviation[owner], 1e-9)
    return standard
