"""A sample of files as columns of text, whatever their format, and how Spark is to read them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from basketgraph.onboard.files import SourceFile

MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december")
ROWS = 20_000  # of one file


@dataclass(frozen=True)
class Column:
    """A raw column, or a field within one. `values` has None where nothing is.

    sql:  how an expression names it.
    kind: its Spark type; of stamps that Spark knows as whole numbers `nanos` or `nanos_ntz`.
    """

    name: str
    sql: str
    kind: str
    values: list[str | None] = field(repr=False)


class Lines(NamedTuple):
    """Each row is one element of a list within a record.

    name:       of the `let` that holds the element as `of` and its number, from 1, as `place`.
    expression: of that `let`.
    path:       of the list, through the records that it lies in.
    """

    name: str
    expression: str
    path: tuple[str, ...]


@dataclass(frozen=True)
class Sample:
    """A sample of one file, or of several alike.

    declared: its top-level columns as a mapping declares them.
    columns:  what expressions can use.
    """

    file: SourceFile
    format: str
    options: Mapping[str, str | bool]
    declared: Mapping[str, str]
    columns: tuple[Column, ...]
    rows: int  # in the sample
    total: int | None  # rows in the file, as far as known
    separator: str = ""
    lines: Lines | None = None
    because: Mapping[str, str] = field(default_factory=dict)  # option -> evidence
    notes: tuple[str, ...] = ()
    ascii: bool = False  # so that any encoding reads it
    nothing: tuple[str, ...] = ()  # texts that stand for nothing where a record stands otherwise
    odd_rows: int = 0  # lines of the sample that are no rows
    records: Sequence[dict[str, Any]] = field(default=(), repr=False, compare=False)  # of JSON


def sql_name(*parts: str) -> str:
    """A column, or a field of a nested one, as Spark SQL names it: always quoted, since any name may be a word of SQL."""
    return ".".join(f"`{part.replace('`', '``')}`" for part in parts)


def sql_literal(text: str) -> str:
    """A text without backslashes as Spark SQL writes it; in double quotes where it has single ones."""
    return f'"{text}"' if "'" in text else f"'{text}'"


def file_name(path: Path) -> str:
    """A file's name without date, numbers and endings."""
    plain = (re.sub(r"[^a-z0-9]+", "_", re.sub(r"\d+", "", name).lower()).strip("_") for name in (path.name.split(".")[0], path.parent.name))
    return next((name for name in plain if name and not any(month.startswith(name) for month in MONTHS)), "files")
