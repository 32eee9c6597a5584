"""Raw ids of known users in notes, names of products and names of files: hidden before the page is made."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import reduce
from typing import Any

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from basketgraph.foundation.contracts import contracts
from basketgraph.foundation.privacy.log_masking import HIDDEN
from basketgraph.foundation.tables.warehouse import Warehouse

LEAST = 4  # characters; shorter words are amounts, sizes and the like, and say little about anybody
RAW = ("first", "last", "source_file", "problem", "name")  # keys of rows that hold what a shop delivered, as it is
DATE = r"(?:19|20)\d\d-(?:0\d|1[0-2])-[0-3]\d(?!\d)"  # its year may be a user's number, too
WORD = re.compile(r"[\w.@+-]+")
Pseudonyms = Callable[[list[str]], list[str]]  # of raw ids, in their order


def raw_texts(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The raw texts in rows of the page, as the shop delivered them."""
    for row in rows:
        for key in RAW:
            if row.get(key):
                yield from _leaves(row[key])


def known_user_hider(texts: Iterable[str], warehouse: Warehouse, pseudonyms: Pseudonyms) -> Callable[[str], str] | None:
    """A function that hides the words of `texts` whose pseudonyms are users of this warehouse; None where there is no such word."""
    words = sorted({word for text in texts for word in _words(text)})
    if not words:
        return None
    of_words = dict(zip(words, pseudonyms(words), strict=True))
    users: set[str] = set()
    for name, terms in contracts().items():  # all tables of users: some were only written to, or only redeemed a coupon
        if name.startswith("silver.") and "user_id" in terms.columns:
            rows = warehouse.newest(name).where(F.col("user_id").isin(sorted(set(of_words.values())))).select("user_id").distinct()
            users |= {row["user_id"] for row in rows.collect()}
    known = [word for word, pseudonym in of_words.items() if pseudonym in users]
    return hider(known) if known else None


def known_words(texts: DataFrame, warehouse: Warehouse, pseudonym: Callable[[Column], Column]) -> list[str]:
    """The words of many texts whose pseudonyms are users of this warehouse, for `hider`; on executors.   texts: text."""

    def words_of(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            found = sorted({word for text in batch.column("text").to_pylist() for word in _words(text)})
            yield pa.record_batch([pa.array(found, pa.string())], names=["word"])

    words = texts.select("text").mapInArrow(words_of, "word string").distinct()
    tables = [name for name, terms in contracts().items() if name.startswith("silver.") and "user_id" in terms.columns]
    users = reduce(DataFrame.unionByName, [warehouse.newest(name).select("user_id") for name in tables]).where("user_id IS NOT NULL").distinct()
    named = words.withColumn("user_id", pseudonym(F.col("word")))
    return sorted(row["word"] for row in named.join(users, "user_id", how="left_semi").select("word").collect())


def _row(text: str) -> dict[str, Any] | None:
    """A raw row's columns; None where the text is something else."""
    try:
        row = json.loads(text)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _leaves(text: str) -> list[str]:
    row = _row(text)
    return [text] if row is None else [str(value) for pair in row.items() for value in pair if value is not None]


def _words(text: str) -> Iterator[str]:
    """Every word, with and without what it is joined to: of `gift-for-C1234.csv` the whole, gift, C1234, ..."""
    yield from (part for part in (text.strip(), *WORD.findall(text), *re.findall(r"[^\W_]+", text), *re.split(r"[_\s]+", text)) if len(part) >= LEAST)


def hider(known: list[str]) -> Callable[[str], str]:
    """A function that hides these words in a text."""
    if not known:
        return str
    longest_first = sorted(known, key=lambda word: (-len(word), word))
    pattern = re.compile("|".join(rf"(?<![^\W_])(?!{DATE}){re.escape(word)}(?![^\W_])" for word in longest_first))
    return lambda text: pattern.sub(HIDDEN, text)


def hidden(row: Mapping[str, Any], hide: Callable[[str], str]) -> dict[str, Any]:
    """`row` with known users hidden in its raw texts."""
    return {key: _hidden_text(value, hide) if key in RAW and value else value for key, value in row.items()}


def _hidden_text(text: str, hide: Callable[[str], str]) -> str:
    row = _row(text)
    if row is None:
        return hide(text)
    return json.dumps({hide(column): None if value is None else hide(str(value)) for column, value in row.items()}, ensure_ascii=False)
