"""gold.related_items: each item's nearest neighbours by the cosine of the items' columns of weights."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy import sparse

from basketgraph.recall.matrix import Edges, Numbers, edges_matrix, places
from basketgraph.recall.settings import RecallSettings

NEIGHBOURS = "item_id string, related_item_id string, rank int, score float, users bigint"
BLOCK = 1000  # items whose similarities to all others are in memory at once
TASKS = 16  # Spark would give so few rows to one task, though each is much work


def related_items(items: DataFrame, edges: pa.Table, listed: pa.Table, settings: RecallSettings) -> DataFrame:
    """The nearest listed neighbours of every item that a user bought.

    items:   item_id, one row an item.
    edges:   rows of `sampled_edges`, which are sent to every worker.
    listed:  item_id of the items that lists may hold; only these are neighbours.
    returns: item_id, related_item_id, rank (1 is nearest), score (cosine of log counts, shrunk), users (who bought both).
    """
    matrix = edges_matrix(edges)
    neighbours = Neighbours(matrix, places(listed["item_id"], matrix.items), settings)
    return items.select("item_id").repartition(TASKS, "item_id").mapInArrow(neighbours.of_batches, NEIGHBOURS)


def sampled_edges(edges: DataFrame, settings: RecallSettings) -> DataFrame:
    """user_id, item_id, weight of at most `related_max_users` users, chosen by hash: a bound on workers' memory.

    edges: gold.interactions rows of one cut.
    """
    users = edges.select("user_id").distinct().orderBy(F.xxhash64("user_id", F.lit(settings.seed)), "user_id").limit(settings.related_max_users)
    return edges.join(users, "user_id", how="left_semi").select("user_id", "item_id", "weight")


class Neighbours:
    """Similarities of blocks of items to all listed ones; it holds the edges, and is sent to the workers with them."""

    def __init__(self, edges: Edges, listed: Numbers, settings: RecallSettings) -> None:
        self.items, self.settings = edges.items, settings
        self.by_item = edges.weights.T.tocsr()
        is_listed = np.isin(np.arange(len(edges.items)), listed[listed >= 0])
        self.listed = edges.weights @ sparse.diags(is_listed.astype(np.float32))
        self.listed.eliminate_zeros()
        self.is_listed = (self.listed > 0).astype(np.float32)
        self.norms = np.sqrt(np.asarray(edges.weights.multiply(edges.weights).sum(axis=0)).ravel())

    def of_batches(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for start in range(0, batch.num_rows, BLOCK):
                numbers = places(batch.slice(start, BLOCK).column(0), self.items)
                yield self._block(numbers[numbers >= 0])

    def _block(self, numbers: Numbers) -> pa.RecordBatch:
        rows = self.by_item[numbers]
        products = rows @ self.listed
        both = (rows > 0).astype(np.float32) @ self.is_listed  # of the same pattern, hence with its columns in the same order
        nearest = [self._nearest(products, both, row, number) for row, number in enumerate(numbers)]
        lengths = [len(columns) for columns, _, _ in nearest]
        ranks = np.concatenate([np.arange(1, length + 1, dtype=np.int32) for length in (*lengths, 0)])
        columns, scores, users = (np.concatenate([part[i] for part in nearest] or [np.zeros(0)]) for i in range(3))
        return pa.RecordBatch.from_arrays(
            [
                self.items.take(pa.array(np.repeat(numbers, lengths), pa.int64())),
                self.items.take(pa.array(columns.astype(np.int64))),
                pa.array(ranks),
                pa.array(scores.astype(np.float32)),
                pa.array(users.astype(np.int64)),
            ],
            names=["item_id", "related_item_id", "rank", "score", "users"],
        )

    def _nearest(self, products: sparse.csr_matrix, both: sparse.csr_matrix, row: int, number: int) -> tuple[Numbers, Numbers, Numbers]:
        """(columns, scores, users) of one item's neighbours, nearest first; equal scores go to the lower item."""
        place = slice(products.indptr[row], products.indptr[row + 1])
        columns, users = products.indices[place], both.data[place]
        keep = (columns != number) & (users >= self.settings.related_min_users)
        columns, users = columns[keep], users[keep]
        scores = products.data[place][keep] / (self.norms[number] * self.norms[columns] + self.settings.related_shrink)
        wanted = self.settings.related_neighbours
        if len(scores) > wanted:  # only what reaches the last place, ties included, is sorted
            near = scores >= np.partition(scores, len(scores) - wanted)[len(scores) - wanted]
            columns, users, scores = columns[near], users[near], scores[near]
        nearest = np.lexsort((columns, -scores))[:wanted]
        return columns[nearest], scores[nearest], users[nearest]
