"""The SQL of a mapping, held against Spark's own parser and analyser before a row is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.errors import AnalysisException, ParseException, PySparkException
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, BooleanType, DataType, StringType, StructField, StructType, TimestampType

from basketgraph.clean.mapping import LANDING_NAMES, SOURCE_NAMES, FileSet, Source, TableMapping, read_source, refuse
from basketgraph.clean.vectors import VECTORS, vectors_sql
from basketgraph.foundation.config import did_you_mean
from basketgraph.foundation.contracts import Contract, contract
from basketgraph.foundation.money import register
from basketgraph.foundation.sql_names import names_in, short_message

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

References = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class CheckedSource:
    """A mapping without faults, and what its expressions read, by themselves or through `let`."""

    source: Source
    references: Mapping[str, References]  # table -> silver column (or `version`) -> raw columns
    named: Mapping[str, frozenset[str]]  # table -> silver columns, `where`, `version` and reject.NAME that read a file's name or time


def checked_source(spark: SparkSession, given: Mapping[str, object], where: str) -> CheckedSource:
    """The mapping `given`, checked. Reads no data. Raises UserError that lists every fault of form, names and SQL at once."""
    source, faults = read_source(given, where)
    register(spark)
    references: dict[str, References] = {}
    raws: dict[str, _Raw] = {}
    if source is not None:
        source = source.model_copy(update={"tables": {name: with_vectors(mapped) for name, mapped in source.tables.items()}})
        raws = {name: _Raw(spark, f"files.{name}", files, faults) for name, files in source.files.items()}
        for name, mapped in source.tables.items():
            raw = raws.get(mapped.files)
            if raw is not None and raw.frame is not None and name not in {f.split(":")[0].removeprefix("tables.") for f in faults}:
                references[name] = raw.table_references(f"tables.{name}", mapped, contract(name), faults)
    refuse(where, faults)
    assert source is not None  # a source without a model has faults
    return CheckedSource(source, references, {name: raws[mapped.files].named(mapped) for name, mapped in source.tables.items()})


def with_vectors(mapped: TableMapping) -> TableMapping:
    """The table with the expression of the silver column that its `vectors` make."""
    return mapped.model_copy(update={"columns": {**mapped.columns, VECTORS: vectors_sql(mapped.vectors)}}) if mapped.vectors else mapped


class _Raw:
    """An empty frame with a file set's raw and `let` columns, against which expressions are analysed."""

    def __init__(self, spark: SparkSession, place: str, files: FileSet, faults: list[str]) -> None:
        self.spark, self.columns = spark, {c.lower(): c for c in files.columns}
        self.lets: dict[str, frozenset[str]] = {}
        self.seen: dict[str, frozenset[str]] = {}
        self.frame: DataFrame | None = None
        fields = [StructField(LANDING_NAMES[0], StringType()), StructField(LANDING_NAMES[1], TimestampType())]
        fields += [StructField(name, StringType()) for name in SOURCE_NAMES]
        before = len(faults)
        for column, kind in files.columns.items():
            try:
                fields.append(StructField(column, DataType.fromDDL(kind)))
                faults.extend(f"{place}.columns.{column}: {fault}" for fault in _alike(fields[-1].dataType))
            except PySparkException:
                faults.append(f"{place}.columns.{column}: want a Spark SQL type, have {kind}")
        for names in _in_case_only(list(files.columns)):
            faults.append(f"{place}.columns: want names that differ in more than case, have {names}")
        if len(faults) == before:
            self.frame = spark.createDataFrame([], StructType(fields))
        for name, text in files.let.items():
            if self.frame is None or self.analysed(f"{place}.let.{name}", text, faults) is None:
                self.frame = None  # what uses this name cannot be judged
                continue
            self.lets[name.lower()] = self.sources(text)
            self.frame = self.frame.withColumn(name, F.expr(text))

    def raw_columns(self, text: str) -> frozenset[str]:
        """The raw columns that an expression reads, by itself or through `let`."""
        return self.sources(text) - {*LANDING_NAMES}

    def sources(self, text: str) -> frozenset[str]:
        """The raw columns and LANDING_NAMES that an expression reads, by itself or through `let`."""
        if text not in self.seen:
            found: set[str] = set()
            for name in names_in(self.spark, text):
                if name.lower() in self.lets:
                    found |= self.lets[name.lower()]
                elif name.lower() in (*self.columns, *LANDING_NAMES):
                    found.add(self.columns.get(name.lower(), name.lower()))
            self.seen[text] = frozenset(found)
        return self.seen[text]

    def named(self, mapped: TableMapping) -> frozenset[str]:
        texts = mapped.columns | {where: text for where, text, _ in _conditions(mapped)}
        return frozenset(where for where, text in texts.items() if self.sources(text) & {*LANDING_NAMES})

    def analysed(self, place: str, text: str, faults: list[str], wanted: DataType | None = None) -> DataType | None:
        """The type of an expression; None, with the fault noted, where Spark cannot use it or cannot cast it to `wanted`."""
        assert self.frame is not None
        try:
            names = names_in(self.spark, text)
            have = {c.lower() for c in self.frame.columns}
            # A dotted name may be a field of a nested raw column; its first part is then the column.
            unknown = [name for name in names if name.lower() not in have and name.split(".")[0].lower() not in have]
            if unknown:
                raise _Undeclared(unknown)
            kind = self.frame.select(F.expr(text).alias("x")).schema["x"].dataType
            if wanted is not None:
                self.frame.select(F.expr(text).try_cast(wanted)).schema  # noqa: B018 - analysis happens here
            return kind
        except _Undeclared as error:
            known = self.columns.values()
            faults.extend(f"{place}: want declared raw columns ({', '.join(known)}), have {name}{did_you_mean(name, known)}" for name in error.names)
        except ParseException as error:
            faults.append(f"{place}: not Spark SQL: {short_message(error)}, have {text!r:.80}")
        except AnalysisException as error:
            faults.append(f"{place}: {short_message(error)}, have {text!r:.80}")
        return None

    def sound(self, mapped: TableMapping, wanted: Mapping[str, DataType]) -> bool:
        """Whether all of a table's SQL passes in one analysis; where it does not, each expression is looked at by itself to say which."""
        if self.frame is None or set(mapped.columns) - set(wanted):
            return False
        conditions = list(_conditions(mapped))
        try:
            columns = [F.expr(text).try_cast(wanted[column]) for column, text in mapped.columns.items()]
            casts = [F.expr(text).try_cast(kind) for _, text, kind in conditions]
            found = self.frame.select(*columns, *casts, *[F.expr(text).alias(f"{i}") for i, (_, text, _) in enumerate(conditions)]).schema
        except (AnalysisException, ParseException):
            return False
        return all(not isinstance(kind, BooleanType) or isinstance(found[f"{i}"].dataType, BooleanType) for i, (_, _, kind) in enumerate(conditions))

    def table_references(self, place: str, mapped: TableMapping, table: Contract, faults: list[str]) -> References:
        wanted = {field.name: field.dataType for field in table.struct.fields}
        version = {} if mapped.version is None else {"version": mapped.version}
        if self.sound(mapped, wanted):
            return {column: self.raw_columns(text) for column, text in (mapped.columns | version).items()}
        references = {}  # of a table with faults, which nobody goes on to use
        for column, text in mapped.columns.items():
            if column == VECTORS and mapped.vectors:
                continue  # made of expressions that are looked at below
            if self.analysed(f"{place}.columns.{column}", text, faults, wanted.get(column)) is not None:
                references[column] = self.raw_columns(text)
        for where, text, kind in _conditions(mapped):
            found = self.analysed(f"{place}.{where}", text, faults, kind)
            if found is not None and isinstance(kind, BooleanType) and not isinstance(found, BooleanType):
                faults.append(f"{place}.{where}: want a condition, have {found.simpleString()} {text!r:.60}")
        return references


def _alike(kind: DataType) -> Iterator[str]:
    """Faults of records with fields that differ in case only."""
    if isinstance(kind, ArrayType):
        yield from _alike(kind.elementType)
    if isinstance(kind, StructType):
        yield from (f"want fields that differ in more than case (declare one of them), have {names}" for names in _in_case_only(kind.names))
        for field in kind.fields:
            yield from _alike(field.dataType)


def _in_case_only(names: Sequence[str]) -> list[str]:
    counts = Counter(name.lower() for name in names)
    return [", ".join(name for name in names if name.lower() == lower) for lower, number in counts.items() if number > 1]


class _Undeclared(Exception):
    def __init__(self, names: list[str]) -> None:
        self.names = names


def _conditions(mapped: TableMapping) -> Iterator[tuple[str, str, DataType]]:
    for reason, text in mapped.reject.items():
        yield f"reject.{reason}", text, BooleanType()
    for kind, text in mapped.vectors.items():
        yield f"{VECTORS}.{kind}", text, StringType()
    if mapped.where is not None:
        yield "where", mapped.where, BooleanType()
    if mapped.version is not None:
        yield "version", mapped.version, TimestampType()
