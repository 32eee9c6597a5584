"""Columns whose values are words for events (view, cart, purchase), or codes for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from basketgraph.onboard.column_profiles import Profile
from basketgraph.onboard.role_scores import NAMED, role_score
from basketgraph.onboard.words import header_score, plain_values, purchases_among, words, words_of

FEW = 60  # different values of a column that says what happened
CODES = 12  # the same where they are numbers
MOSTLY = 0.5  # of the values, and of the rows, that are known words
ENOUGH = 0.4  # score of header and values together
SHOWN = 8  # values named in a sentence
SCALE = (0, 10)  # of stars
RATINGS = {"bewertung", "note", "overall", "punkte", "rate", "rating", "ratings", "score", "star", "stars", "sterne"}
REVIEWS = {
    "avis", "helpful", "helpfulness", "recensione", "resena", "review", "reviewer", "reviews", "rezension", "upvotes", "votes",
}  # fmt: skip


def event_column(profiles: Sequence[Profile]) -> Profile | None:
    """The column of event types in known words: one whose header and values say so, else one whose values are mostly such words."""
    scores = [header_score("event_type", one.name) * role_score("event_type", one) for one in profiles]
    best = max(scores, default=0.0)
    if best >= ENOUGH:
        return profiles[scores.index(best)]
    return next((one for one in profiles if has_event_words(one)), None)


def has_event_words(one: Profile) -> bool:
    """Whether the values alone show that a column says what happened: few, mostly known words, and among them one for what is no sale, or words for
    both sales and what takes them back."""
    if not one.filled or one.number is not None or one.timestamp is not None or len(one.counts) > FEW:
        return False
    known, counted = words().values, counted_words(one)
    plain = {text: word for text, word in plain_values(counted).items() if len(word) > 1}  # a letter may stand for anything
    understood = {text: word for text, word in plain.items() if word in known.purchases | known.cancellations | known.others}
    mostly = len(understood) >= MOSTLY * len(counted) and sum(counted[text] for text in understood) >= MOSTLY * len(one.filled)
    found = set(understood.values())
    if found & (known.others - known.vague):
        return mostly
    both = bool(found & (known.purchases - known.steps)) and bool(found & known.cancellations)
    return both and len(understood) == len(counted) and header_score("status", one.name) < ENOUGH


def has_name(one: Profile) -> bool:
    """Whether the header is that of an event type."""
    return header_score("event_type", one.name) >= ENOUGH or names_event_type(one)


def coded_column(profiles: Iterable[Profile], *, sold: bool) -> Profile | None:
    """The column with the header of an event type whose values are codes or unknown words. sold: whether there are pieces or money: rows are
    then sales in any case, and the words may be about anything."""
    for one in profiles:
        codes = one.number is not None and one.whole
        called = names_event_type(one) and (codes or not sold)
        if _has_few_values(one) and (called or (codes and not sold and header_score("event_type", one.name) >= NAMED)):
            return one
    return None


def unclear_column(profiles: Iterable[Profile]) -> Profile | None:
    """The column with the header of an event type and a few values, none of them known."""
    return next((one for one in profiles if names_event_type(one) and _has_few_values(one)), None)


def names_event_type(one: Profile) -> bool:
    """Whether the header alone says that the values are words for events."""
    have = words_of(one.name)
    return bool(set(have) & words().event_headers) and have[-1] not in ("id", "date", "time")


def _has_few_values(one: Profile) -> bool:
    return 1 < len(one.counts) <= (CODES if one.number is not None else FEW) and not one.padded and one.timestamp is None


def counted_words(one: Profile) -> Counter[str]:
    """{a value as `lower(trim())` gives it: its rows}."""
    found: Counter[str] = Counter()
    for text, rows in one.counts.items():
        found[text.lower().strip()] += rows
    return found


def bought_words(one: Profile) -> list[str]:
    """The values that mean a purchase, as `lower(trim())` gives them."""
    plain = plain_values(one.counts)
    purchases = purchases_among(plain.values())
    return [text for text, word in plain.items() if word in purchases]


def shares(one: Profile, texts: Iterable[str]) -> str:
    """`pv` (94 %), `x` (0.3 %): values with their shares of the rows that have one, the most frequent first."""
    counted = counted_words(one)
    ordered = sorted(texts, key=lambda text: (-counted[text], text))
    named = [f"`{text[:30]}` ({percent(counted[text], len(one.filled))})" for text in ordered[:SHOWN]]
    return ", ".join(named) + (f" and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else "")


def percent(part: int, whole: int) -> str:
    share = 100 * part / max(1, whole)
    return f"{share:.0f} %" if share >= 1 or not part else f"{share:.1g} %"


def is_rating(one: Profile) -> bool:
    """Whether a column has ratings: few numbers from 0 to 10 under a header for them."""
    least, most = SCALE
    scaled = bool(one.numbers) and least <= min(one.numbers) and max(one.numbers) <= most and len(one.counts) <= 2 * most + 1
    return scaled and bool(set(words_of(one.name.rpartition(".")[2])) & RATINGS)


def is_of_review(one: Profile) -> bool:
    """Whether a column is of a review: stars, a text about an item, votes that it was helpful."""
    return is_rating(one) or bool(set(words_of(one.name.rpartition(".")[2])) & REVIEWS)
