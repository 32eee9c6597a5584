"""Counts of rows over many files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from basketgraph.clean.ledger import DONE, Counts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def ledger_counts(files: DataFrame) -> dict[str, dict[str, Any]]:
    """Rows per table, summed over every file ever picked up: read = accepted + rejected + duplicates + left_out.

    files: ops.files. returns: table -> read, accepted, rejected, duplicates, left_out, superseded, rejected_by_reason.
    """
    done = files.where((F.col("status") == DONE) | (F.col("rows_read") > 0))  # of a file that is gone only rejected rows are left
    names = ["read", "accepted", "rejected", "duplicate", "superseded"]
    left_out = F.sum(F.coalesce("rows_left_out", F.lit(0))).alias("left_out")
    totals = done.groupBy("table_name").agg(*[F.sum(f"rows_{name}").alias(name) for name in names], left_out).collect()
    exploded = done.select("table_name", F.inline("rejected_by_reason"))
    reasons = exploded.groupBy("table_name", "reason").agg(F.sum("rows").alias("rows"))
    by_reason: dict[str, dict[str, int]] = {}
    for row in reasons.collect():
        by_reason.setdefault(row["table_name"], {})[row["reason"]] = row["rows"]
    return {
        row["table_name"]: {
            "read": row["read"],
            "accepted": row["accepted"],
            "rejected": row["rejected"],
            "duplicates": row["duplicate"],
            "left_out": row["left_out"],
            "superseded": row["superseded"],
            "rejected_by_reason": dict(sorted(by_reason.get(row["table_name"], {}).items())),
        }
        for row in sorted(totals, key=lambda row: row["table_name"])
    }


def summed(counts: Iterable[Counts]) -> Counts:
    found = list(counts)
    by_reason: dict[str, int] = {}
    for one in found:
        for reason, rows in one.by_reason.items():
            by_reason[reason] = by_reason.get(reason, 0) + rows
    return Counts(
        sum(c.read for c in found), sum(c.accepted for c in found), sum(c.rejected for c in found),
        sum(c.duplicate for c in found), sum(c.superseded for c in found), by_reason,
        sum(c.left_out for c in found),
    )  # fmt: skip
