"""Raw rows to silver rows: what Spark makes of the conditions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from basketgraph.clean.reading import raw_rows
from basketgraph.clean.transform import accepted_rows, mapped_rows, rejected_rows
from clean.shop import Shop, deliver, line

NOW = datetime(2026, 3, 3, tzinfo=timezone.utc)


@pytest.mark.parametrize("rows_of", [accepted_rows, rejected_rows])
def test_a_silver_column_is_worked_out_once_however_many_conditions_name_it(
    spark: SparkSession, tmp_path: Path, rows_of: Callable[..., DataFrame]
) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", line(1), line(2, pieces="0"))
    cleaning = shop.cleaning()
    rules = cleaning._rules("silver.events")
    (files,) = cleaning._listed().values()
    examined = cleaning._examined("sales", files)
    found = rows_of(mapped_rows(raw_rows(spark, cleaning.source, rules.files, examined), rules), rules, run_id="run", now=NOW)
    assert found.count() == 1
    plan = found._jdf.queryExecution().optimizedPlan().toString()
    assert plan.count("round(") == 1  # of the amount, in which five conditions take an interest
