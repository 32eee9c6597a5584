"""Characters that nobody sees, and digits of other scripts: how they are shown, and how expressions take them away."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

WIDTHLESS = "\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064\ufeff"
BLANKS = "\t\n\r\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
AROUND = "\t\u00a0\u202f\u3000\u200b\u200e\u2060\ufeff"  # those that real files have around values
MARKS = {"\u066b": ".", "\u066c": ",", "\u060d": "/", "\uff0e": ".", "\uff0c": ",", "\uff0f": "/", "\uff1a": ":", "\uff0d": "-", "\u2212": "-"}
TEN = "0123456789"


def shown(text: str) -> str:
    """The text with an escape for each character that cannot be seen or told from a blank."""
    return "".join(one if one.isprintable() else _escape(one) for one in text)


def _escape(character: str) -> str:
    return f"\\u{ord(character):04x}" if ord(character) < 1 << 16 else f"\\U{ord(character):08x}"


def folded(text: str) -> str:
    """What a person sees of a text, in one case: two ids that are alike in this are likely to be one."""
    return text.translate(_GONE).strip(" " + BLANKS).lower()


_GONE = dict.fromkeys(map(ord, WIDTHLESS))


def folded_sql(column: str) -> str:
    """`folded` as Spark's SQL."""
    return f"lower(btrim(translate({column}, {sql_text(WIDTHLESS)}, ''), {sql_text(' ' + BLANKS)}))"


def sql_text(text: str) -> str:
    """A text as a literal of Spark's SQL that can be seen and read."""
    return "'" + "".join(_in_sql(one) for one in text) + "'"


def _in_sql(character: str) -> str:
    if character in "'\\":
        return "\\" + character
    return character if character.isprintable() else _escape(character)


def plain_digits(texts: Iterable[str]) -> dict[str, str]:
    """{character: what it means}, of digits of other scripts in the texts and of the marks between them; empty where there are none."""
    there = {one for text in texts if not text.isascii() for one in text if not one.isascii()}
    zeros = sorted({chr(ord(one) - unicodedata.decimal(one)) for one in there if one.isdecimal()})
    found = {chr(ord(zero) + value): TEN[value] for zero in zeros for value in range(10)}
    return found | {mark: plain for mark, plain in MARKS.items() if mark in there}


def translate_sql(column: str, meaning: dict[str, str]) -> str:
    """The SQL of a column with characters replaced by others, one by one; those without a meaning, which come last, are taken away."""
    return f"translate({column}, {sql_text(''.join(meaning))}, {sql_text(''.join(meaning.values()))})"
