"""Make the checked versions of all tables live, at once (ops.releases)."""

from __future__ import annotations

import logging
from datetime import date
from typing import TYPE_CHECKING

from basketgraph.config import Config
from basketgraph.publish.releases import publish, utc_now
from basketgraph.runs import StepReport, job_main
from basketgraph.tables import Release

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def run(spark: SparkSession, conf: Config, ds: date, release: Release) -> StepReport:
    as_of = ds if conf.pipeline in ("clean", "replay") else conf.cuts(ds).test
    live, is_new = publish(release, as_of=as_of, now=utc_now())
    logging.getLogger("basketgraph").info("release %d %s", live["release"], "is live" if is_new else "is live already: nothing changed")
    return StepReport(rows_out=1 if is_new else 0, detail={"release": live["release"], "as_of": live["as_of"].isoformat()})


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
