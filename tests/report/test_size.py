"""The page of a warehouse with a year of daily runs is as large as that of its first month."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from basketgraph.report.page import page
from basketgraph.report.page_data import PageData, read_page_data
from support.report_warehouse import LAST_DAY, at, warehouse_of

HISTORY_DAYS = 90


def after(spark: SparkSession, folder: Path, runs: int) -> tuple[PageData, str]:
    found = read_page_data(warehouse_of(spark, folder / str(runs), runs), LAST_DAY, HISTORY_DAYS, lambda words: words)
    return found, page(found, shop="corner_shop", description="groceries", made_at=at(LAST_DAY, 6))


@pytest.mark.long
def test_the_page_after_365_runs_is_within_a_tenth_as_large_as_after_30(spark: SparkSession, tmp_path: Path) -> None:
    (month, after_month), (year, after_year) = (after(spark, tmp_path, runs) for runs in (30, 365))
    assert [(len(found.runs), len(found.deliveries)) for found in (month, year)] == [(30, 30), (HISTORY_DAYS, HISTORY_DAYS)]
    assert len(re.findall("<svg", after_month)) == len(re.findall("<svg", after_year)) >= 8
    assert abs(len(after_year) / len(after_month) - 1) <= 0.1
