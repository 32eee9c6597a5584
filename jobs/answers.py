"""gold.answers: answers to the questions that enough people searched for in the days before `--ds`."""

from __future__ import annotations

import logging
from datetime import date

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.content.answers import answer_counts, answer_rows, answered, asked_questions, index_place
from basketgraph.content.index_files import FOLDER
from basketgraph.content.settings import ContentSettings
from basketgraph.foundation.config import Config
from basketgraph.foundation.persons import Persons, by_actor
from basketgraph.foundation.progress import at
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables

log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, persons = conf.section("content", ContentSettings), Persons(tables, conf.source)
    searches = persons.of(by_actor(tables.read("silver.searches")), ds)
    asked = asked_questions(searches, as_of=ds, days=settings.answer_days).persist()
    of_many = asked.where(F.col("people") >= settings.answer_least)
    every, searched = asked.agg(F.count("*"), F.coalesce(F.sum("searches"), F.lit(0))).collect()[0]
    told = {"as_of": ds.isoformat(), "days": settings.answer_days, "least": settings.answer_least, "searches": searched, "different": every}
    index = next(iter(tables.read("gold.search_indexes").collect()), None)
    if index is None or of_many.isEmpty():
        why = "no index of questions" if index is None else "no question of enough people"
        log.warning("answers: %d searches of the %d days before %s, and %s", searched, settings.answer_days, ds, why)
        asked.unpersist()
        tables.empty("gold.answers")
        return StepReport(searched, 0, detail={"metrics": {"answers": {**told, "questions": 0, "has_index": index is not None}}})
    at("answering questions")
    place = index_place(spark, f"{tables.root}/{FOLDER}/{index.name}", sha256=index.sha256, model=settings.model)
    found = answered(of_many, place, settings, partitions=spark.sparkContext.defaultParallelism).localCheckpoint()
    asked.unpersist()
    tables.overwrite(answer_rows(found).withColumn("as_of", F.lit(ds)), "gold.answers")
    tables.check("gold.answers")
    rows = tables.read("gold.answers").count()
    return StepReport(searched, rows, detail={"metrics": {"answers": {**told, **answer_counts(found)}}})


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
