"""Compare what Spark read of a sample with what onboarding had read: each difference is a TODO with its share and an example."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from math import isnan
from typing import NamedTuple

from basketgraph.clean.characters import folded, shown
from basketgraph.onboard.column_profiles import NOTHING, Profile
from basketgraph.onboard.draft_tables import NOBODY, Remark, Table, decimal_sql
from basketgraph.onboard.event_words import percent
from basketgraph.onboard.plan import FilesPlan
from basketgraph.onboard.rendering import example

MUCH = 0.3  # of the rows refused for one reason
SAMPLED = 0.02  # by which shares may differ where Spark did not read the very rows of the sample
COLUMNS = {
    "time": "event_time", "user": "user_id", "visitor": "visitor_id", "session": "session_id", "item": "item_id", "order": "order_id",
    "quantity": "quantity", "unit_price": "amount_minor",
    "amount": "amount_minor",
}  # fmt: skip
BY_ROLE = ("silver.events", "silver.reviews", "silver.exposures")  # tables whose columns are compared
NUMBERS = ("quantity", "unit_price", "amount")
IDS = ("user", "visitor", "session", "item", "order")


class Row(NamedTuple):
    """A raw row as Spark read and mapped it. raw: role -> text of its column. lets, silver: name -> text."""

    about: bool  # whether it is about the table
    corrupt: bool
    reasons: Sequence[str]
    raw: Mapping[str, str | None]
    lets: Mapping[str, str | None]
    silver: Mapping[str, str | None]


def remark_differences(files: FilesPlan, table: Table, rows: Sequence[Row], *, whole: bool) -> None:
    """Remark where Spark's rows differ from the sample. whole: whether they are all rows of the sampled files."""
    if not rows:
        return
    if table is files.tables[0]:
        _unparsable(files, rows, whole)
    parsed = [row for row in rows if not row.corrupt]
    if table.name in BY_ROLE:
        for role, column in COLUMNS.items():
            profile = files.reading.roles.get(role)
            if profile is not None and column in table.columns:
                some = parsed if column not in table.nullable else [row for row in parsed if row.silver.get(column) is not None]
                for text in _of_role(files, role, profile, some, whole):
                    table.todo(column, text)
    _refused(table, [row for row in parsed if row.about])


def _unparsable(files: FilesPlan, rows: Sequence[Row], whole: bool) -> None:
    corrupt, sample = sum(row.corrupt for row in rows), files.reading.sample
    known = sample.odd_rows if whole else sample.odd_rows / max(1, sample.rows + sample.odd_rows) * len(rows) * 1.5
    if corrupt > known:
        text = f"{percent(corrupt, len(rows))} of the sampled lines ({corrupt:,}) are no rows for Spark; see options"
        files.remarks.append(Remark("todo", f"files.{files.kind.name}", text))


def _of_role(files: FilesPlan, role: str, profile: Profile, rows: Sequence[Row], whole: bool) -> Iterator[str]:
    def show(text: str) -> str:
        return f"`{shown(example(text, profile, role, str))}`"

    raw = [row.raw[role] for row in rows if role in row.raw]
    if not raw:
        return
    yield from _holes(profile, raw, show, same=whole and files.reading.sample.rows == len(rows))
    nothing = [text for text in raw if text is not None and text not in profile.nothing and text.strip().lower() in NOTHING]
    if nothing and profile.timestamp is None and role not in NUMBERS:
        yield f"{percent(len(nothing), len(raw))} of {profile.name} are `{shown(nothing[0])[:40]}`, which is taken for a value; add it to null_values"
    if role in IDS:
        yield from _ids(role, profile, rows, show)
    elif role == "time":
        yield from _times(profile, rows, show)
    else:
        yield from _numbers(files, role, profile, rows, show)


def _holes(profile: Profile, raw: Sequence[str | None], show: Callable[[str], str], *, same: bool) -> Iterator[str]:
    """Where Spark reads nulls in rows that have a value in the sample."""
    empty = sum(text is None for text in raw) / len(raw)
    known = 1 - profile.filled_share()
    if empty > known + (0 if same else SAMPLED) + 1e-9:
        some = f", such as {show(profile.filled[0])}" if profile.filled else ""
        yield f"{profile.name}: {100 * empty:.0f} % of the rows have no value as Spark reads them, {100 * known:.0f} % as the sample was read{some}"


def _ids(role: str, profile: Profile, rows: Sequence[Row], show: Callable[[str], str]) -> Iterator[str]:
    column = COLUMNS[role]
    read = [(row.raw[role], row.silver.get(column)) for row in rows]
    lost = [text for text, made in read if text is not None and made is None and _is_id(text, profile)]
    if lost:
        yield f"{profile.name}: Spark reads {percent(len(lost), len(read))} of the values as nothing, such as {show(lost[0])}; mend the expression"
    alike: dict[str, dict[str, str]] = defaultdict(dict)
    for text, made in read:
        if text is not None and made is not None:
            alike[folded(made)].setdefault(made, text)
    several = [ways for ways in alike.values() if len(ways) > 1]
    if several:
        first, second = list(several[0])[:2]
        both = f"{show(first)} and {show(second)}" if show(first) != show(second) else f"{show(first)} in upper and lower case"
        share = percent(len(several), len(alike))
        what = f"{share} of the {role}s ({len(several):,}) have ids that differ in case or in what nobody sees"
        yield f"{profile.name}: {what}, such as {both}: are they one?"


def _is_id(text: str, profile: Profile) -> bool:
    return (
        bool(folded(text)) and text not in profile.nothing and text.strip().lower() not in NOTHING and text.strip(" 0.") != "" and text not in NOBODY
    )


def _times(profile: Profile, rows: Sequence[Row], show: Callable[[str], str]) -> Iterator[str]:
    compared = []
    for row in rows:
        text, made = row.raw["time"], row.silver.get("event_date")
        day = profile.time_form.day(text) if profile.time_form is not None and text is not None else None
        if text is not None and day is not None:
            compared.append((text, made and made[:10], made is not None and abs((date.fromisoformat(made[:10]) - day).days) <= 1))
    yield from _misread(profile, compared, show, ("times", "other days", "pattern"))


def _numbers(files: FilesPlan, role: str, profile: Profile, rows: Sequence[Row], show: Callable[[str], str]) -> Iterator[str]:
    sql = {decimal_sql(profile), f"cast({profile.number_sql} as bigint)"} if profile.number is not None else set()
    name = next((name for name, text in files.lets.names.items() if text in sql), "")
    compared = []
    for row in rows if name else ():
        text, made = row.raw[role], row.lets.get(name)
        value = profile.value(text) if text is not None else None
        if text is not None and value is not None and not isnan(value):
            compared.append((text, made, made is not None and abs(float(made) - value) <= max(1e-4, 1e-9 * abs(value))))
    yield from _misread(profile, compared, show, ("numbers", "others", "expression"))


def _misread(
    profile: Profile, compared: Sequence[tuple[str, str | None, bool]], show: Callable[[str], str], words: tuple[str, str, str]
) -> Iterator[str]:
    """Where Spark reads nothing, or something else. compared: (text, what Spark made of it, whether that is right)."""
    what, others, cure = words
    lost = [text for text, made, _ in compared if made is None]
    other = [(text, made) for text, made, is_right in compared if made is not None and not is_right]
    if lost:
        yield f"{profile.name}: Spark cannot read {percent(len(lost), len(compared))} of the {what}, such as {show(lost[0])}; mend the {cure}"
    if other:
        share, (text, made) = percent(len(other), len(compared)), other[0]
        yield f"{profile.name}: Spark reads {share} of the {what} as {others}, such as {show(text)} as {made}"


def _refused(table: Table, rows: Sequence[Row]) -> None:
    """Reasons for which cleaning would reject many rows; missing values are asked about elsewhere."""
    counts = Counter(reason for row in rows for reason in row.reasons)
    asked = {key for key, remarks in table.remarks.items() if any(remark.kind == "todo" for remark in remarks)}
    for reason, number in counts.items():
        column = re.sub(r"^(unreadable|violates):", "", reason)
        if number > MUCH * len(rows) and not reason.startswith("missing:") and column not in asked:
            key = column if column in {*table.columns, *table.reject} else next(iter(table.columns))
            table.todo(key, f"{percent(number, len(rows))} of the sampled rows would be rejected as {reason}")
