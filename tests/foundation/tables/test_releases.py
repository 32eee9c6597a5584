"""Which versions are live: publishing is one row, and so is going back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from basketgraph.cli.runner import load_job
from basketgraph.foundation.config import UserError, load
from basketgraph.foundation.quality.check import QualityStop
from basketgraph.foundation.runs.job import quality_checker
from basketgraph.foundation.runs.steps import pipelines
from basketgraph.foundation.tables.releases import publish, released_tables, rollback, utc_now
from basketgraph.foundation.tables.warehouse import LiveRelease, RunTables, newest_release, releases
from support.contract_rows import rows

TABLE = "silver.campaign_targets"
DAY = date(2026, 3, 1)


@pytest.fixture
def tables(spark: SparkSession, tmp_path: Path) -> RunTables:
    return RunTables(spark, str(tmp_path / "warehouse"), "run-1")


def write(tables: RunTables, user: str) -> None:
    tables.overwrite(rows(tables.spark, TABLE, [{"campaign_id": "1", "user_id": user}]), TABLE)


def shown(tables: RunTables) -> list[str]:
    return [row.user_id for row in LiveRelease(tables.spark, tables.root).read(TABLE).collect()]


def test_publishing_the_same_versions_again_adds_no_release(tables: RunTables) -> None:
    write(tables, "a")
    first, first_is_new = publish(tables, as_of=DAY, now=utc_now())
    again, again_is_new = publish(tables, as_of=DAY, now=utc_now())
    assert (first["release"], first_is_new, again["release"], again_is_new) == (1, True, 1, False)
    assert len(releases(tables)) == 1


def test_a_release_knows_the_rows_of_the_versions_it_names(tables: RunTables) -> None:
    tables.overwrite(rows(tables.spark, TABLE, [{"campaign_id": "1", "user_id": user} for user in "ab"]), TABLE)
    row, _ = publish(tables, as_of=DAY, now=utc_now())
    write(tables, "c")  # a run that goes on
    live = newest_release(tables)
    assert live is not None
    assert row["rows"] == live["rows"] == {TABLE: 2}


def test_the_same_versions_for_another_day_are_a_release_of_their_own(tables: RunTables) -> None:
    write(tables, "a")
    publish(tables, as_of=DAY, now=utc_now())
    row, is_new = publish(tables, as_of=date(2026, 3, 2), now=utc_now())
    assert (row["release"], is_new) == (2, True)


def test_rolling_back_twice_goes_back_by_two_and_a_publish_goes_on_from_there(tables: RunTables) -> None:
    for user in "abc":
        write(tables, user)
        publish(tables, as_of=DAY, now=utc_now())
    assert shown(tables) == ["c"]
    rollback(tables, "run-2", now=utc_now(), keep=30)
    assert shown(tables) == ["b"]
    row = rollback(tables, "run-3", now=utc_now(), keep=30)
    assert (row["release"], row["kind"], row["restores"]) == (5, "rollback", 1)
    assert shown(tables) == ["a"]
    assert row["rows"] == {TABLE: 1}
    with pytest.raises(UserError, match="want a release before 1"):
        rollback(tables, "run-4", now=utc_now(), keep=30)
    row, is_new = publish(tables, as_of=DAY, now=utc_now())
    assert (row["release"], is_new, shown(tables)) == (6, True, ["c"])


def test_of_tables_that_are_not_the_pipelines_own_the_live_version_stays(tables: RunTables) -> None:
    lists = "gold.recommendations"
    write(tables, "a")
    tables.create(lists)
    before, _ = publish(tables, as_of=DAY, now=utc_now())
    tables.overwrite(rows(tables.spark, lists, [{"setting": "rebuy", "rank": 1}]), lists)  # and the gate refuses them
    write(tables, "b")
    after, is_new = publish(tables, as_of=date(2026, 3, 2), now=utc_now(), tables=[TABLE])
    assert (is_new, shown(tables)) == (True, ["b"])
    assert (after["versions"][lists], after["as_of"]) == (before["versions"][lists], DAY), "the lists, and the day they are for, stay"
    assert publish(tables, as_of=date(2026, 3, 2), now=utc_now(), tables=[TABLE])[1] is False
    newest, _ = publish(tables, as_of=date(2026, 3, 2), now=utc_now())
    assert newest["versions"][lists] > after["versions"][lists]
    assert newest["as_of"] == date(2026, 3, 2)


def test_a_table_that_was_never_published_does_not_go_live_with_another_pipelines(tables: RunTables) -> None:
    tables.create("gold.recommendations")
    write(tables, "a")
    row, _ = publish(tables, as_of=DAY, now=utc_now(), tables=[TABLE])
    assert (set(row["versions"]), row["as_of"]) == ({TABLE}, DAY)


def test_a_pipeline_publishes_what_its_steps_read_and_write_and_what_every_run_adds_to() -> None:
    tables, known = released_tables(), pipelines()
    prices = {"gold.price_bands", "gold.category_price_bands", "gold.price_sensitivity", "gold.price_conflicts"}
    offers = prices | {
        "gold.campaign_scores",
        "gold.coupon_scores",
        "gold.coupon_allocation",
        "gold.campaign_budgets",
        "gold.contacts",
        "gold.campaign_outcomes",
    }
    content = {"gold.user_moods", "gold.item_moods", "gold.search_indexes", "gold.answers"}
    assert set(known.published_by("all", tables)) == set(tables) - offers - content
    assert offers | {"silver.events", "ops.quality_results"} <= set(known.published_by("offer", tables))
    assert content | {"silver.items"} <= set(known.published_by("content", tables)) - offers
    assert "gold.recommendations" not in known.published_by("offer", tables), "it reads the live lists; newer ones may have been refused"
    of_clean = set(known.published_by("clean", tables))
    assert {"silver.events", "gold.kept_purchases", "ops.files", "ops.quality_results", "ops.daily_values"} <= of_clean
    assert not {"gold.recommendations", "gold.user_profiles", "ops.evaluations"} & of_clean
    assert {"silver.events", "gold.recommendations"} <= set(known.published_by("recommend", tables))


def test_what_stopped_an_earlier_run_does_not_go_live_with_another(spark: SparkSession, tmp_path: Path) -> None:
    conf = load("local", "complete_journey", {"warehouse": str(tmp_path / "warehouse")})
    checked = RunTables(spark, conf.warehouse, "run-1", checker=quality_checker(conf, {}), ds=DAY)
    twice = [{"campaign_id": "1", "user_id": "ab" * 16}] * 2
    checked.overwrite(rows(spark, TABLE, twice), TABLE)
    step = load_job("publish")
    with pytest.raises(QualityStop, match="stopped, 1 critical promise broken"):
        step(spark, conf, DAY, checked)
    assert newest_release(checked) is None
    checked.overwrite(rows(spark, TABLE, twice[:1]), TABLE)
    step(spark, conf, DAY, checked)
    assert shown(checked) == ["ab" * 16]


@pytest.mark.long
def test_a_table_that_the_mapping_has_no_longer_holds_up_nothing_and_stays_as_it_is_live(spark: SparkSession, tmp_path: Path) -> None:
    conf = load("local", "complete_journey", {"warehouse": str(tmp_path / "warehouse"), "landing": str(tmp_path)})
    files = {
        "campaign_id": [1],
        "campaign_type": ["Type A"],
        "start_date": [datetime(2026, 1, 1, tzinfo=timezone.utc)],
        "end_date": [datetime(2026, 2, 1, tzinfo=timezone.utc)],
    }
    pq.write_table(pa.table(files), tmp_path / "campaign_descriptions.parquet")
    checked = RunTables(spark, conf.warehouse, "run-1", checker=quality_checker(conf, {}), ds=DAY)
    write(checked, "ab" * 16)
    publish(checked, as_of=DAY, now=utc_now())
    checked.overwrite(rows(spark, TABLE, [{"campaign_id": "2", "user_id": "cd" * 16}] * 2), TABLE)
    without = {table: mapped for table, mapped in conf.source["tables"].items() if table == "silver.campaigns"}
    conf = replace(conf, source={**conf.source, "tables": without})
    for step in ("clean", "publish"):
        load_job(step)(spark, conf, DAY, checked)
    live = LiveRelease(spark, conf.warehouse)
    assert (shown(checked), live.read("silver.campaigns").count()) == (["ab" * 16], 1)


def test_a_warehouse_without_a_release_cannot_go_back(tables: RunTables) -> None:
    with pytest.raises(UserError, match="want a release to go back from"):
        rollback(tables, "run-1", now=utc_now(), keep=30)
    assert newest_release(tables) is None


def test_the_logs_of_what_happened_are_not_rolled_back_with_what_they_tell_of() -> None:
    assert not {"ops.runs", "ops.releases"} & set(released_tables())
    assert {"silver.events", "gold.interactions"} <= set(released_tables())


def test_the_lines_that_the_documentation_gives_readers_show_the_newest_list_that_is_live(
    tables: RunTables, capsys: pytest.CaptureFixture[str]
) -> None:
    def recommend(day: date, item: str) -> None:
        found = {"as_of": day, "setting": "rebuy", "user_id": "ann", "rank": 1, "item_id": item, "reason": f"because of {item}"}
        tables.overwrite_day(rows(tables.spark, "gold.recommendations", [found]), "gold.recommendations", day)

    recommend(DAY - timedelta(days=28), "old")
    recommend(DAY, "live")
    publish(tables, as_of=DAY, now=utc_now())
    recommend(DAY, "refused")  # a run that the gate stopped
    text = (Path(__file__).resolve().parents[3] / "docs" / "operating.md").read_text()
    lines = text.partition("## Reading what is live")[2].partition("```python\n")[2].partition("```")[0]
    exec(lines, {"spark": tables.spark, "warehouse": tables.root})
    printed = capsys.readouterr().out
    assert "because of live" in printed
    assert not {"old", "refused"} & set(printed.split())
