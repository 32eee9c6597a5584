"""Samples of JSON and Parquet: records as columns, one for each field, however deep."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from basketgraph.clean.onboard.dialect import Rewritten, decoded
from basketgraph.clean.onboard.find import Found, excerpt
from basketgraph.clean.onboard.lists import by_line, fields, lines_of, list_of_records
from basketgraph.clean.onboard.sample import ROWS, Column, Sample, sql_name
from basketgraph.config import Mistake

DEEP_KEYS = 40  # fields of a record within a record that are looked at: a map written as a record has no end of them


def json_sample(found: Found) -> Sample:
    whole = excerpt(found)
    text = decoded(whole, found.shown)
    rewritten = Rewritten(str(found.path) if found.member is None else found.name, text.encoding)
    records, array = _records(text.head, whole.whole, found, rewritten)
    for block in text.blocks if not array else ():
        records += [record for line in block.split("\n")[1:-1] if isinstance(record := _loaded(line), dict)]
    records = records[:: len(records) // ROWS + 1]
    options: dict[str, str | bool] = {"multiLine": True} if array else {}
    if text.encoding != "UTF-8":
        options |= {"encoding": text.encoding, "multiLine": True}
    declared = {name: _ddl(values) for name, values in fields(records).items()}
    because = {"multiLine": "the file is one array, or its records span lines"} if array else {}
    total = len(records) if whole.whole else None
    return nested(found, "json", options, declared, records, total, because)


def _loaded(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _records(text: str, whole: bool, found: Found, rewritten: Rewritten) -> tuple[list[dict[str, Any]], bool]:
    """(records, whether they are more than one a line). Raises Mistake for JSON that is no list of records."""
    lines = [line for line in text.split("\n") if line.strip()]
    by_line = [_loaded(line) for line in (lines if whole else lines[:-1])]
    if by_line and sum(isinstance(record, dict) for record in by_line) >= 0.5 * len(by_line):
        records = [record for record in by_line if isinstance(record, dict)]
        if len(records) > 1 or not list_of_records(records[0]) or len(lines) > 1:
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
    if len(records) == 1 and not array and (key := list_of_records(records[0])):
        program = shlex.quote(f"del(.[{json.dumps(key)}]) + .[{json.dumps(key)}][]")
        raise Mistake(
            f"{found.shown}: want JSON records, one a line or in one array",
            [f"have one object whose `{key}` is the list of records"],
            f"Write one record a line, with what stands around the list: {rewritten(f'jq -c {program}')}",
        )
    if not array and len(records) > 1:
        cure = f"Write one record a line: {rewritten('jq -c .')}"
        raise Mistake(f"{found.shown}: want JSON records, one a line or in one array", ["have records that span lines, outside an array"], cure)
    return records, True


def _ddl(values: list[Any]) -> str:
    """The Spark type under which any of the values can be read: texts, which expressions cast, since one bad number would spoil its whole row."""
    if values and all(isinstance(value, dict) for value in values):
        within = ", ".join(f"{sql_name(name)}: {_ddl(inner)}" for name, inner in fields(values).items())
        return f"struct<{within}>" if within else "string"
    if values and all(isinstance(value, list) for value in values):
        return f"array<{_ddl([one for value in values for one in value if one is not None])}>"
    return "string"


def parquet_sample(found: Found) -> Sample:
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
    stamps = _stamps(file)
    types = {one.name: _spark_type(one.type) for one in file.schema_arrow if not one.name.startswith("__")}
    declared = {name: stamps.get(name, (kind, ""))[0] for name, kind in types.items()}
    return nested(found, "parquet", {}, declared, rows, file.metadata.num_rows, {}, {name: kind for name, (_, kind) in stamps.items()})


def _stamps(file: pq.ParquetFile) -> dict[str, tuple[str, str]]:
    """Column -> (Spark's type, kind) of stamps as they lie in the file: what wrote it may have called them something else."""
    found = {}
    for place in range(len(file.schema)):
        column = file.schema.column(place)
        told = json.loads(column.logical_type.to_json())
        if column.physical_type == "INT96":
            found[column.path] = ("timestamp", "timestamp")
        elif told.get("Type") == "Timestamp":
            instant = told["isAdjustedToUTC"]
            if told["timeUnit"] == "nanoseconds":  # which Spark knows as whole numbers only
                found[column.path] = ("bigint", "nanos" if instant else "nanos_ntz")
            else:
                found[column.path] = ("timestamp", "timestamp") if instant else ("timestamp_ntz", "timestamp_ntz")
    return found


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


def nested(
    found: Found, format_: str, options: Mapping[str, str | bool], declared: Mapping[str, str], records: list[dict[str, Any]], total: int | None,
    because: Mapping[str, str],
    kinds: Mapping[str, str] = MappingProxyType({}),
) -> Sample:  # fmt: skip
    """Records as columns: one for each field, however deep; where a record has a list of an order's lines, a row for each of them."""
    lines = lines_of(records, list(declared))
    if lines is not None:
        records = by_line(records, lines)
    rows = records[:ROWS]
    paths: dict[tuple[str, ...], str] = {}
    whole = ((), *([(lines.name,), (lines.name, "of")] if lines is not None else []))
    for record in rows:
        for path, value in _leaves(record, whole):
            if path not in paths:
                paths[path] = "string" if len(path) > 1 or path[0] not in declared or value is None else kinds.get(path[0], declared[path[0]])
    flat = [dict(_leaves(record, whole)) for record in rows]
    columns = [Column(".".join(path), sql_name(*path), kind, [_text(record.get(path)) for record in flat]) for path, kind in paths.items()]
    return Sample(found, format_, options, declared, tuple(columns), len(rows), total, "", lines, because)


def _leaves(record: Mapping[str, Any], whole: Collection[tuple[str, ...]], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The fields of a record, with those of the records in it, however deep. whole: paths of records of which no field is left out."""
    for name, value in list(record.items())[: None if above in whole else DEEP_KEYS]:
        if isinstance(value, dict):
            yield from _leaves(value, whole, (*above, name))
        elif not isinstance(value, list):
            yield (*above, name), value


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, list | dict):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return str(value).strip() or None
