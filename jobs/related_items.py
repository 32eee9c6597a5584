"""gold.related_items: the nearest neighbours of every item among those that lists may hold, at each of the run's cuts."""

from __future__ import annotations

from datetime import date

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.goal_events import GoalEvents
from basketgraph.foundation.point_in_time import items_or_sold, kept_before
from basketgraph.foundation.progress import each
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.recall.assortment import assortment
from basketgraph.recall.related_items import related_items, sampled_edges
from basketgraph.recall.settings import RecallSettings


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings = conf.section("recall", RecallSettings)
    persons, kept = GoalEvents(tables, conf.source), tables.read("gold.kept_purchases")
    items = items_or_sold(tables.read("silver.items"), persons.events, conf.source)
    for cut in each(run_cuts(conf, ds, tables).days, "cuts done"):
        edges = tables.read("gold.interactions").where(F.col("as_of") == F.lit(cut))
        bought = kept_before(persons.at(cut), kept, as_of=cut)
        listed = assortment(bought, items, as_of=cut, sold_days=settings.sold_days, popularity_days=settings.popularity_days)
        related = related_items(edges.select("item_id").distinct(), sampled_edges(edges, settings).toArrow(), listed.toArrow(), settings)
        tables.overwrite_day(related.withColumn("as_of", F.lit(cut)), "gold.related_items", cut)
    tables.check("gold.related_items")
    return StepReport(rows_in=tables.read("gold.interactions").count(), rows_out=tables.read("gold.related_items").count())


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
