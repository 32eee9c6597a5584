"""Normalise text that Spark's functions do not understand: invisible characters, blanks of other widths, digits of other scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from basketgraph.clean.characters import AROUND, BLANKS, WIDTHLESS, plain_digits, sql_text, translate_sql
from basketgraph.onboard.sample import Column

ODD = BLANKS + WIDTHLESS
_WIDTHLESS = dict.fromkeys(map(ord, WIDTHLESS))
NARROW = dict.fromkeys("\u00a0\u2007\u2009\u202f", " ")


def strip_invisible(column: Column) -> tuple[Column, set[str]]:
    """(the column without invisible characters around its values, or within values that differ in nothing else; values of nothing else)."""
    texts = {text for text in column.values if text is not None and not (text.isprintable() and text.isascii())}
    bare = {text: text.strip(" " + ODD) for text in texts}
    around = {one for text, inner in bare.items() if inner != text for one in text.replace(inner, "", 1)} - {" "}
    within = {text: inner.translate(_WIDTHLESS) for text, inner in bare.items()}
    seen = {text for text in column.values if text is not None} | set(bare.values())
    collide = {one for text, inner in bare.items() if within[text] != inner and within[text] in seen for one in inner if one in WIDTHLESS}
    sql = column.sql
    if collide:
        sql = translate_sql(sql, dict.fromkeys(sorted({*collide, *(one for one in AROUND if one in WIDTHLESS)}), ""))
    if around:
        sql = f"btrim({sql}, {sql_text(' ' + ''.join(sorted({*AROUND, *around})))})"
    if sql == column.sql:
        return column, set()
    return _with(column, sql, within if collide else bare), {text for text, inner in bare.items() if not inner}


def with_plain_digits(column: Column) -> Column:
    """The column with digits of other scripts, and the marks between them, as ASCII; itself where there are none."""
    return _translated(column, plain_digits(text for text in column.values if text is not None))


def with_plain_blanks(column: Column) -> Column:
    """The column with blanks of other widths within its values as plain ones; itself where there are none."""
    has_narrow = any(one in text for text in column.values if text is not None for one in NARROW)
    return _translated(column, NARROW if has_narrow else {})


def _translated(column: Column, meaning: dict[str, str]) -> Column:
    if not meaning:
        return column
    table = str.maketrans(meaning)
    return _with(column, translate_sql(column.sql, meaning), {text: text.translate(table) for text in column.values if text is not None})


def _with(column: Column, sql: str, texts: Mapping[str, str]) -> Column:
    return replace(column, sql=sql, values=[None if text is None else texts.get(text, text) or None for text in column.values])
