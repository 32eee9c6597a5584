"""A table that a shop's mapping no longer fills: nothing can mend it, so what is broken in it stops neither cleaning nor what goes live."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyspark.sql import SparkSession

from basketgraph.cli.runner import load_job
from basketgraph.foundation.config import CONF_VARIABLE, Config, load
from basketgraph.foundation.quality.check import QualityStop
from basketgraph.foundation.runs.job import quality_checker
from basketgraph.foundation.tables.warehouse import LiveRelease, RunTables
from support.contract_rows import rows
from support.corner_shop import KEY, deliver, line, mapping

DAY, PROMOTIONS = date(2026, 3, 3), "silver.promotions"
BROKEN = {"valid_from": DAY, "valid_to": DAY - timedelta(days=1)}


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """The made-up shop, which maps silver.events alone, over a landing file of its own."""
    sources = tmp_path / "conf-dir" / "conf" / "sources"
    sources.mkdir(parents=True)
    (sources / "corner.yaml").write_text(yaml.safe_dump(mapping() | {"landing": str(tmp_path / "landing")}))
    monkeypatch.setenv(CONF_VARIABLE, str(tmp_path / "conf-dir"))
    monkeypatch.setenv("BASKETGRAPH_KEY", KEY.secret.decode())
    deliver(tmp_path / "landing", "a.csv", line(1), line(2))
    return load("local", "corner", {"warehouse": str(tmp_path / "warehouse")}, pipeline="clean")


def release_of(spark: SparkSession, conf: Config, run_id: str) -> RunTables:
    return RunTables(spark, conf.warehouse, run_id, checker=quality_checker(conf, {}), ds=DAY)


@pytest.mark.long
def test_what_is_broken_in_it_stops_neither_cleaning_nor_what_goes_live(spark: SparkSession, conf: Config) -> None:
    before = release_of(spark, conf, "before")
    before.append(rows(spark, PROMOTIONS, [BROKEN]), PROMOTIONS)
    with pytest.raises(QualityStop, match="a promotion ends after its first day"):
        before.check(PROMOTIONS)
    cleaned = load_job("clean")(spark, conf, DAY, release_of(spark, conf, "clean"))
    assert cleaned is not None
    rows_of: dict[str, Any] = cleaned.detail["rows"]
    assert rows_of["silver.events"]["accepted"] == 2
    published = load_job("publish")(spark, conf, DAY, release_of(spark, conf, "publish"))
    assert published is not None
    assert published.detail["release"] == 1
    live = LiveRelease(spark, conf.warehouse)
    assert live.read("silver.events").count() == 2
    assert live.row is not None
    assert PROMOTIONS not in live.row["versions"], "it was never live"
