"""The templates of this room, with the filters that they share."""

from __future__ import annotations

from jinja2 import Environment

from basketgraph.foundation.privacy.log_masking import masked
from basketgraph.foundation.quality.renderers import number_in_words
from basketgraph.foundation.templates import template_environment

LONGEST_TEXT = 600


def environment() -> Environment:
    made = template_environment("basketgraph.report")
    made.filters |= {
        "number": number_in_words,
        "masked": lambda text: masked(str(text), longest=LONGEST_TEXT),
        "words": lambda name: str(name).replace("_", " "),
        "sentence": lambda text: f"{str(text)[:1].upper()}{str(text)[1:]}",
    }
    return made
