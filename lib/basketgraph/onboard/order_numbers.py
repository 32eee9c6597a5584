"""Columns that hold for a whole order and not for its lines: order numbers, totals, values on an order's first line only."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from basketgraph.onboard.column_profiles import Profile, pairs
from basketgraph.onboard.role_scores import role_score
from basketgraph.onboard.sample import Lines
from basketgraph.onboard.words import header_score, words_of

ORDERS = 10  # of several lines, before they decide
NAMED = 3  # the same where the header speaks of orders, too
NEARLY_ALL = 0.95
FEW = 20  # orders, among which some user should come again
FIRST_LINES = "is filled on the first line of an order only"
OWN_IDS = {"gid", "guid", "id", "oid", "uuid"}  # `_id.$oid` is MongoDB's
OF_LINES = {"each", "line", "lineitem", "piece", "unit"}


def money_of_orders(order: Profile | None, item: Profile | None, money: Iterable[Profile]) -> dict[str, str]:
    """{column of money: why it is the order's and not the line's}."""
    if order is None or item is None:
        return {}
    reasons = {}
    for profile in money:
        if on_first_lines(order, profile):
            reasons[profile.name] = f"{FIRST_LINES}, so it is the order's"
        elif _is_total(order, item, profile):
            reasons[profile.name] = "is the same on all lines of an order, so it is the order's total"
    return reasons


def on_first_lines(order: Profile | None, profile: Profile) -> bool:
    """Whether only the first line of an order has a value."""
    if order is None or len(profile.filled) == len(profile.column.values):
        return False
    lines: dict[str, list[bool]] = defaultdict(list)
    for code, value in zip(order.column.values, profile.column.values, strict=True):
        if code is not None:
            lines[code].append(value is not None)
    several = [filled for filled in lines.values() if len(filled) > 1 and any(filled)]
    return len(several) >= ORDERS and sum(filled[0] and sum(filled) == 1 for filled in several) >= NEARLY_ALL * len(several)


def are_orders(profile: Profile, user: Profile) -> bool:
    """Whether the values are order numbers: a value repeats on neighbouring rows only, all of one user."""
    users: dict[str, set[str]] = defaultdict(set)
    for code, who in zip(profile.column.values, user.column.values, strict=True):
        if code is None:
            return False
        users[code] |= set() if who is None else {who}
    lines = sum(code == before for before, code in pairwise(profile.column.values))
    runs = len(profile.column.values) - lines
    return lines >= ORDERS and len(users) >= NEARLY_ALL * runs and sum(len(who) == 1 for who in users.values()) >= NEARLY_ALL * len(users)


def own_id(lines: Lines | None, profiles: Sequence[Profile], witness: Profile) -> Profile | None:
    """The id of the record that holds the list of lines, as the order's number: called `id`, beside the list or beside a record around it.

    witness: what an order has one value of, such as its user.
    """
    for depth in range(len(lines.path) - 1, -1, -1) if lines is not None else ():
        place = "".join(f"{name}." for name in lines.path[:depth])  # type: ignore[union-attr]
        for profile in profiles:
            own = profile.name.removeprefix(place)
            is_id = profile.name.startswith(place) and bool(words_of(own)) and set(words_of(own)) <= OWN_IDS
            if is_id and role_score("order", profile) and profile.filled_share() >= NEARLY_ALL and share_of_single(profile, witness) >= NEARLY_ALL:
                return profile
    return None


def share_of_single(profile: Profile, other: Profile) -> float:
    """The share of a column's values that stand beside a single value of another column."""
    values: dict[str, set[str]] = defaultdict(set)
    for own, beside in pairs(profile, other):
        values[own].add(beside)
    return sum(len(those) == 1 for those in values.values()) / len(values) if values else 1.0


def one_order_each(order: Profile | None, user: Profile) -> bool:
    """Whether (nearly) every user has one order: the user's id may be made anew for each order."""
    if order is None:
        return False
    both = set(pairs(order, user))
    orders, users = Counter(a for a, _ in both), Counter(b for _, b in both)
    alone = sum(orders[a] == users[b] == 1 for a, b in both)
    return len(orders) >= FEW and alone >= NEARLY_ALL * len(orders)


def _is_total(order: Profile, item: Profile, money: Profile) -> bool:
    """Whether all lines of an order have the same money, though their items and prices differ."""
    of_order: dict[str, set[str]] = defaultdict(set)
    of_item: dict[str, list[str]] = defaultdict(list)
    items: dict[str, set[str]] = defaultdict(set)
    for code, what, value in pairs(order, item, money):
        of_order[code].add(value)
        of_item[what].append(value)
        items[code].add(what)
    several = [of_order[code] for code, whats in items.items() if len(whats) > 1]
    if len(several) < NAMED or sum(len(values) == 1 for values in several) < NEARLY_ALL * len(several):
        return False
    if header_score("order", money.name) and not header_score("item", money.name) and not OF_LINES & set(words_of(money.name)):
        return True
    usual = Counter(min(values) for values in several).most_common(1)[0][1]
    again = [set(values) for values in of_item.values() if len(values) > 1]
    priced = sum(len(values) == 1 for values in again)
    return len(several) >= ORDERS and usual < len(several) / 2 and priced <= len(again) / 2
