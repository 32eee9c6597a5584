"""Look-ups in another table (expect_looked_up_values_to_meet): joined to the rows before Great Expectations sees them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from basketgraph.foundation.quality.metrics import LOOKED_UP
from basketgraph.foundation.quality.suites import Expectation

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    RowsOf = Callable[[str], DataFrame | None]  # a table's rows; None where there is no such table

Lookup = tuple[Any, ...]  # table, columns, keys, where
SMALL_BYTES = 64 << 20


def with_lookups(frame: DataFrame, expectations: Sequence[Expectation], rows_of: RowsOf) -> DataFrame:
    """`frame` with a column for each value that these expectations look up."""
    lookups: dict[Lookup, list[str]] = {}
    for e in expectations:
        if e.type == LOOKED_UP:
            lookups.setdefault(lookup_of(e), []).append(e.kwargs["take"])
    for lookup, takes in lookups.items():
        frame = _joined(frame, lookup, list(dict.fromkeys(takes)), rows_of)
    return frame


def lookup_of(expectation: Expectation) -> Lookup:
    kwargs = expectation.kwargs
    return (kwargs["table"], tuple(kwargs["column_list"]), tuple(kwargs["keys"]), kwargs.get("where"))


def found_column(lookup: Lookup, take: str) -> str:
    return "__found_" + re.sub(r"\W+", "_", "_".join([*map(str, lookup), take]))


def _joined(frame: DataFrame, lookup: Lookup, takes: Sequence[str], rows_of: RowsOf) -> DataFrame:
    """`frame` with a column for each `take`, an SQL aggregate; at most one group of the other table matches a row."""
    table, columns, keys, where = lookup
    other = rows_of(table)
    assert other is not None, f"expectations about {table} are skipped where it is missing"
    names = [f"__key_{number}" for number in range(len(keys))]
    by_key = other.where(where or "true").groupBy(*[F.col(key).alias(name) for key, name in zip(keys, names, strict=True)])
    taken = by_key.agg(*[F.expr(take).alias(found_column(lookup, take)) for take in takes])
    if _bytes(other) <= SMALL_BYTES:  # so that the rows need not be moved
        taken = F.broadcast(taken)
    same = [frame[column] == taken[name] for column, name in zip(columns, names, strict=True)]
    return frame.join(taken, on=same, how="left").drop(*names)


def _bytes(frame: DataFrame) -> int:
    """The size of its files, as Spark's planner knows it."""
    return int(frame._jdf.queryExecution().optimizedPlan().stats().sizeInBytes())
