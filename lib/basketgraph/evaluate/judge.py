"""Recall and NDCG of every model's lists for each user, by what the user bought after the cut."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from basketgraph.evaluate.settings import PUBLISHED, EvaluateSettings
from basketgraph.foundation.cuts import Cuts
from basketgraph.foundation.point_in_time import kept_before, known_before
from basketgraph.foundation.ranking import recall_ndcg
from basketgraph.foundation.recommenders import NAMES, RECOMMENDERS

JUDGED = "setting string, model string, user_id string, recall double, ndcg double"


def recommender_lists(candidates: DataFrame, k: int) -> DataFrame:
    """Each recommender's k best items of every user, over the whole assortment.

    candidates: gold.candidates rows of one cut; a recommender's rank there is its place in the whole assortment.
    returns:    setting, model, user_id, rank, item_id.
    """
    places = F.array(*(F.struct(F.lit(name).alias("model"), F.col(f"{name}_rank").alias("rank")) for name in NAMES))
    only_repeats = [recommender.name for recommender in RECOMMENDERS if recommender.only_repeats]  # which is what discovery may not list
    return (
        candidates.select("setting", "user_id", "item_id", F.explode(places).alias("place"))
        .select("setting", "place.model", "user_id", "place.rank", "item_id")
        .where((F.col("rank") <= k) & ~((F.col("setting") == "discovery") & F.col("model").isin(*only_repeats)))
    )


def published_lists(recommendations: DataFrame, k: int) -> DataFrame:
    """gold.recommendations rows of one cut in the form of `recommender_lists`."""
    return recommendations.where(F.col("rank") <= k).select("setting", F.lit(PUBLISHED).alias("model"), "user_id", "rank", "item_id")


def relevant_items(events: DataFrame, kept: DataFrame, items: DataFrame, edges: DataFrame, cuts: Cuts, settings: EvaluateSettings) -> DataFrame:
    """The relevant items of each user: bought in the window after the test cut, and kept as known at the window's end.

    events:  silver.events rows.   kept: gold.kept_purchases rows.
    items:   silver.items rows; only items recommendable at the window's end are relevant.
    edges:   gold.interactions rows of the cut: the users with a history; what they bought is no discovery.
    returns: setting, user_id, items (array, sorted); at most `max_users` users, by hash, and only those with a relevant item;
             none in a shop that is too young to be judged.
    """
    end = cuts.end(cuts.test)
    recommendable = known_before(items, end).where("recommendable").select("item_id")
    most = settings.max_users if cuts.judged_from is None else 0
    users = edges.select("user_id").distinct().orderBy(F.xxhash64("user_id", F.lit(settings.seed)), "user_id").limit(most)
    bought = (
        kept_before(events, kept, as_of=end)
        .where(F.col("event_date") >= F.lit(cuts.test))
        .select("user_id", "item_id")
        .distinct()
        .join(recommendable, "item_id", how="left_semi")
        .join(F.broadcast(users), "user_id", how="left_semi")
    )
    had = edges.where("purchases > 0").select("user_id", "item_id")
    new = bought.join(had, ["user_id", "item_id"], how="left_anti")
    by_setting = bought.withColumn("setting", F.lit("rebuy")).unionByName(new.withColumn("setting", F.lit("discovery")))
    return by_setting.groupBy("setting", "user_id").agg(F.sort_array(F.collect_set("item_id")).alias("items"))


def judged(lists: DataFrame, relevant: DataFrame, models: Sequence[str], k: int) -> DataFrame:
    """Recall@k and NDCG@k of every model for every user with something relevant; a missing list scores 0.

    lists:    rows of `recommender_lists` and `published_lists`.   relevant: rows of `relevant_items`.
    returns:  setting, model, user_id, recall, ndcg; every model of `models` for every row of `relevant`.
    """
    place = F.struct("rank", "item_id", "model")
    grouped = lists.groupBy("setting", "user_id").agg(F.collect_list(place).alias("places"))
    pairs = relevant.join(grouped, ["setting", "user_id"], how="left")  # at most one row on either side
    return pairs.mapInArrow(partial(_judge, models=models, k=k), JUDGED)


def _judge(batches: Iterable[pa.RecordBatch], *, models: Sequence[str], k: int) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        relevant, places = batch.column("items"), batch.column("places")
        relevant_items, listed = relevant.flatten().dictionary_encode(), places.flatten()
        number = pc.fill_null(pc.index_in(listed.field("item_id"), value_set=relevant_items.dictionary), -1)
        owner = np.repeat(np.arange(batch.num_rows), np.asarray(places.value_lengths().fill_null(0)))
        indptr = np.concatenate([[0], np.cumsum(np.asarray(relevant.value_lengths()))])
        rank = np.asarray(listed.field("rank"))
        model_of = np.asarray(listed.field("model").to_numpy(zero_copy_only=False))
        for model in models:
            here = model_of == model
            top = np.full((batch.num_rows, k), -1, dtype=np.int64)  # an item that is not relevant counts like none
            top[owner[here], rank[here] - 1] = np.asarray(number)[here]
            recall, ndcg = recall_ndcg(top, indptr, np.asarray(relevant_items.indices, dtype=np.int64), k)
            columns = [batch.column("setting"), pa.array([model] * batch.num_rows), batch.column("user_id")]
            names = ["setting", "model", "user_id", "recall", "ndcg"]
            yield pa.RecordBatch.from_arrays([*columns, pa.array(recall), pa.array(ndcg)], names=names)
