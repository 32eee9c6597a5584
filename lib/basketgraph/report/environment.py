"""How pages are rendered: templates that escape what they show, and refuse names that nobody gave them."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from basketgraph.foundation.privacy.log_masking import masked
from basketgraph.foundation.quality.renderers import number_in_words

LONGEST_TEXT = 600


def environment() -> Environment:
    made = Environment(
        loader=PackageLoader("basketgraph.report"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": number_in_words,
        "masked": lambda text: masked(str(text), longest=LONGEST_TEXT),
        "words": lambda name: str(name).replace("_", " "),
        "sentence": lambda text: f"{str(text)[:1].upper()}{str(text)[1:]}",
    }
    return made
