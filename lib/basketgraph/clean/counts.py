"""Counts of rows over many files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from basketgraph.clean.ledger import DONE, Counts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def ledger_counts(files: DataFrame) -> dict[str, dict[str, Any]]:
    """Rows per table, summed over every file ever picked up: read = accepted + rejected + duplicates + left_out.

    files: ops.files. returns: table -> read, accepted, rejected, duplicates, left_out, superseded, retracted, rejected_by_reason.
    """
    done, sums = files.where(F.col("status") == DONE), {"duplicates": "rows_duplicate"}
    sums |= {name: f"rows_{name}" for name in ("read", "accepted", "rejected", "left_out", "superseded", "retracted")}
    numbers = [F.sum(F.coalesce(column, F.lit(0))).alias(name) for name, column in sums.items()]
    totals = done.groupBy("table_name").agg(*numbers).orderBy("table_name").collect()
    each = done.select("table_name", F.inline("rejected_by_reason")).groupBy("table_name", "reason").agg(F.sum("rows").alias("rows"))
    reasons: dict[str, dict[str, int]] = {row.table_name: {} for row in totals}
    for row in each.orderBy("reason").collect():
        reasons[row.table_name][row.reason] = row.rows
    return {row.table_name: {**{name: row[name] for name in sums}, "rejected_by_reason": reasons[row.table_name]} for row in totals}


def summed(counts: Iterable[Counts]) -> Counts:
    found, by_reason = list(counts), Counter[str]()
    for one in found:
        by_reason.update(one.by_reason)
    numbers = [field.name for field in fields(Counts) if field.name != "by_reason"]
    return Counts(**{name: sum(getattr(one, name) for one in found) for name in numbers}, by_reason=dict(by_reason))
