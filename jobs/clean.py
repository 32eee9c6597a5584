"""silver.*: landing files to cleaned tables; refused rows with their reasons to silver.rejected_rows; what was read to ops.files."""

from __future__ import annotations

from datetime import date, datetime, timezone

from pyspark.sql import SparkSession

from basketgraph.clean.cleaning import Cleaning, CleanSettings
from basketgraph.clean.counts import ledger_counts
from basketgraph.clean.landing import landing_folder
from basketgraph.clean.landing_files import Landing
from basketgraph.clean.ledger import FILES
from basketgraph.clean.mapping import unmapped
from basketgraph.clean.replay.replay import Replay, was_cut_off
from basketgraph.clean.sql_checks import checked_source
from basketgraph.foundation.config import Config
from basketgraph.foundation.privacy.log_masking import masked
from basketgraph.foundation.privacy.pseudonyms import pseudonym_key
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.runs.steps import pipelines
from basketgraph.foundation.tables.warehouse import RunTables


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    checked = checked_source(spark, conf.source, f"conf/sources/{conf.source_name}.yaml")
    landing = Landing(spark, landing_folder(checked.source.landing, conf.source_name))
    settings = conf.section("clean", CleanSettings)
    key, now = pseudonym_key(), datetime.now(timezone.utc)
    if was_cut_off(tables):
        Replay(checked, landing, tables, key=key, settings=settings, now=now).finish()
    outcome = Cleaning(checked, landing, tables, key=key, settings=settings, now=now).run()
    # Not only what this run wrote: a version that stopped the run before it is there, too. Those that passed are not looked at again.
    gone = unmapped(conf.source)
    tables.check(*(table for table in pipelines().steps["clean"].writes if table not in gone and tables.exists(table)))
    detail = {
        "rows": ledger_counts(tables.read(FILES)),
        "files_picked_up": outcome.picked_up,
        "files_quarantined": [masked(f"{path}: {problem}", longest=400) for path, problem in outcome.quarantined],
    }
    return StepReport(rows_in=outcome.read, rows_out=outcome.accepted, detail=detail)


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
