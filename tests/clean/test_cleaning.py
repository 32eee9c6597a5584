"""Landing files to silver tables: nothing lost, nothing doubled, every row accounted for."""

from __future__ import annotations

import gzip
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pyspark.sql import SparkSession

from basketgraph.clean.cleaning import Cleaning, Work
from basketgraph.clean.landing_files import LandingFile
from basketgraph.foundation.config import UserError
from basketgraph.foundation.privacy.pseudonyms import PseudonymKey
from support.corner_shop import HEADER, ITEMS, MAPPING, Shop, deliver, line, mapping
from support.dirty_lines import DIRTY

REASONS = {
    "free": 1,
    "missing:user_id": 1,
    "quantity_not_positive": 2,
    "unparsable": 1,
    "unreadable:amount_minor": 1,
    "unreadable:event_date": 1,
    "unreadable:event_time": 1,
    "unreadable:quantity": 1,
}


def test_every_row_is_accepted_rejected_or_a_duplicate(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", *DIRTY)
    outcome = shop.clean()
    assert (outcome.read, outcome.accepted) == (9, 2)
    assert shop.counts() == {
        "read": 9,
        "accepted": 2,
        "rejected": 6,
        "duplicates": 1,
        "left_out": 0,
        "superseded": 0,
        "retracted": 0,
        "rejected_by_reason": REASONS,
    }
    assert [row["event_id"] for row in shop.rows("silver.events")] == ["1", "8"]
    assert shop.rows("silver.events")[1]["item_id"] == "p,8"
    rejected = {tuple(row["reasons"]): row["payload"] for row in shop.rows("silver.rejected_rows")}
    assert rejected["unparsable",] is None
    assert '"line":"2","customer":"***"' in rejected["quantity_not_positive",]
    assert ("free", "quantity_not_positive") in rejected
    assert '"customer"' not in rejected["missing:user_id",]  # nothing was there to mask
    assert not any("u1" in str(payload) for payload in rejected.values())


def test_money_is_rounded_half_up_and_local_time_becomes_an_instant(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", line(1, pieces="1", price="0.005"), line(2, pieces="1", price="0.0049"), line(3, at="2026-07-01 00:30"))
    shop.clean()
    got = shop.table("silver.events").selectExpr("event_id", "amount_minor", "cast(event_time as string) as t", "cast(event_date as string) as d")
    found = {row.event_id: row for row in got.collect()}
    assert (found["1"].amount_minor, found["2"].amount_minor) == (1, 0)
    assert (found["3"].t, found["3"].d) == ("2026-06-30 23:30:00", "2026-07-01")  # British summer time


def test_delivering_again_adds_nothing_and_commits_nothing(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", *DIRTY)
    shop.clean()
    tables = ("silver.events", "silver.rejected_rows", "ops.files")
    before = shop.release().versions(tables)
    assert shop.clean().picked_up == 0
    assert shop.release().versions(tables) == before
    rows, rejected = shop.rows("silver.events"), shop.rejected()
    deliver(shop.landing, "copy.csv", *DIRTY, minute=5)  # the same bytes under another name
    deliver(shop.landing, "part.csv", DIRTY[0], DIRTY[2], DIRTY[2], DIRTY[7], minute=6)  # some of the same rows in another file
    shop.clean()
    assert (shop.rows("silver.events"), shop.rejected()) == (rows, rejected)
    assert shop.counts() == {
        "read": 22,
        "accepted": 2,
        "rejected": 9,  # each line of each file that was read is a rejected row of its own
        "duplicates": 11,
        "left_out": 0,
        "superseded": 0,
        "retracted": 0,
        "rejected_by_reason": {**REASONS, "quantity_not_positive": 4, "unparsable": 2},
    }
    assert shop.table("silver.rejected_rows").count() == 9
    assert shop.release().version("silver.events") == before["silver.events"]


@pytest.mark.long  # test_any_order.py has many more ways
def test_order_and_batching_of_deliveries_change_nothing(spark: SparkSession, tmp_path: Path) -> None:
    given = mapping(items=ITEMS)
    files = [
        ("a.csv", 0, [line(1, title="Tea"), line(2, pieces="0"), line(5, price="2.00", title="Tee", at="2026-03-05 10:00")]),
        ("b.csv", 1, [line(1, title="Tea"), line(3, customer="u2", title="Green tea", at="2026-03-03 10:00")]),
        ("c.csv", 2, [line(3, customer="u2", price="9.99", title="Green tea", at="2026-03-03 10:00"), line(2, pieces="0")]),
    ]
    together = Shop(spark, tmp_path / "together", given)
    for name, minute, lines in files:
        deliver(together.landing, name, *lines, minute=minute)
    together.clean()
    late = Shop(spark, tmp_path / "late", given)
    for name, minute, lines in reversed(files):
        deliver(late.landing, name, *lines, minute=minute)
        late.clean()
    batches = Shop(spark, tmp_path / "batches", given)
    for name, minute, lines in files:
        deliver(batches.landing, name, *lines, minute=minute)
    batches.clean(batch_bytes=1)
    assert together.rejected() == late.rejected() == batches.rejected()
    for table in ("silver.events", "silver.items"):
        assert together.rows(table) == late.rows(table) == batches.rows(table)
        assert together.counts(table) == late.counts(table) == batches.counts(table)
    assert [row["amount_minor"] for row in together.rows("silver.events") if row["event_id"] == "3"] == [1998]
    history = [(str(row["valid_from"]), row["valid_to"] and str(row["valid_to"]), row["name"]) for row in together.rows("silver.items")]
    assert history == [("2026-03-01", "2026-03-03", "Tea"), ("2026-03-03", "2026-03-05", "Green tea"), ("2026-03-05", None, "Tee")]


def test_an_overwritten_path_corrects_rows_by_id_and_takes_none_away(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", line(1), line(2))
    shop.clean()
    deliver(shop.landing, "a.csv", line(1, pieces="7"), line(3), minute=9)
    shop.clean()
    assert {row["event_id"]: row["quantity"] for row in shop.rows("silver.events")} == {"1": 7, "2": 2, "3": 2}
    assert shop.counts() == {
        "read": 4,
        "accepted": 4,
        "rejected": 0,
        "duplicates": 0,
        "left_out": 0,
        "superseded": 1,
        "retracted": 0,
        "rejected_by_reason": {},
    }
    deliver(shop.landing, "b.csv", line(1), minute=5)  # the older version arrives again, in another file
    shop.clean()
    assert {row["event_id"]: row["quantity"] for row in shop.rows("silver.events")}["1"] == 7


def test_without_an_event_id_the_whole_line_is_the_id(spark: SparkSession, tmp_path: Path) -> None:
    given = mapping()
    del given["tables"]["silver.events"]["columns"]["event_id"]
    shop = Shop(spark, tmp_path, given)
    deliver(shop.landing, "a.csv", line(1), line(1), line(1, title="Tea!"))
    deliver(shop.landing, "b.csv", "Tea,2026-03-01 10:00,1.50,2,p1,u1,1", header=",".join(reversed(HEADER.split(","))))
    shop.clean()
    assert shop.counts() == {
        "read": 4,
        "accepted": 2,
        "rejected": 0,
        "duplicates": 2,
        "left_out": 0,
        "superseded": 0,
        "retracted": 0,
        "rejected_by_reason": {},
    }


def test_columns_are_matched_by_name_and_a_byte_order_mark_is_no_part_of_it(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    other = "extra,title,line,at,product,customer,price"
    deliver(shop.landing, "a.csv", line(1))
    deliver(shop.landing, "b.csv", "x,Tea,2,2026-03-01 10:00,p1,u1,1.50", header=other, minute=1)
    deliver(shop.landing, "c.csv", "x,Tea,3,2026-03-01 10:00,p1,u1,1.50,4", header=f"\ufeff{other},pieces", minute=2)
    deliver(shop.landing, "d.csv", line(4), header="\ufeff" + HEADER, minute=3)
    outcome = shop.clean()
    assert {row["event_id"]: row["quantity"] for row in shop.rows("silver.events")} == {"1": 2, "3": 4, "4": 2}
    assert outcome.quarantined == (("b.csv", "missing column pieces"),)


def test_a_file_that_cannot_be_used_is_set_aside_and_the_others_go_on(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", line(1))
    (shop.landing / "b.csv.gz").write_bytes(gzip.compress("\n".join([HEADER, *[line(n) for n in range(2, 500)]]).encode())[:-40])
    (shop.landing / "c.csv").write_bytes(b"")
    outcome = shop.clean()
    assert [path for path, _ in outcome.quarantined] == ["b.csv.gz", "c.csv"]
    assert [row["event_id"] for row in shop.rows("silver.events")] == ["1"]
    files = {row.source_file: (row.status, row.problem or "") for row in shop.table("ops.files").collect()}
    assert files["a.csv"] == ("done", "")
    assert files["b.csv.gz"][0] == "quarantined"
    assert "not readable to its end" in files["b.csv.gz"][1]
    assert files["c.csv"] == ("quarantined", "empty: the file has no bytes")
    before = shop.release().version("ops.files")
    shop.clean()
    assert shop.release().version("ops.files") == before
    (shop.landing / "b.csv.gz").write_bytes(gzip.compress("\n".join([HEADER, line(2)]).encode()))
    shop.clean()
    assert [row["event_id"] for row in shop.rows("silver.events")] == ["1", "2"]


def test_where_no_file_can_be_used_nothing_is_written(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", "1,2", header="line,customer")
    with pytest.raises(UserError) as caught:
        shop.clean()
    assert "a.csv: missing column product; missing column pieces" in str(caught.value)
    assert not shop.warehouse.exists()


@pytest.mark.parametrize("folder", ["missing", "empty", "other"])
def test_a_landing_folder_without_files_is_a_mistake(spark: SparkSession, tmp_path: Path, folder: str) -> None:
    shop = Shop(spark, tmp_path)
    if folder != "missing":
        shop.landing.mkdir()
    if folder == "other":
        (shop.landing / "readme.txt").write_text("no data")
        (shop.landing / ".hidden.csv").write_text(HEADER)
    with pytest.raises(UserError, match="landing: want") as caught:
        shop.clean()
    assert "--set landing=DIR" in str(caught.value)
    assert not shop.warehouse.exists()


@pytest.mark.parametrize("after", [pytest.param("started", marks=pytest.mark.long), pytest.param("rejected", marks=pytest.mark.long), "committed"])
def test_after_a_crash_the_next_run_ends_where_an_undisturbed_one_does(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    undisturbed, crashed = Shop(spark, tmp_path / "undisturbed"), Shop(spark, tmp_path / "crashed")
    for shop in (undisturbed, crashed):
        deliver(shop.landing, "a.csv", *DIRTY)
    undisturbed.clean()

    class Crash(Exception):
        pass

    def crash(*_: object, **__: object) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        cleaning = crashed.cleaning()
        if after == "started":
            patched.setattr(Cleaning, "_write_rejected", crash)
        elif after == "rejected":
            patched.setattr(Cleaning, "_write_rows", crash)
        else:
            write = cleaning.ledger.write
            patched.setattr(cleaning.ledger, "write", lambda entries, **note: write(entries, **note) if note or not entries else crash())
        with pytest.raises(Crash):
            cleaning.run()
    assert {row.status for row in crashed.table("ops.files").collect()} == {"started"}
    for shop in (undisturbed, crashed):
        deliver(shop.landing, "later.csv", line(9), DIRTY[0], DIRTY[2], minute=1)
        shop.clean()
    for table in ("silver.events", "silver.rejected_rows"):
        assert crashed.rows(table) == undisturbed.rows(table)
    assert crashed.counts() == undisturbed.counts()
    assert {row.status for row in crashed.table("ops.files").collect()} == {"done"}


def test_another_key_is_refused_before_users_get_a_second_id(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", line(1))
    shop.clean()
    deliver(shop.landing, "b.csv", line(2))
    with pytest.raises(UserError, match="another key"):
        shop.clean(key=PseudonymKey(b"another key, long enough"))


def test_no_raw_user_id_is_stored_anywhere(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path, mapping(items=ITEMS))
    deliver(shop.landing, "a.csv", line(1, customer="planted.person@example.com"), line(2, customer="planted.person@example.com", pieces="0"))
    shop.clean()
    stored = [place for place in shop.warehouse.rglob("*") if place.is_file()]
    for table in ("silver.events", "silver.rejected_rows", "ops.files"):
        assert not any("planted" in str(row) for row in shop.table(table).collect())
    assert not any(b"planted" in place.read_bytes() for place in stored)


def test_the_base_mapping_is_left_as_it_was() -> None:
    assert mapping(columns={"channel": "'web'"}) != MAPPING
    assert "channel" not in MAPPING["tables"]["silver.events"]["columns"]


def test_what_a_killed_run_wrote_of_a_file_that_is_gone_is_taken_back(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", line(1), line(3, pieces="0"))

    def crash(*_: object) -> None:
        raise InterruptedError

    with monkeypatch.context() as patched:
        patched.setattr(Cleaning, "_write_rows", crash)
        with pytest.raises(InterruptedError):
            shop.clean()
    deliver(shop.landing, "a.csv", line(2), minute=1)
    shop.clean()
    assert [row["event_id"] for row in shop.rows("silver.events")] == ["2"]
    assert [(row.status, row.rows_read) for row in shop.table("ops.files").collect()] == [("done", 1)]
    assert shop.rejected() == []


def test_json_lines_are_read_by_name_and_a_broken_one_is_unparsable(spark: SparkSession, tmp_path: Path) -> None:
    given = mapping()
    given["files"]["sales"] |= {"format": "json", "pattern": "*.json", "optional": ["title"]}
    shop = Shop(spark, tmp_path, given)
    shop.landing.mkdir()
    good = '{"at": "2026-03-01 10:00", "price": "1.50", "pieces": "2", "product": "p1", "customer": "u1", "line": "1"}'
    (shop.landing / "a.json").write_text(good + "\n" + good.replace('"1"}', '"2"') + "\n")
    shop.clean()
    assert [row["event_id"] for row in shop.rows("silver.events")] == ["1"]
    assert shop.counts()["rejected_by_reason"] == {"unparsable": 1}
    assert [row["payload"] for row in shop.rows("silver.rejected_rows")] == [None]


def test_files_are_read_in_order_of_their_modification_times_whatever_they_are_called() -> None:
    """It is the version of their rows, where the mapping names none."""
    minutes = {"1.csv": 0, "2.csv": 10, "3.csv": 5, "4.csv": 5}
    files = [LandingFile(name, name, 1, datetime(2026, 3, 2, 8, minute, tzinfo=timezone.utc)) for name, minute in minutes.items()]
    cleaning = cast(Any, SimpleNamespace(settings=SimpleNamespace(batch_bytes=1)))
    batches = Cleaning._batches(cleaning, {"silver.events": Work(files[::-1], [])})
    assert [file.path for batch in batches for file in batch["silver.events"]] == ["1.csv", "3.csv", "4.csv", "2.csv"]
