"""Columns whose values are words for events (view, cart, purchase), or codes for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from basketgraph.onboard.column_profiles import Profile
from basketgraph.onboard.role_scores import NAMED, is_scale, role_score
from basketgraph.onboard.words import header_score, plain_values, purchases_among, words, words_of

FEW = 60  # different values of a column that says what happened
CODES = 12  # the same where they are numbers
MOSTLY = 0.5  # of the values, and of the rows, that are known words
ENOUGH = 0.4  # score of header and values together
SHOWN = 8  # values named in a sentence
RATINGS = {"bewertung", "note", "overall", "punkte", "rate", "rating", "ratings", "score", "star", "stars", "sterne"}
REVIEWS = {
    "avis", "helpful", "helpfulness", "recensione", "resena", "review", "reviewer", "reviews", "rezension", "upvotes", "votes",
}  # fmt: skip


def event_column(profiles: Sequence[Profile]) -> Profile | None:
    """The column of event types in known words: one whose header and values say so, else one whose values are mostly such words."""
    scores = [header_score("event_type", profile.name) * role_score("event_type", profile) for profile in profiles]
    best = max(scores, default=0.0)
    if best >= ENOUGH:
        return profiles[scores.index(best)]
    return next((profile for profile in profiles if has_event_words(profile)), None)


def has_event_words(profile: Profile) -> bool:
    """Whether the values alone show that a column is of event types: few different ones, mostly known words, and among them a word for an event that
    is no sale, or words for both sales and cancellations."""
    if not profile.filled or profile.number is not None or profile.timestamp is not None or len(profile.counts) > FEW:
        return False
    known, counted = words().values, counted_words(profile)
    plain = {text: word for text, word in plain_values(counted).items() if len(word) > 1}  # a letter may stand for anything
    understood = {text: word for text, word in plain.items() if word in known.purchases | known.cancellations | known.others}
    mostly = len(understood) >= MOSTLY * len(counted) and sum(counted[text] for text in understood) >= MOSTLY * len(profile.filled)
    understood_words = set(understood.values())
    if understood_words & (known.others - known.vague):
        return mostly
    both = bool(understood_words & (known.purchases - known.steps)) and bool(understood_words & known.cancellations)
    return both and len(understood) == len(counted) and header_score("status", profile.name) < ENOUGH


def has_name(profile: Profile) -> bool:
    """Whether the header is that of an event type."""
    return header_score("event_type", profile.name) >= ENOUGH or names_event_type(profile)


def coded_column(profiles: Iterable[Profile], *, sold: bool) -> Profile | None:
    """The column with the header of an event type whose values are codes or unknown words. sold: whether there are pieces or money: rows are
    then sales in any case, and the words may be about anything."""
    for profile in profiles:
        codes = profile.number is not None and profile.whole
        called = names_event_type(profile) and (codes or not sold)
        if _has_few_values(profile) and (called or (codes and not sold and header_score("event_type", profile.name) >= NAMED)):
            return profile
    return None


def unclear_column(profiles: Iterable[Profile]) -> Profile | None:
    """The column with the header of an event type and a few values, none of them known."""
    return next((profile for profile in profiles if names_event_type(profile) and _has_few_values(profile)), None)


def names_event_type(profile: Profile) -> bool:
    """Whether the header alone says that the values are words for events."""
    have = words_of(profile.name)
    return bool(set(have) & words().event_headers) and have[-1] not in ("id", "date", "time")


def _has_few_values(profile: Profile) -> bool:
    return 1 < len(profile.counts) <= (CODES if profile.number is not None else FEW) and not profile.padded and profile.timestamp is None


def counted_words(profile: Profile) -> Counter[str]:
    """{a value as `lower(trim())` gives it: its rows}."""
    return Counter(text.lower().strip() for text in profile.filled)


def bought_words(profile: Profile) -> list[str]:
    """The values that mean a purchase, as `lower(trim())` gives them."""
    plain = plain_values(profile.counts)
    purchases = purchases_among(plain.values())
    return [text for text, word in plain.items() if word in purchases]


def other_words(profile: Profile) -> list[str]:
    """The values that mean an event which is neither a purchase nor a cancellation, as `lower(trim())` gives them."""
    return [text for text, word in plain_values(profile.counts).items() if word in words().values.others]


def shares(profile: Profile, texts: Iterable[str]) -> str:
    """`pv` (94 %), `x` (0.3 %): values with their shares of the rows that have one, the most frequent first."""
    counted = counted_words(profile)
    ordered = sorted(texts, key=lambda text: (-counted[text], text))
    named = [f"`{text[:30]}` ({percent(counted[text], len(profile.filled))})" for text in ordered[:SHOWN]]
    return ", ".join(named) + (f" and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else "")


def percent(part: int, whole: int) -> str:
    share = 100 * part / max(1, whole)
    return f"{share:.0f} %" if share >= 1 or not part else f"{share:.1g} %"


def is_of_review(profile: Profile) -> bool:
    """Whether a column is of a review: a text about an item, votes that it was helpful, or stars: a few numbers from 0 to 10."""
    header = set(words_of(profile.name.rpartition(".")[2]))
    return bool(header & REVIEWS) or (is_scale(profile) and bool(header & RATINGS))
