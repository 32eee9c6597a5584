"""Refuse files of sales that lack the user, the item or the day, and say which."""

from __future__ import annotations

import re
from collections.abc import Sequence

from basketgraph.foundation.config import UserError
from basketgraph.onboard.column_profiles import Profile
from basketgraph.onboard.events import LIKELY
from basketgraph.onboard.file_kinds import FileKind
from basketgraph.onboard.file_names import named_day
from basketgraph.onboard.role_scores import is_count_of_people, role_score
from basketgraph.onboard.roles import Reading
from basketgraph.onboard.words import header_score, words_of

WANTED = {"user": "who bought (user)", "item": "what was bought (item)", "time": "when (time)"}
SPANS = {"month", "week", "year"}  # headers of times that only the shop can make days of
DATED = re.compile(r"\d+\D+\d+")


def refuse_undated(kind: FileKind, reading: Reading) -> None:
    """Raise UserError for order lines whose day is neither in a column nor in a file's name."""
    if "time" in reading.roles or reading.reviews or named_day([file.name for file in kind.files]) is not None:
        return
    if any(_may_be(profile, "time") for profile in reading.spare):
        return
    order = reading.roles.get("order")
    join = "" if order is None else f", or join the file of orders that has it, by {order.name}"
    raise UserError(
        "want sales with the day of each, have none",
        [f"{kind.pattern}: have {reading.roles_in_words}; missing: when it was bought (time)"],
        f"Export them with the order's date (such as order_date){join}. Files of one day each may say it in a folder's name: dt=2024-03-02/.",
    )


def no_sales(readings: Sequence[tuple[FileKind, Reading]]) -> UserError:
    """The error where no files are of sales, items or users. Its cure is to rename columns only where some may be those missing."""
    faults = []
    for kind, reading in readings:
        counts = [profile.name for profile in reading.profiles if is_count_of_people(profile)]
        counted = "".join(f"; {name} says how many bought, not who: these are totals" for name in counts)
        missing = ", ".join(what for role, what in WANTED.items() if role not in reading.roles)
        columns = ", ".join(reading.sample.declared)[:120]
        faults.append(f"{kind.pattern}: recognised {reading.roles_in_words or 'nothing'} of {columns}; missing: {missing}{counted}")
    missing_roles = [(reading, WANTED.keys() - reading.roles.keys()) for _, reading in readings]
    renamed = any(all(any(_may_be(profile, role) for profile in reading.spare) for role in roles) for reading, roles in missing_roles)
    cure = "Export the lines with the columns that are missing (such as customer_id, product_id, order_date), or join the file that has them."
    if renamed:
        names = "customer_id, product_id, order_date, quantity, price"
        cure = f"Rename the columns to what they are ({names}), or write the mapping by hand: docs/sources.md."
    return UserError("want files that say who bought what and when, or lists of items or users; have none", faults, cure)


def _may_be(profile: Profile, role: str) -> bool:
    """Whether a column may have a role that it was not given."""
    if role != "time":
        return role_score(role, profile) > 0
    if header_score("time", profile.name) >= LIKELY or SPANS & set(words_of(profile.name)):
        return True
    return profile.number is None and not profile.personal and sum(bool(DATED.search(text)) for text in profile.filled) > len(profile.filled) / 2
