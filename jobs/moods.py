"""gold.user_moods and gold.item_moods: how people feel and what they write about as of `--ds`, by heads that are learned from the shop's reviews."""

from __future__ import annotations

import logging
from datetime import date

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.content.moods import item_moods, labelled_reviews, learned_heads, scored, user_moods, written_texts
from basketgraph.content.settings import ContentSettings
from basketgraph.foundation.config import Config
from basketgraph.foundation.persons import Persons
from basketgraph.foundation.progress import at
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables

log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, reviews = conf.section("content", ContentSettings), tables.read("silver.reviews")
    written = written_texts(reviews, tables.read("silver.searches"), tables.read("silver.messages"), as_of=ds, days=settings.mood_days)
    known = labelled_reviews(written, reviews, tables.read("silver.items"), as_of=ds, settings=settings)
    model_id, partitions = settings.mood_model_id(), spark.sparkContext.defaultParallelism
    heads, metrics = learned_heads(known, settings, model_id=model_id, partitions=partitions)
    if not any(heads):
        log.warning("moods: too few reviews with a label of two kinds, at least %d: nobody has a mood or topics", settings.least_mood_reviews)
        for table in ("gold.user_moods", "gold.item_moods"):
            tables.empty(table)  # those of earlier days would be taken for what is known now
    else:
        at("reading moods")
        scores = scored(written, heads, model=settings.model, model_id=model_id, partitions=partitions).localCheckpoint()
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


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
