"""What each raw column is: its values looked at, and the roles given out so that headers and values together fit best."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from statistics import median

from basketgraph.clean.onboard.moments import MomentForm, clock_form, epoch_form, looks_like_moment, moment_form
from basketgraph.clean.onboard.numbers import CODES, NumberForm, looks_like_number, number_form
from basketgraph.clean.onboard.sample import Column, Sample
from basketgraph.clean.onboard.words import header_score, is_personal, language, words, words_of

NOTHING = {"null", "none", "nan", "n/a", "nil", "\\n", "undefined", "#n/a", "(null)", "(not set)"}
NO_NUMBER = {"-", "--", "?", "na", "."}  # where all else is numbers or dates
FLAGS = set(["0", "1", "true", "false", "yes", "no", "y", "n", "t", "f", "x", "ja", "nein", "j", "oui", "non", "si", "sim", "tak"])
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.\w+")
ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
IDS = ("user", "item", "order", "line", "store")
MONEY = ("unit_price", "amount", "list_amount", "discount", "coupon", "cost")
NO_MONEY = set(
    [
        "score",
        "rate",
        "ratio",
        "share",
        "pct",
        "percent",
        "probability",
        "propensity",
        "weight",
        "feature",
        "affinity",
        "rating",
        "lat",
        "lon",
        "latitude",
        "longitude",
        "index",
        "rank",
    ]
)
PEOPLE = ("age_band", "income_band", "marital_status", "home_ownership", "household_size", "household_composition", "kids_count")
LABELS = ("name", "department", "category", "subcategory", "brand", "manufacturer", "package_size", "channel", "country")
LOOKED_AT = 6000  # values that decide how a column is written
ENOUGH = 0.4  # score below which a role is not given


@dataclass(frozen=True)
class Profile:
    """A raw column as its values show it."""

    column: Column
    number: NumberForm | None
    moment: MomentForm | None
    epoch: MomentForm | None
    clock: str | None
    nothing: tuple[str, ...]  # texts that mean "no value"
    filled: list[str] = field(repr=False, default_factory=list)

    @property
    def name(self) -> str:
        return self.column.name

    @cached_property
    def counts(self) -> Counter[str]:
        return Counter(self.filled)

    @cached_property
    def numbers(self) -> list[float]:
        """The values as numbers; none for what cannot be read."""
        form = self.number
        return [] if form is None else [value for text in self.filled if (value := form.value(text)) is not None]

    @property
    def whole(self) -> bool:
        """Whether its numbers are whole ones."""
        return bool(self.numbers) and all(value == int(value) for value in self.numbers if abs(value) < 1e15)

    @property
    def padded(self) -> int:
        """Values with leading zeros."""
        return sum(len(text) > 1 and text[0] == "0" and text.isdigit() for text in self.filled)

    @property
    def floated(self) -> bool:
        """Ids that went through a table of floating-point numbers: 17850.0."""
        return bool(self.filled) and sum(bool(re.fullmatch(r"\d+\.0", text)) for text in self.filled) > 0.9 * len(self.filled)

    @property
    def distinct_share(self) -> float:
        return len(self.counts) / len(self.filled) if self.filled else 0.0

    @property
    def personal(self) -> bool:
        looked = self.filled[:2000]
        hits = sum(bool(EMAIL.fullmatch(text) or ADDRESS.fullmatch(text)) for text in looked)
        return is_personal(self.name) or hits > 0.3 * max(1, len(looked))


def profile(column: Column, sample: Sample, *, continental: bool) -> Profile:
    """Look at a column's values."""
    given = [value for value in column.values if value is not None]
    odd = {value for value in set(given) if value.lower() in NOTHING | NO_NUMBER}
    bare = [value for value in given if value not in odd]
    measured = any(character.isdigit() for character in "".join(bare[:5])) and (looks_like_number(bare[0]) or looks_like_moment(bare[0]))
    tokens = {value for value in odd if value.lower() in NOTHING or measured}
    rest = [value for value in given if value not in tokens]
    if column.kind.startswith(("timestamp", "date")):
        days = sorted({value[:10] for value in rest})
        span = [_day(days[0]), _day(days[-1])] if days else [None, None]
        kind = column.kind
        typed_moment = MomentForm(kind, has_time=kind != "date", instant=kind == "timestamp", first=span[0], last=span[1])
        return Profile(column, None, typed_moment, None, None, (), rest)
    typed = column.kind != "string"
    probe = rest[:: len(rest) // LOOKED_AT + 1]
    number = NumberForm(typed=True) if typed and column.kind != "boolean" else number_form(probe, separator=sample.separator)
    moment = None if typed else moment_form(probe, separator=sample.separator, continental=continental)
    epoch = epoch_form(probe) if number is not None else None
    return Profile(column, number, moment, epoch, clock_form(probe), tuple(sorted(tokens)) if rest else (), rest)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@dataclass(frozen=True)
class Reading:
    """A sample with its columns looked at and their roles: role -> profile."""

    sample: Sample
    profiles: tuple[Profile, ...]
    roles: Mapping[str, Profile]
    because: Mapping[str, str]  # role -> evidence
    language: str | None

    def named(self, name: str) -> Profile:
        return next(one for one in self.profiles if one.name == name)

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
    """Give the columns of a sample their roles."""
    spoken = language([column.name for column in sample.columns])
    profiles = tuple(profile(column, sample, continental=spoken is not None) for column in sample.columns)
    scored = []
    for one in profiles:
        for role in words().roles:
            header = header_score(role, one.name)
            fit = fitness(role, one)
            if header * (0.5 + 0.5 * fit) >= ENOUGH * 0.6 and fit > 0:
                scored.append((header * (0.4 + 0.6 * fit) + 0.001 * (role in ("user", "item", "order", "time")), role, one))
    scored.sort(key=lambda entry: (-entry[0], list(words().roles).index(entry[1]), [p.name for p in profiles].index(entry[2].name)))
    roles: dict[str, Profile] = {}
    because: dict[str, str] = {}
    for score, role, one in scored:
        if score >= ENOUGH and role not in roles and all(one.name != taken.name for taken in roles.values()):
            roles[role] = one
            because[role] = f"the header says so and {_seen(role, one)}"
    return _by_values(Reading(sample, profiles, roles, because, spoken))


def fitness(role: str, one: Profile) -> float:
    """How well a column's values suit a role: 0 not at all, .5 nothing against it, 1 very well."""
    dated = one.moment is not None
    if not one.filled:
        return 0.0
    if role == "time":
        return 1.0 if dated else 0.9 if one.epoch is not None else 0.0
    if role == "clock":
        return 1.0 if one.clock is not None and not dated else 0.0
    if dated:
        return 0.0
    if role == "quantity":
        return _quantity(one)
    if role in MONEY:
        return _money(role, one)
    if role in IDS:
        return _id(role, one)
    if role == "position":
        return 0.8 if one.whole and max(one.numbers) < 10_000 else 0.0
    return _words_fit(role, one)


def _words_fit(role: str, one: Profile) -> float:
    """The same for roles whose values are words of a kind."""
    texts, known = {text.lower().strip().replace(" ", "_").replace("-", "_") for text in list(one.counts)[:200]}, words().values
    wordy = one.number is None
    if role == "event_type":
        hits = len(texts & (known.purchases | known.cancellations | known.others))
        return 1.0 if hits and len(texts) <= 60 and hits >= len(texts) / 3 else 0.0
    if role == "status":
        return 0.8 if texts & (known.purchases | known.cancellations) and len(texts) <= 30 else 0.0
    if role == "cancelled":
        return 1.0 if texts <= FLAGS else 0.0
    if role == "currency":
        return 1.0 if {text.upper() for text in one.counts} <= set(CODES) else 0.0
    if role == "name":
        return (1.0 if any(" " in text for text in one.filled[:200]) else 0.6) * wordy * (not one.personal)
    if role in PEOPLE:
        return 0.9 if len(one.counts) <= 200 else 0.0
    if role == "country":
        return 0.9 if wordy and len(one.counts) <= 300 else 0.0
    return 0.6 if one.whole and one.distinct_share < 0.5 else 0.9 * wordy


def _quantity(one: Profile) -> float:
    if not one.numbers or one.padded:
        return 0.0
    typical = median(map(abs, one.numbers))
    small = 1.0 if typical <= 20 else 0.4 if typical <= 1000 else 0.1
    few = len(one.counts) <= max(200, len(one.filled) / 5)
    return small * (1.0 if one.whole else 0.5) * (1.0 if few else 0.5)


def _money(role: str, one: Profile) -> float:
    if not one.numbers or one.padded > len(one.filled) / 50:
        return 0.0
    ones = sum(value == 1 for value in one.numbers) / len(one.numbers)
    if one.whole and ones > 0.4 and role in ("amount", "unit_price"):
        return 0.1  # mostly one: pieces, not money
    return 1.0 if not one.whole or (one.number is not None and one.number.signs) else 0.8


def _id(role: str, one: Profile) -> float:
    fractions = bool(one.numbers) and not one.whole
    negative = bool(one.numbers) and min(one.numbers) < 0 and sum(value < 0 for value in one.numbers) > len(one.numbers) / 50
    if fractions or negative:
        return 0.0
    if role == "line":
        return 1.0 if one.distinct_share == 1 else 0.0
    if role == "store":
        return 0.9 if len(one.counts) <= max(50, len(one.filled) / 10) else 0.3
    prose = sum(text.count(" ") > 2 for text in one.filled[:500]) > 150
    return 0.3 if prose else 0.9 if len(one.counts) > 1 else 0.5


def _seen(role: str, one: Profile) -> str:
    if role == "time" and one.moment is not None:
        return "its values are dates" + (" with times" if one.moment.has_time else "")
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

    take("time", [one for one in free() if one.moment is not None], "its values are dates, though its header does not say so")
    take(
        "time",
        [one for one in free() if one.epoch is not None and one.distinct_share > 0.01 and "id" not in words_of(one.name)],
        "its values look like times since 1970",
    )
    codes = [one for one in free() if one.counts.keys() <= set(CODES)]
    take("currency", codes, "its values are ISO 4217 codes")
    if not {"unit_price", "amount"} & roles.keys() and {"user", "item"} <= roles.keys():
        money = [
            one
            for one in free()
            if one.numbers
            and not one.personal
            and not set(words_of(one.name)) & NO_MONEY
            and (not one.whole or (one.number is not None and one.number.signs))
        ]
        take("amount", money if len(money) == 1 else [], "it is the only column of numbers with decimals")
    ids = [one for one in free() if _id("user", one) and one.moment is None and not one.personal and len(one.counts) > 1 and one.number is not None]
    if "item" in roles and "user" not in roles:
        people = [one for one in reading.profiles if one in free() and EMAIL.fullmatch(one.filled[0])]
        take("user", people, "its values are e-mail addresses, and nothing else says who bought")
    if "item" in roles and "user" not in roles and len(ids) == 1 and words_of(ids[0].name)[-1:] == ("id",):
        take("user", ids, "it is the only other column of ids")
    return replace(reading, roles=roles, because=because)
