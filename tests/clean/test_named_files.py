"""Where a mapping reads the files' names, equal contents under two names are two files."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.clean.replay.replay import Replay
from basketgraph.clean.replay.rereadable_files import RereadableFiles
from basketgraph.clean.replay.settings import ReplaySettings
from basketgraph.clean.sql_checks import checked_source
from basketgraph.clean.transform import content_id, mapped_rows
from support.corner_shop import ITEMS, Shop, deliver, mapping
from support.replays import EVENTS, NOTHING, mended, replaying
from support.typed_rows import NOW, typed

PROMOTIONS, REJECTED = "silver.promotions", "silver.rejected_rows"
START = "date_add(DATE'2026-01-05', 7 * (week - 1))"
BY_WEEK: dict[str, Any] = {
    "shop": "corner",
    "landing": "unused",
    "time_zone": "Europe/London",
    "currency": "GBP",
    "files": {
        "lists": {
            "pattern": "*/list.csv",
            "format": "csv",
            "columns": {"item": "string", "place": "string"},
            "let": {"folder": "split(file_name, '/')[0]", "week": "cast(replace(folder, 'week=', '') as int)"},
        }
    },
    "tables": {
        PROMOTIONS: {
            "files": "lists",
            "columns": {
                "item_id": "item",
                "store_id": "'1'",
                "valid_from": START,
                "valid_to": f"date_add({START}, 7)",
                "display": "place",
                "mailer": "'none'",
            },
            "reject": {"no_place": "place = '-'"},
        },
        "silver.items": {"files": "lists", "columns": {"item_id": "item", "valid_from": "DATE'1900-01-01'", "recommendable": "true"}},
    },
}


def deliver_week(shop: Shop, week: int) -> None:
    deliver(shop.landing / f"week={week}", "list.csv", "tea,shelf", "milk,-", header="item,place")


def counted(shop: Shop, table: str = PROMOTIONS) -> dict[str, tuple[int, int, int]]:
    files = shop.table("ops.files").where(F.col("table_name") == table).collect()
    return {row.source_file[5:7]: (row.rows_accepted, row.rows_rejected, row.rows_duplicate) for row in files}


@pytest.mark.long
@pytest.mark.parametrize(
    "waves",
    [
        pytest.param([(12, 13)], id="at once"),
        pytest.param([(12,), (13,)], id="in order"),
        pytest.param([(13,), (12,)], id="the later first"),
    ],
)
def test_a_week_with_the_list_of_another_has_its_promotions(spark: SparkSession, tmp_path: Path, waves: list[tuple[int, ...]]) -> None:
    shop = Shop(spark, tmp_path, BY_WEEK)
    for wave in waves:
        for week in wave:
            deliver_week(shop, week)
        shop.clean()
    rows = {(row["item_id"], row["valid_from"].isoformat()) for row in shop.rows(PROMOTIONS)}
    assert rows == {("tea", "2026-03-23"), ("tea", "2026-03-30")}
    assert {row.source_file for row in shop.table(PROMOTIONS).collect()} == {"week=12/list.csv", "week=13/list.csv"}
    assert counted(shop) == {"12": (1, 1, 0), "13": (1, 1, 0)}
    assert sorted(counted(shop, "silver.items").values()) == [(0, 0, 2), (2, 0, 0)], "items read no names: a copy is one"


@pytest.mark.long
def test_files_of_one_content_are_read_again_each_by_its_own_name(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path, {**BY_WEEK, "tables": {PROMOTIONS: BY_WEEK["tables"][PROMOTIONS]}})
    deliver_week(shop, 12)
    deliver_week(shop, 13)
    shop.clean()
    shop.given = deepcopy(dict(shop.given))
    del shop.given["tables"][PROMOTIONS]["reject"]
    outcome = replaying(shop).run(ReplaySettings(**{**NOTHING, "rejected": True}))
    told = outcome.tables[PROMOTIONS]
    assert (told["files"], told["newly_accepted"], told["no_longer_rejected"], told["removed"]) == (2, 2, 2, 0)
    assert len(shop.rows(PROMOTIONS)) == 4
    assert counted(shop) == {"12": (2, 0, 0), "13": (2, 0, 0)}


@pytest.mark.long
def test_what_was_a_copy_is_read_once_the_mapping_reads_names(spark: SparkSession, tmp_path: Path) -> None:
    named = {**BY_WEEK, "tables": {PROMOTIONS: BY_WEEK["tables"][PROMOTIONS]}}
    shop = Shop(spark, tmp_path, deepcopy(named))
    shop.given["tables"][PROMOTIONS]["columns"] |= {"valid_from": "DATE'2026-03-23'", "valid_to": "DATE'2026-03-30'"}
    deliver_week(shop, 12)
    deliver_week(shop, 13)
    shop.clean()
    assert sorted(counted(shop).values()) == [(0, 0, 2), (1, 1, 0)]
    shop.given = named
    assert shop.clean().picked_up == 1
    assert counted(shop) == {"12": (1, 1, 0), "13": (1, 1, 0)}
    assert shop.table(REJECTED).count() == 2
    assert shop.clean().picked_up == 0


def test_a_file_whose_name_is_read_is_not_found_under_another(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path, BY_WEEK)
    deliver_week(shop, 12)
    deliver_week(shop, 13)
    again: Replay = replaying(shop)
    files = RereadableFiles(again.checked, again.landing, again.ledger, again.settings)
    entries = {file: {"modified_at": NOW} for file in files.landed}
    (shop.landing / "week=13").rename(shop.landing / "week=14")
    files = RereadableFiles(again.checked, again.landing, again.ledger, again.settings)
    for table, expected in ((PROMOTIONS, {"week=12/list.csv": 12}), ("silver.items", {"week=12/list.csv": 12, "week=13/list.csv": 14})):
        present, left = files.present(table, entries)
        assert {path: int(file.uri.split("=")[-1][:2]) for (path, _), file in present.items()} == expected
        assert list(left.values()) == ["gone from the landing folder"] * (2 - len(expected))


def test_a_name_is_read_through_let_and_in_every_part_of_a_mapping(spark: SparkSession) -> None:
    given = mapping(
        columns={"store_id": "till", "channel": "title"},
        where="file_modified_at > TIMESTAMP'2026-01-01'",
        reject={"late": "File_Name like '%late%'"},
        items={**ITEMS, "where": "title <> 'file_name'", "version": "coalesce(moment, file_modified_at)"},
    )
    given["files"]["sales"]["let"] |= {"folder": "split(`file_name`, '/')[0]", "till": "trim(folder)"}
    checked = checked_source(spark, given, "conf/sources/corner.yaml")
    assert checked.named == {EVENTS: {"store_id", "where", "reject.late"}, "silver.items": {"version"}}
    assert checked.references[EVENTS]["store_id"] == frozenset()
    assert checked_source(spark, mended(), "conf/sources/corner.yaml").named == {EVENTS: frozenset()}


@pytest.mark.long
def test_equal_lines_are_one_event_where_the_mapping_takes_the_same_from_their_files_names(spark: SparkSession, tmp_path: Path) -> None:
    rules, raw = typed(spark, tmp_path, {"seen": "int"}, "1 AS seen", "1 AS seen", "1 AS seen", store_id="split(file_name, '/')[0]")
    paths = ["1/a", "1/b", "2/a"]
    rows = [mapped_rows(raw.limit(1).withColumn("file_name", F.lit(path)), rules) for path in paths]
    first, again, other = (frame.select(content_id(rules)).collect()[0][0] for frame in rows)
    assert first == again != other


@pytest.mark.long
def test_what_check_source_says_of_files_with_equal_contents(spark: SparkSession, tmp_path: Path) -> None:
    from support.rehearsals import rehearsal

    shop = Shop(spark, tmp_path, BY_WEEK)
    deliver_week(shop, 12)
    deliver_week(shop, 13)
    told = {one.table: one.counts for one in rehearsal(shop).check().tables}
    assert (told[PROMOTIONS].accepted, told[PROMOTIONS].rejected) == (2, 2)
    assert (told["silver.items"].read, told["silver.items"].accepted, told["silver.items"].duplicate) == (4, 2, 2)
