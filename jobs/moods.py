"""gold.user_moods and gold.item_moods: how people feel and what they write about as of `--ds`, by heads that are learned from the shop's reviews."""

from __future__ import annotations

import logging
from datetime import date
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from basketgraph.content.encoder import model_files
from basketgraph.content.mood_heads import TextHead, item_mean_area, learned_head, with_evidence
from basketgraph.content.moods import Heads, item_moods, labelled, labelled_reviews, scored, user_moods, vectors_of, written_texts
from basketgraph.content.settings import ContentSettings
from basketgraph.content.text_spaces import VECTOR_LENGTHS
from basketgraph.content.text_vectors import encoded
from basketgraph.foundation.config import Config
from basketgraph.foundation.persons import Persons
from basketgraph.foundation.progress import at
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables

log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, reviews = conf.section("content", ContentSettings), tables.read("silver.reviews")
    written = written_texts(reviews, tables.read("silver.searches"), tables.read("silver.messages"), as_of=ds, days=settings.mood_days)
    heads, metrics = learned_heads(labelled_reviews(written, reviews, tables.read("silver.items"), as_of=ds, settings=settings), settings)
    if not any(heads):
        log.warning("moods: too few reviews with a label of two kinds, at least %d: nobody has a mood or topics", settings.least_mood_reviews)
        for table in ("gold.user_moods", "gold.item_moods"):
            tables.clear_day(table, ds)
    else:
        at("reading moods")
        scores = scored(written, heads, **encoder_of(settings, spark)).localCheckpoint()
        texts = written.join(scores, "text_hash", how="inner")  # one row a text
        topics = heads.topic.head.classes if heads.topic else ()
        people = Persons(tables, conf.source).of(texts.where("user_id IS NOT NULL"), ds)
        of_users = user_moods(people, topics, as_of=ds, half_life_days=settings.mood_half_life_days)
        tables.overwrite_day(of_users, "gold.user_moods", ds)
        tables.overwrite_day(item_moods(texts, topics, as_of=ds, prior=settings.mood_prior), "gold.item_moods", ds)
    tables.check("gold.user_moods", "gold.item_moods")
    counts = {name: tables.read(f"gold.{name}").where(F.col("as_of") == F.lit(ds)).count() for name in ("user_moods", "item_moods")}
    told = {**metrics, "texts": dict(written.groupBy("kind").count().collect()), "people": counts["user_moods"], "items": counts["item_moods"]}
    return StepReport(sum(told["texts"].values()), sum(counts.values()), detail={"metrics": {"moods": told}})


def learned_heads(reviews: DataFrame, settings: ContentSettings) -> tuple[Heads, dict[str, Any]]:
    """The heads, and how good each is. reviews: rows of `labelled_reviews`."""
    reviews = reviews.localCheckpoint()
    found, vectors = reviews.toArrow(), None
    if found.num_rows >= settings.least_mood_reviews and set(settings.mood_spaces) & set(VECTOR_LENGTHS):
        at("encoding reviews")
        distinct = reviews.select("text_hash", "text").distinct()
        vectors = vectors_of(found, encoded(distinct, **encoder_of(settings, reviews.sparkSession)).select("text_hash", "vector").toArrow())
    heads: list[TextHead | None] = []
    metrics: dict[str, Any] = {}
    for name in Heads._fields:
        given = with_evidence(labelled(found, name, vectors), settings.least_mood_reviews)
        head, metrics[name] = learned_head(given, settings.mood_spaces, seed=settings.seed) if given else (None, None)
        if given and name == "mood":
            metrics[name] |= {"item_mean": item_mean_area(given, seed=settings.seed)}
        heads.append(head)
    return Heads(*heads), metrics


def encoder_of(settings: ContentSettings, spark: SparkSession) -> dict[str, Any]:
    return {"model": settings.model, "model_id": model_files(settings.model).id, "partitions": spark.sparkContext.defaultParallelism}


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
