"""Each user's candidates: the union of every source's best items, by blocked matrix products over Arrow batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import functions as F
from scipy import sparse

from basketgraph.ranking import top_k
from basketgraph.recall.catalogue import Block, Catalogue, stacked
from basketgraph.recall.matrix import Floats, places
from basketgraph.recall.settings import SETTINGS, SOURCES, RecallSettings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

CANDIDATES = ", ".join(
    ["setting string", "user_id string", "item_id string", *(f"{source}_score float, {source}_rank int, {source}_z float" for source in SOURCES)]
)


def user_rows(edges: DataFrame, als_users: DataFrame, graph_users: DataFrame) -> DataFrame:
    """One row per user with all that the sources need to know of them.

    edges:       gold.interactions rows of one cut.
    als_users:   user_id, factors.   graph_users: user_id, embedding. Both may be empty.
    returns:     user_id, items, weights, decayed (arrays of one length), factors, embedding (null where unknown).
    """
    bought = F.sort_array(F.collect_list(F.struct("item_id", "weight", "decayed")))
    histories = edges.groupBy("user_id").agg(bought.alias("bought"))
    return (
        histories.join(als_users.select("user_id", "factors"), "user_id", how="left")  # at most one row per user on either side
        .join(graph_users.select("user_id", "embedding"), "user_id", how="left")
        .select(
            "user_id",
            F.col("bought.item_id").alias("items"),
            F.col("bought.weight").cast("array<float>").alias("weights"),
            F.col("bought.decayed").cast("array<float>").alias("decayed"),
            "factors",
            "embedding",
        )
    )


def edges_for_ease(edges: DataFrame, settings: RecallSettings) -> DataFrame:
    """The edges EASE is fitted on: all of them, or none where there are more than `ease_max_users` users.

    edges: gold.interactions rows of one cut.
    """
    users = edges.agg(F.countDistinct("user_id").alias("users"))
    few = users.where(F.col("users") <= settings.ease_max_users)
    return edges.select("user_id", "item_id", "weight").join(F.broadcast(few), how="cross").drop("users")  # one row or none on the right


def candidates(users: DataFrame, catalogue: Catalogue, settings: RecallSettings) -> DataFrame:
    """The union of the sources' best listed items of each user, in both settings.

    users:   rows of `user_rows`. Beside the catalogue a worker holds `block_users` x listed items scores per source.
    returns: one row per setting, user and item: per source its score, its rank (1 is best; null below the source's depth), and z, the score's
             distance from the user's mean over the candidates in standard deviations; null where the source has no opinion.
    """
    return users.mapInArrow(partial(_of_batches, catalogue=catalogue, settings=settings), CANDIDATES)


def _of_batches(batches: Iterable[pa.RecordBatch], *, catalogue: Catalogue, settings: RecallSettings) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, settings.block_users):
            block = _block(batch.slice(start, settings.block_users), catalogue)
            scores, owned = catalogue.scores(block), catalogue.owned(block)
            for setting in SETTINGS:
                mask = owned if setting == "discovery" else None
                yield _picked(setting, block, catalogue, scores, mask, settings.depth(setting))


def _block(batch: pa.RecordBatch, catalogue: Catalogue) -> Block:
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    lengths = np.asarray(columns["items"].value_lengths())
    place = places(columns["items"].flatten(), catalogue.history)
    row = np.repeat(np.arange(batch.num_rows), lengths)
    shape = (batch.num_rows, len(catalogue.history))

    def matrix(name: str) -> sparse.csr_matrix:
        values = np.asarray(columns[name].flatten(), dtype=np.float32)
        return sparse.csr_matrix((values[place >= 0], (row[place >= 0], place[place >= 0])), shape=shape)

    als, graph = (_fit(stacked(columns[name]), width) for name, width in (("factors", _width(catalogue.als)), ("embedding", _width(catalogue.graph))))
    return Block(columns["user_id"], matrix("weights"), matrix("decayed"), als, graph)


def _width(vectors: Floats | None) -> int:
    return 0 if vectors is None else vectors.shape[1]


def _fit(vectors: Floats, width: int) -> Floats:
    """A block in which no user has a vector has no width of its own."""
    return vectors if vectors.shape[1] == width else np.full((len(vectors), width), np.nan, dtype=np.float32)


def _picked(
    setting: str,
    block: Block,
    catalogue: Catalogue,
    scores: dict[str, Floats],
    mask: NDArray[np.bool_] | None,
    depth: dict[str, int],
) -> pa.RecordBatch:
    users, listed = len(block.user_ids), len(catalogue.listed)
    ranks = {source: _ranks(scores[source], depth[source], mask) for source in scores if depth[source] > 0}
    picked = np.zeros((users, listed), dtype=bool)
    for rank in ranks.values():
        picked |= rank > 0
    row, column = np.nonzero(picked)
    arrays = [
        pa.array([setting] * len(row), pa.string()),
        block.user_ids.take(pa.array(row)),
        catalogue.listed.take(pa.array(column)),
    ]
    for source in SOURCES:
        score = scores[source][row, column] if source in scores else np.full(len(row), -np.inf, dtype=np.float32)
        rank = ranks[source][row, column] if source in ranks else np.zeros(len(row), dtype=np.int32)
        unknown = ~np.isfinite(score)
        arrays += [
            pa.array(score, pa.float32(), mask=unknown),
            pa.array(rank, pa.int32(), mask=rank == 0),
            pa.array(_standard(score, row, users), pa.float32(), mask=unknown),
        ]
    names = ["setting", "user_id", "item_id", *(f"{source}_{part}" for source in SOURCES for part in ("score", "rank", "z"))]
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
