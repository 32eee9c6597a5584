"""Files that change while a replay reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from basketgraph.clean.ledger import Ledger
from basketgraph.clean.replay.rereadable_files import RereadableFiles
from basketgraph.foundation.config import UserError
from support.corner_shop import HEADER, Shop, deliver, line, mapping
from support.replays import EVENTS, REJECTED, assert_counts_add_up, mended, replay


@pytest.mark.parametrize(
    ("how", "told"),
    [("overwritten", "changed while it was read"), ("gone", "gone while it was read")],
)
@pytest.mark.long
def test_a_file_that_changes_while_it_is_read_again_stops_the_replay_before_it_writes(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, told: str
) -> None:
    shop = Shop(spark, tmp_path)
    place = deliver(shop.landing, "export.csv", line(1), line(2, price="0.00"), line(3))
    deliver(shop.landing, "other.csv", line(5, price="0.00"), minute=1)
    shop.clean()
    before = shop.release().versions([EVENTS, REJECTED, "ops.files"])
    shop.given = mended()
    present = RereadableFiles.present

    def meanwhile(*given: Any) -> Any:
        found = present(*given)
        if how == "gone":
            place.unlink()
        else:
            deliver(shop.landing, "export.csv", line(7), line(8, pieces="0"), minute=5)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(RereadableFiles, "present", meanwhile)
        with pytest.raises(UserError, match=f"(?s)export.csv: {told}.*Run it again"):
            replay(shop, rejected=True)
    assert shop.release().versions([EVENTS, REJECTED, "ops.files"]) == before
    assert replay(shop, rejected=True).left == {EVENTS: {"export.csv": "gone from the landing folder"}}
    assert [row["event_id"] for row in shop.rows(EVENTS)] == ["1", "3", "5"]
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
    start = Ledger.start

    def meanwhile(*given: Any) -> None:
        put(line(7), line(8, pieces="0"))
        start(*given)

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "start", meanwhile)
        outcome = replay(shop, rejected=True)
    assert outcome.left == {EVENTS: {}}
    assert {row["event_id"]: row["channel"] for row in shop.rows(EVENTS)} == {"1": "web", "2": "web"}
    assert ['"line":"3"' in row["payload"] for row in shop.rows(REJECTED)] == [True]
    assert_counts_add_up(shop)
