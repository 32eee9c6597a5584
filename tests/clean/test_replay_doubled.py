"""An event that is in the table twice, since its mapping promised that no event moves: a replay of any of its days leaves one row."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from pyspark.sql import SparkSession

from support.corner_shop import Shop, deliver, line, mapping
from support.replays import EVENTS, assert_as_fresh, assert_counts_add_up, replay

FIRST, SECOND = "2026-03-01 10:00", "2026-03-02 10:00"


def days(shop: Shop) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in shop.rows(EVENTS):
        found.setdefault(row["event_id"], []).append(str(row["event_date"]))
    return {event: sorted(on) for event, on in found.items()}


def booked(shop: Shop) -> dict[str, tuple[int, int, int]]:
    return {row.source_file: (row.rows_accepted, row.rows_duplicate, row.rows_superseded) for row in shop.table("ops.files").collect()}


@pytest.fixture(scope="module")
def doubled(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop's folder: event 1 came on the first day, then on the second; events 2 and 3 stayed where they were."""
    folder = tmp_path_factory.mktemp("doubled")
    shop = Shop(spark, folder, mapping(day_may_change=False))
    deliver(shop.landing, "old.csv", line(1, at=FIRST), line(2, at=FIRST))
    shop.clean()
    deliver(shop.landing, "new.csv", line(1, at=SECOND), line(3, at=SECOND), minute=1)
    shop.clean()
    assert days(shop) == {"1": ["2026-03-01", "2026-03-02"], "2": ["2026-03-01"], "3": ["2026-03-02"]}
    return folder


@pytest.mark.long
@pytest.mark.parametrize(("first", "last", "gone"), [(1, 2, ""), (1, 1, ""), (2, 2, ""), (1, 2, "old.csv")])
def test_one_row_is_left_the_newest_whichever_of_its_days_is_replayed(
    spark: SparkSession, tmp_path: Path, doubled: Path, first: int, last: int, gone: str
) -> None:
    copytree(doubled, tmp_path / "shop")
    shop = Shop(spark, tmp_path / "shop", mapping())
    if gone:
        (shop.landing / gone).unlink()
    told: dict[str, Any] = replay(shop, first_day=date(2026, 3, first), last_day=date(2026, 3, last)).tables[EVENTS]
    assert days(shop) == {"1": ["2026-03-02"], "2": ["2026-03-01"], "3": ["2026-03-02"]}
    assert (told["rows_before"], told["rows_after"], told["newly_accepted"], told["removed"]) == (4, 3, 0, 1)
    assert booked(shop) == {"old.csv": (2, 0, 1), "new.csv": (2, 0, 0)}
    assert_counts_add_up(shop)
    if not gone and first != last:
        assert replay(shop, first_day=date(2026, 3, first), last_day=date(2026, 3, last)).written == set()
        assert_as_fresh(shop, tmp_path)


@pytest.mark.long
def test_a_key_that_no_longer_arises_in_one_file_keeps_the_row_that_another_gave(spark: SparkSession, tmp_path: Path, doubled: Path) -> None:
    copytree(doubled, tmp_path / "shop")
    shop = Shop(spark, tmp_path / "shop", mapping(reject={"early": f"at = '{FIRST}' and line = '1'"}))
    told = replay(shop, first_day=date(2026, 3, 1), last_day=date(2026, 3, 1)).tables[EVENTS]
    assert days(shop) == {"1": ["2026-03-02"], "2": ["2026-03-01"], "3": ["2026-03-02"]}
    assert (told["rows_after"], told["removed"], told["newly_rejected"]) == (3, 1, 1)
    assert booked(shop) == {"old.csv": (1, 0, 0), "new.csv": (2, 0, 0)}
    assert_counts_add_up(shop)
