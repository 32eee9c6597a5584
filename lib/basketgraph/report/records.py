"""Columns and rows of the warehouse's own records that several parts of the page need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

Rows = list[dict[str, Any]]


def about() -> Column:
    """Rows of ops.files that say something about their table: those that were read, but for those that the mapping leaves out."""
    return F.col("rows_read") - left_out()


def left_out() -> Column:
    return F.coalesce("rows_left_out", F.lit(0))


def as_dicts(rows: DataFrame) -> Rows:
    return [row.asDict(recursive=True) for row in rows.collect()]
