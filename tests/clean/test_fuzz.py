"""Rows that a source never crash the job and always add up: both shipped mappings, on values of every wrong kind."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import DateType, TimestampType

from basketgraph.clean.mapping import FileSet
from basketgraph.foundation.config import data_yaml
from basketgraph.foundation.contracts import contract
from support.corner_shop import Shop
from support.fuzzed_files import TEXTS, fuzzed_csv

WHOLE = [None, 0, -1, 1, 2**31, 2**63 - 1, -(2**63), 10**18, 613_566_757, 300_000]  # the last but one: (n - 1) * 7 is 2**32 - 4
REAL = [None, float("nan"), float("inf"), float("-inf"), -0.0, 0.0, -1.5, 1e308, 1e-320, 92233720368547758.08, 0.005]
MICROSECONDS = [
    None,
    0,
    -1,
    2**63 - 1,
    -(2**63),
    -62_167_219_200_000_000,
    253_402_300_800_000_000,
    -62_135_596_800_000_001,
    1,
]  # years 0 and 10000 too


def lines_in(content: bytes) -> int:
    """Rows of a CSV by lines: all that are not blank, but for the header."""
    return sum(any(byte > 32 for byte in line) for line in re.split(rb"\r\n|\r|\n", content)) - 1


def fuzzed_parquet(chance: random.Random, rows: int, files: FileSet) -> pa.Table:
    plain: dict[str, Callable[[], Any]] = {
        "bigint": lambda: chance.randrange(1, 2000),
        "double": lambda: chance.randrange(0, 2000) / 100,
        "timestamp": lambda: 1_490_000_000_000_000 + chance.randrange(10**13),
        "string": lambda: chance.choice(["A", "B", "PASTA", "None/Unknown"]),
    }
    hostile: dict[str, list[Any]] = {"bigint": WHOLE, "double": REAL, "timestamp": MICROSECONDS, "string": [*TEXTS, None]}
    types = {"bigint": pa.int64(), "double": pa.float64(), "timestamp": pa.timestamp("us", tz="UTC"), "string": pa.string()}
    columns = {}
    for name, kind in files.columns.items():
        values = [chance.choice(hostile[kind]) if chance.random() < 0.08 else plain[kind]() for _ in range(rows)]
        if kind == "timestamp":
            columns[name] = pa.array(values, pa.int64()).cast(types[kind])
        elif kind == "string":
            texts = [None if value is None else value.encode() if chance.random() < 0.98 else b"caf\xe9" for value in values]
            binary = pa.array(texts, pa.binary())
            columns[name] = pa.Array.from_buffers(pa.string(), rows, binary.buffers())
        else:
            columns[name] = pa.array(values, types[kind])
    return pa.table(columns)


def adds_up(shop: Shop, rows: dict[str, int | None]) -> None:
    """rows: table -> rows that were delivered for it; None where its mapping takes only some of them."""
    assert {row.status for row in shop.table("ops.files").collect()} == {"done"}
    for name, delivered in rows.items():
        terms, table, counts = contract(name), shop.table(name), shop.counts(name)
        assert counts["read"] == counts["accepted"] + counts["rejected"] + counts["duplicates"] + counts["left_out"], name
        assert delivered is None or counts["read"] == delivered, name
        assert counts["accepted"] > 0, name
        assert counts["rejected"] > 0, name
        assert table.count() == counts["accepted"] - counts["superseded"] - counts["retracted"], name
        assert table.select(*terms.keys).distinct().count() == table.count(), name
        refused = shop.table("silver.rejected_rows").where(F.col("table_name") == name)
        assert refused.count() == refused.select("rejected_id").distinct().count() == counts["rejected"], name
        wrong = [F.col(field.name).isNull() for field in terms.struct.fields if not field.nullable]
        wrong += [~F.coalesce(F.expr(condition), F.lit(False)) for condition in terms.constraints.values()]
        times = [field.name for field in terms.struct.fields if isinstance(field.dataType, (DateType, TimestampType))]
        wrong += [~F.year(name).between(1, 9999) for name in times]
        wrong += [~F.is_valid_utf8(field.name) for field in terms.struct.fields if field.dataType.simpleString() == "string"]
        assert table.where(reduce(or_, [F.coalesce(one, F.lit(False)) for one in wrong])).count() == 0, name
        assert len(table.select(*times).collect()) == table.count(), name  # what Python cannot hold would raise here


def check_online_retail(spark: SparkSession, folder: Path, rows: int, *, number_of_files: int) -> None:
    given = data_yaml("conf/sources/online_retail.yaml")
    shop, chance, delivered = Shop(spark, folder, given), random.Random(7), 0
    shop.landing.mkdir()
    for number in range(number_of_files):
        content = fuzzed_csv(chance, rows // number_of_files, list(given["files"]["sales"]["columns"]))
        (shop.landing / f"{number}.csv").write_bytes(content)
        delivered += lines_in(content)
    shop.clean()
    adds_up(shop, {"silver.events": delivered, "silver.items": None, "silver.users": None})


def check_complete_journey(spark: SparkSession, folder: Path, rows: int) -> None:
    given = data_yaml("conf/sources/complete_journey.yaml")
    shop, chance = Shop(spark, folder, given), random.Random(7)
    shop.landing.mkdir()
    for files in given["files"].values():
        pq.write_table(fuzzed_parquet(chance, rows // len(given["files"]), FileSet.model_validate(files)), shop.landing / files["pattern"])
    shop.clean()
    adds_up(shop, {table: rows // len(given["files"]) for table in given["tables"]})


@pytest.mark.long
def test_two_thousand_fuzzed_rows_of_csv_add_up(spark: SparkSession, tmp_path: Path) -> None:
    check_online_retail(spark, tmp_path, 2_000, number_of_files=2)


@pytest.mark.long
def test_two_thousand_fuzzed_rows_of_parquet_add_up(spark: SparkSession, tmp_path: Path) -> None:
    check_complete_journey(spark, tmp_path, 2_000)


@pytest.mark.long
def test_a_hundred_thousand_fuzzed_rows_of_csv_add_up(spark: SparkSession, tmp_path: Path) -> None:
    check_online_retail(spark, tmp_path, 100_000, number_of_files=10)


@pytest.mark.long
def test_a_hundred_thousand_fuzzed_rows_of_parquet_add_up(spark: SparkSession, tmp_path: Path) -> None:
    check_complete_journey(spark, tmp_path, 100_000)
