"""Evidence from whole rows: whether money is a line's or a piece's, how cancellations show, the shop's currency and zone."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from math import log
from statistics import median

from basketgraph.onboard.column_profiles import Profile, pairs
from basketgraph.onboard.numbers import SIGNS
from basketgraph.onboard.roles import Reading
from basketgraph.onboard.words import words, words_of

VOTES = 5  # items that were sold singly and in several pieces, before they decide


def money_is_of(reading: Reading, money: Profile) -> tuple[str | None, str]:
    """(`line`, `piece` or None where the sample does not decide; evidence), by whether an item's money grows with a line's pieces."""
    item, quantity = reading.roles.get("item"), reading.roles.get("quantity")
    if item is None or quantity is None:
        return None, ""
    single: dict[str, list[float]] = defaultdict(list)
    several: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for code, pieces_text, money_text in pairs(item, quantity, money):
        pieces, value = quantity.value(pieces_text), money.value(money_text)
        if pieces is None or value is None or value == 0:
            continue
        if abs(pieces) == 1:
            single[code].append(abs(value))
        elif abs(pieces) > 1:
            several[code].append((abs(pieces), abs(value)))
    votes: Counter[str] = Counter()
    for code in single.keys() & several.keys():
        single_value = median(single[code])
        for pieces, value in several[code][:20]:
            votes["piece" if abs(log(value / single_value)) < abs(log(value / single_value / pieces)) else "line"] += 1
    total = sum(votes.values())
    if total < VOTES:
        return None, ""
    winner, number_ = votes.most_common(1)[0]
    if number_ < 0.65 * total:
        return None, f"of {total} lines with several pieces {number_} speak for a price per {winner}, which decides nothing"
    what = "grows with the number of pieces" if winner == "line" else "does not grow with the number of pieces"
    return winner, f"an item's {money.name} {what} in {number_} of {total} lines of items that were also sold singly"


def is_product(reading: Reading, amount: Profile, price: Profile) -> bool:
    """Whether amount = price x quantity in nearly all rows."""
    quantity = reading.roles.get("quantity")
    if quantity is None:
        return False
    agree = looked = 0
    for texts in pairs(quantity, price, amount):
        values = [profile.value(text) for profile, text in zip((quantity, price, amount), texts, strict=True)]
        if None not in values:
            looked += 1
            agree += abs(abs(values[0] * values[1]) - abs(values[2])) <= 0.011  # type: ignore[operator,arg-type]
    return looked >= VOTES and agree >= 0.9 * looked


def prefix_of_cancellations(reading: Reading) -> tuple[str, int] | None:
    """(prefix, rows): letters that begin the order numbers of lines with negative pieces or money, and hardly any others."""
    order, measure = reading.roles.get("order"), reading.roles.get("quantity") or reading.roles.get("amount")
    if order is None or measure is None:
        return None
    negative: Counter[str] = Counter()
    positive: Counter[str] = Counter()
    for code, text in pairs(order, measure):
        start, value = re.match("[A-Za-z-]+", code), measure.value(text)
        if start is not None and value is not None:
            (negative if value < 0 else positive)[start[0]] += 1
    for letters, rows in negative.most_common(1):
        if rows >= 3 and positive[letters] <= 0.05 * rows and sum(positive.values()) - positive[letters] < len(order.filled) / 2:
            return letters, rows
    return None


def currency_and_zone(reading: Reading) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
    """((currency, evidence), (time zone, evidence)); None where the files have no evidence."""
    currency = zone = None
    money = [profile for role, profile in reading.roles.items() if role in ("unit_price", "amount", "list_amount")]
    for profile in money:
        if profile.number is not None and profile.number.currency:
            currency = (profile.number.currency, f"{profile.name} has the sign {profile.number.signs[0]}")
        named = [word.upper() for word in words_of(profile.name) if word.upper() in set(SIGNS.values()) - {""} | {"USD", "CHF", "SEK", "NOK", "DKK"}]
        if named:
            currency = (named[0], f"the header {profile.name} names it")
    by_line = reading.roles.get("currency")
    if by_line is not None and by_line.counts:
        most, rows = by_line.counts.most_common(1)[0]
        currency = (most.upper(), f"{rows:,} of {len(by_line.filled):,} values of {by_line.name} are {most}")
    country = reading.roles.get("country")
    if country is not None and country.counts:
        name, rows = country.counts.most_common(1)[0]
        place = words().countries.get(name.lower())
        if rows > 0.6 * len(country.filled) and place is not None:
            because = f"{100 * rows / len(country.filled):.0f} % of {country.name} is {name}"
            currency = currency or (place[0], because)
            zone = (place[1], because) if place[1] else None
    if reading.language is not None:
        spoken = words().languages[reading.language]
        currency = currency or (spoken.currency, f"the headers are {reading.language}")
        zone = zone or (spoken.time_zone, f"the headers are {reading.language}")
    return currency, zone
