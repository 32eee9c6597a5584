"""Files that change while a replay reads them: nothing of them is written, and what they gave before stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from basketgraph.clean.ledger import Announcements
from basketgraph.clean.readable import Readable
from support.corner_shop import HEADER, Shop, deliver, line, mapping
from support.replays import EVENTS, REJECTED, assert_counts_add_up, mended, replay


@pytest.mark.long
@pytest.mark.parametrize(("how", "told"), [("overwritten", "changed while it was read"), ("gone", "gone while it was read")])
def test_a_file_that_changes_while_it_is_read_again_is_left_and_its_rows_stay(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, told: str
) -> None:
    shop = Shop(spark, tmp_path)
    place = deliver(shop.landing, "export.csv", line(1), line(2, price="0.00"), line(3))
    deliver(shop.landing, "other.csv", line(5, price="0.00"), minute=1)
    shop.clean()
    shop.given = mended()
    present = Readable.present

    def meanwhile(*given: Any) -> Any:
        found = present(*given)
        if how == "gone":
            place.unlink()
        else:
            deliver(shop.landing, "export.csv", line(7), line(8, pieces="0"), minute=5)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Readable, "present", meanwhile)
        outcome = replay(shop, rejected=True)
    assert list(outcome.left[EVENTS]) == ["export.csv"]
    assert outcome.left[EVENTS]["export.csv"].startswith(told)
    assert (outcome.tables[EVENTS]["files"], outcome.tables[EVENTS]["removed"]) == (1, 0)
    assert [row["event_id"] for row in shop.rows(EVENTS)] == ["1", "3", "5"]
    assert [row.source_file for row in shop.table(REJECTED).collect()] == ["export.csv"]
    assert_counts_add_up(shop)
    shop.clean()
    assert [row["event_id"] for row in shop.rows(EVENTS)] == ["1", "3", "5", *(["7"] if how == "overwritten" else [])]
    assert_counts_add_up(shop)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_what_happens_to_a_file_once_it_is_judged_is_of_no_account(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def put(*lines: str) -> None:
        deliver(shop.landing, "export.csv", *lines)
        if kind == "parquet":
            (shop.landing / "export.csv").unlink()
            rows = [dict(zip(HEADER.split(","), one.split(","), strict=True)) for one in lines]
            pq.write_table(pa.Table.from_pylist(rows), shop.landing / "export.parquet")

    shop = Shop(spark, tmp_path, mapping())
    shop.given["files"]["sales"] |= {"pattern": f"*.{kind}", "format": kind}
    put(line(1), line(2, price="0.00"), line(3, pieces="0"))
    shop.clean()
    shop.given["tables"][EVENTS] = mended(columns={"channel": "'web'"})["tables"][EVENTS]
    announce = Announcements.write

    def meanwhile(*given: Any) -> None:
        put(line(7), line(8, pieces="0"))
        announce(*given)

    with monkeypatch.context() as patched:
        patched.setattr(Announcements, "write", meanwhile)
        outcome = replay(shop, rejected=True)
    assert outcome.left == {EVENTS: {}}
    assert {row["event_id"]: row["channel"] for row in shop.rows(EVENTS)} == {"1": "web", "2": "web"}
    assert ['"line":"3"' in row["payload"] for row in shop.rows(REJECTED)] == [True]
    assert_counts_add_up(shop)
