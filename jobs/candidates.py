"""gold.candidates: the union of every recommender's best items for each user, in both settings, at each of the run's cuts."""

from __future__ import annotations

import logging
from datetime import date

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.persons import Persons
from basketgraph.foundation.point_in_time import items_or_sold, kept_before
from basketgraph.foundation.progress import each
from basketgraph.foundation.recommenders import VECTORS
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.recall.assortment import assortment
from basketgraph.recall.candidates import candidates, edges_for_ease, user_rows
from basketgraph.recall.catalogue import catalogue
from basketgraph.recall.settings import RecallSettings

log = logging.getLogger("basketgraph")


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings = conf.section("recall", RecallSettings)
    persons, kept = Persons(tables, conf.source), tables.read("gold.kept_purchases")
    items = items_or_sold(tables.read("silver.items"), persons.events, conf.source)
    for cut in each(run_cuts(conf, ds, tables).days, "cuts done"):

        def at_cut(table: str, cut: date = cut) -> DataFrame:
            return tables.read(table).where(F.col("as_of") == F.lit(cut))

        bought = kept_before(persons.at(cut), kept, as_of=cut)
        listed = assortment(bought, items, as_of=cut, sold_days=settings.sold_days, popularity_days=settings.popularity_days)
        item_side = catalogue(
            listed.toArrow(),
            edges_for_ease(at_cut("gold.interactions"), settings).toArrow(),
            {"item_cosine": at_cut("gold.related_items").select("item_id", "related_item_id", "score").toArrow()},
            {name: at_cut(of.items).select("item_id", F.col(of.column).alias("vector")).toArrow() for name, of in VECTORS.items()},
            settings,
        )
        if item_side.absent:
            log.info("candidates %s: without %s", cut, ", ".join(item_side.absent))
        vectors = {name: at_cut(of.users).select("user_id", F.col(of.column).alias("vector")) for name, of in VECTORS.items()}
        users = user_rows(at_cut("gold.interactions"), vectors)
        users = users.repartition(2 * spark.sparkContext.defaultParallelism, "user_id")  # work for Python, which Spark takes for small
        tables.overwrite_day(candidates(users, item_side, settings).withColumn("as_of", F.lit(cut)), "gold.candidates", cut)
    tables.check("gold.candidates")
    return StepReport(rows_in=tables.read("gold.interactions").count(), rows_out=tables.read("gold.candidates").count())


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
