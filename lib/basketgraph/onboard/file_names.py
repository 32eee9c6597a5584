"""The day of sale where only the names of files and folders have it: dt=2024-03-02/part-0.csv."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from basketgraph.onboard.words import header_score

# Patterns of whole names that Python and Java read alike, each with year, month and day as its groups.
DAY = "([0-9]{4})-?([0-9]{2})-?([0-9]{2})"
FOLDERS = (
    "(?:.*/)?(?:year|y)=([0-9]{4})/(?:month|m)=([0-9]{1,2})/(?:day|d)=([0-9]{1,2})/.*",
    "(?:.*/)?([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})/.*",
    f"(?:.*/)?{DAY}/.*",
)
ANYWHERE = "(?:.*[^0-9])?((?:19|20)[0-9]{2})[-_.]?([0-9]{2})[-_.]?([0-9]{2})(?:[^0-9].*)?"
KEYED = re.compile(f"(?:^|/)([^/=]+)={DAY}(?:/|$)")
KEYS = {"ds", "dt"}


@dataclass(frozen=True)
class NamedDay:
    """is_certain: a folder is called so, as partitions of tables are; else it may be the day of the export."""

    sql: str
    first: date
    last: date
    is_certain: bool


def named_day(names: Sequence[str]) -> NamedDay | None:
    """The day in the names of all files (below the landing folder); None where one of them has none."""
    keyed = KEYED.search(names[0]) if names else None
    key = "" if keyed is None else keyed[1]
    of_key = [(f"(?:.*/)?{re.escape(key)}={DAY}(?:/.*)?", key.lower() in KEYS or header_score("time", key) > 0)] if key else []
    for pattern, is_certain in (*of_key, *((folder, True) for folder in FOLDERS), (ANYWHERE, False)):
        days = [_day(pattern, name) for name in names]
        known = [day for day in days if day is not None]
        if names and len(known) == len(names):
            sql = f"to_timestamp(regexp_replace(file_name, '^{pattern}$', '$1-$2-$3'), 'yyyy-M-d')"
            return NamedDay(sql, min(known), max(known), is_certain)
    return None


def _day(pattern: str, name: str) -> date | None:
    match = re.fullmatch(pattern, name)
    try:
        return None if match is None else date(*map(int, match.groups()))
    except ValueError:
        return None
