"""Draft silver.items and silver.users: attributes from files of their own, or from what people did with them."""

from __future__ import annotations

from basketgraph.onboard.column_profiles import Profile
from basketgraph.onboard.draft_tables import Lets, Table, id_sql, label_sql
from basketgraph.onboard.events import moment_of_sale
from basketgraph.onboard.order_numbers import share_of_single
from basketgraph.onboard.role_scores import ITEM_COLUMNS, PEOPLE
from basketgraph.onboard.roles import Reading

USER_COLUMNS = ("country", *PEOPLE)
CONSTANT = 0.99  # of the ids have one value only
ALWAYS = "DATE'1900-01-01'"


def items_table(reading: Reading, lets: Lets) -> Table | None:
    """Draft silver.items where the files have attributes of items; from what people did or rated, at least the items' ids."""
    item = reading.roles.get("item")
    roles = {role: role for role in ITEM_COLUMNS if role in reading.roles}
    if reading.reviews:
        roles.pop("name", None)  # it is the review's
    if item is None or not (roles or reading.reviews or reading.who is not None):
        return None
    if "subcategory" in roles and not {"category", "department"} & roles.keys():
        roles["category"] = roles.pop("subcategory")
    table = Table("silver.items")
    _set_attributes(reading, lets, table, item, roles)
    if not roles:
        table.note("item_id", "nothing says more of the items than their ids, which stand for their names")
    plain = [code for code in item.counts if not any(character.isdigit() for character in code)]
    if 0 < len(plain) < 0.1 * len(item.counts) and item is not reading.roles.get("name"):
        table.columns["recommendable"] = f"{item.column.sql} rlike '[0-9]'"
        because = f"only {len(plain)} are like {', '.join(sorted(plain)[:4])}"
        table.guess("recommendable", "codes without a digit are no products", because)
    else:
        table.columns["recommendable"] = "true"
        table.guess("recommendable", "all items may be shown to users", "no code looks like a fee, a voucher or a bag")
    return table


def users_table(reading: Reading, lets: Lets) -> Table | None:
    """Draft silver.users where the files have attributes of users."""
    user = reading.roles.get("user")
    roles = {role: role for role in USER_COLUMNS if role in reading.roles}
    if user is None or not roles or reading.reviews:
        return None
    table = Table("silver.users")
    _set_attributes(reading, lets, table, user, roles)
    return table


def _set_attributes(reading: Reading, lets: Lets, table: Table, key: Profile, roles: dict[str, str]) -> None:
    """Set key, valid_from, version and attributes: one row per id where no attribute changes, else one per id and day.

    roles: column of the table -> role.
    """
    thing = "item" if table.name == "silver.items" else "user"
    table.columns[f"{thing}_id"], _ = id_sql(key, role=thing)
    attributes = {column: reading.roles[role] for column, role in roles.items()}
    own_file = reading.table not in ("events", "reviews", "exposures")
    when = None if own_file else moment_of_sale(reading, lets)
    if own_file or when is None or all(share_of_single(key, profile) >= CONSTANT for profile in attributes.values()):
        table.columns["valid_from"] = ALWAYS
        because = "the file is a list without days" if own_file else f"each {thing} has the same ones in all rows of the sample"
        if attributes:
            table.guess("valid_from", "the attributes hold for all times", because)
    else:
        table.columns["valid_from"] = when.day
        because = f"attributes of some {thing}s change within the sample"
        table.guess("valid_from", "each row says what holds from its day on", because)
    if not own_file:
        names = [profile.column.sql for profile in attributes.values()] or [key.column.sql]
        said = names[0] if len(names) == 1 else f"coalesce({', '.join(f'cast({name} as string)' for name in names)})"
        table.where = " and ".join(f"{name} is not null" for name in dict.fromkeys((key.column.sql, said)))
        if when is not None and attributes:
            table.version = f"coalesce({when.instant}, file_modified_at)"
    for column, profile in attributes.items():
        table.columns[column] = label_sql(profile)
        table.guess(column, f"{profile.name} is the {column.replace('_', ' ')}", reading.because[roles[column]])
