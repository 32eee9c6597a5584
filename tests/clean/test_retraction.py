"""An accepted row of which a newer version is refused is no row of the table any more: an order that was completed, and is refunded later."""

from __future__ import annotations

from datetime import date
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.clean import batch
from basketgraph.clean.retraction import refused_versions, retracted_rows
from basketgraph.clean.trace import trace
from basketgraph.foundation.config import UserError
from basketgraph.foundation.contracts import contract
from basketgraph.foundation.tables.warehouse import Warehouse
from basketgraph.profiles.changed_days import stale_days
from basketgraph.profiles.user_days import user_days
from support.contract_rows import rows
from support.corner_shop import ITEMS, Shop, deliver, line, mapping
from support.rehearsals import rehearsal
from support.replays import EVENTS, REJECTED, assert_as_fresh, assert_counts_add_up, replay

STATE, MODIFIED = "split(title, '/')[0]", "timestamp_seconds(cast(split(title, '/')[1] as bigint))"
# A title of refunded/2 is an order line that was refunded when it was modified for the second time.
GIVEN = mapping(version=MODIFIED, reject={"not_completed": f"{STATE} = 'refunded'"})
FILES = {
    "first.csv": [line(n, title="completed/1", at=f"2026-03-0{n} 10:00") for n in (1, 2, 3)],
    "second.csv": [
        line(1, title="refunded/2"),
        line(3, title="refunded/1"),
        line(4, title="completed/2", at="2026-03-04 10:00"),
        line(5, title="refunded/2"),
    ],
    "third.csv": [line(2, title="refunded/2"), line(2, title="completed/3"), line(5, title="completed/1"), line(3, pieces="x", title="completed/9")],
}
LEFT = ["2", "3", "4"]  # 2 was completed again; 3 was refused in no newer version, and what cannot be read says nothing of it


def deliver_all(shop: Shop, names: tuple[str, ...]) -> None:
    for minute, name in enumerate(names):
        deliver(shop.landing, name, *FILES[name], minute=minute)
        shop.clean()


@pytest.mark.slow
def test_what_is_refused_later_is_taken_back_and_told(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path, GIVEN)
    deliver_all(shop, ("first.csv",))
    summarised = user_days(shop.table(EVENTS), time_zone="Europe/London", recipe="r").localCheckpoint()
    deliver(shop.landing, "second.csv", *FILES["second.csv"], minute=1)
    (check,) = rehearsal(shop).check().tables
    shop.clean()
    assert [row["event_id"] for row in shop.rows(EVENTS)] == LEFT
    assert shop.counts() == {
        "read": 7, "accepted": 4, "rejected": 3, "duplicates": 0, "left_out": 0, "superseded": 0, "retracted": 1,
        "rejected_by_reason": {"not_completed": 3},
    }  # fmt: skip
    assert check.counts.retracted == 1
    assert {row.source_file: row.rows_retracted for row in shop.table("ops.files").collect()} == {"first.csv": 1, "second.csv": 0}
    stale = stale_days(shop.table(EVENTS), summarised, recipe="r").collect()
    assert date(2026, 3, 1) in {row.event_date for row in stale}, "the day that lost its purchase is summarised again"

    found = trace(Warehouse(spark, str(shop.warehouse)), "1")
    assert (found["row"], [one["what"] for one in found["versions"]]) == (None, ["inserted", "deleted"])
    by = found["retracted_by"]
    assert (by["source_file"], by["reasons"], by["run_id"]) == ("second.csv", ["not_completed"], f"run-{shop.runs}")
    assert trace(Warehouse(spark, str(shop.warehouse)), "5")["row"]["rejected_id"] != by["rejected_id"], "of one that was never in, the refused row"
    assert trace(Warehouse(spark, str(shop.warehouse)), "2")["retracted_by"] is None

    deliver(shop.landing, "third.csv", *FILES["third.csv"], minute=2)
    shop.clean()
    assert [row["event_id"] for row in shop.rows(EVENTS)] == LEFT
    assert_counts_add_up(shop)
    before = shop.release().versions([EVENTS, REJECTED, "ops.files"])
    assert replay(shop, rejected=True).written == set()
    assert shop.release().versions([EVENTS, REJECTED, "ops.files"]) == before


@pytest.mark.long  # test_any_order.py has more ways
def test_any_order_of_delivery_ends_in_the_same_tables(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for number, names in enumerate(permutations(FILES)):
        shop = Shop(spark, tmp_path / str(number), GIVEN)
        deliver_all(shop, names)
        assert_counts_add_up(shop)
        found.append((shop.rows(EVENTS), shop.rejected()))
    for few_bytes in (batch.FEW_BYTES, 0):  # in one batch, small and large
        shop = Shop(spark, tmp_path / f"together-{few_bytes}", GIVEN)
        for name, lines in FILES.items():
            deliver(shop.landing, name, *lines)
        with monkeypatch.context() as patched:
            patched.setattr(batch, "FEW_BYTES", few_bytes)
            shop.clean()
        assert_counts_add_up(shop)
        found.append((shop.rows(EVENTS), shop.rejected()))
    assert [row["event_id"] for row in found[0][0]] == LEFT
    assert all(one == found[0] for one in found)


@pytest.mark.long
@pytest.mark.slow
def test_what_is_refused_no_longer_gives_back_what_it_had_taken(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path, GIVEN)
    deliver_all(shop, ("first.csv", "second.csv"))
    shop.given = mapping(version=MODIFIED, where=f"{STATE} <> 'refunded'")
    assert replay(shop, rejected=True).tables[EVENTS]["files"] == 2, "the file whose row was taken out is read again, too"
    assert [row["event_id"] for row in shop.rows(EVENTS)] == ["1", "2", "3", "4"]
    assert_as_fresh(shop, tmp_path)
    shop.given = GIVEN
    replay(shop, first_day=date(2026, 3, 1), last_day=date(2026, 3, 4))
    assert [row["event_id"] for row in shop.rows(EVENTS)] == LEFT
    assert_as_fresh(shop, tmp_path / "again")


@pytest.mark.long
def test_of_a_history_the_row_before_holds_on(spark: SparkSession, tmp_path: Path) -> None:
    items: dict[str, Any] = {**ITEMS, "version": MODIFIED, "columns": {**ITEMS["columns"], "name": STATE}, "reject": {"wrong": f"{STATE} = 'wrong'"}}
    shop = Shop(spark, tmp_path, mapping(items=items))
    deliver(shop.landing, "a.csv", *[line(day, title=f"{day}/1", at=f"2026-03-0{day} 10:00") for day in (1, 3, 5)])
    shop.clean()
    deliver(shop.landing, "b.csv", line(9, title="wrong/2", at="2026-03-03 11:00"), minute=1)
    shop.clean()
    history = [(row["name"], str(row["valid_from"]), str(row["valid_to"])) for row in shop.rows("silver.items")]
    assert history == [("1", "2026-03-01", "2026-03-05"), ("5", "2026-03-05", "None")]
    assert shop.counts("silver.items")["retracted"] == 1
    assert_as_fresh(shop, tmp_path, EVENTS, REJECTED, "silver.items")


def test_a_row_is_retracted_by_a_newer_refused_version_of_its_key_alone(spark: SparkSession) -> None:
    table = rows(spark, "silver.campaign_targets", [{"campaign_id": "1", "user_id": user} for user in ("a/b", "c", "d")])
    time = table.collect()[0].source_time
    given = [
        {"refused_key": ["1", "a/b"], "source_time": time.replace(year=2027)},
        {"refused_key": ["1", "a/b"], "source_time": time.replace(year=2020)},
        {"refused_key": ["1", "c"], "source_time": time},  # as old
        {"refused_key": None, "source_time": time.replace(year=2027)},
    ]
    terms = contract("silver.campaign_targets")
    refused = refused_versions(rows(spark, REJECTED, given), terms)
    assert refused.count() == 2
    assert [row.user_id for row in retracted_rows(table, refused, terms.keys).collect()] == ["a/b"]


@pytest.mark.slow
def test_a_replay_with_other_keys_wants_the_file_whose_refused_row_keeps_an_older_version_out(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path, GIVEN)
    deliver(shop.landing, "a.csv", *FILES["first.csv"])
    deliver(shop.landing, "b.csv", line(1, title="refunded/2"), minute=1)  # it gave the table no row
    shop.clean()
    (shop.landing / "b.csv").unlink()
    shop.given = mapping(version=MODIFIED, reject=GIVEN["tables"][EVENTS]["reject"], columns={"event_id": "concat('e', line)"})
    with pytest.raises(UserError, match=r"(?s)made in another way.*b.csv: gone"):
        replay(shop, first_day=date(2026, 3, 2), last_day=date(2026, 3, 2))
    assert [row["event_id"] for row in shop.rows(EVENTS)] == ["2", "3"]
