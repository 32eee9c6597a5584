"""Rows that leave a table, or never enter it, since a newer version of them was refused. Rows in, rows out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from basketgraph.clean.deduplication import REFUSED_AT
from basketgraph.foundation.contracts import Contract

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def refused_versions(rejected: DataFrame, table: Contract) -> DataFrame:
    """The key's columns and REFUSED_AT, the time of the newest refused version of each key. rejected: rows of silver.rejected_rows."""
    key = [F.col("refused_key")[place].cast(table.struct[name].dataType).alias(name) for place, name in enumerate(table.keys)]
    keyed = rejected.where(F.col("refused_key").isNotNull()).select(*key, "source_time")
    return keyed.groupBy(*table.keys).agg(F.max("source_time").alias(REFUSED_AT))


def retracted_rows(rows: DataFrame, refused: DataFrame, keys: Sequence[str]) -> DataFrame:
    """Those of the table's rows of which a newer version was refused. refused: as from `refused_versions`."""
    return rows.join(refused, on=list(keys), how="inner").where(F.col("source_time") < F.col(REFUSED_AT)).select(*rows.columns)
