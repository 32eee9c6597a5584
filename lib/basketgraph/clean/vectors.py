"""Named vectors of items (`vectors: {image: ..., audio: ...}` of a mapping): the SQL that makes the silver column of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

VECTORS = "vectors"  # column of silver.items
SEPARATORS = r"[](){},;|\t\n\r"  # as a literal of SQL has them


def vector_faults(place: str, vectors: Mapping[str, str], columns: Collection[str], fillable: Collection[str]) -> Iterator[str]:
    """What is wrong with the names in a table's `vectors`. columns: those that the mapping fills itself; fillable: those of the contract."""
    if vectors and VECTORS not in fillable:
        yield f"{place}.vectors: want it below tables.silver.items, have it here"
    if vectors and VECTORS in columns:
        yield f"{place}.vectors: want it once, have it below columns, too"
    for name in vectors:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            yield f"{place}.vectors.{name}: want a name of a-z, 0-9 and _"


def vectors_sql(vectors: Mapping[str, str]) -> str:
    """array<struct<name, vector>>, by name; of a kind whose expression is null or empty nothing, null without any.

    vectors: kind -> SQL of an array of numbers, or of a text of them: `[.1, .2]`, `.1 .2`.
    """
    kinds = sorted(vectors)
    named = ", ".join(f"named_struct('name', '{kind}', 'vector', {_numbers(vectors[kind])})" for kind in kinds)
    is_there = " OR ".join(f"{_text(vectors[kind])} IS NOT NULL" for kind in kinds)
    return f"CASE WHEN {is_there} THEN filter(array({named}), v -> v.vector IS NOT NULL) END"


def damaged_sql(vectors: Mapping[str, str]) -> str:
    """Whether any of the vectors has something else than finite numbers."""
    finite = "n IS NOT NULL AND NOT isnan(n) AND abs(n) < float('infinity')"
    return " OR ".join(f"coalesce(exists({_numbers(vectors[kind])}, n -> NOT ({finite})), false)" for kind in sorted(vectors))


def _text(expression: str) -> str:
    """The numbers with blanks between them; Spark writes an array as `[0.1, 0.2]`. Null without any."""
    return f"nullif(trim(translate(cast({expression} AS string), '{SEPARATORS}', '{' ' * 12}')), '')"


def _numbers(expression: str) -> str:
    return f"transform(split({_text(expression)}, ' +'), n -> try_cast(n AS float))"
