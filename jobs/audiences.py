"""gold.audiences: open carts, and what was looked at and not bought, at each of the run's cuts; empty where a shop records purchases alone."""

from __future__ import annotations

from datetime import date

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.goal_events import GoalEvents
from basketgraph.foundation.persons import Persons
from basketgraph.foundation.point_in_time import items_or_sold, known_before
from basketgraph.foundation.progress import each
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.recall.audiences import audiences
from basketgraph.recall.settings import RecallSettings


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings = conf.section("recall", RecallSettings)
    if tables.read("gold.sessions").isEmpty():
        tables.empty("gold.audiences")
        return StepReport(0, 0)
    persons = Persons(tables, conf.source)
    items = items_or_sold(tables.read("silver.items"), GoalEvents(tables, conf.source).events, conf.source)
    for cut in each(run_cuts(conf, ds, tables).days, "cuts done"):
        found = audiences(
            persons.at(cut),
            known_before(items, cut).where("recommendable"),
            tables.read("gold.refused_items").where(F.col("as_of") == F.lit(cut)),
            as_of=cut,
            days=settings.audience_days,
            most=settings.audience_items,
            time_zone=conf.source["time_zone"],
        )
        tables.overwrite_day(found.withColumn("as_of", F.lit(cut)), "gold.audiences", cut)
    tables.check("gold.audiences")
    return StepReport(rows_in=persons.events.count(), rows_out=tables.read("gold.audiences").count())


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
