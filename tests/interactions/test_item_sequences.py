"""What people took, in order, sealed and read back by a trainer."""

from __future__ import annotations

from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from basketgraph.interactions.item_sequences import item_sequences
from basketgraph.shards.reader import ShardSet
from basketgraph.shards.sequence_writer import seal_item_sequences
from support.contract_rows import ODD, rows

CUT = date(2026, 3, 1)


def bought(user: str, item: str, day: int, order: str | None = None) -> dict[str, Any]:
    moment = datetime(2026, 2, day, 12, tzinfo=timezone.utc)
    return {"user_id": user, "item_id": item, "event_date": moment.date(), "event_time": moment, "order_id": order}


def test_the_latest_items_of_each_person_come_to_the_trainer_in_their_order(spark: SparkSession, tmp_path: Path) -> None:
    events = [
        *(bought("ann", item, day, f"o{day}") for day, item in ((3, "tea"), (1, "jam"), (2, "milk"), (5, "tea"), (7, "jam"))),
        *(bought("ann", "tea", 5, "o5"), bought("ann", "withdrawn", 6, "o6")),  # a second line of its order; nothing that a list may hold
        *(bought("bob", "jam", 9), bought("bob", "jam", 9)),  # without orders each line is its own
        bought("cid", "milk", 1, "o9"),
    ]
    items = [{"item_id": item, "valid_from": date(2025, 1, 1), "recommendable": item != "withdrawn"} for item in ("tea", "jam", "milk", "withdrawn")]
    sequences = item_sequences(rows(spark, "silver.events", events), rows(spark, "silver.items", items), as_of=CUT, longest=4)
    folder = tmp_path / ODD / "set"
    manifest = seal_item_sequences(folder, sequences, cut=CUT, tables={"silver.events": 4}, shards=3)
    assert (manifest.sequences, manifest.sequence_length, manifest.items, manifest.tables) == (3, 4, 3, {"silver.events": 4})
    sealed = ShardSet(folder)
    names = sealed.items().ids
    of_shards = [sealed.sequences(shard) for shard in sealed.shards]
    found = {user: names[taken].tolist() for of in of_shards for user, taken in zip(of.ids, of.items, strict=True)}
    assert found == {"ann": ["milk", "tea", "tea", "jam"], "bob": ["jam", "jam"], "cid": ["milk"]}


def test_the_order_within_a_basket_is_not_that_of_the_ids(spark: SparkSession) -> None:
    items = [{"item_id": f"i{number:02d}", "valid_from": date(2025, 1, 1), "recommendable": True} for number in range(20)]
    events = [bought("ann", item["item_id"], 1, "o1") for item in items]
    (row,) = item_sequences(rows(spark, "silver.events", events), rows(spark, "silver.items", items), as_of=CUT, longest=50).collect()
    assert sorted(row["items"]) == [item["item_id"] for item in items]
    ascending = sum(one < other for one, other in zip(row["items"], row["items"][1:], strict=False))
    assert 4 < ascending < 15


def test_where_nobody_took_two_items_the_set_is_empty(spark: SparkSession, tmp_path: Path) -> None:
    alone = spark.createDataFrame([("ann", ["tea"])], "user_id string, items array<string>")
    assert seal_item_sequences(tmp_path / "set", alone, cut=CUT, tables={}, shards=3).sequences == 0
