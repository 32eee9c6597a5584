"""gold.als_user_factors and gold.als_item_factors: implicit ALS on Spark MLlib at each of the run's cuts."""

from __future__ import annotations

from datetime import date

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import run_cuts
from basketgraph.foundation.progress import each
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.recall.als_factors import als_factors
from basketgraph.recall.settings import RecallSettings


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    settings = conf.section("recall", RecallSettings)
    for cut in each(run_cuts(conf, ds, tables).days, "cuts done"):
        edges = tables.read("gold.interactions").where(F.col("as_of") == F.lit(cut))
        users, items = als_factors(edges, settings)
        tables.overwrite_day(users.withColumn("as_of", F.lit(cut)), "gold.als_user_factors", cut)
        tables.overwrite_day(items.withColumn("as_of", F.lit(cut)), "gold.als_item_factors", cut)
    tables.check("gold.als_user_factors", "gold.als_item_factors")
    return StepReport(rows_in=tables.read("gold.interactions").count(), rows_out=tables.read("gold.als_item_factors").count())


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
