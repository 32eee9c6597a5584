"""Plan a mapping: which files feed which silver table, and the shop's currency and time zone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from basketgraph.foundation.config import UserError
from basketgraph.onboard.attributes import items_table, users_table
from basketgraph.onboard.draft_tables import Lets, Remark, Table
from basketgraph.onboard.event_words import bought_words, has_event_words
from basketgraph.onboard.events import events_table
from basketgraph.onboard.evidence import currency_and_zone
from basketgraph.onboard.file_kinds import FileKind
from basketgraph.onboard.missing_columns import no_sales, refuse_undated
from basketgraph.onboard.roles import Reading, read

WIDE = 20  # columns of numbers called alike
NO_CURRENCY, NO_ZONE = "XXX", "UTC"  # ISO 4217's code for none; both only stand until the user says better


@dataclass
class FilesPlan:
    """One entry of `files` and the tables that it feeds."""

    kind: FileKind
    reading: Reading
    lets: Lets
    tables: list[Table] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


@dataclass
class Plan:
    """A shop's mapping before it is rendered."""

    shop: str
    landing: Path
    time_zone: str
    currency: str
    files: list[FilesPlan]
    remarks: list[Remark]
    left_out: list[str]


def plan(shop: str, landing: Path, found: Sequence[FileKind], *, currency: str | None, time_zone: str | None) -> Plan:
    """Plan which tables the files feed. currency, time_zone: what the user said, before any evidence.

    errors: UserError where orders and their lines lie in separate files, sales have no day, or nothing in the files looks like sales, items or users.
    """
    readings = [(kind, read(kind.sample)) for kind in found]
    sales = _sales(readings)
    remarks: list[Remark] = []
    evidence = [currency_and_zone(reading) for _, reading in sorted(readings, key=lambda pair: pair[0] is not (sales and sales[0]))]
    money = _place("currency", currency, next((one for one, _ in evidence if one), None), NO_CURRENCY, remarks)
    zone = _place("time_zone", time_zone, next((one for _, one in evidence if one), None), NO_ZONE, remarks)
    plans: list[FilesPlan] = []

    def of(kind: FileKind, reading: Reading) -> FilesPlan:
        known = next((one for one in plans if one.kind is kind), None)
        if known is None:
            known = FilesPlan(kind, reading, Lets(reading))
            lines = reading.sample.lines
            if lines is not None:
                known.lets.names[lines.name] = lines.expression
                told = f"each element of {'.'.join(lines.path)} is a line of the order"
                known.lets.remark(lines.name, "guess", told, "its records have the fields of order lines")
            plans.append(known)
        return known

    if sales is not None:
        one = of(*sales)
        one.tables.append(events_table(one.reading, one.lets, money, [file.name for file in one.kind.files]))
    makers: tuple[tuple[str, Callable[[Reading, Lets], Table | None]], ...] = (("items", items_table), ("users", users_table))
    for name, make in makers:
        own = [pair for pair in readings if pair[1].table == name]
        for kind, reading in [*own[:1], *([sales] if sales is not None and not own else [])]:
            place = of(kind, reading)
            table = make(reading, place.lets)
            if table is not None:
                place.tables.append(table)
    used = [one for one in plans if one.tables]
    left = [_left_out(kind, reading) for kind, reading in readings if all(one.kind is not kind for one in used)]
    return Plan(shop, landing, zone, money, used, remarks, left)


def _place(key: str, said: str | None, evidence: tuple[str, str] | None, none: str, remarks: list[Remark]) -> str:
    if said is not None:
        return said
    if evidence is not None:
        remarks.append(Remark("guess", key, evidence[0], evidence[1]))
        return evidence[0]
    want = "an ISO 4217 code such as EUR" if key == "currency" else "an IANA name such as Europe/Berlin"
    remarks.append(Remark("todo", key, f"nothing in the files says it; want {want}. {none} only stands here so that you can try"))
    return none


def _sales(readings: Sequence[tuple[FileKind, Reading]]) -> tuple[FileKind, Reading] | None:
    """The kind of files that holds the events; None where there are only lists of items or users."""
    whole = [pair for pair in readings if pair[1].table == "events"]
    if whole:
        return max(whole, key=lambda pair: (_has_purchases(pair[1]), len(pair[1].roles), pair[0].sample.total or 0))
    _refuse_pairs(readings)
    rest = [pair for pair in readings if pair[1].table is None]
    near = [pair for pair in rest if "time" in pair[1].roles and ({"user", "item"} & pair[1].roles.keys())]
    near += [pair for pair in rest if {"user", "item"} <= pair[1].roles.keys()]
    if near:
        best = max(near, key=lambda pair: len(pair[1].roles))
        _refuse_wide([best])
        refuse_undated(*best)
        return best
    if any(reading.table for _, reading in readings):
        return None
    _refuse_wide(readings)
    raise no_sales(readings)


def _has_purchases(reading: Reading) -> bool:
    """Whether some rows may be sales: they are neither reviews nor events of which none is a purchase."""
    event_type = reading.roles.get("event_type")
    return not reading.reviews and (event_type is None or bool(bought_words(event_type)) or not has_event_words(event_type))


def _refuse_pairs(readings: Sequence[tuple[FileKind, Reading]]) -> None:
    """Raise UserError where orders and their lines lie in two files: a mapping joins nothing."""
    for kind, lines in readings:
        for other, orders in readings:
            a, b = lines.roles, orders.roles
            if kind is other or not {"order", "item"} <= a.keys() or not {"order", "user"} <= b.keys() or "user" in a or "item" in b:
                continue
            undated = (
                [] if "time" in (a.keys() | b.keys()) else ["neither has the day of an order, without which no sale can be used: deliver it, too"]
            )
            left, right = repr(kind.files[0].name), repr(other.files[0].name)
            raise UserError(
                "orders and their lines lie in two kinds of files, and a mapping cannot join",
                [
                    f"{kind.pattern}: {a['item'].name} (item) by {a['order'].name} (order), have no user",
                    f"{other.pattern}: {b['user'].name} (user) by {b['order'].name} (order), have no item",
                    *undated,
                ],
                "Deliver one file with a row for each line and its order's columns beside it, for instance:\n"
                '  python -c "import pandas as pd; '
                f"pd.read_csv({left}, dtype=str).merge(pd.read_csv({right}, dtype=str), left_on='{a['order'].name}', right_on='{b['order'].name}')"
                ".to_csv('sales.csv', index=False)\"",
            )


def _refuse_wide(readings: Sequence[tuple[FileKind, Reading]]) -> None:
    """Raise UserError where each day or week is a column: a mapping makes one event of a row."""
    for kind, reading in readings:
        numbers = [one.name for one in reading.spare if one.whole]
        stems = Counter(re.sub(r"\d+", "0", name) for name in numbers if re.search(r"\d", name))
        stem, columns = stems.most_common(1)[0] if stems else ("", 0)
        if "time" not in reading.roles and columns >= WIDE and columns > len(reading.profiles) / 2:
            wide = [name for name in numbers if re.sub(r"\d+", "0", name) == stem]
            rest = [one.name for one in reading.profiles if one.name not in wide]
            raise UserError(
                "want a row for each sale",
                [f"{kind.pattern}: one column a day or week, {wide[0]} to {wide[-1]}"],
                "Unpivot it, so that the day is a value, and leave out the rows with 0; and say who bought. For instance with pandas:\n"
                f"  frame.melt(id_vars={rest[:6]}, var_name='day', value_name='quantity').query('quantity > 0')",
            )


def _left_out(kind: FileKind, reading: Reading) -> str:
    told = reading.roles_in_words or ", ".join(reading.sample.declared)[:80]
    if reading.reviews:
        return f"{kind.pattern}: reviews or ratings, which are no purchases; has {told}"
    if reading.table is not None:
        return f"{kind.pattern}: looks like {reading.table} too, but one kind of files feeds a table; has {told}"
    return f"{kind.pattern}: neither sales, items nor users, as far as we can tell; has {told}. Promotions, campaigns and coupons are mapped by hand"
