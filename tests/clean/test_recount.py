"""ops.files and the tables after rows that were made newer, and tries under one run id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.clean.cleaning import Cleaning
from basketgraph.clean.replay.reconcile import settled
from basketgraph.foundation.config import UserError
from basketgraph.foundation.tables.warehouse import RunTables
from support.corner_shop import Shop, deliver, line, mapping
from support.replays import EVENTS, REJECTED, assert_as_fresh, assert_counts_add_up, mended, replay

# A title of A/1 is version 1 of A.
CHANNEL, VERSION = {"channel": "split(title, '/')[0]"}, "timestamp_seconds(cast(split(title, '/')[1] as bigint))"


def entry(accepted: int, superseded: int, duplicate: int = 0) -> dict[str, Any]:
    return {"table_name": EVENTS, "rows_accepted": accepted, "rows_superseded": superseded, "rows_duplicate": duplicate, "rows_retracted": 0}


def test_each_file_has_as_many_accepted_rows_that_are_not_superseded_as_the_table_has_of_it() -> None:
    entries = {("a", "1"): entry(3, 0), ("b", "2"): entry(2, 2), ("c", "3"): entry(0, 0)}
    found = settled(entries, {("a", "1"): 1, ("b", "2"): 2})
    assert {file: one["rows_superseded"] for file, one in found.items()} == {("a", "1"): 2, ("b", "2"): 0, ("c", "3"): 0}
    with pytest.raises(RuntimeError, match="3 rows accepted, but 4 are there"):
        settled(entries, {("a", "1"): 4})


def test_a_duplicate_whose_row_is_there_was_accepted_after_all() -> None:
    found = settled({("a", "1"): entry(2, 0), ("b", "2"): entry(0, 0, duplicate=2)}, {("a", "1"): 1, ("b", "2"): 1})
    assert found == {("a", "1"): entry(2, 1), ("b", "2"): entry(1, 0, duplicate=1)}
    with pytest.raises(RuntimeError, match="0 rows accepted, but 3 are there"):
        settled({("b", "2"): entry(0, 0, duplicate=2)}, {("b", "2"): 3})


@pytest.mark.long
def test_a_replay_goes_well_where_a_newer_delivery_only_made_an_equal_row_newer(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path, mapping(columns=CHANNEL, version=VERSION))
    deliver(shop.landing, "a.csv", line(1, title="A/1"), line(2, price="0.00", title="A/1"))
    shop.clean()
    deliver(shop.landing, "b.csv", line(1, title="A/3"), minute=1)
    shop.clean()
    assert shop.counts()["duplicates"] == 1
    shop.given["tables"][EVENTS]["reject"] = {}
    assert replay(shop, rejected=True).tables[EVENTS]["newly_accepted"] == 1
    assert_counts_add_up(shop)
    deliver(shop.landing, "late.csv", line(1, title="B/2"), minute=2)
    shop.clean()
    assert_as_fresh(shop, tmp_path)  # version 2 comes too late
    assert {row["channel"] for row in shop.rows(EVENTS)} == {"A"}


@pytest.mark.long
def test_a_version_that_the_mapping_names_later_counts_from_the_replay_on(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path, mapping(columns=CHANNEL))
    deliver(shop.landing, "a.csv", line(1, title="A/1"), minute=50)
    shop.clean()
    shop.given = mapping(columns=CHANNEL, version=VERSION)
    day = shop.rows(EVENTS)[0]["event_date"]
    changes = replay(shop, first_day=day, last_day=day).tables[EVENTS]
    assert (changes["changed"], changes["rows_after"]) == (0, 1)
    assert replay(shop, first_day=day, last_day=day).written == set()
    deliver(shop.landing, "b.csv", line(1, title="B/2"), minute=51)
    shop.clean()
    assert {row["channel"] for row in shop.rows(EVENTS)} == {"B"}
    assert_as_fresh(shop, tmp_path)


@pytest.mark.long
def test_an_equal_row_of_a_newer_version_that_is_good_now_stands_against_what_lies_between(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path, mapping(columns=CHANNEL, version=VERSION))
    shop.given["tables"][EVENTS]["reject"] = {"too_new": "title = 'A/5'"}
    deliver(shop.landing, "a.csv", line(1, title="A/5"))
    deliver(shop.landing, "b.csv", line(1, title="A/3"), minute=1)
    shop.clean()
    shop.given["tables"][EVENTS]["reject"] = {}
    replay(shop, rejected=True)
    assert_counts_add_up(shop)
    deliver(shop.landing, "c.csv", line(1, title="B/4"), minute=2)
    shop.clean()
    assert_as_fresh(shop, tmp_path)
    assert shop.rows(EVENTS)[0]["channel"] == "A"


@pytest.mark.slow
def test_counts_that_do_not_add_up_are_refused_before_a_replay_writes(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", line(1), line(2, price="0.00"))
    shop.clean()
    release = shop.release()
    release.merge(release.read("ops.files").selectExpr("* except (rows_accepted, rows_read)", "0L as rows_accepted", "1L as rows_read"), "ops.files")
    before = shop.release().versions([EVENTS, REJECTED, "ops.files"])
    shop.given = mended(columns={"channel": "'web'"})
    with pytest.raises(UserError, match=r"(?s)does not add up.*0 rows accepted, but 1 are there") as caught:
        replay(shop, rejected=True)
    assert "fresh warehouse" in str(caught.value)
    assert shop.release().versions([EVENTS, REJECTED, "ops.files"]) == before
    shop.given = mapping()
    shop.clean()  # nothing keeps cleaning from going on


@pytest.mark.long
def test_a_second_try_under_the_same_run_id_does_not_take_the_first_ones_batches_for_its_own(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", line(1))
    shop.clean()
    deliver(shop.landing, "b.csv", line(2), line(3), minute=1)
    with monkeypatch.context() as patched:
        again = shop.cleaning()
        again.release = RunTables(spark, str(shop.warehouse), "run-1")  # Airflow tries a task again under its run's id
        again = Cleaning(again.checked, again.landing, again.release, key=again.key, settings=again.settings, now=again.now)
        patched.setattr(again, "_write_rows", lambda *_: (_ for _ in ()).throw(InterruptedError))
        with pytest.raises(InterruptedError):
            again.run()
    shop.clean()
    assert [row["event_id"] for row in shop.rows(EVENTS)] == ["1", "2", "3"]
    assert_counts_add_up(shop)
