"""Masks of personal values in the text of rejected rows. Columns in, columns out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, CharType, DataType, MapType, StringType, StructType, VarcharType, VariantType

MASK = "***"
# What people type into any column: e-mail addresses, and the 13 to 19 digits of cards and accounts, however they are set apart. The mask of an
# address tells that there was one: expectations/silver/rejected_rows.yaml asks whether the column is personal.
TYPED = {
    # Begun at the start of a word alone, and never tried shorter: else a field of a megabyte takes hours.
    r"(?<![\p{L}\p{N}._%+'-])[\p{L}\p{N}._%+'-]++@[\p{L}\p{N}.-]+": "***@***",
    r"(?<![\p{N}.])\p{N}(?:[ \-/._]{0,2}\p{N}){12,18}(?!\p{N})": MASK,
}
NOTHING = r"(?!)"  # a pattern that matches nowhere
TEXTS = (StringType, CharType, VarcharType)


def with_texts_masked(value: Column, kind: DataType, personal: Sequence[str]) -> Column:
    """A raw value of this type in which every text, however deep, lacks what people type and the row's own values of the personal columns."""
    return _with_texts(value, kind, lambda text: _masked_text(text, personal))


def _without(value: Column, personal: str) -> Column:
    """A text in which the row's own value of a personal column is masked too, where it stands as a word: people write ids into notes.

    Values of one or two characters are left: they say nothing about anybody, and half of all numbers would be masked with them.
    """
    own = F.regexp_replace(F.trim(F.col(f"`{personal}`").cast("string")), r"\.0+$", "")
    pattern = F.concat(F.lit(r"(?i)(?<![\p{L}\p{N}])\Q"), F.replace(own, F.lit(r"\E"), F.lit("")), F.lit(r"\E(?![\p{L}\p{N}])"))
    return F.regexp_replace(value, F.when(F.length(own) > 2, pattern).otherwise(NOTHING), F.lit(MASK))


def _masked_text(value: Column, personal: Sequence[str]) -> Column:
    without = reduce(_without, personal, value)
    return reduce(lambda text, typed: F.regexp_replace(text, *typed), TYPED.items(), without)


def _with_texts(value: Column, kind: DataType, change: Callable[[Column], Column]) -> Column:
    """A value with `change` made to every text in it, however deep. Of keys of a map that are equal then, the first one's value is kept."""
    if isinstance(kind, TEXTS):
        return change(value)
    if isinstance(kind, VariantType):  # who knows what is in it
        return F.when(value.isNotNull(), F.lit(MASK))
    if isinstance(kind, StructType) and kind.fields:
        parts = [_with_texts(value.getField(field.name), field.dataType, change).alias(field.name) for field in kind.fields]
        return F.when(value.isNotNull(), F.struct(*parts))
    if isinstance(kind, ArrayType):
        return F.transform(value, lambda element: _with_texts(element, kind.elementType, change))
    if isinstance(kind, MapType):
        keys = F.transform(F.map_keys(value), lambda key: _with_texts(key, kind.keyType, change))
        values = F.transform(F.map_values(value), lambda element: _with_texts(element, kind.valueType, change))
        pairs = F.filter(F.arrays_zip(keys.alias("key"), values.alias("value")), lambda pair, i: F.array_position(keys, pair["key"]) == i + 1)
        return F.map_from_entries(pairs)
    return value
