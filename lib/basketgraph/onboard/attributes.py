"""Draft silver.items and silver.users: attributes from files of their own, or from the sales that name them."""

from __future__ import annotations

from basketgraph.onboard.column_profiles import Profile
from basketgraph.onboard.draft_tables import Lets, Table, id_sql, label_sql
from basketgraph.onboard.events import When, moment_of_sale
from basketgraph.onboard.evidence import is_constant
from basketgraph.onboard.role_scores import ITEM_COLUMNS, PEOPLE
from basketgraph.onboard.roles import Reading

USER_COLUMNS = ("country", *PEOPLE)
ALWAYS = "DATE'1900-01-01'"


def items_table(reading: Reading, lets: Lets) -> Table | None:
    """Draft silver.items where the files have attributes of items; from sales, at least the items' ids."""
    item = reading.roles.get("item")
    found = {role: reading.roles[role] for role in ITEM_COLUMNS if role in reading.roles}
    if item is None or reading.reviews or not (found or "user" in reading.roles):
        return None
    if "subcategory" in found and not {"category", "department"} & found.keys():
        found = {"category" if role == "subcategory" else role: one for role, one in found.items()}
    table = Table("silver.items")
    _history(reading, lets, table, item, found)
    if not found:
        table.note("item_id", "nothing says more of the items than their ids, which stand for their names")
    for column, one in found.items():
        table.set(column, label_sql(one))
        role = column if column in reading.because and reading.roles[column] is one else "subcategory"
        table.guess(column, f"{one.name} is the {column.replace('_', ' ')}", reading.because[role])
    plain = [code for code in item.counts if not any(character.isdigit() for character in code)]
    if 0 < len(plain) < 0.1 * len(item.counts) and item is not found.get("name"):
        table.set("recommendable", f"{item.column.sql} rlike '[0-9]'")
        table.guess("recommendable", "codes without a digit are no products", f"only {len(plain)} are like {', '.join(sorted(plain)[:4])}")
    else:
        table.set("recommendable", "true")
        table.guess("recommendable", "all items may be shown to users", "no code looks like a fee, a voucher or a bag")
    return table


def users_table(reading: Reading, lets: Lets) -> Table | None:
    """Draft silver.users where the files have attributes of users."""
    user = reading.roles.get("user")
    found = {role: reading.roles[role] for role in USER_COLUMNS if role in reading.roles}
    if user is None or not found or reading.reviews:
        return None
    table = Table("silver.users")
    _history(reading, lets, table, user, found)
    for column, one in found.items():
        table.set(column, label_sql(one))
        table.guess(column, f"{one.name} is the {column.replace('_', ' ')}", reading.because[column])
    return table


def _history(reading: Reading, lets: Lets, table: Table, key: Profile, found: dict[str, Profile]) -> None:
    """Set key, valid_from and version: one row an id where attributes do not change, else one a day on which they are given."""
    role = "item" if table.name == "silver.items" else "user"
    sql, _ = id_sql(key, role=role)
    own_file = reading.table != "events"
    when: When | None = None if own_file else moment_of_sale(reading, lets)
    constant = all(is_constant(reading, key, one) for one in found.values())
    table.set(f"{role}_id", sql)
    if own_file or when is None or constant:
        table.set("valid_from", ALWAYS)
        because = "the file is a list without days" if own_file else f"each {role} has the same ones in all rows of the sample"
        if found:
            table.guess("valid_from", "the attributes hold for all times", because)
    else:
        table.set("valid_from", when.day)
        table.guess("valid_from", "each sale says what holds from its day on", f"attributes of some {role}s change within the sample")
    if not own_file:
        names = [one.column.sql for one in found.values()] or [key.column.sql]
        said = names[0] if len(names) == 1 else f"coalesce({', '.join(f'cast({name} as string)' for name in names)})"
        table.where = " and ".join(f"{one} is not null" for one in dict.fromkeys((key.column.sql, said)))
        if when is not None and found:
            table.version = f"coalesce({when.instant}, file_modified_at)"
