"""gold.kept_purchases: what customers kept of the purchases that cancellations took from, by the shop's rule for finding them."""

from __future__ import annotations

from datetime import date

from pyspark.sql import SparkSession

from basketgraph.clean.kept_purchases import cancellation_counts, kept_purchases
from basketgraph.clean.mapping import cancellations_of
from basketgraph.foundation.config import Config
from basketgraph.foundation.persons import Persons
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    terms = cancellations_of(conf.source, f"conf/sources/{conf.source_name}.yaml")
    if terms is None:
        tables.empty("gold.kept_purchases")  # it may have had a rule once
        return StepReport(0, 0)
    events = Persons(tables, conf.source).events
    tables.overwrite(kept_purchases(events, terms), "gold.kept_purchases")
    tables.check("gold.kept_purchases")
    kept = tables.read("gold.kept_purchases")
    return StepReport(events.count(), kept.count(), cancellation_counts(events, kept))


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
