"""The shopping guide as one HTML page, for its customer."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from basketgraph.offers.guide import Guide, GuideItem
from basketgraph.offers.guide_message import Message

SECTIONS = (
    ("again", "To buy again", "What you have bought before."),
    ("new", "New for you", "What you have not bought yet."),
    ("goes_with", "Goes with your last purchase", ""),
)


def guide_page(guide: Guide, message: Message, *, shop: str) -> str:
    """The whole page, as one file without anything outside it; it names no customer."""
    environment = Environment(
        loader=PackageLoader("basketgraph.offers"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sections = [(name, title, text, getattr(guide, name)) for name, title, text in SECTIONS if getattr(guide, name)]
    template = environment.get_template("guide.html")
    return template.render(guide=guide, message=message, shop=shop.replace("_", " ").capitalize(), sections=sections, price=price_in_words)


def price_in_words(item: GuideItem) -> str:
    """What a piece costs as a rule; empty where that is not known."""
    if item.price is None:
        return ""
    return f"You usually pay {item.price.words}" if item.price.of == "you" else f"Usually {item.price.words}"
