"""Delta's door: what is written, what is refused, and which version a reader sees."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from basketgraph.foundation.config import UserError
from basketgraph.foundation.contracts import ContractError, contract
from basketgraph.foundation.tables.files import Files
from basketgraph.foundation.tables.releases import publish, utc_now
from basketgraph.foundation.tables.warehouse import LiveRelease, RunTables, Warehouse, remove_failed_creation
from support.contract_rows import rows

EVENTS, EDGES, PAIRS = "silver.events", "gold.interactions", "silver.campaign_targets"
FIRST, SECOND = date(2026, 2, 1), date(2026, 3, 1)


@pytest.fixture
def tables(spark: SparkSession, tmp_path: Path) -> Iterator[RunTables]:
    yield RunTables(spark, str(tmp_path / "warehouse"), "run-1")
    spark.catalog.clearCache()


def events(spark: SparkSession, *given: dict[str, Any]) -> DataFrame:
    return rows(spark, EVENTS, given)


def amounts(tables: RunTables) -> dict[str, int]:
    return {row.event_id: row.amount_minor for row in tables.read(EVENTS).collect()}


def test_a_table_that_was_never_written_reads_as_empty_with_its_contracts_columns(tables: RunTables) -> None:
    empty = tables.read(EVENTS)
    assert (empty.count(), "event_id" in empty.columns, tables.exists(EVENTS), tables.version(EVENTS)) == (0, True, False, None)


def test_a_merge_inserts_new_keys_updates_changed_rows_and_leaves_the_rest(spark: SparkSession, tables: RunTables) -> None:
    tables.merge(events(spark, {"event_id": "a", "amount_minor": 1}, {"event_id": "b", "amount_minor": 2}), EVENTS)
    tables.merge(events(spark, {"event_id": "b", "amount_minor": 20}, {"event_id": "c", "amount_minor": 3}), EVENTS)
    assert amounts(tables) == {"a": 1, "b": 20, "c": 3}


def test_rows_delivered_again_commit_no_new_version_though_their_lineage_differs(spark: SparkSession, tables: RunTables) -> None:
    given = {"event_id": "a", "amount_minor": 1, "event_date": FIRST}
    tables.merge(events(spark, given), EVENTS, batch_id="one", prune_by="event_date")
    before = tables.version(EVENTS)
    tables.merge(events(spark, {**given, "source_file": "again.csv", "run_id": "run-2"}), EVENTS, batch_id="two", prune_by="event_date")
    assert tables.version(EVENTS) == before


def test_a_row_that_moved_to_another_day_is_found_on_the_days_named_beside_the_frames_own(spark: SparkSession, tables: RunTables) -> None:
    tables.merge(events(spark, {"event_id": "a", "event_date": FIRST}), EVENTS)
    moved = events(spark, {"event_id": "a", "event_date": SECOND})
    tables.merge(moved, EVENTS, prune_by="event_date", prune_also=[FIRST])
    assert [row.event_date for row in tables.read(EVENTS).collect()] == [SECOND]


def test_keys_that_are_taken_out_leave_the_table_in_the_commit_that_adds_others(spark: SparkSession, tables: RunTables) -> None:
    tables.merge(events(spark, {"event_id": "a"}, {"event_id": "b"}), EVENTS)
    before = tables.version(EVENTS)
    tables.merge(events(spark, {"event_id": "c"}), EVENTS, replace=True, taken_out=events(spark, {"event_id": "a"}).select("event_id"))
    assert sorted(amounts(tables)) == ["b", "c"]
    assert tables.version(EVENTS) == (before or 0) + 1


def test_a_merge_that_only_inserts_leaves_changed_rows_alone(spark: SparkSession, tables: RunTables) -> None:
    tables.merge(events(spark, {"event_id": "a", "amount_minor": 1}), EVENTS)
    tables.merge(events(spark, {"event_id": "a", "amount_minor": 9}, {"event_id": "b", "amount_minor": 2}), EVENTS, only_insert=True)
    assert amounts(tables) == {"a": 1, "b": 2}


def test_a_null_is_a_value_when_rows_are_compared(spark: SparkSession, tables: RunTables) -> None:
    tables.merge(events(spark, {"event_id": "a", "store_id": None}), EVENTS)
    before = tables.version(EVENTS)
    tables.merge(events(spark, {"event_id": "a", "store_id": None}), EVENTS)
    assert tables.version(EVENTS) == before
    tables.merge(events(spark, {"event_id": "a", "store_id": "north"}), EVENTS)
    assert [row.store_id for row in tables.read(EVENTS).collect()] == ["north"]


def test_a_table_that_is_all_key_can_be_merged_twice(spark: SparkSession, tables: RunTables) -> None:
    pairs = rows(spark, PAIRS, [{"campaign_id": "1", "user_id": "u"}])
    tables.merge(pairs, PAIRS)
    tables.merge(pairs, PAIRS)
    assert tables.read(PAIRS).count() == 1


def test_the_batch_id_of_a_commit_is_found_in_the_history_and_goes_no_further(spark: SparkSession, tables: RunTables) -> None:
    tables.merge(events(spark, {"event_id": "a"}), EVENTS, batch_id="batch-7")
    tables.merge(events(spark, {"event_id": "b"}), EVENTS)
    tables.append(events(spark, {"event_id": "c"}), EVENTS, batch_id="batch-8")
    for foreign in ("a note of somebody else", "[1]"):
        events(spark, {"event_id": foreign}).write.format("delta").mode("append").option("userMetadata", foreign).save(tables.path(EVENTS))
    assert tables.committed_batches(EVENTS) == {"batch-7": 1, "batch-8": 3}
    assert spark.conf.get("spark.databricks.delta.commitInfo.userMetadata", None) is None
    told = [commit["at"] for commit in tables.history(EVENTS)]
    for file in Path(tables.path(EVENTS), "_delta_log").glob("*.json"):
        os.utime(file, (0, 0))  # as a copy of the warehouse may
    spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()  # type: ignore[union-attr]
    assert [commit["at"] for commit in tables.history(EVENTS)] == told


def test_a_batch_that_was_taken_back_is_not_in_the_history_unless_it_came_again(spark: SparkSession, tables: RunTables) -> None:
    for batch in ("kept", "taken back", "taken back, too", "again"):
        tables.append(events(spark, {"event_id": batch}), EVENTS, batch_id=batch)
    newest = tables.version(EVENTS)
    assert newest is not None
    tables.restore(EVENTS, newest - 3)
    tables.append(events(spark, {"event_id": "again"}), EVENTS, batch_id="again")
    assert set(tables.committed_batches(EVENTS)) == {"kept", "again"}
    assert sorted(row.event_id for row in tables.read(EVENTS).collect()) == ["again", "kept"]


def edges(spark: SparkSession, day: date, *users: str) -> DataFrame:
    return rows(spark, EDGES, [{"as_of": day, "user_id": user, "item_id": "i"} for user in users])


def test_overwriting_a_day_leaves_the_other_days(spark: SparkSession, tables: RunTables) -> None:
    tables.overwrite_day(edges(spark, FIRST, "a", "b"), EDGES, FIRST)
    tables.overwrite_day(edges(spark, SECOND, "c"), EDGES, SECOND)
    tables.overwrite_day(edges(spark, SECOND, "d"), EDGES, SECOND)
    assert sorted((row.as_of, row.user_id) for row in tables.read(EDGES).collect()) == [(FIRST, "a"), (FIRST, "b"), (SECOND, "d")]
    tables.clear_day(EDGES, SECOND)
    cleared = tables.version(EDGES)
    tables.clear_day(EDGES, SECOND)
    assert tables.version(EDGES) == cleared, "a day without a row gets no commit"
    assert sorted((row.as_of, row.user_id) for row in tables.read(EDGES).collect()) == [(FIRST, "a"), (FIRST, "b")]


def test_rows_of_another_day_are_refused_and_nothing_is_written(spark: SparkSession, tables: RunTables) -> None:
    tables.overwrite_day(edges(spark, FIRST, "a"), EDGES, FIRST)
    before = tables.version(EDGES)
    with pytest.raises(Exception, match="DELTA_REPLACE_WHERE_MISMATCH"):
        tables.overwrite_day(edges(spark, SECOND, "b"), EDGES, FIRST)
    assert tables.version(EDGES) == before


def test_delta_itself_refuses_a_null_in_a_required_column(spark: SparkSession, tables: RunTables) -> None:
    tables.create(EVENTS)
    frame = events(spark, {"event_id": "a"}).selectExpr("* except (user_id)", "cast(null as string) as user_id")
    with pytest.raises(Exception, match="NOT NULL"):
        tables.append(frame, EVENTS)
    assert tables.read(EVENTS).count() == 0


def test_delta_itself_refuses_what_the_contracts_constraint_forbids(spark: SparkSession, tables: RunTables) -> None:
    with pytest.raises(Exception, match="quantity_is_positive"):
        tables.merge(events(spark, {"event_id": "a", "quantity": 0}), EVENTS)
    tables.merge(events(spark, {"event_id": "a", "quantity": 1}), EVENTS)
    assert tables.read(EVENTS).count() == 1


def test_every_difference_from_the_contract_is_told_at_once_and_no_table_is_made(spark: SparkSession, tables: RunTables) -> None:
    frame = rows(spark, PAIRS, [{"user_id": "u"}]).selectExpr("* except (campaign_id, user_id)", "1 as user_id", "'red' as colour")
    with pytest.raises(ContractError) as caught:
        tables.overwrite(frame, PAIRS)
    assert caught.value.faults == (
        "colour: want no such column, have string",
        "campaign_id: want string, have nothing",
        "user_id: want string, have int",
    )


def test_rows_made_in_python_arrive_as_they_are_and_none_lacks_a_required_value(tables: RunTables) -> None:
    at = datetime(2026, 3, 1, 12, 30, 0, 1, tzinfo=timezone.utc)
    made = {"release": 1, "kind": "publish", "run_id": "r", "published_at": at, "as_of": FIRST, "versions": {EVENTS: 3}, "rows": {EVENTS: 2**40}}
    frame = tables.rows_of("ops.releases", [made])
    assert frame.schema.simpleString() == contract("ops.releases").struct.simpleString()
    (got,) = frame.collect()
    assert {**got.asDict(), "published_at": got.published_at.astimezone(timezone.utc)} == {**made, "restores": None}
    with pytest.raises(ValueError, match=r"ops.releases: required columns without a value: run_id, published_at"):
        tables.rows_of("ops.releases", [made, {**made, "run_id": None, "published_at": None}])
    with pytest.raises(ValueError, match=r"ops.releases: no such columns: color"):
        tables.rows_of("ops.releases", [{**made, "color": "red"}])


def test_instants_that_were_collected_go_back_as_they_were_wherever_the_machine_stands(tables: RunTables, monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime(2026, 3, 1, 12, 30, tzinfo=timezone.utc)
    made = {"release": 1, "kind": "publish", "run_id": "r", "published_at": at, "versions": {}, "rows": {}}
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Asia/Kolkata")
        time.tzset()
        (collected,) = tables.rows_of("ops.releases", [made]).collect()
        again = tables.rows_of("ops.releases", [collected.asDict()])
        assert [row.told for row in again.selectExpr("cast(published_at as string) as told").collect()] == ["2026-03-01 12:30:00"]
    time.tzset()
    assert collected.published_at == datetime(2026, 3, 1, 18, 0), "Spark hands out local time without a zone"


def test_a_table_whose_creation_was_killed_before_its_first_commit_is_created_again(spark: SparkSession, tables: RunTables) -> None:
    log = Path(tables.path(EVENTS)) / "_delta_log"
    (log / "_staged_commits").mkdir(parents=True)
    (log / ".00000000000000000000.json.1.tmp").write_text("cut off")
    tables.append(events(spark, {"event_id": "a"}), EVENTS)
    assert [row.event_id for row in tables.read(EVENTS).collect()] == ["a"]


@pytest.mark.parametrize("late", [False, True])
def test_a_commit_is_never_removed_as_a_failed_creation_not_even_one_that_is_made_meanwhile(tmp_path: Path, late: bool) -> None:
    log = tmp_path / "_delta_log"
    log.mkdir()
    commit = log / "00000000000000000000.json"

    class Meanwhile(Files):
        """Another writer commits while the folder is emptied."""

        def delete(self, path: str, *, recursive: bool = True) -> None:
            commit.write_text("{}")
            super().delete(path, recursive=recursive)

    if late:
        with pytest.raises(OSError, match="not empty"):
            remove_failed_creation(Meanwhile(), str(log))
    else:
        commit.write_text("{}")
        remove_failed_creation(Files(), str(log))
    assert commit.exists()


def test_a_column_comment_of_the_contract_is_in_the_table(spark: SparkSession, tables: RunTables) -> None:
    tables.create(EVENTS)
    comments = {field.name: field.metadata.get("comment") for field in tables.read(EVENTS).schema.fields}
    assert comments["event_time"] == "UTC instant"


def test_no_write_is_made_by_a_run_that_lost_the_lock(spark: SparkSession, tmp_path: Path) -> None:
    class Lost(Exception):
        pass

    def lost() -> None:
        raise Lost

    warehouse = str(tmp_path / "warehouse")
    RunTables(spark, warehouse, "run-1").append(edges(spark, FIRST, "a"), EDGES)
    late = RunTables(spark, warehouse, "run-0", before_commit=lost)
    for write in (late.append, late.overwrite, late.merge):
        with pytest.raises(Lost):
            write(edges(spark, FIRST, "b"), EDGES)
    with pytest.raises(Lost):
        late.create(EVENTS)
    assert [row.user_id for row in late.read(EDGES).collect()] == ["a"]
    assert not late.exists(EVENTS)


def test_readers_see_the_published_versions_and_not_those_a_run_is_writing(spark: SparkSession, tables: RunTables) -> None:
    tables.overwrite(edges(spark, FIRST, "a"), EDGES)
    with pytest.raises(UserError, match="not in a release"):
        LiveRelease(spark, tables.root).read(EDGES)
    publish(tables, as_of=FIRST, now=utc_now())
    tables.overwrite(edges(spark, FIRST, "b"), EDGES)
    live = LiveRelease(spark, tables.root)
    assert [row.user_id for row in live.read(EDGES).collect()] == ["a"]
    publish(tables, as_of=FIRST, now=utc_now())
    assert [row.user_id for row in live.read(EDGES).collect()] == ["a"], "a reader keeps the release that it began with"
    assert [row.user_id for row in LiveRelease(spark, tables.root).read(EDGES).collect()] == ["b"]


def test_statistics_are_kept_of_the_columns_a_table_is_laid_out_by(spark: SparkSession, tmp_path: Path) -> None:
    warehouse = Warehouse(spark, str(tmp_path))
    for table in ("silver.promotions", "gold.interactions"):
        warehouse.create(table)
    found = [spark.sql(f"DESCRIBE DETAIL delta.`{tmp_path}/{place}`").collect()[0].properties for place in ("silver/promotions", "gold/interactions")]
    assert found[0]["delta.dataSkippingStatsColumns"] == "valid_from"
    assert found[1]["delta.dataSkippingNumIndexedCols"] == "0"


def test_a_warehouse_of_a_relative_path_is_named_in_sql_by_its_absolute_one(spark: SparkSession) -> None:
    assert Warehouse(spark, "warehouse/shop").identifier(EVENTS) == f"delta.`file:{Path.cwd()}/warehouse/shop/silver/events`"
