"""jobs/user_days.py follows the change data feeds: what a batch did not touch is not computed again, and the table is that of a full computation."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.cli.runner import load_job
from basketgraph.foundation.config import Config, load
from basketgraph.foundation.runs.job import quality_checker
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.profiles.changed_days import write_changed_days
from basketgraph.profiles.user_days import read_activity, user_days
from support.contract_rows import rows
from support.corner_shop import Shop, deliver, line

TABLE = "gold.user_days"


def summarised(shop: Shop, conf: Config) -> dict[str, Any]:
    """One run of the job over the shop's events; what it says of itself."""
    release = RunTables(shop.spark, str(shop.warehouse), f"days-{shop.runs}", checker=quality_checker(conf, {}), ds=None)
    report = load_job("user_days")(shop.spark, conf, None, release)  # type: ignore[arg-type] - the job takes no day
    assert report is not None
    return {**report.detail, "version": release.version(TABLE)}


@pytest.mark.slow
def test_only_days_that_a_batch_touched_are_summarised_anew_in_one_commit(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(spark, tmp_path)
    conf = load("local", "online_retail", {"warehouse": str(shop.warehouse)})
    deliver(shop.landing, "a.csv", *(line(n, at=f"2026-03-0{n} 10:00") for n in (1, 2, 3)))
    shop.clean()
    first = summarised(shop, conf)
    deliver(
        shop.landing, "b.csv", line(4, at="2026-03-02 11:00", customer="u2"), line(5, at="2026-03-04 10:00"), line(3, at="2026-03-05 10:00"), minute=1
    )
    shop.clean()
    second = summarised(shop, conf)
    assert second == {"days": 4, "version": first["version"] + 1}  # 2, 4, 5, and 3, which is empty now
    days = shop.rows(TABLE)
    assert [(str(row["event_date"])[-2:], row["lines"]) for row in sorted(days, key=lambda row: (row["event_date"], row["user_id"]))] == [
        ("01", 1),
        ("02", 1),
        ("02", 1),
        ("04", 1),
        ("05", 1),
    ]
    assert summarised(shop, conf) == {"days": 0, "version": second["version"]}
    monkeypatch.setattr(RunTables, "changed_days", lambda *_: None)  # as where the feed is gone: the tables are compared
    assert summarised(shop, conf) == {"days": 0, "version": second["version"]}
    whole = Shop(spark, tmp_path / "whole", shop.given)
    whole.landing = shop.landing
    whole.clean()
    summarised(whole, load("local", "online_retail", {"warehouse": str(whole.warehouse)}))
    assert whole.rows(TABLE) == days


@pytest.mark.slow
def test_a_search_that_arrives_makes_its_day_anew_and_no_other(spark: SparkSession, tmp_path: Path) -> None:
    tables = RunTables(spark, str(tmp_path), "run", checker=lambda *_: None)
    seen = [{"event_date": date(2026, 3, number), "user_id": "ann"} for number in (1, 2)]
    tables.overwrite(rows(spark, "silver.events", seen), "silver.events")
    tables.overwrite(rows(spark, "silver.searches", seen[:1]), "silver.searches")

    def written() -> int:
        activity, sources = read_activity(tables, {})
        made = {"activity": activity, "sources": sources, "recipe": "r", "rewrite_days": 9}
        return write_changed_days(tables, TABLE, lambda done: user_days(done, time_zone="UTC", recipe="r"), **made)  # type: ignore[arg-type]

    assert (written(), written()) == (2, 0)
    tables.append(rows(spark, "silver.searches", seen[1:]), "silver.searches")
    assert (written(), written()) == (1, 0)
    assert [row.searches for row in tables.read(TABLE).orderBy("event_date").collect()] == [1, 1]
