"""Make the checked versions of the pipeline's tables live, at once (ops.releases); of tables that it does not write, the live version stays."""

from __future__ import annotations

import logging
from datetime import date

from pyspark.sql import SparkSession

from basketgraph.clean.ledger import FILES
from basketgraph.clean.mapping import unmapped
from basketgraph.foundation.config import Config
from basketgraph.foundation.cuts import released_day
from basketgraph.foundation.quality.suites import suites
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.runs.steps import pipelines
from basketgraph.foundation.tables.releases import publish, released_tables, utc_now
from basketgraph.foundation.tables.warehouse import RunTables


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    going_live, checked = pipelines().published_by(conf.pipeline, released_tables(), unmapped(conf.source)), suites()
    # What stopped an earlier run is the newest version still: nothing goes live that did not pass. What passed is not looked at again.
    # The ledger goes along: a run of clean that was killed left half a batch in silver.
    tables.check(*(table for table in dict.fromkeys([*going_live, FILES]) if table in checked and tables.exists(table)))
    live, is_new = publish(tables, as_of=released_day(conf, ds, tables), now=utc_now(), tables=going_live)
    logging.getLogger("basketgraph").info("release %d %s", live["release"], "is live" if is_new else "is live already: nothing changed")
    return StepReport(rows_out=1 if is_new else 0, detail={"release": live["release"], "as_of": live["as_of"].isoformat()})


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
