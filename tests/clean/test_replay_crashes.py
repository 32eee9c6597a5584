"""A replay that is cut off, and one that finds cleaning cut off: what was written is taken back, and done anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.clean.cleaning import Cleaning
from basketgraph.clean.replay.replay import was_cut_off
from basketgraph.clean.replay.settings import ReplaySettings
from support.corner_shop import ITEMS, Shop, deliver, line, mapping
from support.replays import EVENTS, NOTHING, REJECTED, assert_as_fresh, assert_counts_add_up, mended, replay, replaying


def crash(*_: object, **__: object) -> None:
    raise InterruptedError


def cut_off(shop: Shop, monkeypatch: pytest.MonkeyPatch, before: str) -> None:
    """A replay that ends before its first commit to this table, or (`done`) before it says that the files are done."""
    with monkeypatch.context() as patched:
        started = replaying(shop)
        merge, write = started.release.merge, started.ledger.write

        def merging(frame: Any, table: str, **terms: Any) -> None:
            crash() if table == before else merge(frame, table, **terms)

        def writing(entries: Any, **note: Any) -> None:
            crash() if before == "done" and entries and entries[0]["status"] == "done" else write(entries, **note)

        patched.setattr(started.release, "merge", merging)
        patched.setattr(started.ledger, "write", writing)
        with pytest.raises(InterruptedError):
            started.run(ReplaySettings(**{**NOTHING, "rejected": True}))


@pytest.mark.long
@pytest.mark.parametrize(
    ("before", "by"),
    [(EVENTS, "replay"), (REJECTED, "replay"), ("silver.items", "clean"), ("done", "clean")],  # silver.items: a table of two is done
)
def test_a_replay_that_was_cut_off_is_done_anew_by_the_next_run(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, by: str
) -> None:
    items = {**ITEMS, "reject": {"free": "price = '0.00'"}}
    shop = Shop(spark, tmp_path, mapping(items=items))
    deliver(shop.landing, "a.csv", line(1), line(2, price="0.00", at="2026-03-03 10:00"), line(3, pieces="5"))
    deliver(shop.landing, "b.csv", line(3, pieces="6"), minute=1)
    shop.clean()
    shop.given = mended(items=ITEMS)
    cut_off(shop, monkeypatch, before)
    assert was_cut_off(shop.release())
    if by == "clean":
        assert replaying(shop).finish().tables[EVENTS]["files"] == 1
    else:
        replay(shop, rejected=True)
    assert not was_cut_off(shop.release())
    assert_as_fresh(shop, tmp_path, EVENTS, REJECTED, "silver.items")


@pytest.mark.long
def test_a_replay_that_was_cut_off_and_whose_file_is_gone_leaves_what_was_there(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(spark, tmp_path)
    place = deliver(shop.landing, "a.csv", line(1), line(2, price="0.00"), line(3, pieces="0"))
    deliver(shop.landing, "b.csv", line(4, price="0.00"), minute=1)
    shop.clean()
    shop.given = mended()
    cut_off(shop, monkeypatch, REJECTED)
    place.unlink()
    outcome = replaying(shop).finish()
    assert outcome.left == {EVENTS: {"a.csv": "gone from the landing folder"}}
    assert_counts_add_up(shop)
    assert [row["event_id"] for row in shop.rows(EVENTS)] == ["1", "4"]
    assert shop.table(REJECTED).count() == 2


@pytest.mark.long  # test_cleaning.py has the same for the next clean
def test_after_a_crash_of_cleaning_a_replay_takes_back_what_it_had_written(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", line(1), line(2, price="0.00"))
    shop.clean()
    deliver(shop.landing, "b.csv", line(3), line(4, price="0.00"), minute=1)
    with monkeypatch.context() as patched:
        patched.setattr(Cleaning, "_write_rows", crash)
        with pytest.raises(InterruptedError):
            shop.clean()
    assert shop.table(REJECTED).count() == 2
    shop.given = mended()
    assert replay(shop, rejected=True).tables[EVENTS]["files"] == 1
    assert (shop.table(REJECTED).count(), [row["event_id"] for row in shop.rows(EVENTS)]) == (0, ["1", "2"])
    assert_counts_add_up(shop)
    shop.clean()
    assert_as_fresh(shop, tmp_path)
