"""Columns and rows of ops tables that several parts of the page need."""

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


def file_counts(condition: Column | None = None) -> list[Column]:
    """Sums of rows of ops.files: read, accepted, rejected, duplicate, about and left_out. condition: of which files; None: of all."""
    counts = {what: F.col(f"rows_{what}") for what in ("read", "accepted", "rejected", "duplicate")} | {"about": about(), "left_out": left_out()}
    return [F.sum(rows if condition is None else F.when(condition, rows).otherwise(0)).alias(what) for what, rows in counts.items()]


def as_dicts(rows: DataFrame) -> Rows:
    return [row.asDict(recursive=True) for row in rows.collect()]
