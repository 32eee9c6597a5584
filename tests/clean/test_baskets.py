"""Records with the list of their lines, as Spark takes them apart: every line arrives, under an id of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.clean.transform import content_id
from support.corner_shop import Shop, mapping, put
from support.typed_rows import typed

LINES = [{"sku": "p1", "pieces": "1"}, {"sku": "p1", "pieces": "1"}, {"sku": "p2", "pieces": "0"}, {"sku": "p3", "pieces": "0"}]


def baskets(*, explode: str) -> dict[str, Any]:
    """A mapping of JSON baskets without numbers; explode: the expression of their lines."""
    given = mapping()
    given["files"]["sales"] |= {
        "pattern": "*.json",
        "format": "json",
        "columns": {"customer": "string", "at": "string", "lines": "array<struct<sku: string, pieces: string>>"},
        "let": {"moment": "to_timestamp(at, 'yyyy-MM-dd HH:mm')", "one": explode},
    }
    events = given["tables"]["silver.events"]
    del events["columns"]["event_id"], events["columns"]["order_id"]
    events["columns"] |= {"item_id": "one.sku", "quantity": "cast(one.pieces as bigint)", "amount_minor": "100"}
    events["reject"] = {"quantity_not_positive": "cast(one.pieces as bigint) <= 0"}
    return given


@pytest.mark.slow
def test_all_lines_of_baskets_without_numbers_arrive_once_equal_ones_too(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path, baskets(explode=" EXPLODE( filter(lines, one -> one.sku is not null) )"))
    records = [{"customer": user, "at": f"2026-03-01 {hour}:00", "lines": LINES} for user, hour in (("u1", 10), ("u1", 11), ("u2", 10))]
    text = "\n".join(map(json.dumps, records))
    put(shop.landing, "a.json", text.encode())
    put(shop.landing, "again.json", f"{text}\n".encode())
    shop.clean()
    rows = shop.rows("silver.events")
    assert [row["item_id"] for row in rows] == ["p1"] * 6
    assert len({row["event_id"] for row in rows}) == 6
    assert shop.table("silver.rejected_rows").count() == 12, "each file has its own"
    assert (shop.counts()["accepted"], shop.counts()["rejected"], shop.counts()["duplicates"]) == (6, 12, 6)


@pytest.mark.slow
@pytest.mark.parametrize(("explode", "empty"), [("explode(lines)", 0), ("explode_outer(lines)", 1)])
def test_what_is_unparsable_or_has_no_list_is_refused_and_never_lost(spark: SparkSession, tmp_path: Path, explode: str, empty: int) -> None:
    shop = Shop(spark, tmp_path, baskets(explode=explode))
    order = {"customer": "u1", "at": "2026-03-01 10:00"}
    broken = json.dumps({**order, "lines": LINES})[:-20]
    records = [{**order, "lines": LINES[:1]}, order, {**order, "lines": {"sku": "p1", "pieces": "1"}}, {**order, "lines": []}]
    put(shop.landing, "a.json", "\n".join([broken, *map(json.dumps, records)]).encode() + b"\n")
    shop.clean()
    assert [row["item_id"] for row in shop.rows("silver.events")] == ["p1"]
    counts = shop.counts()
    assert (counts["read"], counts["accepted"]) == (4 + empty, 1)
    lacking = {"missing:item_id": 1 + empty, "missing:quantity": 1 + empty}
    assert counts["rejected_by_reason"] == {**lacking, "unparsable": 2}


@pytest.mark.long
def test_ids_of_lines_that_no_list_holds_are_what_they_were(spark: SparkSession, tmp_path: Path) -> None:
    rules, raw = typed(spark, tmp_path, {"scanned": "int"}, "1 AS scanned")
    assert [row.id for row in raw.select(content_id(rules).alias("id")).collect()] == ["0d8a56ff58b168d4b5c4f5cb3c97996b"]
