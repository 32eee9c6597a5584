"""Columns and rows of ops tables that several parts of the page need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


Rows = list[dict[str, Any]]


def about() -> Column:
    """Rows of a file that are about the table: read, and not left out by the mapping."""
    return F.col("rows_read") - left_out()


def left_out() -> Column:
    return F.coalesce("rows_left_out", F.lit(0))


def file_counts(condition: Column | None = None) -> list[Column]:
    """Sums over rows of ops.files: read, accepted, rejected, duplicate, about, left_out. condition: which rows count; None: all."""
    counts = {what: F.col(f"rows_{what}") for what in ("read", "accepted", "rejected", "duplicate")} | {"about": about(), "left_out": left_out()}
    return [F.sum(rows if condition is None else F.when(condition, rows).otherwise(0)).alias(what) for what, rows in counts.items()]


def as_dicts(rows: DataFrame) -> Rows:
    return [row.asDict(recursive=True) for row in rows.collect()]
