"""The values of the typed columns of ops.quality_results, and questions to a result. Plain Python, no Spark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# outcome
KEPT, BROKEN = "kept", "broken"
NOT_COMPARED = "not_compared"  # rows were there, and nothing to compare them with
NO_ROWS = "no_rows"  # no row was there, or none with a value

# scope_kind
TABLE = "table"  # the whole table
ALL_ROWS = "all_rows"  # all rows for this expectation, while others of the suite look at some days
LOG = "log"  # what the table's log knows of all rows
WINDOW = "window"  # the days in scope_days, and those that they are compared with
DAYS = "days"  # rows of the days in scope_days; of no day where nothing changed

Result = Mapping[str, Any]  # a row of ops.quality_results


def is_partial(result: Result) -> bool:
    """Whether rows of some days only were looked at. A result without a scope counts as one of the whole table."""
    return bool(result["scope_kind"] == DAYS)


def is_whole_table(result: Result) -> bool:
    """Whether this run looked at the whole table, for all expectations of the suite."""
    return bool(result["scope_kind"] == TABLE and result["repeated_from"] is None)


def covers(now: Result, before: Result) -> bool:
    """Whether `now` compared all rows that `before` looked at."""
    if now["outcome"] == NOT_COMPARED:
        return False
    return not is_partial(now) or (is_partial(before) and set(before["scope_days"]) <= set(now["scope_days"]))
