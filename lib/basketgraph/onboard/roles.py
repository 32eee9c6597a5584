"""Assign roles (user, item, time, quantity, ...) to the columns of a sample, by headers and values together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from basketgraph.foundation.money import CODES
from basketgraph.onboard.column_profiles import EMAIL, Profile, profile
from basketgraph.onboard.event_words import bought_words, coded_column, event_column, has_event_words, has_name, is_of_review
from basketgraph.onboard.numbers import SIGNS
from basketgraph.onboard.order_numbers import are_orders, money_of_orders, one_order_each, own_id, share_of_single
from basketgraph.onboard.role_scores import ITEM_COLUMNS, MONEY, NO_MONEY, PAID, PEOPLE, role_score
from basketgraph.onboard.sample import Sample
from basketgraph.onboard.words import header_score, language, words, words_of

ENOUGH = 0.4  # score below which a role is not given
SURELY = 0.7  # of a header alone
SOLD = {"quantity", "order", *PAID}  # roles that purchases have, and neither views nor reviews
NEARLY_ALL = 0.95  # of the rows
MOST = 0.9  # of the values of a column that might be orders, which have one user each


@dataclass(frozen=True)
class Reading:
    """A sample with its profiled columns, and role -> profile."""

    sample: Sample
    profiles: tuple[Profile, ...]
    roles: Mapping[str, Profile]
    because: Mapping[str, str]  # role -> evidence
    language: str | None
    aside: Mapping[str, str] = field(default_factory=dict)  # columns of money that is no line's -> why
    bought: Sequence[bool] | None = None  # which rows are purchases, where a column says so

    @property
    def roles_in_words(self) -> str:
        return ", ".join(f"{one.name} ({role})" for role, one in self.roles.items())

    @property
    def spare(self) -> list[Profile]:
        """The columns with values that have no role."""
        taken = {one.name for one in self.roles.values()}
        return [one for one in self.profiles if one.name not in taken and one.filled]

    @property
    def reviews(self) -> list[str]:
        """The columns by which rows are reviews or ratings, where nothing in them (pieces, money, an order, a word) speaks of a purchase."""
        if (SOLD | {"event_type", "status"}) & self.roles.keys() or not {"user", "item"} <= self.roles.keys():
            return []
        return [one.name for one in self.profiles if one.filled and is_of_review(one)]

    def beside_lines(self, one: Profile) -> bool:
        """Whether a column stands beside the list of lines within a record that has the item in it: it is the whole record's."""
        lines, item = self.sample.lines, self.roles.get("item")
        return lines is not None and item is not None and item.name.startswith(f"{lines.name}.") and not one.name.startswith(f"{lines.name}.")

    @property
    def table(self) -> str | None:
        """The silver table that the files are about: events, items, users, or none that we can tell."""
        has = set(self.roles)
        if {"user", "item", "time"} <= has:
            return "events"
        if (
            "item" in has
            and "user" not in has
            and has & {"name", "category", "department", "subcategory", "brand"}
            and not has & {"quantity", "order"}
        ):
            return "items"
        if "user" in has and "item" not in has and not has & {"order", "quantity", "amount"} and has & {"country", *PEOPLE}:
            return "users"
        return None


def read(sample: Sample) -> Reading:
    """Profile the columns of a sample and assign their roles."""
    spoken = language([column.name for column in sample.columns])
    profiles = tuple(profile(column, sample, continental=spoken is not None) for column in sample.columns)
    event_type = event_column(profiles)
    bought = _bought(event_type)
    scored = []
    for one in profiles:
        share = one.filled_share(bought)
        for role in words().roles:
            header = header_score(role, one.name)
            fit = _fit(role, one, share)
            if header * (0.5 + 0.5 * fit) >= ENOUGH * 0.6 and fit > 0:
                scored.append((header * (0.4 + 0.6 * fit) + 0.001 * (role in ("user", "item", "order", "time")), role, one))
    scored.sort(key=lambda entry: (-entry[0], list(words().roles).index(entry[1]), [p.name for p in profiles].index(entry[2].name)))
    bare = Reading(sample, profiles, {}, {}, spoken, bought=bought)
    if event_type is not None and has_event_words(event_type) and not _is_beside_sales(event_type, scored):
        scored.insert(0, (1.0, "event_type", event_type))  # whatever its header says
    reading = _given(bare, scored)
    while (order := _no_order(reading)) is not None:
        scored = [entry for entry in scored if entry[1] != "order" or entry[2].name != order]
        reading = _given(bare, scored)
    user, other = reading.roles.get("user"), _other_user(reading)
    if other is not None:
        scored = [(1.0, "user", other), *(entry for entry in scored if entry[1] != "user")]
        reading = _given(bare, scored)
    money = {one.name: one for _, role, one in scored if role in PAID}
    aside = money_of_orders(reading.roles.get("order"), reading.roles.get("item"), money.values())
    aside |= {name: "is beside the list of lines, so it is the whole order's" for name, one in money.items() if reading.beside_lines(one)}
    kept = [
        (score, role, one)
        for score, role, one in scored
        if not (role in PAID and one.name in aside) and not (role in ("quantity", *ITEM_COLUMNS) and reading.beside_lines(one))
    ]
    found = _finer(_given(replace(bare, aside=aside), kept) if len(kept) < len(scored) else reading)
    if other is None or user is None:
        return found
    why = f"it comes again, and {user.name} has another value for each order"
    return replace(found, because={**found.because, "user": why})


def _bought(event_type: Profile | None) -> list[bool] | None:
    """Which rows are purchases by their event type; None where no column has one."""
    if event_type is None:
        return None
    purchases = set(bought_words(event_type))
    found = [value is not None and value.lower().strip() in purchases for value in event_type.column.values]
    return found if any(found) else None


def _is_beside_sales(event_type: Profile, scored: Sequence[tuple[float, str, Profile]]) -> bool:
    """Whether words for what is no sale, under a header of something else, stand on rows that are sales all the same: they have pieces, an order or
    the money of a line. A price alone is what views have, too."""
    sold = [one for score, role, one in scored if score >= ENOUGH and role in ("quantity", "order", "amount") and one.name != event_type.name]
    return not has_name(event_type) and not bought_words(event_type) and any(one.filled_share() >= NEARLY_ALL for one in sold)


def _fit(role: str, one: Profile, share: float) -> float:
    """The score of a column's values for a role, by the share of rows (of purchases, where they are known) that have a value."""
    fit = role_score(role, one)
    if share == 0 and role != "event_type":
        return 0.0
    if role == "user" and share < 0.5:
        return min(fit, 0.5)  # who buys without an account has another id
    return fit * share if role in ("item", "time") else fit


def _no_order(reading: Reading) -> str | None:
    """The order column where it is doubtful: a weak header, and values of many users each; None where it is not."""
    order, user = reading.roles.get("order"), reading.roles.get("user")
    if order is None or user is None or header_score("order", order.name) >= SURELY or share_of_single(order, user) >= MOST:
        return None
    return order.name


def _other_user(reading: Reading) -> Profile | None:
    """A column of user ids that repeat, where the chosen one has a new id for each order."""
    order, user = reading.roles.get("order"), reading.roles.get("user")
    if user is None or not one_order_each(order, user):
        return None
    taken = {one.name for one in reading.roles.values()}
    likely = [one for one in reading.profiles if one.name not in taken and one.filled_share(reading.bought) >= MOST and role_score("user", one)]
    named = [one for one in likely if header_score("user", one.name) >= ENOUGH or EMAIL.fullmatch(one.filled[0])]
    return next((one for one in named if len(user.counts) / 10 <= len(one.counts) < MOST * len(user.counts)), None)


def _given(bare: Reading, scored: Sequence[tuple[float, str, Profile]]) -> Reading:
    """Assign roles greedily, in the order of `scored`."""
    roles: dict[str, Profile] = {}
    because: dict[str, str] = {}
    for score, role, one in scored:
        if score >= ENOUGH and role not in roles and all(one.name != taken.name for taken in roles.values()):
            roles[role] = one
            because[role] = f"the header says so and {_seen(role, one)}"
    return _by_values(replace(bare, roles=roles, because=because))


def _finer(reading: Reading) -> Reading:
    """Of two time columns that agree on days, the one with a time of day."""
    time = reading.roles.get("time")
    form = None if time is None else time.time_form
    if time is None or form is None or form.has_time or "clock" in reading.roles:
        return reading
    for one in reading.profiles:
        finer = one.time_form
        if finer is None or not finer.has_time or header_score("time", one.name) < SURELY:
            continue
        days = [(form.day(a), finer.day(b)) for a, b in zip(time.column.values, one.column.values, strict=True) if a is not None and b is not None]
        apart = [abs((a - b).days) for a, b in days if a is not None and b is not None]
        same = apart.count(0) >= (0.5 if finer.instant else 0.95) * len(apart)  # an instant's day is UTC's, the other one the shop's
        if same and max(apart, default=2) <= 1 and len(apart) >= 0.95 * len(time.filled):
            why = f"it has a time of day, too, and says the same days as {time.name}"
            return replace(reading, roles={**reading.roles, "time": one}, because={**reading.because, "clock": why})
    return reading


def _seen(role: str, one: Profile) -> str:
    if role == "time" and one.timestamp is not None:
        return "its values are dates" + (" with times" if one.timestamp.has_time else "")
    if role in ("quantity", *MONEY) and one.numbers:
        return f"its values are numbers from {min(one.numbers):g} to {max(one.numbers):g}"
    return f"{len(one.counts):,} different values in {len(one.filled):,} rows"


def _by_values(reading: Reading) -> Reading:
    """Roles that no header told but values do: the time, the currency, and pieces or money where only one column can be it."""
    roles, because = dict(reading.roles), dict(reading.because)

    def free() -> list[Profile]:
        return [one for one in reading.profiles if all(one.name != taken.name for taken in roles.values()) and one.filled]

    def take(role: str, found: Sequence[Profile], why: str) -> None:
        if role not in roles and len(found) >= 1:
            roles[role], because[role] = found[0], why

    take("time", [one for one in free() if one.timestamp is not None], "its values are dates, though its header does not say so")
    take(
        "time",
        [one for one in free() if one.epoch is not None and one.distinct_share > 0.01 and "id" not in words_of(one.name)],
        "its values look like times since 1970",
    )
    take("currency", [one for one in free() if _has_currencies(one)], "its values are ISO 4217 codes")
    if not {"unit_price", "amount"} & roles.keys() and {"user", "item"} <= roles.keys():
        money = [
            one
            for one in free()
            if one.numbers
            and not one.personal
            and one.name not in reading.aside
            and not reading.beside_lines(one)
            and not set(words_of(one.name)) & NO_MONEY
            and (not one.whole or (one.number is not None and one.number.signs))
        ]
        take("amount", money if len(money) == 1 else [], "it is the only column of numbers with decimals")
    if "item" in roles and "user" not in roles:
        people = [one for one in reading.profiles if one in free() and EMAIL.fullmatch(one.filled[0])]
        take("user", people, "its values are e-mail addresses, and nothing else says who bought")
    if {"item", "time"} <= roles.keys():
        witness = roles.get("user", roles["time"])
        own = own_id(reading.sample.lines, reading.profiles, witness)
        # A record with its users or times in the list is no order: it may be a customer, or a day.
        of_orders = all(replace(reading, roles=roles).beside_lines(one) for one in (witness, roles["time"]))
        if own is not None and of_orders and not ("order" in roles and header_score("order", roles["order"].name) >= SURELY):
            roles["order"], because["order"] = own, "it is the id of the record that holds the lines"
    if {"item", "user", "time"} <= roles.keys():
        papers = [one for one in free() if (one.numbered or one.padded == len(one.filled)) and are_orders(one, roles["user"])]
        take("order", papers if len(papers) == 1 else [], "its numbers stand on neighbouring rows of one user each")
    coded = coded_column(free(), sold=bool(SOLD & roles.keys()))
    take(
        "event_type",
        [coded] if coded is not None and {"user", "item"} <= roles.keys() else [],
        "it is called so, but its values are codes or unknown words",
    )
    return _by_names(replace(reading, roles=roles, because=because))


def _has_currencies(one: Profile) -> bool:
    """Whether values alone say that a column is of currencies: three letters may as well be a country's, a product's or a word (TOP, CHE, ALL)."""
    countries, languages = words().countries.values(), words().languages.values()
    markets = {code for code, _ in countries} | {told.currency for told in languages} | set(SIGNS.values())
    other = max(header_score(role, one.name) for role in words().roles if role != "currency")
    return one.counts.keys() <= CODES and bool(one.counts.keys() & markets) and other < ENOUGH


def _by_names(reading: Reading) -> Reading:
    """An item's name stands for its id where sales (users or orders that come again, at times) name items and nothing else tells them apart."""
    name, buyer = reading.roles.get("name"), reading.roles.get("user") or reading.roles.get("order")
    if "item" in reading.roles or name is None or buyer is None or "time" not in reading.roles:
        return reading
    if buyer.distinct_share == 1 or len(name.counts) < 2 or not header_score("item", name.name):
        return reading
    why = f"no column has ids of items, and it names them: {_seen('item', name)}"
    return replace(reading, roles={**reading.roles, "item": name}, because={**reading.because, "item": why})
