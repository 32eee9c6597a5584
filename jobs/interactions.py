"""gold.interactions: weighted user-item edges before each of the run's cuts, held against the leak check."""

from __future__ import annotations

from datetime import date

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.persons import Persons
from basketgraph.foundation.point_in_time import items_or_sold, kept_before, require_purchases
from basketgraph.foundation.progress import each
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.interactions.interactions import InteractionsSettings, interactions
from basketgraph.interactions.leaks import check_cut


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings = conf.section("interactions", InteractionsSettings)
    persons, kept = Persons(tables, conf.source), tables.read("gold.kept_purchases")
    items = items_or_sold(tables.read("silver.items"), persons.events, conf.source)
    require_purchases(persons.events, conf.source_name, items=2)
    for cut in each(run_cuts(conf, ds, tables).days, "cuts done"):
        events = persons.at(cut)
        edges = interactions(kept_before(events, kept, as_of=cut), items, as_of=cut, half_life_days=settings.half_life_days)
        tables.overwrite_day(edges, "gold.interactions", cut)
        written = tables.read("gold.interactions").where(F.col("as_of") == F.lit(cut))
        check_cut(events, kept, written, cut=cut, time_zone=conf.source["time_zone"])
    tables.check("gold.interactions")
    return StepReport(rows_in=persons.events.count(), rows_out=tables.read("gold.interactions").count())


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
