"""Masks of personal values in texts that are shown or logged. Raw rows were masked before, when they were rejected (row_masking)."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping

HIDDEN = "•••"
LONGEST = 80
CONTAINERS = "".join(rf"(?<!{scheme}://)" for scheme in ("abfs", "abfss", "wasb", "wasbs"))  # container@account is where a warehouse lies
EMAIL = re.compile(rf"(?<![\w.+%'-]){CONTAINERS}[\w.+%'-]+(?:@|%40)(?!\d{{1,3}}(?![\w-]|\.\w))[\w-]+(?:\.[\w-]+)*")
# %40: as addresses stand in URLs. No host is a small number alone: recall@20 is a metric.
BETWEEN = r"[\s\-/()._\u2010-\u2015]{0,3}"
LONG_NUMBER = re.compile(rf"\+?\d(?:{BETWEEN}\d){{7,}}")  # cards, phones, accounts: eight digits or more, however they are set apart
TIME = r"([01]?\d|2[0-3])(\.?[0-5]\d(\.?[0-5]\d(\.\d{1,6})?)?)?"  # 9, 101112, 10.15.30; a colon ends the number, so that the hour stands alone
DAY = re.compile(rf"(19|20)\d\d[-/._]?(0\d|1[0-2])[-/._]?([0-2]\d|3[01])([ _-]{TIME})?")
SHORT_DAY = re.compile(rf"([0-2]?\d|3[01])[-/.]([0-2]?\d|3[01])[-/.]((19|20)\d\d|\d\d)( {TIME})?")
SECONDS = re.compile(r"(?<=\d:)[0-5]\d\.\d{1,9}")  # of 10:11:05.123456
DECIMAL = re.compile(r"0\.\d{1,12}|(?!.{14})[1-9]\d{0,5}\.\d{1,11}")  # a measured number: twelve digits; a card has more, a phone begins with 0


def without_addresses(text: str) -> str:
    """`text` without e-mail addresses: for log lines, whose numbers (counts, run ids) must stay."""
    return EMAIL.sub(HIDDEN, text)


def masked(text: str, *, longest: int = LONGEST) -> str:
    """`text` without e-mail addresses and long numbers (dates and decimals stay), cut to a readable length."""
    hidden = LONG_NUMBER.sub(lambda found: found[0] if _harmless(found) else HIDDEN, without_addresses(text))
    return hidden if len(hidden) <= longest else hidden[: longest - 1] + "…"


def masked_pairs(texts: Mapping[str, str], *, longest: int = 400) -> dict[str, str]:
    """`texts` with keys and values masked. Keys that look alike then are numbered, so that none is lost."""
    shown: dict[str, str] = {}
    seen: Counter[str] = Counter()
    for key, text in texts.items():
        name = masked(key, longest=longest)
        seen[name] += 1
        shown[name if seen[name] == 1 else f"{name} ({seen[name]})"] = masked(text, longest=longest)
    return shown


def _harmless(number: re.Match[str]) -> bool:
    start, end = number.span()  # with the text around it, which tells seconds
    return any(form.fullmatch(number.string, start, end) for form in (DAY, SHORT_DAY, SECONDS, DECIMAL))


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
