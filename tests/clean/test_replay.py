"""After a mapping was mended: landing files are read again, and end where a fresh warehouse would."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from basketgraph.clean.ledger import DONE, Counts, Ledger, counted, key_of
from basketgraph.clean.mapping import Source
from basketgraph.clean.replay.replay import Replay
from basketgraph.clean.replay.settings import ReplaySettings
from basketgraph.clean.sql_checks import CheckedSource
from basketgraph.clean.transform import key_fingerprint
from basketgraph.foundation.config import UserError
from basketgraph.foundation.contracts import contract
from support.corner_shop import HEADER, ITEMS, Shop, deliver, line, mapping
from support.replays import EVENTS, NOTHING, REJECTED, assert_as_fresh, assert_counts_add_up, mended, replay


@pytest.mark.parametrize("copy_first", [True, False])
def test_of_equal_files_without_a_row_of_their_own_the_one_that_was_read_counts(copy_first: bool) -> None:
    ledger = Ledger.__new__(Ledger)  # without a warehouse
    counts = counted(Counts(3, left_out=3))
    place = {"table_name": EVENTS, "file_hash": "hash", "status": DONE}
    found = [
        {**place, "source_file": "views.csv", "batch_id": "run/1", **counts},
        {**place, "source_file": "copy.csv", "batch_id": None, **counts},
    ]
    ledger.entries = {key_of(entry): entry for entry in (reversed(found) if copy_first else found)}
    outcome = Replay.__new__(Replay)
    outcome.ledger = ledger
    outcome.checked = CheckedSource(Source.model_validate(mapping()), {}, {EVENTS: frozenset()})
    assert list(outcome.entries(EVENTS)) == [("views.csv", "hash")]


@pytest.mark.slow
def test_rejected_rows_that_are_good_now_go_over_and_a_second_replay_changes_nothing(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    both = line(3, pieces="0", price="0.00")
    deliver(shop.landing, "a.csv", line(1), line(1), line(2, price="0.00"), both, line(4, pieces="0"))
    deliver(shop.landing, "b.csv", line(1), line(2, price="0.00"), line(5), minute=1)  # delivers some of the same rows again
    deliver(shop.landing, "c.csv", line(6), line(7, pieces="0"), minute=2)  # rejected for another reason
    shop.clean()
    assert shop.counts()["rejected_by_reason"] == {"free": 3, "quantity_not_positive": 3}
    was = {row.event_id: (row.run_id, row.source_file) for row in shop.table(EVENTS).collect()}
    shop.given = mended()
    outcome = replay(shop, rejected=True, reason="free")
    assert outcome.tables[EVENTS] == {
        "files": 2,
        "rows_before": 3,
        "rows_after": 4,
        "newly_accepted": 1,
        "changed": 0,
        "removed": 0,
        "newly_rejected": 0,
        "newly_rejected_by_reason": {},
        "no_longer_rejected": 2,
        "still_rejected": 2,
        "of_these_other_reasons": 1,
    }
    assert_as_fresh(shop, tmp_path)
    counts = shop.counts()
    assert (counts["read"], counts["accepted"], counts["rejected"], counts["duplicates"]) == (10, 4, 3, 3)
    assert counts["rejected_by_reason"] == {"quantity_not_positive": 3}
    now = {row.event_id: (row.run_id, row.source_file) for row in shop.table(EVENTS).collect()}
    assert {event: now[event] for event in was} == was, "rows that stay the same are not written anew"
    assert replay(shop, rejected=True, reason="free").tables == {}
    before = shop.release().versions([EVENTS, REJECTED, "ops.files"])
    for chosen in ({"rejected": True}, {"first_day": date(2026, 3, 1), "last_day": date(2026, 3, 1)}):
        outcome = replay(shop, **chosen)
        assert (outcome.written, outcome.tables[EVENTS]["newly_accepted"]) == (set(), 0)
    assert shop.release().versions([EVENTS, REJECTED, "ops.files"]) == before
    assert shop.clean().picked_up == 0


@pytest.mark.long
@pytest.mark.slow
def test_the_days_files_are_brought_under_the_present_mapping_and_the_others_left(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    first, second, third = (f"2026-03-0{day} 10:00" for day in (1, 2, 3))
    deliver(shop.landing, "1.csv", line(1, at=first, price="9.00"))
    deliver(shop.landing, "2.csv", line(2, at=second, price="9.00"), line(3, at=second), line(4, at=second, pieces="7"), minute=1)
    deliver(shop.landing, "3.csv", line(5, at=third, price="9.00"), line(6, at=third, price="0.00"), minute=2)
    deliver(shop.landing, "4.csv", line(7, at=second, price="0.00"), minute=3)  # nothing but a rejected row of the day
    shop.clean()
    shop.given = mended(columns={"quantity": "if(pieces = '7', 70, cast(pieces as bigint))"}, reject={"dear": "cast(price as decimal(18, 4)) >= 9"})
    outcome = replay(shop, first_day=date(2026, 3, 2), last_day=date(2026, 3, 2))
    told = outcome.tables[EVENTS]
    assert (told["files"], told["rows_before"], told["rows_after"]) == (2, 5, 5)
    assert (told["newly_accepted"], told["changed"], told["removed"], told["newly_rejected_by_reason"]) == (1, 1, 1, {"dear": 1})
    assert {row["event_id"]: row["quantity"] for row in shop.rows(EVENTS)} == {"1": 2, "3": 2, "4": 70, "5": 2, "7": 2}
    assert_counts_add_up(shop)
    assert replay(shop, first_day=date(2026, 3, 1), last_day=date(2026, 3, 1)).tables[EVENTS]["files"] == 1
    assert replay(shop, first_day=date(2026, 3, 3), last_day=date(2026, 3, 3)).tables[EVENTS]["files"] == 1
    assert_as_fresh(shop, tmp_path)
    assert replay(shop, first_day=date(2026, 2, 1), last_day=date(2026, 2, 28)).tables == {}


@pytest.mark.long
@pytest.mark.slow
def test_a_row_that_goes_gives_way_to_what_another_file_says_of_it(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", line(1, pieces="3"), line(3, pieces="3"), line(9))
    shop.clean()
    deliver(shop.landing, "b.csv", line(1, pieces="5", title="wrong"), line(3, pieces="5"), line(2, price="0.00"), minute=1)  # newer versions
    shop.clean()
    assert {row["event_id"]: row["quantity"] for row in shop.rows(EVENTS)} == {"1": 5, "3": 5, "9": 2}
    assert {row.source_file: row.rows_superseded for row in shop.table("ops.files").collect()} == {"a.csv": 0, "b.csv": 2}
    shop.given = mended(where="title <> 'wrong'")
    assert replay(shop, rejected=True).tables[EVENTS]["files"] == 2
    assert {row["event_id"]: row["quantity"] for row in shop.rows(EVENTS)} == {"1": 3, "2": 2, "3": 5, "9": 2}, "the older version counts again"
    booked = {row.source_file: (row.rows_accepted, row.rows_superseded) for row in shop.table("ops.files").collect()}
    assert booked == {"a.csv": (3, 1), "b.csv": (2, 0)}, "superseded is booked to the file whose row was replaced"
    assert_as_fresh(shop, tmp_path)


@pytest.mark.long
def test_where_keys_are_made_in_another_way_all_files_are_read_again(spark: SparkSession, tmp_path: Path) -> None:
    given = mapping()
    shop = Shop(spark, tmp_path, given)
    deliver(shop.landing, "a.csv", line(1, price="0.00"), line(2, at="2026-03-02 10:00"), minute=0)
    deliver(shop.landing, "b.csv", line(2, at="2026-03-02 10:00"), line(3, at="2026-03-02 10:00"), minute=1)  # a row twice, in two files
    deliver(shop.landing, "c.csv", line(4, at="2026-03-05 10:00"), minute=2)  # shares no row
    shop.clean()
    shop.given = mended(columns={"event_id": "concat('e', line)"})
    told = replay(shop, rejected=True).tables[EVENTS]
    assert (told["files"], told["removed"], told["newly_accepted"]) == (3, 3, 4)
    assert_as_fresh(shop, tmp_path)
    shop.given = given
    (shop.landing / "c.csv").unlink()
    with pytest.raises(UserError, match=r"(?s)made in another way.*c.csv: gone"):
        replay(shop, first_day=date(2026, 3, 2), last_day=date(2026, 3, 2))


def test_the_fingerprint_of_a_key_follows_what_the_key_is_made_of() -> None:
    derived = mapping()
    del derived["tables"][EVENTS]["columns"]["event_id"]
    wider = deepcopy(derived)
    wider["files"]["sales"]["columns"]["colour"] = "string"
    by_moment = mapping(columns={"event_id": "concat(line, moment)"})
    other_moment = deepcopy(by_moment)
    other_moment["files"]["sales"]["let"]["moment"] = "to_timestamp(at)"
    alike = mapping(columns={"channel": "'web'"}, where="line > 2", reject={"none": "false"}, version="moment")
    alike["files"]["sales"]["let"]["other"] = "line"

    def fingerprint(given: dict[str, Any]) -> str:
        source = Source.model_validate(given)
        return key_fingerprint(source, contract(EVENTS), source.tables[EVENTS], frozenset())

    assert fingerprint(alike) == fingerprint(mapping())
    assert len({fingerprint(given) for given in (mapping(), derived, wider, by_moment, other_moment)}) == 5


@pytest.mark.long
def test_a_file_that_is_gone_is_told_and_its_rows_stay(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", line(1), line(2, price="0.00"))
    deliver(shop.landing, "b.csv", line(3), line(4, price="0.00"), minute=1)
    deliver(shop.landing, "c.csv", line(5), line(6, price="0.00"), minute=2)
    shop.clean()
    shop.given = mended(reject={"no": "title = 'no'"})
    deliver(shop.landing, "a.csv", line(1, pieces="9"), line(7, price="0.00"), line(8, title="no"), minute=3)  # overwritten
    shop.clean()
    (shop.landing / "b.csv").rename(shop.landing / "moved.csv")  # the same content under another name will do
    outcome = replay(shop, rejected=True)
    assert outcome.left == {EVENTS: {"a.csv": "gone from the landing folder"}}
    assert {row["event_id"]: row["quantity"] for row in shop.rows(EVENTS)} == {"1": 9, "3": 2, "4": 2, "5": 2, "6": 2, "7": 2}
    assert [(row.source_file, list(row.reasons)) for row in shop.table(REJECTED).orderBy("reasons").collect()] == [
        ("a.csv", ["free"]),
        ("a.csv", ["no"]),
    ]
    assert {row.source_file for row in shop.table(EVENTS).collect()} == {"a.csv", "b.csv", "c.csv"}
    assert_counts_add_up(shop)
    shop.clean()  # moved.csv is new to the ledger, and a copy
    assert_counts_add_up(shop)


@pytest.mark.long
def test_what_is_no_text_in_parquet_is_refused_on_being_read_again_too(spark: SparkSession, tmp_path: Path) -> None:
    given = mended()
    given["files"]["sales"] |= {"pattern": "*.parquet", "format": "parquet"}
    shop = Shop(spark, tmp_path, {**given, "tables": {EVENTS: mapping()["tables"][EVENTS]}})
    lines = [dict(zip(HEADER.split(","), line(1, **values).split(","), strict=True)) for values in ({"price": "0.00"}, {"product": "p\0"})]
    shop.landing.mkdir()
    pq.write_table(pa.Table.from_pylist([{**one, "line": str(number)} for number, one in enumerate(lines)]), shop.landing / "a.parquet")
    shop.clean()
    assert [row["reasons"] for row in shop.rows(REJECTED)] != [] == shop.rows(EVENTS)
    shop.given = given
    assert replay(shop, rejected=True).tables[EVENTS]["newly_accepted"] == 1
    assert [row["reasons"] for row in shop.rows(REJECTED)] == [["unparsable"]]
    assert_as_fresh(shop, tmp_path)


@pytest.mark.long
@pytest.mark.slow
def test_a_history_is_mended_with_the_days_up_to_which_its_rows_hold(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path, mapping(items=ITEMS))
    for day, title in ((1, "Tea"), (3, "bad"), (5, "Tee")):
        deliver(shop.landing, f"{day}.csv", line(day, title=title, at=f"2026-03-0{day} 10:00"), minute=day)
    shop.clean()
    shop.given = mapping(items={**ITEMS, "reject": {"bad": "title = 'bad'"}})
    outcome = replay(shop, first_day=date(2026, 3, 3), last_day=date(2026, 3, 3))
    assert (outcome.tables["silver.items"]["removed"], outcome.tables["silver.items"]["newly_rejected_by_reason"]) == (1, {"bad": 1})
    assert outcome.tables[EVENTS]["changed"] == 0
    history = [(str(row["valid_from"]), row["valid_to"] and str(row["valid_to"]), row["name"]) for row in shop.rows("silver.items")]
    assert history == [("2026-03-01", "2026-03-05", "Tea"), ("2026-03-05", None, "Tee")]
    assert_counts_add_up(shop, "silver.items")
    shop.given = mapping(items=ITEMS)
    assert replay(shop, rejected=True, tables=("silver.items",)).tables["silver.items"]["newly_accepted"] == 1
    assert_as_fresh(shop, tmp_path, EVENTS, REJECTED, "silver.items")


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({}, "want either rejected rows or days, have neither"),
        ({"rejected": True, "first_day": date(2026, 3, 1), "last_day": date(2026, 3, 1)}, "have both"),
        ({"first_day": date(2026, 3, 2), "last_day": date(2026, 3, 1)}, "want from <= to"),
        ({"first_day": date(2026, 3, 2)}, "want both"),
        ({"rejected": True, "tables": ("silver.nothing",)}, "have silver.nothing"),
        ({"first_day": date(2026, 3, 1), "last_day": date(2026, 3, 1), "reason": "free"}, "together with rejected rows"),
    ],
)
def test_a_choice_of_nothing_is_a_mistake(chosen: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        ReplaySettings(**{**NOTHING, **chosen}).check([EVENTS, "silver.items"])
    ReplaySettings(**{**NOTHING, "rejected": True, "reason": "free", "tables": (EVENTS,)}).check([EVENTS])
