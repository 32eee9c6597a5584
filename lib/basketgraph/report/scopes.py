"""What a result is about, told from the scope that its check wrote down."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from basketgraph.wording import PASSED_OVER

REPEATED = "looked at for"  # scopes of results that say again what an earlier look found begin so
PARTIAL = rf"^({REPEATED}[^:]*: )?(rows of|nothing changed)"  # scopes of checks that looked at some days
COUNTED = re.compile(r"rows of ([\d,]+) day")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def looked_at(check: Mapping[str, Any]) -> str:
    """What was looked at, also where the result repeats what an earlier check found; empty where an older version did not write it down."""
    scope = str(check["scope"] or "")
    return scope.partition(": ")[2] if scope.startswith(REPEATED) else scope


def is_partial(check: Mapping[str, Any]) -> bool:
    """Whether some days were looked at, and not the whole table or a window of its own."""
    return re.match(PARTIAL, str(check["scope"] or "")) is not None


def passed_over(check: Mapping[str, Any]) -> bool:
    """Whether its rows were not held against the promise, whatever was looked at."""
    return re.search(PASSED_OVER, check["observed"] or "") is not None


def covers(now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Whether `now` certainly looked at all that `before` may have: at the whole table, or at the same days at least."""
    if passed_over(now):
        return False
    return not is_partial(now) or (is_partial(before) and possible_days(before) <= certain_days(now))


def since_in_words(now: Mapping[str, Any]) -> str:
    """What was looked at since a failure that `now` does not cover."""
    return str(now["observed"]) if passed_over(now) else f"looked at since: {looked_at(now)}"


def possible_days(check: Mapping[str, Any]) -> set[date]:
    """Every day that a partial scope may be about: of many it names the first and the last, and says not which lie between them."""
    days = _named(check)
    return {days[0] + timedelta(days=number) for number in range((days[-1] - days[0]).days + 1)} if _is_range(check, days) else set(days)


def certain_days(check: Mapping[str, Any]) -> set[date]:
    """The days that a partial scope is about without doubt: all from the first to the last only where it counts as many."""
    days, counted = _named(check), COUNTED.match(looked_at(check))
    everyday = possible_days(check)
    return everyday if counted and int(counted[1].replace(",", "")) == len(everyday) else set(days)


def _named(check: Mapping[str, Any]) -> list[date]:
    return [date.fromisoformat(day) for day in DAY.findall(looked_at(check))]


def _is_range(check: Mapping[str, Any], days: Sequence[date]) -> bool:
    return len(days) == 2 and " to " in looked_at(check).rpartition(":")[2]
