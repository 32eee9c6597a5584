"""Rows by file and repeated keys, in one pass."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.clean import batch, duplicate_keys
from basketgraph.clean.deduplication import KEY_HASH
from basketgraph.clean.raw_rows import FILE_NUMBER
from support.corner_shop import Shop, deliver, line
from support.dirty_lines import DIRTY


def test_rows_are_counted_by_file_and_exactly_the_repeated_keys_are_found(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(7)
    given = [(draw.choice([0, 1, None]), draw.random() < 0.2, draw.randrange(-(2**63), 2**63)) for _ in range(3000)]
    given += [(1, False, key) for file, bad, key in given[:40] if not bad]  # again, in another partition
    given += [(0, True, given[100][2])]  # a refused row has no key
    monkeypatch.setattr(duplicate_keys, "CHUNK", 100)  # several blocks of one part
    rows = spark.createDataFrame(given, f"{FILE_NUMBER} int, bad boolean, key bigint").repartition(3)
    found = duplicate_keys.tally(rows, refused=F.col("bad"), broken=F.col("bad") & (F.col("key") > 0), key=F.col("key")).collect()
    read: Counter[int] = Counter()
    refused: Counter[int] = Counter()
    broken = 0
    for row in found:
        if row["file"] is not None:
            read[row["file"]] += row["rows"]
            refused[row["file"]] += row["refused"]
            broken += row["broken"]
    assert read == Counter(-1 if file is None else file for file, _, _ in given)
    assert refused == Counter(-1 if file is None else file for file, bad, _ in given if bad)
    assert broken == sum(bad and key > 0 for _, bad, key in given)
    times = Counter(key for _, bad, key in given if not bad)
    assert sorted(row[KEY_HASH] for row in found if row["file"] is None) == sorted(key for key, number in times.items() if number > 1)


@pytest.mark.long
def test_a_large_first_load_gives_what_a_small_one_gives(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shops = {name: Shop(spark, tmp_path / name) for name in ("small", "large")}
    for name, shop in shops.items():
        deliver(shop.landing, "a.csv", *DIRTY)
        deliver(shop.landing, "b.csv", line(1), line(8, pieces="5"), line(9), minute=1)
        monkeypatch.setattr(batch, "FEW_BYTES", 0 if name == "large" else 1 << 20)
        shop.clean()
    small, large = shops.values()
    for table in ("silver.events", "silver.rejected_rows"):
        assert large.rows(table) == small.rows(table)
    assert large.counts() == small.counts()
    assert large.counts()["duplicates"] == 2
    assert large.counts()["superseded"] == 1
