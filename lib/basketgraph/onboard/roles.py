"""Assign roles (user, item, time, quantity, ...) to the columns of a sample, by headers and values together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from basketgraph.foundation.money import CODES
from basketgraph.onboard.column_profiles import EMAIL, Profile, pairs, profile_column
from basketgraph.onboard.event_words import bought_words, coded_column, event_column, has_event_words, has_name, is_of_review, other_words
from basketgraph.onboard.numbers import SIGNS
from basketgraph.onboard.order_numbers import are_orders, money_of_orders, one_order_each, own_id, share_of_single
from basketgraph.onboard.role_scores import ITEM_COLUMNS, MONEY, NO_MONEY, OF_VIEWS, PAID, PEOPLE, role_score
from basketgraph.onboard.sample import Sample
from basketgraph.onboard.words import header_score, language, words, words_of

ENOUGH = 0.4  # score below which a role is not given
SURELY = 0.7  # of a header alone
SOLD = {"quantity", "order", *PAID}  # roles that purchases have, and neither views nor reviews
NEARLY_ALL = 0.95  # of the rows
WHO = ("user", "visitor", "session")  # roles that say who did something, the most telling first
COME_AGAIN = 0.9  # share of different items below which rows are no list of items
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
        return ", ".join(f"{profile.name} ({role})" for role, profile in self.roles.items())

    @property
    def spare(self) -> list[Profile]:
        """The columns with values that have no role."""
        taken = {profile.name for profile in self.roles.values()}
        return [profile for profile in self.profiles if profile.name not in taken and profile.filled]

    @property
    def who(self) -> Profile | None:
        """The column that says who it was: of users, else of visitors, else of sessions."""
        return next((self.roles[role] for role in WHO if role in self.roles), None)

    @property
    def reviews(self) -> list[str]:
        """The columns of reviews or ratings, where no role (pieces, money, an order, an event type) speaks of a purchase."""
        item = self.roles.get("item")
        if (
            (SOLD | {"event_type", "status"}) & self.roles.keys()
            or self.exposures
            or item is None
            or (self.who is None and item.distinct_share > COME_AGAIN)
        ):
            return []
        return [profile.name for profile in self.profiles if profile.filled and is_of_review(profile)]

    @property
    def exposures(self) -> list[str]:
        """The columns that say whether an item that was shown was clicked, or how probably it was shown, where no role speaks of a purchase."""
        if (SOLD | {"event_type", "status"}) & self.roles.keys() or not {"item", "time"} <= self.roles.keys():
            return []
        return [self.roles[role].name for role in ("clicked", "propensity") if role in self.roles]

    def beside_lines(self, profile: Profile) -> bool:
        """Whether a column stands beside the list of lines within a record that has the item in it: it is the whole record's."""
        lines, item = self.sample.lines, self.roles.get("item")
        return lines is not None and item is not None and item.name.startswith(f"{lines.name}.") and not profile.name.startswith(f"{lines.name}.")

    @property
    def table(self) -> str | None:
        """The silver table that the files are about: reviews, exposures, events, items, users, or none that we can tell."""
        has = set(self.roles)
        if self.reviews or self.exposures:
            return "reviews" if self.reviews else "exposures"
        if self.who is not None and {"item", "time"} <= has:
            return "events"
        describes = has & {"name", "category", "department", "subcategory", "brand"}
        if "item" in has and "user" not in has and describes and not has & {"quantity", "order"}:
            return "items"
        if "user" in has and "item" not in has and not has & {"order", "quantity", "amount"} and has & {"country", *PEOPLE}:
            return "users"
        return None


def read(sample: Sample) -> Reading:
    """Profile the columns of a sample and assign their roles."""
    spoken = language([column.name for column in sample.columns])
    profiles = tuple(profile_column(column, sample, continental=spoken is not None) for column in sample.columns)
    event_type = event_column(profiles)
    bought = _purchased_rows(event_type)
    scored = []
    for profile in profiles:
        share = profile.filled_share(bought)
        for role in words().roles:
            header = header_score(role, profile.name)
            fit = _fit(role, profile, share)
            if header * (0.5 + 0.5 * fit) >= ENOUGH * 0.6 and fit > 0:
                scored.append((header * (0.4 + 0.6 * fit) + 0.001 * (role in ("user", "item", "order", "time")), role, profile))
    scored.sort(
        key=lambda entry: (entry[1] in OF_VIEWS, -entry[0], list(words().roles).index(entry[1]), [p.name for p in profiles].index(entry[2].name))
    )
    bare = Reading(sample, profiles, {}, {}, spoken, bought=bought)
    if event_type is not None and has_event_words(event_type) and not _is_beside_sales(event_type, scored):
        scored.insert(0, (1.0, "event_type", event_type))  # whatever its header says
    reading = _assigned(bare, scored)
    while (order := _doubtful_order(reading)) is not None:
        scored = [entry for entry in scored if entry[1] != "order" or entry[2].name != order]
        reading = _assigned(bare, scored)
    user, other = reading.roles.get("user"), _other_user(reading)
    if other is not None:
        scored = [(1.0, "user", other), *(entry for entry in scored if entry[1] != "user")]
        reading = _assigned(bare, scored)
    money = {profile.name: profile for _, role, profile in scored if role in PAID}
    aside = money_of_orders(reading.roles.get("order"), reading.roles.get("item"), money.values())
    aside |= {name: "is beside the list of lines, so it is the whole order's" for name, profile in money.items() if reading.beside_lines(profile)}
    kept = [
        (score, role, profile)
        for score, role, profile in scored
        if not (role in PAID and profile.name in aside) and not (role in ("quantity", *ITEM_COLUMNS) and reading.beside_lines(profile))
    ]
    reading = _with_finer_time(_assigned(replace(bare, aside=aside), kept) if len(kept) < len(scored) else reading)
    if other is None or user is None:
        return reading
    why = f"it comes again, and {user.name} has another value for each order"
    return replace(reading, because={**reading.because, "user": why})


def _purchased_rows(event_type: Profile | None) -> list[bool] | None:
    """Which rows are purchases by their event type; None where no column has one."""
    if event_type is None:
        return None
    purchases = set(bought_words(event_type))
    purchased = [value is not None and value.lower().strip() in purchases for value in event_type.column.values]
    return purchased if any(purchased) else None


def _is_beside_sales(event_type: Profile, scored: Sequence[tuple[float, str, Profile]]) -> bool:
    """Whether words for what is no sale, under a header of something else, stand on rows that are sales all the same: they have pieces, an order or
    the money of a line. A price alone is what views have, too."""
    likely = [(role, profile) for score, role, profile in scored if score >= ENOUGH and profile.name != event_type.name]
    sold = [profile for role, profile in likely if role in ("quantity", "order", "amount")]
    return not has_name(event_type) and not bought_words(event_type) and any(profile.filled_share() >= NEARLY_ALL for profile in sold)


def _fit(role: str, profile: Profile, share: float) -> float:
    """The score of a column's values for a role, by the share of rows (of purchases, where they are known) that have a value."""
    fit = role_score(role, profile)
    if share == 0 and role != "event_type":
        return 0.0
    if role == "user" and share < 0.5:
        return min(fit, 0.5)  # who buys without an account has another id
    return fit * share if role in ("item", "time") else fit


def _doubtful_order(reading: Reading) -> str | None:
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
    likely = [profile for profile in reading.spare if profile.filled_share(reading.bought) >= MOST and role_score("user", profile)]
    named = [profile for profile in likely if header_score("user", profile.name) >= ENOUGH or EMAIL.fullmatch(profile.filled[0])]
    return next((profile for profile in named if len(user.counts) / 10 <= len(profile.counts) < MOST * len(user.counts)), None)


def _assigned(bare: Reading, scored: Sequence[tuple[float, str, Profile]]) -> Reading:
    """Assign roles greedily, in the order of `scored`."""
    roles: dict[str, Profile] = {}
    because: dict[str, str] = {}
    for score, role, profile in scored:
        if score >= ENOUGH and role not in roles and all(profile.name != taken.name for taken in roles.values()):
            roles[role] = profile
            because[role] = f"the header says so and {_evidence(role, profile)}"
    return _assigned_by_values(replace(bare, roles=roles, because=because))


def _with_finer_time(reading: Reading) -> Reading:
    """Of two time columns that agree on days, the one with a time of day."""
    time = reading.roles.get("time")
    form = None if time is None else time.time_form
    if time is None or form is None or form.has_time or "clock" in reading.roles:
        return reading
    for profile in reading.profiles:
        finer = profile.time_form
        if finer is None or not finer.has_time or header_score("time", profile.name) < SURELY:
            continue
        days = [(form.day(a), finer.day(b)) for a, b in pairs(time, profile)]
        apart = [abs((a - b).days) for a, b in days if a is not None and b is not None]
        same = apart.count(0) >= (0.5 if finer.instant else 0.95) * len(apart)  # an instant's day is UTC's, the other one the shop's
        if same and max(apart, default=2) <= 1 and len(apart) >= 0.95 * len(time.filled):
            why = f"it has a time of day, too, and says the same days as {time.name}"
            return replace(reading, roles={**reading.roles, "time": profile}, because={**reading.because, "clock": why})
    return reading


def _evidence(role: str, profile: Profile) -> str:
    if role == "time" and profile.timestamp is not None:
        return "its values are dates" + (" with times" if profile.timestamp.has_time else "")
    if role in ("quantity", *MONEY) and profile.numbers:
        return f"its values are numbers from {min(profile.numbers):g} to {max(profile.numbers):g}"
    return f"{len(profile.counts):,} different values in {len(profile.filled):,} rows"


def _assigned_by_values(reading: Reading) -> Reading:
    """Assign roles by values where no header did: the time, the currency, and pieces or money where only one column can be it."""
    roles, because = dict(reading.roles), dict(reading.because)
    reading = replace(reading, roles=roles, because=because)  # its roles are those found so far

    def take(role: str, fits: Callable[[Profile], bool], why: str, *, only: bool = False) -> None:
        """Give the role to the first column that fits and has none. only: where no other one fits."""
        fitting = [profile for profile in reading.spare if fits(profile)]
        if role not in roles and fitting and not (only and len(fitting) > 1):
            roles[role], because[role] = fitting[0], why

    take("time", lambda profile: profile.timestamp is not None, "its values are dates, though its header does not say so")
    take("time", _may_be_epoch, "its values look like times since 1970")
    take("currency", _has_currencies, "its values are ISO 4217 codes")
    if not {"unit_price", "amount"} & roles.keys() and {"user", "item"} <= roles.keys():
        take("amount", lambda profile: _may_be_money(reading, profile), "it is the only column of numbers with decimals", only=True)
    if "item" in roles and "user" not in roles:
        why = "its values are e-mail addresses, and nothing else says who bought"
        take("user", lambda profile: EMAIL.fullmatch(profile.filled[0]) is not None, why)
    if {"item", "time"} <= roles.keys():
        witness = roles.get("user", roles["time"])
        own = own_id(reading.sample.lines, reading.profiles, witness)
        # A record with its users or times in the list is no order: it may be a customer, or a day.
        of_orders = all(reading.beside_lines(profile) for profile in (witness, roles["time"]))
        if own is not None and of_orders and not ("order" in roles and header_score("order", roles["order"].name) >= SURELY):
            roles["order"], because["order"] = own, "it is the id of the record that holds the lines"
    if reading.table == "events" and "session" in roles and not {"order", "event_type"} & roles.keys():
        roles["order"], because["order"] = roles["session"], "no column has order numbers, and what is bought in one session is an order"
    if {"item", "user", "time"} <= roles.keys():
        why = "its numbers stand on neighbouring rows of one user each"
        take("order", lambda profile: profile.is_numbering and are_orders(profile, roles["user"]), why, only=True)
    coded = coded_column(reading.spare, sold=bool(SOLD & roles.keys()))
    if coded is not None and reading.who is not None and "item" in roles:
        take("event_type", lambda profile: profile is coded, "it is called so, but its values are codes or unknown words")
    return _with_visitors(_with_names_as_ids(reading))


def _with_visitors(reading: Reading) -> Reading:
    """Take a client's id in a log of behaviour for a browser's, as web analytics call it; beside sales alone clients are customers."""
    user, event_type = reading.roles.get("user"), reading.roles.get("event_type")
    if user is None or event_type is None or "visitor" in reading.roles or words_of(user.name)[-2:] != ("client", "id"):
        return reading
    if not other_words(event_type):
        return reading
    roles = {("visitor" if role == "user" else role): profile for role, profile in reading.roles.items()}
    return replace(reading, roles=roles, because={**reading.because, "visitor": "web analytics call a browser a client"})


def _may_be_epoch(profile: Profile) -> bool:
    return profile.epoch is not None and profile.distinct_share > 0.01 and "id" not in words_of(profile.name)


def _may_be_money(reading: Reading, profile: Profile) -> bool:
    """Whether a column without a telling header has numbers with decimals or currency signs, of lines and not of whole orders."""
    has_decimals = bool(profile.numbers) and (not profile.whole or (profile.number is not None and bool(profile.number.signs)))
    of_orders = profile.name in reading.aside or reading.beside_lines(profile)
    return has_decimals and not of_orders and not profile.personal and not set(words_of(profile.name)) & NO_MONEY


def _has_currencies(profile: Profile) -> bool:
    """Whether values alone say that a column is of currencies: three letters may as well be a country's, a product's or a word (TOP, CHE, ALL)."""
    countries, languages = words().countries.values(), words().languages.values()
    markets = {code for code, _ in countries} | {spoken.currency for spoken in languages} | set(SIGNS.values())
    other = max(header_score(role, profile.name) for role in words().roles if role != "currency")
    return profile.counts.keys() <= CODES and bool(profile.counts.keys() & markets) and other < ENOUGH


def _with_names_as_ids(reading: Reading) -> Reading:
    """Take the item's name for its id where sales (of users or orders that come again, with times) name items and have no ids of them."""
    name, buyer = reading.roles.get("name"), reading.roles.get("user") or reading.roles.get("order")
    if "item" in reading.roles or name is None or buyer is None or "time" not in reading.roles:
        return reading
    if buyer.distinct_share == 1 or len(name.counts) < 2 or not header_score("item", name.name):
        return reading
    why = f"no column has ids of items, and it names them: {_evidence('item', name)}"
    return replace(reading, roles={**reading.roles, "item": name}, because={**reading.because, "item": why})
