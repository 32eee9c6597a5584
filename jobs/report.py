"""<warehouse>/reports/<run>.html: one page a run for people who do not write code; from the run's own records, so it needs no other step."""

from __future__ import annotations

from datetime import date, datetime, timezone

from pyspark.sql import SparkSession

from basketgraph.foundation.config import Config
from basketgraph.foundation.goals import goal_of
from basketgraph.foundation.privacy.pseudonyms import shop_pseudonyms
from basketgraph.foundation.quality.suites import QualitySettings
from basketgraph.foundation.runs.job import RunLog, StepReport, job_main
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.report.page import page, write_page
from basketgraph.report.page_data import read_page_data


def run(spark: SparkSession, conf: Config, ds: date, tables: RunTables) -> StepReport:
    quality = conf.section("quality", QualitySettings)
    window_days = conf.settings["interactions"]["window_days"]
    data = read_page_data(
        tables,
        ds,
        quality.history_days,
        shop_pseudonyms(conf.shop),
        RunLog(tables, conf),
        window_days=window_days,
        closed_days=quality.closed_days,
        goal=goal_of(conf.source),
    )
    html = page(data, shop=conf.source_name, description=str(conf.source.get("description", "")), made_at=datetime.now(timezone.utc))
    return StepReport(rows_in=len(data.checks), detail={"report": write_page(tables, tables.run_id, html)})


if __name__ == "__main__":
    job_main(run, __doc__, __file__)
