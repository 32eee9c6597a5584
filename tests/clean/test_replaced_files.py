"""A file that is replaced so late that its new rows are committed under the counts of the old ones: they are taken back, and never believed."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from basketgraph.clean import batch, writes
from basketgraph.clean.ledger import Ledger
from support.corner_shop import HEADER, Shop, line, mapping, put
from support.replays import EVENTS, assert_counts_add_up


def parquet(*lines: str) -> bytes:
    held = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([dict(zip(HEADER.split(","), one.split(","), strict=True)) for one in lines]), held)
    return held.getvalue()


@pytest.mark.long
@pytest.mark.parametrize("killed", [False, True])
def test_rows_of_a_file_that_was_replaced_are_not_counted_as_those_that_were_judged(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    given = mapping()
    given["files"]["sales"] |= {"pattern": "*.parquet", "format": "parquet"}
    shop = Shop(spark, tmp_path, given)
    put(shop.landing, "a.parquet", parquet(*map(line, range(1, 6))))
    start = Ledger.start

    def meanwhile(self: Ledger, *started: Any) -> None:
        put(shop.landing, "a.parquet", parquet(line(7), line(8), line(9, price="0.00")))
        start(self, *started)

    def kill(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(batch, "FEW_BYTES", 0)  # as of a large file, whose rows are read again when they are written
        patched.setattr(Ledger, "start", meanwhile)
        if killed:
            patched.setattr(writes, "_taken_back", kill)
        with pytest.raises(
            (KeyboardInterrupt, RuntimeError), match=None if killed else "5 rows should have been added, but 2 were; they are taken out"
        ):
            shop.clean()
    assert shop.table(EVENTS).count() == (2 if killed else 0)
    shop.clean()
    assert [row["event_id"] for row in shop.rows(EVENTS)] == ["7", "8"]
    assert [(row.status, row.rows_read, row.rows_accepted) for row in shop.table("ops.files").collect()] == [("done", 3, 2)]
    assert_counts_add_up(shop)
