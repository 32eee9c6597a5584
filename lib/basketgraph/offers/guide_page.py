"""The shopping guide as one HTML page, for its customer."""

from __future__ import annotations

from functools import cache

from jinja2 import Template

from basketgraph.foundation.templates import template_environment
from basketgraph.offers.guide import Guide, GuideItem
from basketgraph.offers.guide_message import Message

SECTIONS = (
    ("again", "To buy again", "What you have bought before."),
    ("new", "New for you", "What you have not bought yet."),
    ("goes_with", "Goes with your last purchase", ""),
)


def guide_page(guide: Guide, message: Message, *, shop: str) -> str:
    """The whole page, as one file without anything outside it; it names no customer."""
    sections = [(name, title, text, getattr(guide, name)) for name, title, text in SECTIONS if getattr(guide, name)]
    return _template().render(guide=guide, message=message, shop=shop.replace("_", " ").capitalize(), sections=sections, price=price_in_words)


@cache
def _template() -> Template:
    return template_environment("basketgraph.offers").get_template("guide.html")


def price_in_words(item: GuideItem) -> str:
    """What a piece costs as a rule; empty where that is not known."""
    if item.price is None:
        return ""
    return f"You usually pay {item.price.words}" if item.price.of == "you" else f"Usually {item.price.words}"
