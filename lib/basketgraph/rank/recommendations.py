"""gold.recommendations: rankers are trained on the validation window, score the candidates, and list the best k."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from basketgraph.foundation.recommenders import EXPLAIN_ORDER, LIST_SETTINGS
from basketgraph.rank.features import FEATURES
from basketgraph.rank.ranker import Ranker, ladder_ranker, train
from basketgraph.rank.settings import RankSettings

LADDER_VERSION = ladder_ranker(FEATURES).version  # model_version of lists that no trained ranker ordered
RANKS = tuple(f"{recommender}_rank" for recommender in EXPLAIN_ORDER)
SCORED = ", ".join(["setting string", "user_id string", "item_id string", "score double", *(f"{rank} int" for rank in RANKS)])


def train_rankers(training: pa.Table, settings: RankSettings) -> dict[str, Ranker]:
    """One ranker per setting. training: rows of `features.features` of labelled candidates, in any order."""

    def train_setting(setting: str) -> Ranker:
        rows = training.filter(pc.equal(training["setting"], setting)).sort_by([("user_id", "ascending"), ("item_id", "ascending")])
        groups = np.asarray(pc.value_counts(rows["user_id"]).field("counts"))  # in the order of the rows
        return train(matrix(rows), rows["bought"].to_numpy(), groups, FEATURES, settings.of(setting), settings.seed)

    with ThreadPoolExecutor(len(LIST_SETTINGS)) as pool:  # each on one core
        return dict(zip(LIST_SETTINGS, pool.map(train_setting, LIST_SETTINGS), strict=True))


def ordered_by_ladder(rankers: Mapping[str, Ranker]) -> list[str]:
    """The settings that had too few rows to train a ranker on."""
    return [setting for setting, ranker in rankers.items() if ranker.ladder]


def matrix(rows: pa.Table | pa.RecordBatch) -> NDArray[np.float32]:
    """FEATURES as float32 [rows, features]; null is NaN."""
    out = np.empty((rows.num_rows, len(FEATURES)), dtype=np.float32)
    for number, name in enumerate(FEATURES):
        column = rows.column(name)
        out[:, number] = column.to_numpy() if isinstance(column, pa.ChunkedArray) else column.to_numpy(zero_copy_only=False)
    return out


def ranked_lists(featured: DataFrame, rankers: Mapping[str, Ranker], k: int) -> DataFrame:
    """The k best candidates of every user in each setting; equal scores go to the lower item id.

    featured: rows of `features`.
    returns:  setting, user_id, rank (1 is best), item_id, score, and each recommender's rank (null where it did not place the item).
    """
    scored = featured.mapInArrow(partial(_score, rankers=dict(rankers)), SCORED)
    best_first = Window.partitionBy("setting", "user_id").orderBy(F.desc("score"), F.asc("item_id"))
    return scored.withColumn("rank", F.row_number().over(best_first)).where(F.col("rank") <= k)


def listed_neighbours(related: DataFrame, lists: DataFrame) -> DataFrame:
    """item_id, related_item_id, score, and users where they are known, of the rows whose related item is listed.

    related: rows of gold.related_items or gold.similar_items.
    """
    listed = lists.select(F.col("item_id").alias("related_item_id")).distinct()
    columns = [column for column in ("item_id", "related_item_id", "score", "users") if column in related.columns]
    return related.join(F.broadcast(listed), "related_item_id", how="left_semi").select(*columns)


def recent_buyers(candidates: DataFrame) -> DataFrame:
    """item_id, buyers (bigint): how many users bought each candidate recently, which is its popularity."""
    return candidates.groupBy("item_id").agg(F.max("popularity_score").cast("bigint").alias("buyers")).fillna(0)


def recommendations(explained: DataFrame, rankers: Mapping[str, Ranker], *, as_of: date) -> DataFrame:
    """gold.recommendations rows. explained: rows of `reasons.reasons`. No list is randomised: propensity is null."""
    version = F.create_map(*(F.lit(part) for setting, ranker in rankers.items() for part in (setting, ranker.version)))
    dated = explained.withColumn("as_of", F.lit(as_of))
    unknown = F.lit(None).cast("double")
    return dated.withColumns({"propensity": unknown, "model_version": version[F.col("setting")], "list_row_id": list_row_id()})


def list_row_id() -> Column:
    """What a shop's log calls a row of a list by: 32 hex digits. A second run for the same day gives the row the same id, whatever its rank.

    Needs the columns as_of, setting, user_id and item_id, which no two rows share.
    """
    named = F.concat_ws(" ", F.col("as_of").cast("string"), "setting", "user_id", "item_id")  # only the last of them may have a blank
    return F.left(F.sha2(named, 256), F.lit(32))


def _score(batches: Iterable[pa.RecordBatch], *, rankers: Mapping[str, Ranker]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        rows, setting = matrix(batch), batch.column("setting")
        score = np.full(batch.num_rows, np.nan)
        for name, ranker in rankers.items():
            here = np.asarray(pc.equal(setting, name))
            score[here] = ranker.score(rows[here])
        ranks = [batch.column(rank).cast(pa.int32()) for rank in RANKS]
        columns = [setting, batch.column("user_id"), batch.column("item_id"), pa.array(score), *ranks]
        yield pa.RecordBatch.from_arrays(columns, names=["setting", "user_id", "item_id", "score", *RANKS])
