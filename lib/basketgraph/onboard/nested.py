"""Sample JSON and Parquet: one column for each field, at any depth."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from basketgraph.foundation.config import UserError
from basketgraph.onboard.dialect import Text, decoded
from basketgraph.onboard.files import SourceFile, excerpt
from basketgraph.onboard.order_lines import by_line, fields, lines_of, list_of_records
from basketgraph.onboard.sample import ROWS, Column, Sample, sql_name

DEEP_KEYS = 40  # fields of a record within a record that are looked at: a map written as a record has no end of them


def json_sample(file: SourceFile) -> Sample:
    whole = excerpt(file)
    text = decoded(whole, file.path)
    records, array = _records(text)
    for block in text.blocks if not array else ():
        records += [record for line in block.split("\n")[1:-1] if isinstance(record := _loaded(line), dict)]
    records = records[:: len(records) // ROWS + 1]
    options: dict[str, str | bool] = {"multiLine": True} if array else {}
    if text.encoding != "UTF-8":
        options |= {"encoding": text.encoding, "multiLine": True}
    because = {"multiLine": "the file is one array, or its records span lines"} if array else {}
    total = len(records) if whole.whole else None
    return of_records(file, options, records, total, because)


def of_records(
    file: SourceFile, options: Mapping[str, str | bool], records: list[dict[str, Any]], total: int | None, because: Mapping[str, str]
) -> Sample:
    """The sample of JSON records, of one file or of several."""
    one_case, notes = _of_one_case(records)
    declared = {name: _ddl(values) for name, values in fields(one_case).items()}
    return replace(nested(file, "json", options, declared, one_case, total, because), notes=tuple(notes), records=records)


# Under the type of texts Spark reads a number as it is written, so those with a fraction, an exponent or no value stay text.
DECODER = json.JSONDecoder(parse_float=str, parse_constant=str)


def _loaded(line: str) -> Any:
    try:
        return DECODER.decode(line)
    except ValueError:
        return None


def _records(source: Text) -> tuple[list[dict[str, Any]], bool]:
    """(records, whether they are more than one a line). Raises UserError for JSON that is no list of records."""
    text, wanted = source.head, f"{source.path}: want JSON records, one a line or in one array"
    lines = [line for line in text.split("\n") if line.strip()]
    by_line = [_loaded(line) for line in (lines if source.whole else lines[:-1])]
    if by_line and sum(isinstance(record, dict) for record in by_line) >= 0.5 * len(by_line):
        records = [record for record in by_line if isinstance(record, dict)]
        if len(records) > 1 or not list_of_records(records[0]) or len(lines) > 1:
            return records, False
    records, array = [], text.lstrip().startswith("[")
    place = text.index("[") + 1 if array else 0
    while True:
        place = re.compile(r"[\s,]*").match(text, place).end()  # type: ignore[union-attr]
        try:
            record, place = DECODER.raw_decode(text, place)
        except ValueError:
            break
        if isinstance(record, dict):
            records.append(record)
    if not records:
        raise UserError(f"{wanted}; have {text[:60]!r}", cure="Write one JSON object a line.")
    if len(records) == 1 and not array and (key := list_of_records(records[0])):
        program = shlex.quote(f"del(.[{json.dumps(key)}]) + .[{json.dumps(key)}][]")
        raise UserError(
            wanted,
            [f"have one object whose `{key}` is the list of records"],
            f"Write one record a line, with what stands around the list: {source.filtered_by(f'jq -c {program}')}",
        )
    if not array and len(records) > 1:
        cure = f"Write one record a line: {source.filtered_by('jq -c .')}"
        raise UserError(wanted, ["have records that span lines, outside an array"], cure)
    return records, True


def _of_one_case(records: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """(records with only the fullest of keys that differ in case, notes on those left out): Spark cannot tell such keys apart."""
    filled: Counter[tuple[str, ...]] = Counter()
    for path, value in _nodes(records, into_lists=True):
        filled[path] += value not in (None, "")
    alike: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for path in filled:
        alike.setdefault((*path[:-1], path[-1].lower()), []).append(path)
    several = [sorted(paths, key=lambda path: -filled[path]) for paths in alike.values() if len(paths) > 1]
    if not several:
        return records, []
    dropped = {path for _, *others in several for path in others}
    notes = [
        f"{'.'.join(other)} differs from {'.'.join(first)} in case only, which Spark cannot tell apart: it is left out ({filled[other]} values, "
        f"{filled[first]} of {first[-1]})"
        for first, *others in several
        for other in others
    ]
    return [_without(record, (), dropped) for record in records], notes


def _nodes(value: Any, path: tuple[str, ...] = (), *, into_lists: bool) -> Iterator[tuple[tuple[str, ...], Any]]:
    """(path, value) of all fields of a record, and of the records in it, however deep. into_lists: also of records in lists."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield (*path, name), inner
            yield from _nodes(inner, (*path, name), into_lists=into_lists)
    elif isinstance(value, list) and into_lists:
        for one in value:
            yield from _nodes(one, path, into_lists=True)


def _without(value: Any, path: tuple[str, ...], dropped: Collection[tuple[str, ...]]) -> Any:
    if isinstance(value, list):
        return [_without(one, path, dropped) for one in value]
    if isinstance(value, dict):
        return {name: _without(inner, (*path, name), dropped) for name, inner in value.items() if (*path, name) not in dropped}
    return value


def _ddl(values: list[Any]) -> str:
    """The Spark type under which any of the values can be read: texts, which expressions cast, since one bad number would spoil its whole row."""
    if values and all(isinstance(value, dict) for value in values):
        within = ", ".join(f"{sql_name(name)}: {_ddl(inner)}" for name, inner in fields(values).items())
        return f"struct<{within}>" if within else "string"
    if values and all(isinstance(value, list) for value in values):
        return f"array<{_ddl([one for value in values for one in value if one is not None])}>"
    return "string"


def parquet_sample(file: SourceFile) -> Sample:
    try:
        parquet = pq.ParquetFile(file.path)
        types = {one.name: _spark_type(one.type) for one in parquet.schema_arrow if not one.name.startswith("__")}
        types |= dict.fromkeys(_illegal(parquet), "")
        _want_codec(parquet, file)
        known = [name for name, kind in types.items() if kind]
        rows: list[dict[str, Any]] = []
        for group in range(0, parquet.num_row_groups, max(1, parquet.num_row_groups // 8)):
            batches = parquet.iter_batches(batch_size=ROWS // 8 if parquet.num_row_groups > 1 else ROWS, row_groups=[group], columns=known)
            batch = next(batches, None)
            rows += batch.to_pylist() if batch is not None else []
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{file.path}: not readable as Parquet: {str(error).splitlines()[0]:.200}", cure="Write it anew.") from None
    twice = [name for name, number in Counter(name.lower() for name in types).items() if number > 1]
    if twice:
        raise UserError(f"{file.path}: want names of columns that differ in more than case, have {', '.join(twice)} twice", cure="Rename them.")
    kinds = _stamps(parquet)
    declared = {name: kinds.get(name, types[name]) for name in known}
    declared = {name: "bigint" if kind.startswith("nanos") else kind for name, kind in declared.items()}  # as Spark knows nanoseconds
    notes = [f"{name} is left out: Spark cannot read its type ({parquet.schema_arrow.field(name).type})" for name in types if name not in known]
    return replace(nested(file, "parquet", {}, declared, rows, parquet.metadata.num_rows, {}, kinds), notes=tuple(notes))


def _want_codec(parquet: pq.ParquetFile, file: SourceFile) -> None:
    """Raise UserError for a file whose pages are packed with what Spark does not come with."""
    packed = (
        {parquet.metadata.row_group(0).column(place).compression for place in range(parquet.metadata.num_columns)} if parquet.num_row_groups else ()
    )
    foreign = sorted({"BROTLI", "LZO"} & {*packed})
    if foreign:
        raise UserError(f"{file.path}: want Parquet packed with snappy, gzip or zstd, have {foreign[0].lower()}", cure="Write it anew.")


def _illegal(parquet: pq.ParquetFile) -> set[str]:
    """Columns with values whose type Spark does not read, though pyarrow may."""
    columns = set()
    for place in range(len(parquet.schema)):
        column = parquet.schema.column(place)
        if json.loads(column.logical_type.to_json())["Type"] in ("UUID", "Interval", "Float16", "Time") or column.converted_type == "INTERVAL":
            columns.add(column.path.split(".")[0])
    return columns


def _stamps(parquet: pq.ParquetFile) -> dict[str, str]:
    """Column -> kind of stamps as they lie in the file: what wrote it may have called them something else."""
    kinds = {}
    for place in range(len(parquet.schema)):
        column = parquet.schema.column(place)
        logical = json.loads(column.logical_type.to_json())
        if column.physical_type == "INT96":
            kinds[column.path] = "timestamp"
        elif logical.get("Type") == "Timestamp":
            name = "nanos" if logical["timeUnit"] == "nanoseconds" else "timestamp"
            kinds[column.path] = name if logical["isAdjustedToUTC"] else f"{name}_ntz"
    return kinds


def _spark_type(kind: pa.DataType) -> str:
    """The type under which Spark reads a Parquet column, as cleaning sets it up; empty where it has none."""
    if pa.types.is_dictionary(kind):
        return _spark_type(kind.value_type)
    if pa.types.is_timestamp(kind):
        return "bigint" if kind.unit == "ns" else "timestamp" if kind.tz else "timestamp_ntz"
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision}, {kind.scale})"
    if pa.types.is_struct(kind):
        inner = [(sql_name(one.name), _spark_type(one.type)) for one in kind]
        return f"struct<{', '.join(f'{name}: {own}' for name, own in inner)}>" if all(own for _, own in inner) else ""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"array<{spark_type}>" if (spark_type := _spark_type(kind.value_type)) else ""
    if pa.types.is_map(kind):
        key, value = _spark_type(kind.key_type), _spark_type(kind.item_type)
        return f"map<{key}, {value}>" if key and value else ""
    if pa.types.is_fixed_size_binary(kind):
        return "binary"
    names = {
        "bool": "boolean", "int8": "tinyint", "int16": "smallint", "int32": "int", "int64": "bigint", "uint8": "smallint", "uint16": "int",
        "uint32": "bigint", "uint64": "decimal(20, 0)", "float": "float", "double": "double", "date32[day]": "date", "date64[ms]": "date",
        "binary": "binary", "large_binary": "binary", "string": "string", "large_string": "string", "null": "string",
    }  # fmt: skip
    return names.get(str(kind), "")


def nested(
    file: SourceFile, format_: str, options: Mapping[str, str | bool], declared: Mapping[str, str], records: list[dict[str, Any]], total: int | None,
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
    texts, empty = _sometimes_records(records)
    flat = [dict(_leaves(record, whole)) for record in rows]
    columns = [Column(".".join(path), _sql(path, texts), kind, [_text(record.get(path)) for record in flat]) for path, kind in paths.items()]
    return Sample(file, format_, options, declared, tuple(columns), len(rows), total, "", lines, because, nothing=tuple(sorted(empty)))


def _sometimes_records(records: Sequence[dict[str, Any]]) -> tuple[set[tuple[str, ...]], set[str]]:
    """(paths that are a record in some rows and not in others, which are declared as text; texts of empty records there)."""
    as_record: set[tuple[str, ...]] = set()
    otherwise: dict[tuple[str, ...], set[str]] = {}
    for path, value in (node for record in records for node in _nodes(record, into_lists=False)):
        if isinstance(value, dict):
            as_record.add(path)
        elif value is not None:
            otherwise.setdefault(path, set()).update(["[]"] if value == [] else [])
    both = as_record & otherwise.keys()
    return both, {text for path in both for text in otherwise[path]}


def _sql(path: tuple[str, ...], texts: Collection[tuple[str, ...]]) -> str:
    """The SQL of a field; of one within a record that is declared as text, by its JSON path."""
    length = next((length for length in range(1, len(path)) if path[:length] in texts), len(path))
    inner = "".join(f".{name}" if re.fullmatch(r"\w+", name) else f"[\\'{name}\\']" for name in path[length:])
    return sql_name(*path) if not inner else f"get_json_object({sql_name(*path[:length])}, '${inner}')"


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
    if isinstance(value, float):
        return str(value).replace("nan", "NaN").replace("inf", "Infinity")
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return str(value).strip(" ") or None
