"""Rejected rows of a content that is gone, where a file that is there delivers them too: exports under one name that grow are the usual case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.clean.cleaning import Cleaning
from basketgraph.clean.replay import ReplaySettings
from support.corner_shop import Shop, deliver, line
from support.replays import EVENTS, NOTHING, REJECTED, assert_as_fresh, assert_counts_add_up, mended, replay, replaying

FREE, BOTH = line(2, price="0.00"), line(5, price="0.00", pieces="0")


def booked(shop: Shop) -> list[tuple[int, int, int, int]]:
    """Of each content that was delivered: rows read, accepted, rejected and duplicate."""
    entries = shop.table("ops.files").orderBy("modified_at").collect()
    return [(entry.rows_read, entry.rows_accepted, entry.rows_rejected, entry.rows_duplicate) for entry in entries]


def export(shop: Shop, *contents: list[str]) -> None:
    """One path, overwritten and cleaned again and again."""
    for minute, lines in enumerate(contents):
        deliver(shop.landing, "export.csv", *lines, minute=minute)
        shop.clean()


@pytest.mark.long
def test_rows_that_a_longer_export_delivers_again_come_in_though_their_first_content_is_gone(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    export(shop, [line(1), FREE, BOTH], [line(1), FREE, BOTH, line(3)])
    assert booked(shop) == [(3, 1, 2, 0), (4, 1, 0, 3)]
    shop.given = mended()
    outcome = replay(shop, rejected=True, reason="free")
    assert outcome.left == {EVENTS: {}}
    told = outcome.tables[EVENTS]
    assert (told["newly_accepted"], told["no_longer_rejected"], told["still_rejected"], told["of_these_other_reasons"]) == (1, 1, 1, 1)
    assert booked(shop) == [(3, 1, 0, 2), (4, 2, 1, 1)]
    assert_as_fresh(shop, tmp_path)
    again = replay(shop, rejected=True)
    assert (again.written, again.left) == (set(), {EVENTS: {}})


@pytest.mark.long
def test_a_file_with_rejected_rows_of_its_own_takes_those_of_the_content_before_it_along(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    lost = line(6, price="0.00")
    export(shop, [line(1), FREE, lost], [line(1), FREE, line(3)], [line(1), FREE, line(3), line(4, price="0.00")])
    shop.given = mended()
    outcome = replay(shop, rejected=True)
    assert outcome.left == {EVENTS: {"export.csv": "gone from the landing folder"}}, "nobody delivers the last row of the first content"
    assert outcome.tables[EVENTS]["newly_accepted"] == 2
    assert booked(shop) == [(3, 1, 1, 1), (3, 1, 0, 2), (4, 2, 0, 2)]
    assert ['"line":"6"' in row["payload"] for row in shop.rows(REJECTED)] == [True]
    assert_as_fresh(shop, tmp_path, EVENTS)


@pytest.mark.long
@pytest.mark.parametrize("after", ["rows", "rejected", "rejected, and the old content is back", "rejected, and the new content is gone"])
def test_a_replay_that_was_cut_off_while_it_took_rows_over_is_finished(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    shop = Shop(spark, tmp_path)
    export(shop, [line(1), FREE, BOTH], [line(1), FREE, BOTH, line(3)])
    shop.given = mended()
    with monkeypatch.context() as patched:
        cut_off = replaying(shop)
        merge, tables = cut_off.release.merge, [EVENTS] if after == "rows" else [EVENTS, REJECTED]

        def some(frame: Any, table: str, **terms: Any) -> None:
            if table not in tables:
                raise InterruptedError
            merge(frame, table, **terms)

        patched.setattr(cut_off.release, "merge", some)
        with pytest.raises(InterruptedError):
            cut_off.run(ReplaySettings(**{**NOTHING, "rejected": True}))
    if after.endswith("back"):
        deliver(shop.landing, "old.csv", line(1), FREE, BOTH)
    if after.endswith("gone"):
        deliver(shop.landing, "export.csv", line(1))
    replaying(shop).finish()
    assert_counts_add_up(shop)
    assert [row["event_id"] for row in shop.rows(EVENTS)] == ["1", "2", "3"]
    if not after.endswith("gone"):
        assert_as_fresh(shop, tmp_path)
    assert replay(shop, rejected=True).written == set()


@pytest.mark.long
def test_what_a_killed_run_left_of_a_file_that_is_gone_is_told_and_taken_over_too(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", line(1), FREE, BOTH)
    with monkeypatch.context() as patched:
        patched.setattr(Cleaning, "_write_rows", lambda *_: (_ for _ in ()).throw(InterruptedError))
        with pytest.raises(InterruptedError):
            shop.clean()
    deliver(shop.landing, "a.csv", line(1), minute=1)
    shop.clean()
    deliver(shop.landing, "b.csv", FREE, minute=2)
    shop.clean()
    assert booked(shop) == [(2, 0, 2, 0), (1, 1, 0, 0), (1, 0, 0, 1)]
    shop.given = mended()
    outcome = replay(shop, rejected=True)
    assert outcome.left == {EVENTS: {"a.csv": "gone: a killed run had begun to read it, and this content is no longer there"}}
    assert [row["event_id"] for row in shop.rows(EVENTS)] == ["1", "2"]
    assert booked(shop) == [(1, 0, 1, 0), (1, 1, 0, 0), (1, 1, 0, 0)]
    assert_counts_add_up(shop)
    assert replay(shop, rejected=True).written == set()
