"""Detect how a column writes numbers (decimal comma or point, thousands, currency signs), and the SQL that reads them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from basketgraph.foundation.money import CODES
from basketgraph.onboard.sample import sql_literal

ENOUGH = 0.95  # of a column's values must have one form
NOT_BREAKING = "\u00a0\u202f"
SIGNS = {
    "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₽": "RUB", "₺": "TRY", "₩": "KRW", "₫": "VND", "฿": "THB", "₪": "ILS", "₴": "UAH",
    "zł": "PLN", "Kč": "CZK", "R$": "BRL", "US$": "USD", "NT$": "TWD", "kr": "", "$": "",
}  # fmt: skip
# A code is a word of its own, or stands beside a number: in `TOPAZ` there is none.
_CODE = rf"(?<![^\W\d_])(?=[A-Z]{{3}}(?![^\W\d_]))(?:{'|'.join(sorted(CODES))})"
_SIGN = re.compile("|".join([*sorted(map(re.escape, SIGNS), key=len, reverse=True), _CODE]))
GLUED = re.compile(r"[A-Z]{3}\d+|\d+[A-Z]{3}")  # to whole numbers: `TOP12`, as products are numbered
BEHIND = re.compile(r"(\d[\d.,'’ \u00a0\u202f]*)-|\(([\d.,'’ \u00a0\u202f]+)\)")
# (decimal mark, thousands mark) and what a number looks like; in this order, since the first one that fits wins.
FORMS = [
    (".", "", re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)),
    (".", ",", re.compile(r"[+-]?\d{1,3}(,\d{3})*(\.\d+)?", re.ASCII)),
    (",", "", re.compile(r"[+-]?(\d+(,\d*)?|,\d+)", re.ASCII)),
    (",", ".", re.compile(r"[+-]?\d{1,3}(\.\d{3})*(,\d+)?", re.ASCII)),
    (".", "'", re.compile(r"[+-]?\d{1,3}(['’]\d{3})*(\.\d+)?", re.ASCII)),
    (",", " ", re.compile(rf"[+-]?\d{{1,3}}([ {NOT_BREAKING}]\d{{3}})*(,\d+)?", re.ASCII)),
    (".", " ", re.compile(rf"[+-]?\d{{1,3}}([ {NOT_BREAKING}]\d{{3}})*(\.\d+)?", re.ASCII)),
]


@dataclass(frozen=True)
class NumberForm:
    """How numbers are written; by default as Spark casts them."""

    decimal: str = "."
    thousands: str = ""
    signs: tuple[str, ...] = ()
    ambiguous: str = ""
    minus: str = ""  # `-` where it stands behind negative numbers, `()` where they are in parentheses

    @property
    def currency(self) -> str:
        """The code that the signs stand for, where they are of one currency only."""
        codes = {SIGNS.get(sign, sign) for sign in self.signs}
        return codes.pop() if len(codes) == 1 else ""

    def currency_sql(self, column: str) -> str:
        """The SQL of the code that a value's sign stands for, the shop's where it has none; empty where no two currencies are among the signs."""
        codes = {sign: SIGNS.get(sign, sign) for sign in sorted(self.signs, key=len, reverse=True)}
        if len(set(codes.values())) < 2:
            return ""
        cases = [f"when contains({column}, '{sign}') then '{code}'" for sign, code in codes.items() if code]
        return f"case {' '.join(cases)} else source_currency end"

    def value(self, text: str) -> float | None:
        """The number that `text` is; None where it is none."""
        for sign in self.signs:
            text = text.replace(sign, "")
        text = text.strip(" " + NOT_BREAKING)
        text = _minus_first(text) if self.minus else text
        for mark in (self.thousands, *(NOT_BREAKING if self.thousands == " " else "’" if self.thousands == "'" else "")):
            text = text.replace(mark, "") if mark else text
        try:
            return float(text.replace(self.decimal, "."))
        except ValueError:
            return None

    def sql(self, column: str) -> str:
        """The SQL of a text that a cast to decimal understands."""
        text = column
        for sign in self.signs:
            text = f"replace({text}, '{sign}', '')"
        if self.minus:
            text = f"regexp_replace(trim({text}), '{'^(.*)-$' if self.minus == '-' else '^[(](.*)[)]$'}', '-$1')"
        if self.thousands:
            text = f"replace({text}, {sql_literal(self.thousands)}, '')"
            if self.thousands == " ":
                text = f"translate({text}, '{NOT_BREAKING}', '')"
        return f"replace({text}, ',', '.')" if self.decimal == "," else text


def _minus_first(text: str) -> str:
    """`12,50-` and `(12,50)` as `-12,50`; other texts as they are."""
    match = BEHIND.fullmatch(text)
    return text if match is None else f"-{match[1] or match[2]}"


def looks_like_number(text: str) -> bool:
    return bool(text) and any(form.fullmatch(_minus_first(_SIGN.sub("", text).strip())) for *_, form in FORMS)


def number_form(values: Sequence[str], *, separator: str = "") -> NumberForm | None:
    """The form of a column's values (none empty); None where they are no numbers. separator: that of the file, which hints at decimal commas."""
    if not values or not any(character.isdigit() for character in values[0] + values[-1]):
        return None
    signs: Counter[str] = Counter()
    bare = []
    for text in values:
        there = _SIGN.findall(text)
        signs.update(there)
        bare.append(_SIGN.sub("", text).strip(" " + NOT_BREAKING) if there else text)
    if sum(signs.values()) < 0.02 * len(values):
        signs, bare = Counter(), list(values)
    if signs and sum(bool(GLUED.fullmatch(text)) for text in values) > 0.5 * len(values):
        return None
    turned = {mark: sum(text.endswith(end) and _minus_first(text) != text for text in bare) for mark, end in (("-", "-"), ("()", ")"))}
    minus = max(turned, key=lambda mark: turned[mark])
    if turned[minus] > 0 and (minus == "()" or turned[minus] < 0.5 * len(bare)):  # a hyphen behind all of them makes codes
        bare = [_minus_first(text) for text in bare]
    else:
        minus = ""
    probe = [text for text in bare[:200] if re.fullmatch(r"[+-]?[\d.,'’ \u00a0\u202f]+([eE][+-]?\d+)?", text, re.ASCII)]
    if len(probe) < 0.5 * min(200, len(bare)):
        return None
    fits = ((decimal, thousands) for decimal, thousands, form in FORMS if sum(bool(form.fullmatch(t)) for t in bare) >= ENOUGH * len(bare))
    form = next(fits, None)
    if form is None:
        return None
    decimal, thousands = form
    ambiguous = ""
    groups = {tuple(map(len, re.split(r"[.,]", text)[1:])) for text in bare if re.search(r"[.,]", text)}
    only_threes = bool(groups) and all(set(one) == {3} for one in groups) and not any(re.match(r"[+-]?0[.,]", text) for text in bare)
    if (decimal, thousands) == (".", "") and only_threes and separator == ";":
        decimal, thousands = ",", "."
        ambiguous = "every point is followed by three digits and the separator is `;`, so points were taken for thousands"
    elif (decimal, thousands) == (".", ",") and only_threes and separator == ";":
        decimal, thousands = ",", ""
        ambiguous = "every comma is followed by three digits; it was taken for a decimal comma, since the separator is `;`"
    elif only_threes and thousands in ("", ","):
        ambiguous = f"every `{thousands or decimal}` is followed by three digits: is it a decimal mark or one for thousands?"
    return NumberForm(decimal, thousands, tuple(sign for sign, _ in signs.most_common()), ambiguous, minus=minus)
