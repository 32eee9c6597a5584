"""silver.*: reprocesses landing files under the present mapping; the step's detail says what changed."""

from __future__ import annotations

from datetime import date, datetime, timezone

from pyspark.sql import SparkSession

from basketgraph.clean.cleaning import CleanSettings
from basketgraph.clean.counts import ledger_counts
from basketgraph.clean.landing import landing_folder
from basketgraph.clean.landing_files import Landing
from basketgraph.clean.ledger import FILES
from basketgraph.clean.replay.replay import Replay
from basketgraph.clean.replay.settings import ReplaySettings
from basketgraph.clean.sql_checks import checked_source
from basketgraph.foundation.config import Config
from basketgraph.foundation.privacy.log_masking import masked_pairs
from basketgraph.foundation.privacy.pseudonyms import pseudonym_key
from basketgraph.foundation.runs.job import StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    checked = checked_source(spark, conf.source, f"conf/sources/{conf.source_name}.yaml")
    landing = Landing(spark, landing_folder(checked.source.landing, conf.source_name))
    settings = conf.section("clean", CleanSettings)
    replay = Replay(checked, landing, tables, key=pseudonym_key(), settings=settings, now=datetime.now(timezone.utc))
    outcome = replay.run(conf.section("replay", ReplaySettings))
    tables.check(*sorted(outcome.written))
    detail = {
        "rows": ledger_counts(tables.read(FILES)),
        "changes": outcome.tables,
        "left": {t: masked_pairs(files) for t, files in outcome.left.items() if files},
    }
    return StepReport(rows_in=outcome.read, rows_out=outcome.accepted, detail=detail)


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
