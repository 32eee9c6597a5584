"""What a result is about, told from the scope that its check wrote down."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from basketgraph.report.trends import REPEATED

PARTS = ("rows of", "nothing changed")  # scopes of checks that looked at some days begin so
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def looked_at(check: Mapping[str, Any]) -> str:
    """What was looked at, also where the result repeats what an earlier check found; empty where an older version did not write it down."""
    scope = str(check["scope"] or "")
    return scope.partition(": ")[2] if scope.startswith(REPEATED) else scope


def is_partial(check: Mapping[str, Any]) -> bool:
    """Whether some days were looked at, and not the whole table or a window of its own."""
    return looked_at(check).startswith(PARTS)


def covers(now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Whether `now` looked at all that `before` did: at the whole table, or at the same days at least."""
    return not is_partial(now) or (is_partial(before) and _days(before) <= _days(now))


def _days(check: Mapping[str, Any]) -> set[date]:
    """The days that a partial scope names; of many it names the first and the last."""
    scope = looked_at(check)
    days = [date.fromisoformat(day) for day in DAY.findall(scope)]
    if " to " in scope.rpartition(":")[2] and len(days) == 2:
        return {days[0] + timedelta(days=number) for number in range((days[1] - days[0]).days + 1)}
    return set(days)
