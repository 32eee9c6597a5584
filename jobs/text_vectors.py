"""gold.item_texts and gold.item_text_vectors: what is written about each item as of `--ds`, and vectors of all texts that items have or had."""

from __future__ import annotations

import logging
from datetime import date
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.content.settings import ContentSettings
from basketgraph.content.text_vectors import counted_texts, encoded, item_texts, missing_texts, unused_vectors
from basketgraph.foundation.config import Config
from basketgraph.foundation.point_in_time import known_before
from basketgraph.foundation.progress import at
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables

log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings = conf.section("content", ContentSettings)
    model_id, items = settings.model_id(), tables.read("silver.items")
    tables.overwrite(item_texts(known_before(items, ds), settings.text), "gold.item_texts")
    texts = tables.read("gold.item_texts")
    if texts.isEmpty():
        wanted = f"no item has a word in {', '.join(settings.text)} before {ds}"
        log.warning("text_vectors: %s (`name` in conf/sources/%s.yaml, or content.text): nothing is compared in words", wanted, conf.source_name)
    counts: dict[str, Any] = {"encoded": 0, "reused": 0, "texts_per_cpu_second": None, "model": model_id}
    if model_id is None:
        log.info("text_vectors: no vectors (content.encode)")
        tables.empty("gold.item_text_vectors")
    else:
        ever = item_texts(items, settings.text).select("text_hash", "text").distinct().localCheckpoint()  # a cut may be before a title's change
        vectors = tables.read("gold.item_text_vectors")
        at("encoding texts")
        missing = missing_texts(ever, vectors, model_id=model_id)
        new = encoded(missing, model=settings.model, model_id=model_id, partitions=spark.sparkContext.defaultParallelism).localCheckpoint()
        unused = unused_vectors(ever, vectors, model_id=model_id)
        tables.create("gold.item_text_vectors")
        if not (new.isEmpty() and unused.isEmpty()):  # a version without news would have shards sealed and models trained again
            tables.merge(new.drop("seconds"), "gold.item_text_vectors", only_insert=True, taken_out=unused)
        of_new = new.agg(F.count("*").alias("encoded"), F.sum("seconds").alias("seconds")).collect()[0]
        speed = round(of_new.encoded / of_new.seconds, 1) if of_new.seconds else None
        counts |= {"encoded": of_new.encoded, "reused": ever.count() - of_new.encoded, "texts_per_cpu_second": speed}
    tables.check("gold.item_texts", "gold.item_text_vectors")
    counts |= counted_texts(texts, tables.read("gold.item_text_vectors")).collect()[0].asDict()
    return StepReport(items.count(), counts["texts"], detail={"metrics": {"text_vectors": counts}})


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
