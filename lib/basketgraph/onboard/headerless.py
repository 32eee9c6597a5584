"""Names for the fields of CSV files without a header line: the user's, or those of a well-known layout."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from basketgraph.clean.mapping import INTERNAL_PREFIX, LANDING_NAMES, SOURCE_NAMES
from basketgraph.foundation.config import UserError
from basketgraph.onboard.column_profiles import Profile
from basketgraph.onboard.event_words import has_event_words
from basketgraph.onboard.role_scores import SCALE
from basketgraph.onboard.sample import Column
from basketgraph.onboard.timestamps import epoch_form, looks_like_timestamp, looks_like_value, timestamp_form

LOOKED_AT = 2000  # rows that decide about the layout
NEARLY_ALL = 0.95
STARS = 21  # different ratings at most: halves from 0 to 10
ACTS = ("user_id", "item_id", "category_id", "behavior", "timestamp")  # as Taobao's logs of behaviour
RATINGS = ("user_id", "item_id", "rating", "timestamp")  # as MovieLens' ratings
AS_RATINGS = "lines are two ids, a rating and a time, as MovieLens writes them"
LONG = re.compile(r"\d{9,}")  # a second since 1970, a barcode: nobody calls a column so
FLAG = "--columns"


class Named(NamedTuple):
    """Names for the fields of a file without a header, and their evidence."""

    names: tuple[str, ...]
    because: str


def wanted_columns(flag: str | None) -> tuple[str, ...]:
    """The names that `--columns a,b,c` gives. Raises UserError for an empty name, one that is there twice, and one of ours."""
    if flag is None:
        return ()
    names = tuple(name.strip() for name in flag.split(","))
    faults = [f"name {place}: want a name, have nothing" for place, name in enumerate(names, 1) if not name]
    lower = [name.lower() for name in names]
    faults += [f"{name}: want each name once" for name in dict.fromkeys(names) if name and lower.count(name.lower()) > 1]
    ours = (*LANDING_NAMES, *SOURCE_NAMES)
    faults += [f"{name}: want another name, this one is ours" for name in names if name in ours or name.startswith(INTERNAL_PREFIX)]
    if faults:
        raise UserError(
            f"{FLAG}: want the names of all fields, set apart by commas, have {flag}", faults, f"Write for instance {FLAG} user,item,date."
        )
    return names


def columns_flag(width: int) -> str:
    """The flag with which a user names the fields."""
    return f"{FLAG} {','.join(f'NAME{number}' for number in range(1, width + 1))} (names such as user, item, date, quantity, price)"


def names_of(rows: Sequence[Sequence[str]], columns: Sequence[str], path: Path) -> Named | None:
    """The names of the fields where the first line is a row and we have names for it; None where it is a header, or looks like one.

    columns: the user's own names.
    errors:  UserError where there are fewer or more of them than fields.
    """
    first = [text.strip() for text in rows[0]]
    if columns:
        if _is_header(first, rows) or [text.lower() for text in first] == [name.lower() for name in columns]:
            return None
        if len(columns) != len(first):
            fault = f"want {len(first)} names, one for each field of `{', '.join(first)[:80]}`, have {len(columns)}: {', '.join(columns)}"
            cure = "Name them all, in their order. Files of another kind need a header line, or a command of their own."
            raise UserError(f"{FLAG}: {path}", [fault], cure)
        return Named(tuple(columns), f"{FLAG} says so")
    return _known_layout(rows) if is_row(first) else None


def is_row(first: Sequence[str]) -> bool:
    """Whether a first line has values where a header has names."""
    values = [text for text in first if looks_like_value(text)]
    return len(values) > len(first) / 3 or any(looks_like_timestamp(text) or LONG.fullmatch(text) for text in values)


def _is_header(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first line has texts above columns of numbers or dates."""
    below = [row for row in rows[1:LOOKED_AT] if len(row) == len(first)]
    return not any(map(looks_like_value, first)) and any(_are_values(column) for column in zip(*below, strict=True))


def _are_values(texts: Sequence[str]) -> bool:
    filled = [text.strip() for text in texts if text.strip()]
    return bool(filled) and sum(map(looks_like_value, filled)) >= NEARLY_ALL * len(filled)


def _known_layout(rows: Sequence[Sequence[str]]) -> Named | None:
    """User, item, (category,) behaviour and time, or user, item, rating and time, all in this order."""
    width = len(rows[0])
    columns = [[text.strip() for text in column] for column in zip(*(row for row in rows[:LOOKED_AT] if len(row) == width), strict=True)]
    if width not in (4, 5) or not _are_ids(columns[0]) or not _are_ids(columns[1]) or not (epoch_form(columns[-1]) or timestamp_form(columns[-1])):
        return None
    acts = Profile(Column("", "", "string", []), [text for text in columns[-2] if text])
    if has_event_words(acts) and (width == 4 or _are_ids(columns[2])):
        names = ACTS if width == 5 else tuple(name for name in ACTS if name != "category_id")
        return Named(names, f"lines are {width} fields that end in words for what people do and a time, as logs of behaviour have them")
    if width == 4 and _are_stars(columns[2]):
        return Named(RATINGS, AS_RATINGS)
    return None


def _are_ids(texts: Sequence[str]) -> bool:
    """Whether the values are ids that repeat: whole numbers, or codes without blanks."""
    return len(set(texts)) > 1 and all(re.fullmatch(r"[\w-]+", text) for text in texts) and not timestamp_form(texts)


def _are_stars(texts: Sequence[str]) -> bool:
    least, most = SCALE
    stars = {text for text in texts if re.fullmatch(r"\d{1,2}(\.\d)?", text)}
    return stars == set(texts) and 1 < len(stars) <= STARS and all(least <= float(text) <= most for text in stars)
