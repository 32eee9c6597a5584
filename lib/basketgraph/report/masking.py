"""The last net under personal values: raw rows are masked when they are rejected; what slipped through is masked again before it is shown."""

from __future__ import annotations

import json
import re

HIDDEN = "•••"
LONGEST = 80
EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(\.[\w-]+)+")
LONG_NUMBER = re.compile(r"\+?\d(?:[ \-/().]{0,2}\d){7,}")  # cards, phones, accounts: eight digits or more, however they are set apart
DAY = re.compile(r"(19|20)\d\d[-/.]?(0\d|1[0-2])[-/.]?([0-2]\d|3[01])([ T][\d:.]*)?Z?")
SHORT_DAY = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.]((19|20)\d\d|\d\d)( [\d:.]*)?")


def masked(text: str, *, longest: int = LONGEST) -> str:
    """`text` without e-mail addresses and long numbers (dates stay), cut to a readable length."""
    hidden = LONG_NUMBER.sub(lambda found: found[0] if DAY.fullmatch(found[0]) or SHORT_DAY.fullmatch(found[0]) else HIDDEN, EMAIL.sub(HIDDEN, text))
    return hidden if len(hidden) <= longest else hidden[: longest - 1] + "…"


def masked_row(payload: str | None) -> list[tuple[str, str]]:
    """(column, value) of a rejected row's JSON, masked; a row that could not be parsed has none."""
    if payload is None:
        return []
    try:
        row = json.loads(payload)
    except ValueError:
        return []
    if not isinstance(row, dict):
        return []
    return [(masked(str(column)), "(empty)" if value in (None, "") else masked(str(value))) for column, value in row.items()]
