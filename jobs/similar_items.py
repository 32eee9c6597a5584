"""gold.similar_items: what is most like every item in words and meaning, among the items that lists may hold, at each of the run's cuts."""

from __future__ import annotations

from datetime import date

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.content.settings import ContentSettings
from basketgraph.content.similar_items import similar_items
from basketgraph.content.text_vectors import item_texts
from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.goal_events import GoalEvents
from basketgraph.foundation.point_in_time import items_or_sold, kept_before, known_before
from basketgraph.foundation.progress import each
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.recall.assortment import assortment
from basketgraph.recall.settings import RecallSettings


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, recall = conf.section("content", ContentSettings), conf.section("recall", RecallSettings)
    model_id = settings.model_id()
    persons, kept = GoalEvents(tables, conf.source), tables.read("gold.kept_purchases")
    items = items_or_sold(tables.read("silver.items"), persons.events, conf.source)
    vectors = tables.read("gold.item_text_vectors").where(F.col("model") == F.lit(model_id))  # none where texts are not encoded
    for cut in each(run_cuts(conf, ds, tables).days, "cuts done"):
        bought = tables.read("gold.interactions").where(F.col("as_of") == F.lit(cut)).select("item_id").distinct()
        sold = kept_before(persons.at(cut), kept, as_of=cut)
        listed = assortment(sold, items, as_of=cut, sold_days=recall.sold_days, popularity_days=recall.popularity_days)
        texts = item_texts(known_before(items, cut), settings.text)
        similar = similar_items(bought, listed.localCheckpoint(), texts.localCheckpoint(), vectors, settings)  # both are read several times
        tables.overwrite_day(similar.withColumn("as_of", F.lit(cut)), "gold.similar_items", cut)
    tables.check("gold.similar_items")
    return StepReport(rows_in=tables.read("gold.interactions").count(), rows_out=tables.read("gold.similar_items").count())


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
