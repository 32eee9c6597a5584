"""Reading the warehouse's own records for the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from basketgraph.contracts import contract
from basketgraph.tables import Warehouse

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def records(release: Warehouse, table: str) -> DataFrame:
    """The newest version with every column of its contract: a table that was never written is empty, a column that an older one lacks is null."""
    found = release.newest(table)
    return found.select(*[F.col(f.name) if f.name in found.columns else F.lit(None).cast(f.dataType).alias(f.name) for f in contract(table).struct])


def about() -> Column:
    """Rows of ops.files that say something about their table: those that were read, but for those that the mapping leaves out."""
    return F.col("rows_read") - left_out()


def left_out() -> Column:
    return F.coalesce("rows_left_out", F.lit(0))


def as_dicts(rows: DataFrame) -> list[dict[str, Any]]:
    return [row.asDict(recursive=True) for row in rows.collect()]
