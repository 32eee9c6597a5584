"""Test frames built from the contracts: name only the columns a test is about."""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DataType,
    DateType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    MapType,
    StringType,
    TimestampType,
)

from basketgraph.foundation.contracts import contract
from basketgraph.foundation.tables.files import Files

KNOWN = {("silver.events", "event_type"): "purchase"}  # columns whose values a constraint names
ODD = "a b é %20+[c]{d}#1?*;&$x,'\"\\"  # the name of a folder: patterns, escapes and separators of whatever may read it

FILLED: dict[type[DataType], Any] = {
    StringType: "x",
    LongType: 1,
    IntegerType: 1,
    DoubleType: 1.0,
    FloatType: 1.0,
    BooleanType: True,
    DateType: date(2026, 1, 1),
    TimestampType: datetime(2026, 1, 1, 12, tzinfo=timezone.utc),
    ArrayType: [],
    MapType: {},
}


def mounted(spark: SparkSession, folder: Path, scheme: str = "viewfs") -> str:
    """A URL of `folder` on a file system that is not the local one: Hadoop's viewfs; any other scheme has no FileContext."""
    name, conf = secrets.token_hex(4), spark._jsc.hadoopConfiguration()
    if scheme != "viewfs":
        conf.set(f"fs.{scheme}.impl", "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme")
    conf.set(f"fs.viewfs.mounttable.{name}.link./store", f"file://{folder}")
    url = f"{scheme}://{name}/store"
    conf.set("fs.file.impl", "org.apache.hadoop.fs.RawLocalFileSystem")  # without checksums in files of their own, as the stores of a cluster
    Files(spark).exists(url)  # mounts it
    conf.unset("fs.file.impl")
    return url


def rows(spark: SparkSession, table: str, given: Sequence[Mapping[str, Any]]) -> DataFrame:
    """`given` as rows of `table`: keys that are not named get a value of their own, columns that are required (of some rows, too) a constant, the
    rest null."""
    terms = contract(table)
    unknown = {column for row in given for column in row} - set(terms.columns)
    assert not unknown, f"{table} has no {sorted(unknown)}"
    full = []
    for number, row in enumerate(given):
        values = []
        for field in terms.struct.fields:
            if field.name in row:
                values.append(row[field.name])
            elif (table, field.name) in KNOWN:
                values.append(KNOWN[table, field.name])
            elif field.name in terms.keys and isinstance(field.dataType, StringType):
                values.append(f"{field.name}-{zlib.crc32(repr((number, sorted(row.items(), key=str))).encode()):08x}")
            else:
                is_wanted = not field.nullable or field.name in terms.custom.requiredWhere
                values.append(FILLED[type(field.dataType)] if is_wanted else None)
        full.append(tuple(values))
    return spark.createDataFrame(full, terms.struct)
