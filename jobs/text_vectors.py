"""gold.item_texts and gold.item_text_vectors: what is written about each item as of `--ds`, and vectors of the texts that have none yet."""

from __future__ import annotations

from datetime import date

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.content.encoder import model_files
from basketgraph.content.settings import ContentSettings
from basketgraph.content.text_vectors import counted_texts, encoded, item_texts, missing_texts, unused_vectors
from basketgraph.foundation.config import Config, UserError
from basketgraph.foundation.point_in_time import known_before
from basketgraph.foundation.progress import at
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings = conf.section("content", ContentSettings)
    model_id = model_files(settings.model).id
    items = known_before(tables.read("silver.items"), ds)
    texts = item_texts(items, settings.text).localCheckpoint()
    if texts.isEmpty():
        fault = f"silver.items: want items with a word in {', '.join(settings.text)} before {ds}, have none"
        raise UserError("text vectors want titles", [fault], f"Map `name` in conf/sources/{conf.source_name}.yaml, or set content.text.")
    vectors = tables.read("gold.item_text_vectors")
    missing = missing_texts(texts, vectors, model_id=model_id)
    at("encoding texts")
    new = encoded(missing, model=settings.model, model_id=model_id, partitions=spark.sparkContext.defaultParallelism).localCheckpoint()
    unused = unused_vectors(texts, vectors, model_id=model_id)
    tables.overwrite(texts, "gold.item_texts")
    tables.merge(new.drop("seconds"), "gold.item_text_vectors", only_insert=True, taken_out=unused)
    tables.check("gold.item_texts", "gold.item_text_vectors")

    of_new = new.agg(F.count("*").alias("encoded"), F.sum("seconds").alias("seconds")).collect()[0]
    counts = counted_texts(texts, tables.read("gold.item_text_vectors")).collect()[0].asDict()
    speed = round(of_new.encoded / of_new.seconds, 1) if of_new.seconds else None
    reused = counts["texts"] - of_new.encoded
    metrics = {**counts, "encoded": of_new.encoded, "reused": reused, "texts_per_cpu_second": speed, "model": model_id}
    return StepReport(items.count(), counts["texts"], detail={"metrics": {"text_vectors": metrics}})


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
