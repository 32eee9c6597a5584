"""The message of a shopping guide: by template, or worded by an endpoint where that invents nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass

from basketgraph.offers.guide import Guide, GuideItem

LONGEST_SUBJECT, LONGEST_BODY = 60, 160  # letters
TEMPLATE, ENDPOINT = "template", "endpoint"
# Words that a message may hold beside names of its products. None of them names a product, an amount or a promise: whatever else is said is invented.
VOCABULARY = """
a about again all also always an and another any are as at available back be because been before best bought but buy by can check choice
come customer customers day days dear do don't enjoy ever everything favourite favourites find fits for from go goes good great had has
have hello here hi how if in is it it's its just know last like liked list look looking love made make many may might miss more most much
need new next nice not now of often on once or other our out perfect perhaps pick picked picks pleasure popular probably ready recently
right see selected selection shop shopping so some something soon still suggest suggestion suggestions take taste tell than thank thanks
that that's the their them then there these they thing think this those time times to today together too top try up us usual usually visit
want was we we've week welcome well what when which why will with without you you'll you'd your yours you've
"""
WORDS = frozenset(VOCABULARY.split())
WORD, NUMBER = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*"), re.compile(r"\d+(?:[.,]\d+)*")
PLAIN = re.compile(r"[\w\s.,:;!?'’\"“”()&/–—-]*")
DATED = re.compile(r",? (?:last )?on \d{4}-\d{2}-\d{2}")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Message:
    """by: template or endpoint. fallback: why the endpoint's words were not taken; None where they were, or there is no endpoint."""

    subject: str
    body: str
    by: str = TEMPLATE
    fallback: str | None = None


def template_message(guide: Guide) -> Message:
    """Subject and body of at most LONGEST_SUBJECT and LONGEST_BODY letters: as many products as there is room for, whole names only."""
    coupon = "A coupon waits for you. " if guide.coupons else ""
    parts = [f"{item.name} ({item.price.words})" if item.price else item.name for item in guide.items]
    if not parts:
        return Message("Your shopping guide", coupon.strip() or "See what is new in the shop.")
    subject = f"{guide.items[0].name} and more for you"
    body = f"{coupon}Picked for you."
    for number in range(1, len(parts) + 1):
        longer = f"{coupon}Picked for you: {', '.join(parts[:number])}."
        if len(longer) > LONGEST_BODY:
            break
        body = longer
    return Message(subject if len(subject) <= LONGEST_SUBJECT else "Picked for you", body)


def undated(reason: str) -> str:
    """A reason without the days that it names; empty where one is left."""
    without = DATED.sub("", reason)
    return "" if DATE.search(without) else without


def invented(subject: str, body: str, items: tuple[GuideItem, ...]) -> str | None:
    """What of an endpoint's words is not in the row: want whole names of its products, the prices that follow theirs, and WORDS; None where all is.

    A text without a product, or too long, is refused, too.
    """
    if not subject.strip() or len(subject) > LONGEST_SUBJECT or not body.strip() or len(body) > LONGEST_BODY:
        return f"want a subject of 1 to {LONGEST_SUBJECT} letters and a body of 1 to {LONGEST_BODY}, have {len(subject)} and {len(body)}"
    by_name = {item.name.casefold(): item for item in items}
    longest_first = sorted(by_name, key=lambda name: (-len(name), name))
    names = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in longest_first), re.IGNORECASE)
    if names.search(body) is None:
        return "want one of the products in the body, have none"
    return _invented_in(subject, names, by_name) or _invented_in(body, names, by_name)


def _invented_in(text: str, names: re.Pattern[str], by_name: dict[str, GuideItem]) -> str | None:
    ends = [(0, None), *((found.end(), by_name.get(found[0].casefold())) for found in names.finditer(text))]
    begins = [*(found.start() for found in names.finditer(text)), len(text)]
    for (end, item), begin in zip(ends, begins, strict=True):
        between = text[end:begin]
        prices = set(NUMBER.findall(item.price.words)) if item is not None and item.price else set()
        if wrong := [number for number in NUMBER.findall(between) if number not in prices]:
            return f"a price that is not the product's: {wrong[0]}"
        allowed = WORDS | {item.price.currency.casefold() if item is not None and item.price else ""}
        if unknown := [word for word in WORD.findall(between) if word.casefold().replace("’", "'") not in allowed]:
            return f"words that are not the row's: {', '.join(unknown[:3])}"
        if not PLAIN.fullmatch(between):
            return "signs that a message does not hold"
    return None
