"""A replay that is cut off, and one that finds cleaning cut off."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from basketgraph.clean.ledger import Announcements
from basketgraph.clean.replay import ReplaySettings
from basketgraph.foundation.config import UserError
from support.corner_shop import Shop, deliver, line
from support.replays import EVENTS, NOTHING, assert_as_fresh, mended, replay, replaying


@pytest.mark.long
@pytest.mark.parametrize("after", ["announced", "rows", "rejected", "finished by clean"])
def test_a_replay_that_was_cut_off_is_finished_by_the_next(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", line(1), line(2, price="0.00"), line(3, pieces="5"))
    deliver(shop.landing, "b.csv", line(3, pieces="6"), minute=1)
    shop.clean()
    shop.given = mended()

    class Crash(Exception):
        pass

    def crash(*_: object, **__: object) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        cut_off = replaying(shop)
        merge = cut_off.release.merge
        if after == "announced":
            patched.setattr(cut_off.release, "merge", crash)
        elif after == "rows":
            patched.setattr(cut_off.release, "merge", lambda frame, table, **terms: merge(frame, table, **terms) if table == EVENTS else crash())
        else:
            patched.setattr(cut_off.ledger, "write", lambda entries: crash() if entries else None)
        with pytest.raises(Crash):
            cut_off.run(ReplaySettings(**{**NOTHING, "rejected": True}))
    if after == "finished by clean":
        assert replaying(shop).finish().tables[EVENTS]["files"] == 1
    else:
        replay(shop, rejected=True)
    assert_as_fresh(shop, tmp_path)
    assert Announcements(shop.release(), "_replaying").read() == []


@pytest.mark.long
def test_after_a_crash_of_cleaning_a_replay_wants_that_mended_first(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", line(1), line(2, price="0.00"))
    with monkeypatch.context() as patched:
        cleaning = shop.cleaning()
        patched.setattr(cleaning, "_write_rows", lambda one: (_ for _ in ()).throw(InterruptedError))
        with pytest.raises(InterruptedError):
            cleaning.run()
    with pytest.raises(UserError, match=r"(?s)cut off.*a.csv.*run clean"):
        replay(shop, rejected=True)
