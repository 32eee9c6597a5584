"""Compact every table, and delete files that no kept release needs."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from basketgraph.config import Config
from basketgraph.publish.maintenance import MaintainSettings, maintain
from basketgraph.publish.releases import utc_now
from basketgraph.runs import StepReport, job_main
from basketgraph.tables import Release

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def run(spark: SparkSession, conf: Config, ds: date, release: Release) -> StepReport:
    return StepReport(detail=maintain(release, conf.section("maintain", MaintainSettings), now=utc_now()))


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
