"""gold.price_sensitivity and gold.price_conflicts: who buys what is discounted, and which items had two prices at once, as of the test cut."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.persons import Persons
from basketgraph.foundation.point_in_time import items_or_sold, kept_before
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.offers.price_sensitivity import PriceSensitivitySettings, price_conflicts, price_sensitivity, stability


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings, cut = conf.section("price_sensitivity", PriceSensitivitySettings), run_cuts(conf, ds, tables).test
    persons, kept = Persons(tables, conf.source), tables.read("gold.kept_purchases")
    items, events, day = items_or_sold(tables.read("silver.items"), persons.events, conf.source), persons.at(cut), F.col("event_date")
    past = kept_before(events, kept, as_of=cut)
    index = price_sensitivity(past, items, as_of=cut, least_lines=settings.least_lines)
    tables.overwrite_day(index.withColumn("as_of", F.lit(cut)), "gold.price_sensitivity", cut)
    sold = price_conflicts(past.where(day >= F.lit(cut - timedelta(days=settings.conflict_days)))).localCheckpoint()
    tables.overwrite_day(sold.where("prices > 1").withColumn("as_of", F.lit(cut)), "gold.price_conflicts", cut)
    tables.check("gold.price_sensitivity", "gold.price_conflicts")

    end = cut + timedelta(days=settings.judged_days)
    later = price_sensitivity(kept_before(events, kept, as_of=end).where(day >= F.lit(cut)), items, as_of=cut, least_lines=settings.least_lines)
    written = tables.read("gold.price_sensitivity").where(F.col("as_of") == F.lit(cut))
    users, correlation = stability(written, later)
    counted = sold.agg(F.sum("lines").alias("lines"), F.sum(F.when(F.col("prices") > 1, F.col("lines"))).alias("in_conflict")).collect()[0]
    metrics: dict[str, Any] = {
        "price_sensitivity": {"users_later": users, "correlation_later": correlation},
        "price_conflicts": {"days": settings.conflict_days, "lines": counted.lines or 0, "lines_with_two_prices": counted.in_conflict or 0},
    }
    return StepReport(past.count(), written.count(), detail={"metrics": metrics})


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
