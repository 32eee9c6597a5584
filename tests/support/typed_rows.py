"""Raw rows of the corner shop's mapping as typed rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from basketgraph.clean.raw_rows import CORRUPT, HASH
from basketgraph.clean.transform import TableRules
from support.corner_shop import FILLED, Shop, mapping

NOW = datetime(2026, 3, 3, tzinfo=timezone.utc)


def typed(spark: SparkSession, folder: Path, kinds: Mapping[str, str], *rows: str, **columns: str) -> tuple[TableRules, DataFrame]:
    """A shop of Parquet whose lines have no numbers but columns of these kinds, too; and its raw rows, each given as SQL values of those columns.

    columns: expressions of silver.events.
    """
    given = mapping(columns=columns)
    given["files"]["sales"] |= {"format": "parquet", "columns": {**dict.fromkeys(FILLED, "string"), **kinds}}
    del given["tables"]["silver.events"]["columns"]["event_id"]
    given["tables"]["silver.events"]["columns"]["order_id"] = "product"
    usual = ", ".join(f"'{value}' AS {name}" for name, value in FILLED.items())
    raw = spark.sql(" UNION ALL ".join(f"SELECT {usual}, {row}" for row in rows))
    fixed = {CORRUPT: F.lit(None).cast("string"), HASH: F.lit("hash"), "file_name": F.lit("a.parquet"), "file_modified_at": F.lit(NOW)}
    zone = {"source_currency": F.lit("GBP"), "source_time_zone": F.lit("Europe/London")}
    cleaning = Shop(spark, folder, given).cleaning()
    return cleaning.rules["silver.events"], raw.withColumns({**fixed, **zone, "moment": F.expr("to_timestamp(at)")})
