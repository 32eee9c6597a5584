"""Score how well the values of a column suit a role."""

from __future__ import annotations

import re
from statistics import median

from basketgraph.foundation.money import CODES
from basketgraph.onboard.column_profiles import Profile
from basketgraph.onboard.words import header_score, is_taken_back, plain_values, words, words_of

FLAGS = {"0", "1", "true", "false", "yes", "no", "y", "n", "t", "f", "x", "ja", "nein", "j", "oui", "non", "si", "sim", "tak"}
IDS = ("user", "item", "order", "line", "store")
MONEY = ("unit_price", "amount", "list_amount", "discount", "coupon", "cost")
PAID = MONEY[:-1]
NAMED = 0.7  # score of a header that is called so
MANY = {"buyers", "clients", "customers", "members", "shoppers", "users", "visitors"}
NO_MONEY = {
    "score", "rate", "ratio", "share", "pct", "percent", "probability", "propensity", "weight", "feature", "affinity", "digits", "lat", "lon",
    "latitude", "longitude", "index", "rank", "rating", "ratings", "overall", "star", "stars", "sterne", "bewertung",
}  # fmt: skip
OPINIONS = {"helpful", "helpfulness", "rating", "ratings", "review", "reviews", "stars", "vote", "votes"}  # counts of these are no pieces
ITEM_COLUMNS = ("name", "department", "category", "subcategory", "brand", "manufacturer", "package_size")
PEOPLE = ("age_band", "income_band", "marital_status", "home_ownership", "household_size", "household_composition", "kids_count")


def role_score(role: str, one: Profile) -> float:
    """How well a column's values suit a role: 0 not at all, .5 nothing against it, 1 very well."""
    dated = one.timestamp is not None
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
    """The score for roles whose values are words."""
    texts, known = set(plain_values(list(one.counts)[:200]).values()), words().values
    wordy = one.number is None
    if role == "event_type":
        events = texts & (known.purchases | known.cancellations | known.others)
        hits = len(events) if events - known.vague else 0
        sold = any(len(text) > 1 for text in texts & (known.purchases - known.steps))  # a letter may stand for anything
        enough = hits >= len(texts) / 3 or (sold and bool(set(words_of(one.name)) & words().event_headers))
        return 1.0 if hits and len(texts) <= 60 and enough else 0.0
    if role == "status":
        return 0.8 if texts & (known.purchases | known.cancellations) and len(texts) <= 30 else 0.0
    if role == "cancelled":
        return 1.0 if {text.lower() for text in one.counts} <= FLAGS else 0.0
    if role == "currency":
        return 1.0 if {text.upper() for text in one.counts} <= set(CODES) else 0.0
    if role == "name":
        return 0.0 if one.numbered else (1.0 if any(" " in text for text in one.filled[:200]) else 0.6) * wordy * (not one.personal)
    if role in PEOPLE:
        return 0.9 if len(one.counts) <= 200 and header_score("amount", one.name) < NAMED else 0.0  # a revenue is nobody's income
    if role == "country":
        return 0.9 if wordy and len(one.counts) <= 300 else 0.0
    return 0.6 if one.whole and one.distinct_share < 0.5 else 0.9 * wordy


def _quantity(one: Profile) -> float:
    if not one.numbers or one.padded or set(words_of(one.name)) & OPINIONS:
        return 0.0
    typical = median(map(abs, one.numbers))
    small = 1.0 if typical <= 20 else 0.4 if typical <= 1000 else 0.1
    few = len(one.counts) <= max(200, len(one.filled) / 5)
    cents = sum(bool(re.search(r"[.,]\d\d$", text)) for text in one.filled) > 0.9 * len(one.filled)  # as of money
    return small * (0.3 if cents else 1.0 if one.whole else 0.5) * (1.0 if few else 0.5) * (0.5 if is_taken_back(one.name) else 1.0)


def _money(role: str, one: Profile) -> float:
    own = one.name.rpartition(".")[2]
    if not one.numbers or one.padded > len(one.filled) / 50 or set(words_of(own)) & NO_MONEY or is_taken_back(own) or is_count_of_people(one):
        return 0.0
    ones = sum(value == 1 for value in one.numbers) / len(one.numbers)
    if one.whole and ones > 0.4 and role in ("amount", "unit_price"):
        return 0.1  # mostly one: pieces, not money
    return 1.0 if not one.whole or (one.number is not None and one.number.signs) else 0.8


def is_count_of_people(one: Profile) -> bool:
    """Whether a column says how many bought, not who."""
    have = words_of(one.name)
    return one.whole and header_score("user", one.name) > 0 and (have[-1] in MANY or "count" in have)


def _id(role: str, one: Profile) -> float:
    two_numbers = role == "user" and words_of(one.name)[-1:] == ("id",) and all(re.fullmatch(r"\d+\.\d+", text) for text in one.counts)
    fractions = bool(one.numbers) and not one.whole and not two_numbers
    negative = bool(one.numbers) and min(one.numbers) < 0 and sum(value < 0 for value in one.numbers) > len(one.numbers) / 50
    if fractions or negative or len(one.lost) > len(one.filled) / 2:
        return 0.0
    if role == "user" and is_count_of_people(one):
        return 0.0
    if role == "line":
        return 1.0 if one.distinct_share == 1 else 0.0
    if role == "store":
        return 0.9 if len(one.counts) <= max(50, len(one.filled) / 10) else 0.3
    prose = sum(text.count(" ") > 2 for text in one.filled[:500]) > 150
    return 0.3 if prose else 0.9 if len(one.counts) > 1 else 0.5
