"""Run by test_recommenders.py in a copy of the checkout that has one recommender more, `text`: what becomes of it, as JSON."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.cli.preflight import model_of
from basketgraph.evaluate.judge import judged, recommender_lists
from basketgraph.foundation.config import load
from basketgraph.foundation.contracts import conform
from basketgraph.foundation.goals import PURCHASE
from basketgraph.foundation.recommenders import NAMES
from basketgraph.rank.evidence import evidence
from basketgraph.rank.features import FEATURES, features
from basketgraph.rank.histories import own_history, purchases_before
from basketgraph.rank.reasons import listed_users, reasons
from basketgraph.rank.recommendations import ranked_lists, train_rankers
from basketgraph.rank.settings import RankSettings
from basketgraph.recall.candidates import candidates, user_rows
from basketgraph.recall.catalogue import catalogue
from basketgraph.recall.settings import RecallSettings
from basketgraph.report.model_comparison import MODELS
from support.contract_rows import rows

CUT = date(2026, 3, 1)
ITEMS = ["honey", "jam", "milk", "tea"]


def table(**columns: tuple[list[Any], pa.DataType]) -> pa.Table:
    return pa.table({name: pa.chunked_array([pa.array(values, kind)]) for name, (values, kind) in columns.items()})


def outcome(spark: SparkSession) -> dict[str, Any]:
    from basketgraph.recall.text_vectors import TextSettings, text_vectors  # the added module

    conf = load("local", "complete_journey")
    recall, ranking = conf.section("recall", RecallSettings), conf.section("rank", RankSettings)
    user_vectors, item_vectors = text_vectors(spark, ITEMS, conf.section("text", TextSettings))
    item_side = catalogue(
        table(item_id=(ITEMS, pa.string()), buyers=([0, 0, 3, 0], pa.int64())),
        table(user_id=([], pa.string()), item_id=([], pa.string()), weight=([], pa.float64())),
        {},
        {"text": item_vectors.toArrow()},
        recall,
    )
    edges = rows(spark, "gold.interactions", [{"user_id": "u1", "item_id": "milk"}])
    placed = candidates(user_rows(edges, {"text": user_vectors}), item_side, recall).withColumn("as_of", F.lit(CUT))
    written = conform(placed, "gold.candidates").localCheckpoint()

    items = rows(spark, "silver.items", [{"item_id": item, "valid_from": date(2020, 1, 1), "recommendable": True} for item in ITEMS])
    bought = rows(spark, "silver.events", [{"user_id": "u1", "item_id": "milk", "event_date": date(2026, 2, 1), "event_type": "purchase"}])
    purchases = purchases_before(bought, rows(spark, "gold.kept_purchases", []), items, as_of=CUT)
    featured = features(written, purchases, own_history(purchases, half_life_days=90))
    nothing_bought = featured.limit(0).withColumn("bought", F.lit(0)).toArrow()
    lists = ranked_lists(featured, train_rankers(nothing_bought, ranking), 20)

    names = [("item_id", pa.string()), ("related_item_id", pa.string()), ("score", pa.float32()), ("users", pa.int64())]
    graph = [("item_id", pa.string()), ("embedding", pa.list_(pa.float32())), ("message", pa.list_(pa.float32()))]
    item_side = evidence(
        table(item_id=(ITEMS, pa.string()), name=(ITEMS, pa.string())),
        table(item_id=(["milk"], pa.string()), buyers=([3], pa.int64())),
        table(**{name: ([], kind) for name, kind in names}),
        table(**{name: ([], kind) for name, kind in names[:3]}),
        table(**{name: ([], kind) for name, kind in graph}),
        popularity_days=28,
        parts=3,
        words=PURCHASE.words,
    )
    no_graph = spark.createDataFrame([], "user_id string, embedding array<float>, scale double")
    users = listed_users(lists, edges, no_graph, rows(spark, "gold.new_item_candidates", []))
    listed = reasons(users, item_side, k=20, new_places={})

    relevant = spark.createDataFrame([("discovery", "u1", ["honey"])], "setting string, user_id string, items array<string>")
    evaluated = judged(recommender_lists(written, 20), relevant, list(NAMES), 20)
    return {
        "candidates": [[row.setting, row.item_id, row.text_rank] for row in written.orderBy("setting", "text_rank").collect()],
        "features": [name for name in FEATURES if name.startswith("text")],
        "listed": [[row.setting, row.item_id, row.sources] for row in listed.orderBy("setting", "rank").collect()],
        "recall": {row.model: row.recall for row in evaluated.collect()},
        "label": MODELS["text"],
        "settings": model_of("text").__name__,
    }


if __name__ == "__main__":
    small = {"spark.sql.shuffle.partitions": "1", "spark.ui.enabled": "false", "spark.sql.codegen.wholeStage": "false"}
    session = SparkSession.builder.master("local[1]").config(map=small).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    print(json.dumps(outcome(session)))
