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
from basketgraph.onboard.exposures import exposures_table, set_policy_of_folders
from basketgraph.onboard.file_kinds import FileKind
from basketgraph.onboard.missing_columns import no_sales, refuse_undated
from basketgraph.onboard.reviews import reviews_table
from basketgraph.onboard.roles import SOLD, Reading, read

WIDE = 20  # columns of numbers called alike
NO_CURRENCY, NO_ZONE = "XXX", "UTC"  # ISO 4217's code for none; both only stand until the user says better


@dataclass(eq=False)
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


def plan(shop: str, landing: Path, kinds: Sequence[FileKind], *, currency: str | None, time_zone: str | None) -> Plan:
    """Plan which tables the files feed. currency, time_zone: what the user said, before any evidence.

    errors: UserError where orders and their lines lie in separate files, sales have no day, or nothing in the files looks like sales, items or users.
    """
    plans = [_files_plan(kind) for kind in kinds]
    sales = _sales(plans)
    remarks: list[Remark] = []
    evidence = [currency_and_zone(files.reading) for files in sorted(plans, key=lambda files: files is not sales)]
    has_times = any("time" in files.reading.roles for files in plans)
    money = _place("currency", currency, next((pair for pair, _ in evidence if pair), None), NO_CURRENCY, remarks, asked=sales is not None)
    zone = _place("time_zone", time_zone, next((pair for _, pair in evidence if pair), None), NO_ZONE, remarks, asked=sales is not None or has_times)
    used: dict[FilesPlan, None] = {}  # in the order of their tables
    if sales is not None:
        used[sales] = None
        sales.tables.append(events_table(sales.reading, sales.lets, money, [file.name for file in sales.kind.files]))
    rated = next((files for files in plans if files.reading.table == "reviews"), None)
    makers: tuple[tuple[str, Callable[[Reading, Lets], Table | None], FilesPlan | None], ...] = (
        ("reviews", reviews_table, None),
        ("exposures", exposures_table, None),
        ("items", items_table, sales or rated),
        ("users", users_table, sales),
    )
    for name, make, otherwise in makers:
        files = next((files for files in plans if files.reading.table == name), otherwise)
        table = make(files.reading, files.lets) if files is not None else None
        if files is not None and table is not None:
            used[files] = None
            if name == "exposures":
                set_policy_of_folders(table, [file.name for file in files.kind.files])
            files.tables.append(table)
    return Plan(shop, landing, zone, money, list(used), remarks, [_left_out(files) for files in plans if files not in used])


def _files_plan(kind: FileKind) -> FilesPlan:
    reading = read(kind.sample)
    lets, lines = Lets(reading), reading.sample.lines
    if lines is not None:
        lets.names[lines.name] = lines.expression
        text = f"each element of {'.'.join(lines.path)} is a line of the order"
        lets.remark(lines.name, "guess", text, "its records have the fields of order lines")
    return FilesPlan(kind, reading, lets)


def _place(key: str, said: str | None, evidence: tuple[str, str] | None, none: str, remarks: list[Remark], *, asked: bool) -> str:
    """The shop's currency or zone. none: what stands for it where nobody says it. asked: whether the files have what it is about."""
    if said is not None:
        return said
    if evidence is not None:
        remarks.append(Remark("guess", key, evidence[0], evidence[1]))
        return evidence[0]
    if not asked:
        remarks.append(Remark("note", key, f"nothing in the files needs it; {none} stands for none"))
        return none
    want = "an ISO 4217 code such as EUR" if key == "currency" else "an IANA name such as Europe/Berlin"
    remarks.append(Remark("todo", key, f"nothing in the files says it; want {want}. {none} only stands here so that you can try"))
    return none


def _sales(plans: Sequence[FilesPlan]) -> FilesPlan | None:
    """The files that hold the events; None where there are only lists of items or users."""
    whole = [files for files in plans if files.reading.table == "events"]
    if whole:
        return max(whole, key=lambda files: (_has_purchases(files.reading), len(files.reading.roles), files.reading.sample.total or 0))
    _refuse_pairs(plans)
    rest = [files for files in plans if files.reading.table is None]
    near = [files for files in rest if "time" in files.reading.roles and ({"user", "item"} & files.reading.roles.keys())]
    near += [files for files in rest if {"user", "item"} <= files.reading.roles.keys()]
    if any(files.reading.table in ("reviews", "exposures") for files in plans):
        near = [files for files in near if SOLD & files.reading.roles.keys()]  # a list of films with days of release is no sale
    if near:
        best = max(near, key=lambda files: len(files.reading.roles))
        _refuse_wide([best])
        refuse_undated(best.kind, best.reading)
        return best
    if any(files.reading.table for files in plans):
        return None
    _refuse_wide(plans)
    raise no_sales([(files.kind, files.reading) for files in plans])


def _has_purchases(reading: Reading) -> bool:
    """Whether some rows may be sales: they are not events of which none is a purchase."""
    event_type = reading.roles.get("event_type")
    return event_type is None or bool(bought_words(event_type)) or not has_event_words(event_type)


def _refuse_pairs(plans: Sequence[FilesPlan]) -> None:
    """Raise UserError where orders and their lines lie in two files: a mapping joins nothing."""
    for lines in plans:
        for orders in plans:
            a, b = lines.reading.roles, orders.reading.roles
            if lines is orders or not {"order", "item"} <= a.keys() or not {"order", "user"} <= b.keys() or "user" in a or "item" in b:
                continue
            has_time = "time" in (a.keys() | b.keys())
            undated = "neither has the day of an order, without which no sale can be used: deliver it, too"
            left, right = repr(lines.kind.files[0].name), repr(orders.kind.files[0].name)
            raise UserError(
                "orders and their lines lie in two kinds of files, and a mapping cannot join",
                [
                    f"{lines.kind.pattern}: {a['item'].name} (item) by {a['order'].name} (order), have no user",
                    f"{orders.kind.pattern}: {b['user'].name} (user) by {b['order'].name} (order), have no item",
                    *([] if has_time else [undated]),
                ],
                "Deliver one file with a row for each line and its order's columns beside it, for instance:\n"
                '  python -c "import pandas as pd; '
                f"pd.read_csv({left}, dtype=str).merge(pd.read_csv({right}, dtype=str), left_on='{a['order'].name}', right_on='{b['order'].name}')"
                ".to_csv('sales.csv', index=False)\"",
            )


def _refuse_wide(plans: Sequence[FilesPlan]) -> None:
    """Raise UserError where each day or week is a column: a mapping makes one event of a row."""
    for kind, reading in ((files.kind, files.reading) for files in plans):
        numbers = [profile.name for profile in reading.spare if profile.whole]
        stems = Counter(re.sub(r"\d+", "0", name) for name in numbers if re.search(r"\d", name))
        stem, columns = stems.most_common(1)[0] if stems else ("", 0)
        if "time" not in reading.roles and columns >= WIDE and columns > len(reading.profiles) / 2:
            wide = [name for name in numbers if re.sub(r"\d+", "0", name) == stem]
            rest = [profile.name for profile in reading.profiles if profile.name not in wide]
            raise UserError(
                "want a row for each sale",
                [f"{kind.pattern}: one column a day or week, {wide[0]} to {wide[-1]}"],
                "Unpivot it, so that the day is a value, and leave out the rows with 0; and say who bought. For instance with pandas:\n"
                f"  frame.melt(id_vars={rest[:6]}, var_name='day', value_name='quantity').query('quantity > 0')",
            )


def _left_out(files: FilesPlan) -> str:
    kind, reading = files.kind, files.reading
    has = reading.roles_in_words or ", ".join(reading.sample.declared)[:80]
    if reading.table is not None:
        return f"{kind.pattern}: looks like {reading.table} too, but one kind of files feeds a table; has {has}"
    what = "neither sales, reviews, exposures, items nor users, as far as we can tell"
    return f"{kind.pattern}: {what}; has {has}. Promotions, campaigns and coupons are mapped by hand"
