"""Compact every table, and delete files that no kept release needs."""

from __future__ import annotations

from datetime import date

from pyspark.sql import SparkSession

from basketgraph.foundation.config import Config
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.maintenance import maintain
from basketgraph.foundation.tables.releases import utc_now
from basketgraph.foundation.tables.settings import MaintainSettings
from basketgraph.foundation.tables.warehouse import RunTables


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    return StepReport(detail=maintain(tables, conf.section("maintain", MaintainSettings), now=utc_now()))


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
