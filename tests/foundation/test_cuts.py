"""The cuts of a run: what the shop names, what its history is long enough for, and what a shop without one is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from basketgraph.foundation.config import Config, UserError, load
from basketgraph.foundation.cuts import Cuts, cuts, judged_from, run_cuts
from basketgraph.foundation.tables.warehouse import RunTables
from support.contract_rows import rows

DAY = date(2026, 3, 1)
NAMED = {"cuts": {"validation": date(2025, 1, 1), "test": "2025-02-01"}}


def shop(pipeline: str = "all", **source: object) -> Config:
    conf = load("local", "complete_journey", {"interactions.window_days": "28"}, pipeline=pipeline)
    without = {key: value for key, value in conf.source.items() if key != "cuts"}
    return replace(conf, source={**without, **source})


def days_before(days: int) -> date:
    return DAY - timedelta(days=days)


def test_a_named_cut_counts_for_judging_and_the_day_itself_for_recommending() -> None:
    young = days_before(5)
    assert cuts(shop("all", **NAMED), DAY, young) == Cuts(date(2025, 1, 1), date(2025, 2, 1), 28)
    assert cuts(shop("recommend", **NAMED), DAY, None) == Cuts(date(2026, 2, 1), DAY, 28)


@pytest.mark.parametrize(("history", "window"), [(None, 28), (400, 28), (112, 28), (111, 27), (45, 11), (15, 3), (14, 3)])
def test_windows_are_a_quarter_of_the_history_at_most(history: int | None, window: int) -> None:
    begins = None if history is None else days_before(history)
    assert cuts(shop("all"), DAY, begins) == Cuts(days_before(2 * window), days_before(window), window)
    assert cuts(shop("recommend"), DAY, begins) == Cuts(days_before(window), DAY, window)


@pytest.mark.parametrize("pipeline", ["all", "recommend"])
@pytest.mark.parametrize(("history", "window"), [(13, 3), (8, 2), (3, 1), (1, 1), (0, 1), (-5, 1)])
def test_lists_of_a_shop_of_under_two_weeks_are_of_the_day_itself_and_not_judged_yet(pipeline: str, history: int, window: int) -> None:
    begins = days_before(history)
    assert cuts(shop(pipeline), DAY, begins) == Cuts(days_before(window), DAY, window, begins + timedelta(days=14))


def test_the_day_from_which_a_shop_can_be_judged_is_one_at_which_it_is() -> None:
    first = judged_from(days_before(5), DAY)
    assert first is not None
    assert cuts(shop(), first - timedelta(days=1), days_before(5)).judged_from == first
    assert cuts(shop(), first, days_before(5)).judged_from is None


def test_a_window_that_is_no_number_is_a_mistake() -> None:
    with pytest.raises(UserError, match=r"window_days.*soon"):
        cuts(load("local", "complete_journey", {"interactions.window_days": "soon"}), DAY, None)


def test_history_begins_with_the_first_purchase_of_the_newest_version(spark: SparkSession, tmp_path: Path) -> None:
    release = RunTables(spark, str(tmp_path), "run")
    usual = Cuts(days_before(56), days_before(28), 28)
    assert run_cuts(shop(), DAY, release) == usual, "no events are there yet"

    def write(*given: tuple[str, int]) -> None:
        events = [{"event_id": str(days), "event_type": kind, "event_date": days_before(days)} for kind, days in given]
        release.overwrite(rows(spark, "silver.events", events), "silver.events")

    write(("cancellation", 200))
    assert run_cuts(shop(), DAY, release) == usual, "nobody bought anything yet"
    write(("cancellation", 200), ("purchase", 40), ("purchase", 7))
    assert run_cuts(shop(), DAY, release) == Cuts(days_before(20), days_before(10), 10)
    write(("purchase", 8))
    assert run_cuts(shop(), DAY, release) == Cuts(days_before(2), DAY, 2, days_before(-6))
    assert run_cuts(shop(**NAMED), DAY, release).test == date(2025, 2, 1)
