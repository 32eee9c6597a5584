"""What may not go live."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from basketgraph.cli.runner import load_job
from basketgraph.foundation.config import load
from basketgraph.foundation.quality.check import QualityStop
from basketgraph.foundation.runs.job import quality_checker
from basketgraph.foundation.tables.warehouse import RunTables
from support.contract_rows import rows

FILE = {"rows_read": 2, "rows_accepted": 1, "rows_rejected": 0, "rows_duplicate": 1, "rows_left_out": 0}


@pytest.mark.slow
def test_lists_made_of_a_half_cleaned_batch_do_not_go_live_until_it_is_whole(spark: SparkSession, tmp_path: Path) -> None:
    conf = load("local", "complete_journey", {"warehouse": str(tmp_path)}, pipeline="profiles")
    tables, publish = RunTables(spark, str(tmp_path), "run-1", checker=quality_checker(conf, {})), load_job("publish")
    tables.overwrite(rows(spark, "ops.files", [{**FILE, "status": "started"}]), "ops.files")  # a run of clean was killed
    with pytest.raises(QualityStop):
        publish(spark, conf, date(2026, 1, 3), tables)
    assert not tables.exists("ops.releases")
    tables.overwrite(rows(spark, "ops.files", [{**FILE, "status": "done"}]), "ops.files")
    publish(spark, conf, date(2026, 1, 3), tables)
    assert tables.exists("ops.releases")
