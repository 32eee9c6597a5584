"""Words that shops use in headers and values (conf/onboard_words.yaml), and the score of a header against them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Annotated

from pydantic import AfterValidator, field_validator

from basketgraph.foundation.config import Settings, data_yaml, parsed

LETTERS = str.maketrans({"ß": "ss", "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "ı": "i", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "đ": "d", "Đ": "D"})
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})  # as Germans write them out
CASE_CHANGES = re.compile("(?<=[{0}0-9])(?=[{1}])|(?<=[{1}])(?=[{1}][{0}])".format("a-zα-ωа-яєґ", "A-ZΑ-ΩА-ЯЄҐ"))
THINGS = ("user", "visitor", "session", "item", "order", "store", "line", "name")  # roles that a header names, and about which others say something
NAMES = {"name", "names", "naam", "navn", "nom", "nombre", "nome"}
IDS = {"code", "hash", "id", "ids", "key", "no", "nr", "number", "uuid"}
OWN = 0.4  # score of a header about the user himself, not something of his

NOT_YET = {"await", "awaiting", "begin", "no", "non", "not", "pending", "start", "to", "wait", "waiting"}  # not_paid, not_sent are not paid, sent


Phrase = Annotated[str, AfterValidator(lambda text: " ".join(words_of(text)))]  # written as `words_of` writes headers


class Language(Settings):
    currency: str
    time_zone: str
    words: frozenset[Phrase]


class Values(Settings):
    purchases: frozenset[str]
    steps: frozenset[str]
    cancellations: frozenset[str]
    undone: frozenset[str]
    views: frozenset[str]
    clicks: frozenset[str]
    favourites: frozenset[str]
    dismissals: frozenset[str]
    cart_adds: frozenset[str]
    cart_removals: frozenset[str]
    left_out: frozenset[str]
    vague: frozenset[str]

    @field_validator("*")
    @classmethod
    def add_joined(cls, texts: frozenset[str]) -> frozenset[str]:
        """The words, and each without underscores: `addtocart` beside `add_to_cart`."""
        return texts | {text.replace("_", "") for text in texts}

    @property
    def behaviours(self) -> dict[str, frozenset[str]]:
        """Event type -> words for it, of what people do besides buying."""
        return {
            "view": self.views,
            "click": self.clicks,
            "favourite": self.favourites,
            "dismiss": self.dismissals,
            "cart_add": self.cart_adds,
            "cart_remove": self.cart_removals,
        }

    @property
    def others(self) -> frozenset[str]:
        """Words for events that are neither purchases nor cancellations."""
        return self.left_out.union(*self.behaviours.values())

    @property
    def all(self) -> frozenset[str]:
        return self.purchases | self.cancellations | self.undone | self.others


class Words(Settings):
    """conf/onboard_words.yaml."""

    roles: dict[str, tuple[Phrase, ...]]
    personal: frozenset[Phrase]
    personal_phrases: tuple[Phrase, ...]
    named: frozenset[Phrase]
    beside: frozenset[Phrase]
    event_headers: frozenset[Phrase]
    values: Values
    languages: dict[str, Language]
    countries: dict[str, tuple[str, str]]


@cache
def words() -> Words:
    """The words of conf/onboard_words.yaml. Raises UserError where the file has unknown or missing keys."""
    return parsed(Words, data_yaml("conf/onboard_words.yaml"), "conf/onboard_words.yaml")


def plain_values(texts: Iterable[str]) -> dict[str, str]:
    """{a value as `lower(trim())` gives it: how `values` of the words writes it}: `Credit Note` is credit_note, and of wc-paid, wc-refunded each is
    known without the prefix that a system gave all of them."""
    plain = {text.lower().strip(): re.sub(r"[\s./:-]+", "_", unaccented(text.lower().strip().translate(UMLAUTS))) for text in texts}
    starts, known = {word.partition("_")[0] for word in plain.values()}, words().values.all
    bare = {text: word.partition("_")[2] for text, word in plain.items()}
    if len(starts) != 1 or starts & NOT_YET or sum(word in known for word in bare.values()) < 2:
        return plain
    return {text: word if word in known else bare[text] for text, word in plain.items()}


def purchases_among(plain: Iterable[str]) -> frozenset[str]:
    """The words that mean a purchase among these values; a step such as checkout counts only where no other word does."""
    known = words().values
    plainly = known.purchases - known.steps
    return plainly if plainly & set(plain) else known.purchases


def unaccented(text: str) -> str:
    """The text without diacritics, in any alphabet."""
    apart = unicodedata.normalize("NFKD", text.translate(LETTERS))
    return unicodedata.normalize("NFC", "".join(character for character in apart if not unicodedata.combining(character)))


@cache
def words_of(header: str, *, german: bool = True) -> tuple[str, ...]:
    """`CustomerID`, `customer_id`, `Kunden-Nr.` as lower-case words without accents; of a nested field the path counts."""
    apart = CASE_CHANGES.sub(" ", unaccented(header.translate(UMLAUTS if german else {})))
    return tuple(re.findall(r"[^\W\d_]+|\d+", apart.lower()))


def header_score(role: str, header: str) -> float:
    """The score of a header for a role, 0 to 1. Of a nested field its own name counts, or its whole path."""
    own = header.rpartition(".")[2]
    return max(max(_score(role, words_of(header, german=way)), 0.97 * _score(role, words_of(own, german=way))) for way in (True, False))


@cache
def _score(role: str, have: tuple[str, ...]) -> float:
    joined, best = "".join(have), 0.0
    phrases = words().roles[role]
    for place, text in enumerate(phrases):
        phrase, weight = tuple(text.split()), 1.0 - 0.15 * place / len(phrases)
        together = "".join(phrase)
        if joined == together:
            best = max(best, weight)
        elif any(have[i : i + len(phrase)] == phrase for i in range(len(have))):
            others = {word for word in have if word not in phrase and not word.isdigit()}
            about = role in THINGS and bool(others - words().beside if role != "name" else _of_others(others))
            best = max(best, weight * (0.45 + 0.4 * len(phrase) / len(have)) * (0.6 if about else 1.0))
        elif len(together) >= 5 and together in joined:
            best = max(best, weight * (0.3 + 0.4 * len(together) / len(joined)))
    return best


def _of_others(have: Iterable[str]) -> list[str]:
    """Words beside that for a name which say that it is no item's: neither words for items and their lines nor a language (`name.de`)."""
    return [word for word in have if len(word) > 2 and word not in {*words().beside, "line"} and not _score("item", (word,))]


def is_taken_back(header: str) -> bool:
    """Whether a header of pieces or money is about returns or refunds."""
    return any(len(word) > 1 and word != "credit" for word in set(words_of(header)) & words().values.cancellations)


def is_personal(header: str) -> bool:
    """Whether a header speaks of persons: their names, addresses and ids, of which the user's may be one of several."""
    have = words_of(header)
    known, own = words(), set(have)
    if own & known.personal or "".join(have) in known.personal or any(phrase in " ".join(have) for phrase in known.personal_phrases):
        return True
    if own & NAMES and own & known.named:
        return True
    score = max(header_score("user", header), header_score("visitor", header))
    return score >= OWN or (score > 0 and have[-1] in IDS)


def language(headers: list[str]) -> str | None:
    """The language that at least two of the headers are of, if it is not English."""
    have = [{*words_of(header), "".join(words_of(header))} for header in headers]
    hits = {name: sum(bool(header & spoken.words) for header in have) for name, spoken in words().languages.items()}
    best = max(hits, key=lambda name: hits[name])
    return best if hits[best] >= 2 else None
