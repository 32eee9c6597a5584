"""A sample of each file as columns of text, whatever its format, and how Spark is to read the file."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from basketgraph.clean.onboard.dialect import decoded, dialect
from basketgraph.clean.onboard.find import Found, excerpt
from basketgraph.config import Mistake

ROWS = 20_000  # of one file
LIST_KEYS = 40  # fields of one record that are looked at
# Words that Spark's SQL would take for something else where they are not quoted.
SQL_WORDS = set(
    [
        "and",
        "anti",
        "any",
        "array",
        "as",
        "at",
        "between",
        "both",
        "by",
        "case",
        "cast",
        "char",
        "check",
        "column",
        "constraint",
        "create",
        "cross",
        "cube",
        "current_date",
        "current_time",
        "current_timestamp",
        "current_user",
        "date",
        "day",
        "delete",
        "desc",
        "describe",
        "distinct",
        "div",
        "double",
        "drop",
        "else",
        "end",
        "except",
        "exists",
        "extract",
        "false",
        "fetch",
        "filter",
        "first",
        "float",
        "for",
        "from",
        "full",
        "function",
        "group",
        "grouping",
        "having",
        "hour",
        "in",
        "index",
        "inner",
        "insert",
        "int",
        "integer",
        "intersect",
        "interval",
        "into",
        "is",
        "join",
        "last",
        "lateral",
        "leading",
        "left",
        "like",
        "limit",
        "local",
        "map",
        "minute",
        "month",
        "natural",
        "no",
        "not",
        "null",
        "on",
        "only",
        "or",
        "order",
        "outer",
        "over",
        "overlaps",
        "partition",
        "position",
        "primary",
        "range",
        "references",
        "right",
        "row",
        "rows",
        "second",
        "select",
        "session_user",
        "set",
        "some",
        "struct",
        "table",
        "then",
        "time",
        "timestamp",
        "to",
        "trailing",
        "true",
        "union",
        "unique",
        "unknown",
        "user",
        "using",
        "values",
        "when",
        "where",
        "window",
        "with",
        "year",
    ]
)


@dataclass(frozen=True)
class Column:
    """A raw column, or a field within one. `sql` is how an expression names it, `kind` its Spark type; `values` has None where nothing is."""

    name: str
    sql: str
    kind: str
    values: list[str | None] = field(repr=False)


@dataclass(frozen=True)
class Sample:
    """What a look at one file told. `declared` are its top-level columns as a mapping declares them; `columns` are what expressions can use."""

    found: Found
    format: str
    options: Mapping[str, str | bool]
    declared: Mapping[str, str]
    columns: tuple[Column, ...]
    rows: int  # in the sample
    total: int | None  # rows in the file, as far as known
    separator: str = ""
    line_of: tuple[str, str] | None = None  # (name, expression): each row is one element of a list within a record
    because: Mapping[str, str] = field(default_factory=dict)  # option -> evidence
    notes: tuple[str, ...] = ()
    ascii: bool = False  # so that any encoding reads it


def sql_name(*parts: str) -> str:
    """A column, or a field of a nested one, as Spark SQL names it."""
    plain = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
    return ".".join(p if plain.fullmatch(p) and p.lower() not in SQL_WORDS else f"`{p.replace('`', '``')}`" for p in parts)


def sampled(found: Found) -> Sample:
    """Look at a file. Raises Mistake, with the cure, for one that no mapping can read."""
    with found.open() as stream:
        start = stream.read(4096)
    if not start.strip():
        raise Mistake(f"{found.shown}: want rows, have an empty file", cure="Leave it out.")
    if start.startswith(b"PAR1"):
        return _parquet(found)
    if start.startswith(b"PK\x03\x04") or start.startswith(b"\xd0\xcf\x11\xe0"):
        raise Mistake(f"{found.shown}: a spreadsheet or an archive, which Spark cannot read", cure="Save it as CSV (UTF-8), or unpack it.")
    if found.packer is None and start.startswith(b"\x1f\x8b"):
        raise Mistake(f"{found.shown}: want a packed file to end in .gz, else Spark reads it as text", cure=f"mv {found.path} {found.path}.gz")
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] in (b"{", b"["):
        return _json(found)
    return _csv(found)


def _csv(found: Found) -> Sample:
    text = decoded(bytes_ := excerpt(found), found.shown)
    told = dialect(text, found.shown, str(found.path) if found.member is None else found.name)
    options: dict[str, str | bool] = {}
    because = {}
    if told.separator != ",":
        options["sep"] = told.separator
    if told.quoted:
        if told.quote != '"':
            options["quote"] = told.quote
        options["escape"] = told.escape
        because["escape"] = "quotes within quotes are doubled" if told.escape == told.quote else "quotes within quotes have a backslash"
    if text.encoding != "UTF-8":
        options["encoding"] = text.encoding
        foreign = sorted({word for word in re.findall(r"\w*[^\x00-\x7f]\w*", text.head)}, key=len, reverse=True)[:3]
        because["encoding"] = f"{text.because}; then it reads {', '.join(foreign)}" if foreign else text.because
    if told.multiline or text.encoding == "UTF-16":
        options["multiLine"] = True
        because["multiLine"] = "values have line breaks" if told.multiline else "lines of UTF-16 cannot be found by their bytes"
    names = [name for name in told.header if name]
    blanks = sum(value != value.strip() and value.strip()[:1].isdigit() and " " not in value.strip() for row in told.rows[:2000] for value in row)
    if blanks > 20:
        options |= {"ignoreLeadingWhiteSpace": True, "ignoreTrailingWhiteSpace": True}
        because["ignoreLeadingWhiteSpace"] = "values have blanks around them"
    rows = told.rows[:: len(told.rows) // ROWS + 1]
    columns = []
    for place, name in enumerate(told.header):
        if name:
            columns.append(Column(name, sql_name(name), "string", [row[place].strip() or None for row in rows]))
    notes = [f"UTF-8 {text.because}"] if text.encoding == "UTF-8" and text.because else []
    if told.odd_rows:
        notes.append(f"{told.odd_rows} lines of the sample have another number of fields than the header and will be `unparsable`")
    if len(names) < len(told.header):
        notes.append("a column without a name is left out")
    average = max(1, len(bytes_.head) / max(1, len(told.rows) if bytes_.whole else bytes_.head.count(b"\n")))
    total = len(told.rows) + told.odd_rows if bytes_.whole else round(bytes_.size / average)
    return Sample(
        found, "csv", options, dict.fromkeys(names, "string"), tuple(columns), len(rows), total, told.separator, None, because, tuple(notes),
        text.head.isascii() and all(block.isascii() for block in text.blocks),
    )  # fmt: skip


def _json(found: Found) -> Sample:
    whole = excerpt(found)
    text = decoded(whole, found.shown)
    records, array = _records(text.head, whole.whole, found)
    for block in text.blocks if not array else ():
        records += [record for line in block.split("\n")[1:-1] if isinstance(record := _loaded(line), dict)]
    records = records[:: len(records) // ROWS + 1]
    options: dict[str, str | bool] = {"multiLine": True} if array else {}
    if text.encoding != "UTF-8":
        options |= {"encoding": text.encoding, "multiLine": True}
    declared = {name: _ddl([r[name] for r in records if r.get(name) is not None]) for name in dict.fromkeys(n for r in records for n in r)}
    because = {"multiLine": "the file is one array, or its records span lines"} if array else {}
    total = len(records) if whole.whole else None
    return _nested(found, "json", options, declared, records, total, because)


def _loaded(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _records(text: str, whole: bool, found: Found) -> tuple[list[dict[str, Any]], bool]:
    """(records, whether they are more than one a line). Raises Mistake for JSON that is no list of records."""
    lines = [line for line in text.split("\n") if line.strip()]
    by_line = [_loaded(line) for line in (lines if whole else lines[:-1])]
    if by_line and sum(isinstance(record, dict) for record in by_line) >= 0.5 * len(by_line):
        records = [record for record in by_line if isinstance(record, dict)]
        if len(records) > 1 or not _list_in(records[0]) or len(lines) > 1:
            return records, False
    records, decoder, place, array = [], json.JSONDecoder(), 0, text.lstrip().startswith("[")
    place = text.index("[") + 1 if array else 0
    while True:
        place = re.compile(r"[\s,]*").match(text, place).end()  # type: ignore[union-attr]
        try:
            record, place = decoder.raw_decode(text, place)
        except ValueError:
            break
        if isinstance(record, dict):
            records.append(record)
    if not records:
        raise Mistake(f"{found.shown}: want JSON records, one a line or in one array; have {text[:60]!r}", cure="Write one JSON object a line.")
    if len(records) == 1 and not array and (key := _list_in(records[0])):
        here = shlex.quote(str(found.path))
        raise Mistake(
            f"{found.shown}: want JSON records, one a line or in one array",
            [f"have one object whose `{key}` is the list of records"],
            f"Take the list out: jq -c '.{key}[]' {here} > {shlex.quote(str(found.path.with_suffix('.jsonl')))}",
        )
    if not array and len(records) > 1:
        here = shlex.quote(str(found.path))
        cure = f"Write one record a line: jq -c . {here} > {shlex.quote(str(found.path.with_suffix('.jsonl')))}"
        raise Mistake(f"{found.shown}: want JSON records, one a line or in one array", ["have records that span lines, outside an array"], cure)
    return records, True


def _list_in(record: Mapping[str, Any]) -> str | None:
    return next((key for key, value in record.items() if isinstance(value, list) and len(value) > 1 and isinstance(value[0], dict)), None)


def _ddl(values: list[Any]) -> str:
    """The Spark type under which any of the values can be read: texts, which expressions cast, since one bad number would spoil its whole row."""
    if values and all(isinstance(value, dict) for value in values):
        names = list(dict.fromkeys(name for value in values for name in value))
        fields = {name: _ddl([value[name] for value in values if value.get(name) is not None]) for name in names}
        return "struct<" + ", ".join(f"{sql_name(name)}: {kind}" for name, kind in fields.items()) + ">" if fields else "string"
    if values and all(isinstance(value, list) for value in values):
        return f"array<{_ddl([one for value in values for one in value if one is not None])}>"
    return "string"


def _parquet(found: Found) -> Sample:
    if found.member is not None:
        raise Mistake(f"{found.shown}: Parquet within a zip", cure=f"Unpack it and name what is in it: unzip {shlex.quote(str(found.path))}")
    try:
        file = pq.ParquetFile(found.path)
        rows: list[dict[str, Any]] = []
        for group in range(0, file.num_row_groups, max(1, file.num_row_groups // 8)):
            batch = next(file.iter_batches(batch_size=ROWS // 8 if file.num_row_groups > 1 else ROWS, row_groups=[group]), None)
            rows += batch.to_pylist() if batch is not None else []
    except (pa.ArrowException, OSError) as error:
        raise Mistake(f"{found.shown}: not readable as Parquet: {str(error).splitlines()[0]:.200}", cure="Write it anew.") from None
    declared = {one.name: _spark_type(one.type) for one in file.schema_arrow if not one.name.startswith("__")}
    return _nested(found, "parquet", {}, declared, rows, file.metadata.num_rows, {})


def _spark_type(kind: pa.DataType) -> str:
    """The type under which Spark reads a Parquet column, as cleaning sets it up."""
    if pa.types.is_dictionary(kind):
        return _spark_type(kind.value_type)
    if pa.types.is_timestamp(kind):
        return "bigint" if kind.unit == "ns" else "timestamp" if kind.tz else "timestamp_ntz"
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision}, {kind.scale})"
    if pa.types.is_struct(kind):
        return "struct<" + ", ".join(f"{sql_name(one.name)}: {_spark_type(one.type)}" for one in kind) + ">"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"array<{_spark_type(kind.value_type)}>"
    names = {
        "bool": "boolean", "int8": "tinyint", "int16": "smallint", "int32": "int", "int64": "bigint", "uint8": "smallint", "uint16": "int",
        "uint32": "bigint", "uint64": "decimal(20, 0)", "float": "float", "double": "double", "date32[day]": "date", "binary": "binary",
    }  # fmt: skip
    return names.get(str(kind), "string")


def _nested(
    found: Found, format_: str, options: Mapping[str, str | bool], declared: Mapping[str, str], records: list[dict[str, Any]], total: int | None,
    because: Mapping[str, str],
) -> Sample:  # fmt: skip
    """Records as columns: one for each field, however deep; where a record has a list of records (an order's lines), a row for each of them."""
    lists = [name for name, kind in declared.items() if kind.startswith("array<struct<")]
    line_of = None
    if len(lists) == 1:
        name = next(n for n in ("line", "order_line", "line_of_it") if n not in {d.lower() for d in declared})
        numbered = f"transform({sql_name(lists[0])}, (one, place) -> named_struct('place', place + 1, 'of', one))"
        line_of = (name, f"explode_outer({numbered})")
        records = [{**r, name: {"place": i + 1, "of": one}} for r in records for i, one in enumerate(r.get(lists[0]) or [None])]
    rows = records[:ROWS]
    paths: dict[tuple[str, ...], str] = {}
    for record in rows:
        for path, value in _leaves(record):
            if path not in paths:
                paths[path] = "string" if len(path) > 1 or path[0] not in declared or value is None else declared[path[0]]
    flat = [dict(_leaves(record)) for record in rows]
    columns = [
        Column(".".join(path), sql_name(*path), kind, [_text(record.get(path)) for record in flat])
        for path, kind in paths.items()
        if path[0] not in lists and path[0] not in {n for n, d in declared.items() if d.startswith("array<")}
    ]
    return Sample(found, format_, options, declared, tuple(columns), len(rows), total, "", line_of, because)


def _leaves(record: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in list(record.items())[:LIST_KEYS]:
        if isinstance(value, dict):
            yield from _leaves(value, (*above, name))
        else:
            yield (*above, name), value


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, list | dict):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return str(value).strip() or None


def file_name(path: Path) -> str:
    """The part of a file's name that says what is in it: without date, numbers and endings."""
    plain = (re.sub(r"[^a-z0-9]+", "_", re.sub(r"\d+", "", name).lower()).strip("_") for name in (path.name.split(".")[0], path.parent.name))
    return next((name for name in plain if name), "files")
