"""Score how well the values of a column suit a role."""

from __future__ import annotations

import re
from statistics import median

from basketgraph.foundation.money import CODES
from basketgraph.onboard.column_profiles import Profile
from basketgraph.onboard.words import header_score, is_taken_back, plain_values, words, words_of

FLAGS = {"0", "1", "true", "false", "yes", "no", "y", "n", "t", "f", "x", "ja", "nein", "j", "oui", "non", "si", "sim", "tak"}
IDS = ("user", "visitor", "session", "item", "order", "line", "store")
MONEY = ("unit_price", "amount", "list_amount", "discount", "coupon", "cost")
PAID = MONEY[:-1]
NAMED = 0.7  # score of a header that is called so
MANY = {"buyers", "clients", "customers", "members", "shoppers", "users", "visitors"}
NO_MONEY = {
    "score", "rate", "ratio", "share", "pct", "percent", "probability", "propensity", "weight", "feature", "affinity", "digits", "lat", "lon",
    "latitude", "longitude", "index", "rank", "rating", "ratings", "overall", "star", "stars", "sterne", "bewertung",
}  # fmt: skip
OPINIONS = {"feedback", "helpful", "helpfulness", "rating", "ratings", "review", "reviews", "stars", "vote", "votes"}  # counts of these are no pieces
ITEM_COLUMNS = ("name", "department", "category", "subcategory", "brand", "manufacturer", "package_size")
OF_VIEWS = ("rating", "review_title", "review_text", "recommended", "clicked", "propensity", "placement", "campaign", "policy", "list_row")
SCALE = (0, 10)  # of stars
PEOPLE = ("age_band", "income_band", "marital_status", "home_ownership", "household_size", "household_composition", "kids_count", "occupation")


def role_score(role: str, profile: Profile) -> float:
    """How well a column's values suit a role: 0 not at all, .5 nothing against it, 1 very well."""
    dated = profile.timestamp is not None
    if not profile.filled:
        return 0.0
    if role == "time":
        return 1.0 if dated else 0.9 if profile.epoch is not None else 0.0
    if role == "clock":
        return 1.0 if profile.clock is not None and not dated else 0.0
    if dated:
        return 0.0
    if role == "quantity":
        return _quantity(profile)
    if role in MONEY:
        return _money(role, profile)
    if role in IDS:
        return _id(role, profile)
    if role == "position":
        return 0.8 if profile.whole and max(profile.numbers) < 10_000 else 0.0
    if role == "rating":
        return 1.0 if is_scale(profile) else 0.0
    if role == "propensity":
        return 1.0 if profile.numbers and min(profile.numbers) > 0 and max(profile.numbers) <= 1 else 0.0
    return _words_fit(role, profile)


def _words_fit(role: str, profile: Profile) -> float:
    """The score for roles whose values are words."""
    texts, known = set(plain_values(list(profile.counts)[:200]).values()), words().values
    wordy = profile.number is None
    if role == "event_type":
        events = texts & (known.purchases | known.cancellations | known.others)
        hits = len(events) if events - known.vague else 0
        sold = any(len(text) > 1 for text in texts & (known.purchases - known.steps))  # a letter may stand for anything
        enough = hits >= len(texts) / 3 or (sold and bool(set(words_of(profile.name)) & words().event_headers))
        return 1.0 if hits and len(texts) <= 60 and enough else 0.0
    if role == "status":
        return 0.8 if texts & (known.purchases | known.cancellations) and len(texts) <= 30 else 0.0
    if role in ("cancelled", "recommended", "clicked"):
        return 1.0 if {text.lower().removesuffix(".0") for text in profile.counts} <= FLAGS else 0.0
    if role in ("review_title", "review_text"):
        return 0.9 * wordy
    if role == "currency":
        return 1.0 if {text.upper() for text in profile.counts} <= set(CODES) else 0.0
    if role == "name":
        return 0.0 if profile.numbered else (1.0 if any(" " in text for text in profile.filled[:200]) else 0.6) * wordy * (not profile.personal)
    if role in PEOPLE:
        return 0.9 if len(profile.counts) <= 200 and header_score("amount", profile.name) < NAMED else 0.0  # a revenue is nobody's income
    if role == "country":
        return 0.9 if wordy and len(profile.counts) <= 300 else 0.0
    return 0.6 if profile.whole and profile.distinct_share < 0.5 else 0.9 * wordy


def _quantity(profile: Profile) -> float:
    if not profile.numbers or profile.padded or set(words_of(profile.name)) & OPINIONS:
        return 0.0
    typical = median(map(abs, profile.numbers))
    small = 1.0 if typical <= 20 else 0.4 if typical <= 1000 else 0.1
    few = len(profile.counts) <= max(200, len(profile.filled) / 5)
    cents = sum(bool(re.search(r"[.,]\d\d$", text)) for text in profile.filled) > 0.9 * len(profile.filled)  # as of money
    return small * (0.3 if cents else 1.0 if profile.whole else 0.5) * (1.0 if few else 0.5) * (0.5 if is_taken_back(profile.name) else 1.0)


def _money(role: str, profile: Profile) -> float:
    own = profile.name.rpartition(".")[2]
    if (
        not profile.numbers
        or profile.padded > len(profile.filled) / 50
        or set(words_of(own)) & NO_MONEY
        or is_taken_back(own)
        or is_count_of_people(profile)
    ):
        return 0.0
    ones = sum(value == 1 for value in profile.numbers) / len(profile.numbers)
    if profile.whole and ones > 0.4 and role in ("amount", "unit_price"):
        return 0.1  # mostly one: pieces, not money
    return 1.0 if not profile.whole or (profile.number is not None and profile.number.signs) else 0.8


def is_scale(profile: Profile) -> bool:
    """Whether the values may be stars: a few numbers from 0 to 10."""
    least, most = SCALE
    return bool(profile.numbers) and least <= min(profile.numbers) and max(profile.numbers) <= most and len(profile.counts) <= 2 * most + 1


def is_count_of_people(profile: Profile) -> bool:
    """Whether a column says how many bought, not who."""
    have = words_of(profile.name)
    return profile.whole and header_score("user", profile.name) > 0 and (have[-1] in MANY or "count" in have)


def _id(role: str, profile: Profile) -> float:
    two_numbers = (
        role in ("user", "visitor") and words_of(profile.name)[-1:] == ("id",) and all(re.fullmatch(r"\d+\.\d+", text) for text in profile.counts)
    )
    fractions = bool(profile.numbers) and not profile.whole and not two_numbers
    negative = bool(profile.numbers) and min(profile.numbers) < 0 and sum(value < 0 for value in profile.numbers) > len(profile.numbers) / 50
    if fractions or negative or len(profile.lost) > len(profile.filled) / 2:
        return 0.0
    if role == "user" and is_count_of_people(profile):
        return 0.0
    if role == "line":
        return 1.0 if profile.distinct_share == 1 else 0.0
    if role == "store":
        return 0.9 if len(profile.counts) <= max(50, len(profile.filled) / 10) else 0.3
    prose = sum(text.count(" ") > 2 for text in profile.filled[:500]) > 150
    return 0.3 if prose else 0.9 if len(profile.counts) > 1 else 0.5
