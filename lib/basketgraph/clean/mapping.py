"""conf/sources/<shop>.yaml as a model: what the landing files look like and how their rows become silver rows."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import date
from typing import Any, Literal

from pydantic import Field, ValidationError

from basketgraph.clean.vectors import vector_faults
from basketgraph.foundation.config import Settings, UserError, data_files, did_you_mean, keys_of
from basketgraph.foundation.contracts import Contract, contract

LANDING_NAMES = ("file_name", "file_modified_at")  # every raw row has them beside its own columns
SOURCE_NAMES = ("source_currency", "source_time_zone")  # the mapping's own currency and zone, as literals
INTERNAL_PREFIX = "__"  # our working columns
MATCHABLE = ("user_id", "item_id", "store_id", "channel", "currency")  # in what a cancellation and its purchase may agree


class FileSet(Settings):
    """Landing files of one kind: where they lie, how they are read, and what their raw columns are."""

    pattern: str
    format: Literal["csv", "json", "parquet"]
    options: dict[str, str | bool | int] = Field(default_factory=dict)
    columns: dict[str, str] = Field(min_length=1)
    optional: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()
    null_values: tuple[str, ...] = ("",)
    let: dict[str, str] = Field(default_factory=dict)

    @property
    def encoding(self) -> str:
        return str(self.option("encoding", self.option("charset", "UTF-8")))

    @property
    def wide_encoding(self) -> bool:
        """Whether a character takes two or four bytes, so that lines cannot be split at bytes."""
        return self.encoding.upper().replace("_", "-").startswith(("UTF-16", "UTF-32"))

    @property
    def whole(self) -> bool:
        """Whether a record may go over several lines, so that a file is read as a whole."""
        return str(self.option("multiLine", False)).lower() == "true" or (self.format == "csv" and self.wide_encoding)

    @property
    def headerless(self) -> bool:
        """Whether the first line of a CSV file is a row: `columns` then are the names of its fields, in their order."""
        return self.format == "csv" and str(self.option("header", True)).lower() == "false"

    def option(self, name: str, default: str | bool | int) -> str | bool | int:
        """A reader's option; Spark takes their names in any case."""
        return {key.lower(): value for key, value in self.options.items()}.get(name.lower(), default)


class Cancellations(Settings):
    """How a cancellation finds the purchases that it takes back. docs/sources.md explains the keys."""

    match: tuple[str, ...] = Field(min_length=1)
    quantity: Literal["exact", "part"]
    refers_to: Literal["order_id", "event_id"] | None = None
    within_days: int | None = Field(default=None, ge=0)


class TableMapping(Settings):
    """One silver table: which files feed it, an SQL expression per column, and which rows are refused."""

    files: str
    columns: dict[str, str] = Field(min_length=1)
    vectors: dict[str, str] = Field(default_factory=dict)  # silver.items: kind -> expression of an array of numbers, or of a text of them
    nullable: tuple[str, ...] = ()
    where: str | None = None
    reject: dict[str, str] = Field(default_factory=dict)
    version: str | None = None
    equal_rows: Literal["once", "each"] = "once"
    day_may_change: bool | None = None  # None: where it can, it may
    cancellations: Cancellations | None = None


class SourceCuts(Settings):
    validation: date
    test: date


class RatingGoal(Settings):
    rating_at_least: float


class Source(Settings):
    """A shop. goal: what lists are for and judged by, see docs/sources.md."""

    shop: str
    description: str = ""
    landing: str
    time_zone: str
    currency: str
    files: dict[str, FileSet] = Field(min_length=1)
    tables: dict[str, TableMapping] = Field(min_length=1)
    goal: Literal["purchase", "view", "favourite"] | RatingGoal = "purchase"
    cuts: SourceCuts | None = None
    settings: dict[str, dict[str, Any]] = Field(default_factory=dict)


def derivable(table: Contract) -> list[str]:
    """Columns that a mapping may leave out: they are then made from the whole row's content, or from those that `derived_from` names."""
    return [*table.custom.derivable, *derived_from(table)]


def key_is_content(table: Contract, mapped: TableMapping) -> bool:
    """Whether the key is made of the whole raw row, so that rows that differ have different ones."""
    return any(key in derivable(table) and key not in mapped.columns for key in table.keys)


def derived_from(table: Contract) -> dict[str, list[str]]:
    """Columns that follow from others of the same row where a mapping leaves them out: an order from its user and day."""
    return table.custom.derivedFrom


def has_history(table: Contract, mapped: TableMapping) -> bool:
    """Whether `valid_to` is not the shop's to say but the next row's `valid_from`."""
    return "valid_from" in table.keys and "valid_to" in table.columns and "valid_to" not in mapped.columns


def day_column(table: Contract, mapped: TableMapping) -> str | None:
    """The day by which the table is laid out, so that a batch is held against its own days alone; None for a history, which must be seen whole."""
    return None if has_history(table, mapped) else table.day_column


def read_source(given: Mapping[str, Any], where: str) -> tuple[Source | None, list[str]]:
    """The mapping as a model and its faults of form and of names. The model is None where the form does not let us look further."""
    values, faults = deepcopy(dict(given)), []
    source = None
    for _ in range(2):  # the second time without the unknown keys, so that they hide no other fault
        try:
            source = Source.model_validate(values)
            break
        except ValidationError as error:
            for problem in error.errors():
                place = [str(step) for step in problem["loc"]]
                if problem["type"] == "extra_forbidden":
                    faults.append(f"{'.'.join(place)}: want no such key, have {problem['input']!s:.60}{did_you_mean(place[-1], keys_of(Source))}")
                    _remove(values, place)
                elif f"{'.'.join(place)}:" not in {fault.partition(" ")[0] for fault in faults}:
                    faults.append(f"{'.'.join(place)}: {problem['msg']}, have {problem['input']!r:.60}")
    if source is not None:
        faults += name_faults(source)
    return source, faults


def _remove(values: dict[str, Any], place: list[str]) -> None:
    *parents, last = place
    for step in parents:
        values = values[step]
    values.pop(last, None)


def mappable() -> set[str]:
    """The tables that a mapping may fill."""
    return {f"silver.{stem}" for stem, _ in data_files("schemas/silver")} - {"silver.rejected_rows"}


def unmapped(given: Mapping[str, Any]) -> set[str]:
    """The tables that the shop's mapping lacks, or has no longer: nothing can write them, so what is live of them stays."""
    return mappable() - set(given["tables"]) if given.get("tables") else set()  # without any, jobs of the shop's own write them


def name_faults(source: Source) -> Iterator[str]:
    """Faults that need no SQL parser: names that refer to nothing, columns that a contract wants or does not know."""
    if source.time_zone not in zoneinfo.available_timezones():
        meant = did_you_mean(source.time_zone, zoneinfo.available_timezones())
        yield f"time_zone: want a name of the IANA time zone list, have {source.time_zone}{meant}"
    if not re.fullmatch(r"[A-Z]{3}", source.currency):
        yield f"currency: want an ISO 4217 code, have {source.currency}"
    for name, files in source.files.items():
        yield from _file_set_faults(f"files.{name}", files)
    known = mappable()
    for name, mapped in source.tables.items():
        if name not in known:
            yield f"tables.{name}: want one of {', '.join(sorted(known))}{did_you_mean(name, known)}"
        else:
            yield from _table_faults(f"tables.{name}", mapped, contract(name), source)


def _file_set_faults(place: str, files: FileSet) -> Iterator[str]:
    for column, kind in files.columns.items():
        if column.startswith(INTERNAL_PREFIX) or column in (*LANDING_NAMES, *SOURCE_NAMES):
            yield f"{place}.columns.{column}: want another name, this one is ours"
        if files.format == "csv" and kind != "string":
            yield f"{place}.columns.{column}: want string (CSV has no types; cast in the expression), have {kind}"
    if files.format == "json" and files.wide_encoding and not files.whole and not files.option("lineSep", ""):
        yield f"{place}.options: want multiLine or lineSep with {files.encoding}, whose lines Spark cannot find, have neither"
    if files.headerless and files.optional:
        yield f"{place}.optional: want none with options: header false, where columns are all fields in their order, have {', '.join(files.optional)}"
    for key in ("optional", "personal"):
        for column in getattr(files, key):
            if column not in files.columns:
                yield f"{place}.{key}: want names below {place}.columns, have {column}{did_you_mean(column, files.columns)}"
    for name in files.let:
        if name.lower() in {c.lower() for c in (*files.columns, *LANDING_NAMES, *SOURCE_NAMES)} or name.startswith(INTERNAL_PREFIX):
            yield f"{place}.let.{name}: want a new name, a raw column is called that"


def _table_faults(place: str, mapped: TableMapping, table: Contract, source: Source) -> Iterator[str]:
    if mapped.files not in source.files:
        yield f"{place}.files: want one of {', '.join(source.files)}, have {mapped.files}{did_you_mean(mapped.files, source.files)}"
    fillable = [c for c in table.columns if c not in table.lineage_columns]
    for column in mapped.columns:
        if column not in fillable:
            yield f"{place}.columns.{column}: want one of {', '.join(fillable)}{did_you_mean(column, fillable)}"
    required = [p.name for p in table.properties if p.required and p.name in fillable]
    where = {column: rows for column, rows in table.custom.requiredWhere.items() if _has_rows(rows, mapped)}
    for column in [c for c in fillable if c in required or c in where]:
        if column not in mapped.columns and column not in derivable(table):
            of_which = f" where {where[column]}" if column in where else ""
            yield f"{place}.columns.{column}: want an expression ({table.file} requires it{of_which}), have nothing"
    yield from vector_faults(place, mapped.vectors, mapped.columns, fillable)
    for column in mapped.nullable:
        if column not in mapped.columns:
            yield f"{place}.nullable: want names below {place}.columns, have {column}{did_you_mean(column, mapped.columns)}"
    for reason in mapped.reject:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", reason):
            yield f"{place}.reject.{reason}: want a name of a-z, 0-9 and _"
    yield from _equal_rows_faults(place, mapped, table)
    if mapped.day_may_change:
        yield from _changed_day_faults(place, mapped, table)
    if mapped.cancellations is not None:
        yield from _cancellation_faults(f"{place}.cancellations", mapped.cancellations, mapped, table)


def _has_rows(condition: str, mapped: TableMapping) -> bool:
    """Whether a mapping may give such rows: it lacks the X of `X IS NULL`, or has a word of the condition in an expression."""
    if absent := re.fullmatch(r"(\w+) IS NULL", condition):
        return absent[1] not in mapped.columns
    return any(word in text for word in re.findall(r"'\w+'", condition) for text in mapped.columns.values())


def _equal_rows_faults(place: str, mapped: TableMapping, table: Contract) -> Iterator[str]:
    if mapped.equal_rows == "each" and not key_is_content(table, mapped):
        yield f"{place}.equal_rows: want no {', '.join(table.keys)} below {place}.columns (rows of one id are one row), have {mapped.equal_rows}"


def _changed_day_faults(place: str, mapped: TableMapping, table: Contract) -> Iterator[str]:
    if day_column(table, mapped) is None:
        yield f"{place}.day_may_change: want a table that is laid out by a day (silver.events), have {table.name}"
    for key in table.keys:
        if key not in mapped.columns:
            yield f"{place}.day_may_change: want {key} below {place}.columns (a content id is another one on another day), have nothing"


def _cancellation_faults(place: str, terms: Cancellations, mapped: TableMapping, table: Contract) -> Iterator[str]:
    if table.name != "silver.events":
        yield f"{place}: want it below tables.silver.events, have it below {table.name}"
        return
    if "user_id" not in terms.match:
        yield f"{place}.match: want user_id among the columns, have {', '.join(terms.match)}"
    if len(set(terms.match)) < len(terms.match):
        yield f"{place}.match: want each column once, have {', '.join(terms.match)}"
    matchable = [c for c in MATCHABLE if c in mapped.columns]
    for column in terms.match:
        if column not in matchable:
            yield f"{place}.match: want mapped columns of {', '.join(MATCHABLE)}, have {column}"
    if terms.refers_to is not None and "refers_to" not in mapped.columns:
        yield f"{place}.refers_to: want an expression for refers_to below columns, which gives the {terms.refers_to} that a cancellation names"
    if terms.refers_to is None and "refers_to" in mapped.columns:
        yield f"{place}.refers_to: want order_id or event_id: the one that columns.refers_to gives, have nothing"


def cancellations_of(given: Mapping[str, Any], where: str) -> Cancellations | None:
    """The shop's rule for its cancellations; None where its mapping has none. Raises UserError where it has faults."""
    source, faults = read_source(given, where)
    refuse(where, faults)
    mapped = None if source is None else source.tables.get("silver.events")
    return None if mapped is None else mapped.cancellations


def refuse(where: str, faults: list[str]) -> None:
    """Raises UserError with all faults, if there are any."""
    if faults:
        raise UserError(f"{where}: {len(faults)} faults, nothing was read", faults, "docs/sources.md explains every key.")
