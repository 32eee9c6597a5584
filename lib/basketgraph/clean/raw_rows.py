"""Landing files as one frame of raw rows, columns matched by name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from itertools import groupby
from operator import and_, or_
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F
from pyspark.sql.types import DataType, StringType, StructField, StructType, TimestampNTZType, TimestampType

from basketgraph.clean.file_validation import JAVA_ERRORS, cause, is_damaged
from basketgraph.clean.landing_files import UNKNOWN, Landing, LandingFile
from basketgraph.clean.lines import LINE, ROW, TORN, URI, numbered_lines, parsed_lines, text_lines, with_damage
from basketgraph.clean.mapping import FileSet, Source
from basketgraph.foundation.money import register
from basketgraph.foundation.paths import globbed
from basketgraph.foundation.progress import each

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, DataFrameReader, SparkSession

CORRUPT, HASH, FILE_NUMBER, PLACE = "__corrupt", "__file_hash", "__file_number", "__place_of_"
# Raw rows have the declared columns, these (but for URI), and file_name and file_modified_at. FILE_NUMBER is the place in the list of files read.
# Spark wants what makes several rows of one outermost, so that this is all of such an expression.
EXPLODED = re.compile(r"\s*explode(?P<outer>_outer)?\s*\((?P<list>.*)\)\s*", re.IGNORECASE | re.DOTALL)
SESSION_SETTINGS = {
    "spark.sql.ansi.enabled": "false",  # else one bad value fails the job instead of being null; a session may come without conf/spark
    "spark.sql.files.ignoreCorruptFiles": "false",  # else the rest of a damaged file is dropped without a word
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",  # else a date that old Spark read differently fails the job instead of being null
    "spark.sql.legacy.javaCharsets": "true",  # else text is read in seven encodings only, and windows-1252 is none of them
    "spark.sql.legacy.parquet.nanosAsLong": "true",  # else pandas' nanosecond stamps cannot be read at all
}
FIXED_OPTIONS: dict[str, str | bool] = {
    "mode": "PERMISSIVE",
    "columnNameOfCorruptRecord": CORRUPT,
    "ignoreCorruptFiles": False,
    "ignoreMissingFiles": False,
}
CSV_DEFAULTS = {"escape": '"'}  # a quote within quotes is doubled (RFC 4180), as nearly all that writes CSV does it
NOT_TEXT = "not text"
BOM = "\ufeff"
# Spark's instants have 64 bits of microseconds. Some two days off both ends of them no time zone leads out, which would end the job.
MOMENTS = (-(2**63) + 2 * 10**11, 2**63 - 1 - 2 * 10**11)


def prepare_session(spark: SparkSession) -> None:
    for key, value in SESSION_SETTINGS.items():
        spark.conf.set(key, value)
    register(spark)


def raw_rows(spark: SparkSession, source: Source, files: FileSet, landed: Sequence[LandingFile]) -> DataFrame:
    """All rows of `landed` (at least one file, each examined and without a problem), lines that do not parse included."""
    numbered = list(enumerate(landed))
    frames = [_group_rows(spark, files, group) for group in _by_header([pair for pair in numbered if not pair[1].damaged])]
    frames += [_line_rows(spark, files, group).drop(LINE) for group in _by_header([pair for pair in numbered if pair[1].damaged])]
    return _with_source(reduce(lambda a, b: a.unionByName(b), frames), source, files)


def unparsable_rows(spark: SparkSession, source: Source, files: FileSet, landed: Sequence[LandingFile]) -> DataFrame | None:
    """The raw rows of these files that are unparsable, each with the number of its LINE; None where lines cannot be told apart."""
    if files.whole or files.wide_encoding or files.format == "parquet":
        return None
    frames = [_line_rows(spark, files, group) for group in _by_header(list(enumerate(landed)))]
    rows = reduce(lambda a, b: a.unionByName(b), frames)
    return _with_source(rows.where(F.col(CORRUPT).isNotNull()), source, files)


def _by_header(landed: Sequence[tuple[int, LandingFile]]) -> list[list[tuple[int, LandingFile]]]:
    """Files, each with its number, in groups of one header: what is asked of a group is one job, however many files there are."""
    ordered = sorted(landed, key=lambda pair: pair[1].header)
    return [list(group) for _, group in groupby(ordered, key=lambda pair: pair[1].header)]


def _with_source(rows: DataFrame, source: Source, files: FileSet) -> DataFrame:
    rows = rows.withColumn("source_currency", F.lit(source.currency)).withColumn("source_time_zone", F.lit(source.time_zone))
    return with_lets(rows, files)


def with_lets(rows: DataFrame, files: FileSet) -> DataFrame:
    """Adds the columns of `let`, and for each that explodes a list the place of its element in it, from 0: lines of one basket may be equal.

    Only a list that is there without elements leaves no row, unless by `explode_outer`. What is unparsable or has no list leaves one, to be refused.
    """
    for name, text in files.let.items():
        found = EXPLODED.fullmatch(text)
        if found is None:
            rows = rows.withColumn(name, F.expr(text))
        else:
            elements = F.expr(found["list"])
            if not found["outer"]:
                rows = rows.where(F.col(CORRUPT).isNotNull() | elements.isNull() | (F.size(elements) > 0))
            rows = rows.select("*", F.posexplode_outer(elements).alias(f"{PLACE}{name}", name))
    return rows


def places(files: FileSet) -> list[str]:
    """The columns that `with_lets` adds for places in lists."""
    return [f"{PLACE}{name}" for name, text in files.let.items() if EXPLODED.fullmatch(text)]


def _group_rows(spark: SparkSession, files: FileSet, group: Sequence[tuple[int, LandingFile]]) -> DataFrame:
    """Rows of files that share one header, each with its number."""
    paths = [globbed(file.uri) for _, file in group]
    if files.format == "parquet":
        read = _parquet_reader(spark, files, group[0][1].header).parquet(*paths)
        have = set(read.columns)
    elif files.format == "csv":
        # What is not declared is not used, so that names like ours, or equal to others but for case, do no harm.
        have = set(group[0][1].header) & set(files.columns)
        fields = [StructField(name if name in have else f"__ignored{i}", StringType()) for i, name in enumerate(group[0][1].header)]
        # enforceSchema: names come from the header we read; columnPruning: a line with too few or too many fields shows only when all are parsed.
        fixed: dict[str, Any] = {
            "header": not files.headerless,
            "enforceSchema": True,
            "columnPruning": False,
            **FIXED_OPTIONS,
            **({"multiLine": True} if files.wide_encoding else {}),
        }
        schema = StructType([*fields, StructField(CORRUPT, StringType())])
        read = spark.read.options(**{**CSV_DEFAULTS, **files.options, **fixed}).schema(schema).csv(paths)
    else:
        have, schema = set(files.columns), _json_schema(files)
        read = spark.read.options(**{**files.options, **FIXED_OPTIONS}).schema(schema).json(paths)
    declared = _all_declared(files, have, group[0][1].header)
    corrupt = F.lit(None).cast("string") if files.format == "parquet" else F.col(CORRUPT)
    rows = _with_file(read.select(*declared, corrupt.alias(CORRUPT), F.col("_metadata.file_path").alias(URI)), group)
    return rows if files.format == "parquet" else without_text(rows, files)


def _line_rows(spark: SparkSession, files: FileSet, group: Sequence[tuple[int, LandingFile]]) -> DataFrame:
    """Rows of files of one header that are read line by line, their damaged lines among them as unparsable ones; each row with its LINE."""
    header = group[0][1].header
    if files.format == "csv":
        have = set(header) & set(files.columns)
        # Without names of the header, which may be equal but for case.
        schema = StructType([*(StructField(f"__{i}", StringType()) for i in range(len(header))), StructField(CORRUPT, StringType())])
        options = {**CSV_DEFAULTS, **files.options, **FIXED_OPTIONS}
        places = {name: f"__{i}" for i, name in enumerate(header) if name in have}
    else:
        have, schema, options = set(files.columns), _json_schema(files), {**files.options, **FIXED_OPTIONS}
        places = {name: name for name in files.columns}
    damaged = [(number, line, True) for number, file in group for line in file.damaged]
    torn = spark.createDataFrame(damaged, f"{FILE_NUMBER} int, {LINE} bigint, {TORN} boolean")
    lines = _with_file(numbered_lines(spark, files, [file.uri for _, file in group]), group)
    lines = lines.join(F.broadcast(torn), on=[FILE_NUMBER, LINE], how="left")  # at most one row a line
    parsed = parsed_lines(lines, files, schema, options, CORRUPT)
    own = [FILE_NUMBER, LINE, "file_name", "file_modified_at", HASH]
    read = parsed.select(*[F.col(ROW).getField(place).alias(name) for name, place in {**places, CORRUPT: CORRUPT}.items()], *own)
    declared = _all_declared(files, have, header)
    return without_text(read.select(*declared, CORRUPT, *own), files)


def _json_schema(files: FileSet) -> StructType:
    fields = [StructField(name, DataType.fromDDL(kind)) for name, kind in files.columns.items()]
    return StructType([*fields, StructField(CORRUPT, StringType())])


def _parquet_reader(spark: SparkSession, files: FileSet, header: Sequence[str]) -> DataFrameReader:
    """A reader of the whole file or, where it has columns of types that Spark does not know, of those declared."""
    if not any(f" {UNKNOWN}" in told for told in header):
        return spark.read
    declared = ((name, told.removeprefix(f"{name} ")) for told in header for name in files.columns if told.startswith(f"{name} "))
    fields = [StructField(name, DataType.fromDDL(kind)) for name, kind in declared if not kind.startswith(UNKNOWN)]
    return spark.read.schema(StructType(fields))


def without_text(rows: DataFrame, files: FileSet) -> DataFrame:
    """Raw rows, with those marked as corrupt that hold what is no text, or are a CSV's header once more. Parquet, which is read several times over,
    is asked once whether any does.
    """
    odd = [F.when(not_text(files), F.lit(NOT_TEXT))]
    if files.format == "csv" and not files.headerless and len(files.columns) > 1:
        odd.append(F.when(_is_header(files), F.lit(" ".join(files.columns))))
    return rows.withColumn(CORRUPT, F.coalesce(F.col(CORRUPT), *odd))


def _is_header(files: FileSet) -> Column:
    """Whether a raw row holds the names of its columns, as where files with a header each were put behind each other."""
    same = [F.btrim(f"`{name}`", F.lit(" \t")) == F.lit(name) for name, kind in files.columns.items() if kind.strip().lower() == "string"]
    several = sum((F.coalesce(one.cast("int"), F.lit(0)) for one in same), F.lit(0)) > 1
    return reduce(and_, [F.coalesce(one, F.lit(True)) for one in same], F.lit(True)) & several


def not_text(files: FileSet) -> Column:
    """Whether a text column of a raw row has a NUL in it, or bytes that are not UTF-8: ids would differ unseen, and Python could not read them."""
    texts = [F.col(f"`{name}`") for name, kind in files.columns.items() if kind.strip().lower() == "string"]
    broken = [F.contains(text, F.lit("\0")) for text in texts]
    if files.format == "parquet":
        broken += [~F.is_valid_utf8(text) for text in texts]
    return F.coalesce(reduce(or_, broken, F.lit(False)), F.lit(False))


def _all_declared(files: FileSet, have: set[str], header: Sequence[str]) -> list[Column]:
    """The declared columns of what was read, null those that a file does not have."""
    first = header[0] if files.format == "csv" else None
    return [_declared(name, kind, files, name in have, name == first) for name, kind in files.columns.items()]


def _declared(name: str, kind: str, files: FileSet, present: bool, leads: bool) -> Column:
    wanted = DataType.fromDDL(kind)
    if not present:
        return F.lit(None).cast(wanted).alias(name)
    column = F.col(f"`{name}`")
    if leads:  # of files put behind each other each has a BOM, which Spark takes off a line where it is the first that a parser sees
        column = F.when(F.startswith(column, F.lit(BOM)), F.btrim(column, F.lit(BOM + str(files.option("quote", '"'))))).otherwise(column)
    column = column.cast(wanted)
    if isinstance(wanted, StringType):
        blank = F.trim(column).isin(list(files.null_values))
        column = F.when(~blank, column)
    if isinstance(wanted, (TimestampType, TimestampNTZType)):
        first, last = (F.timestamp_micros(F.lit(edge)).cast(wanted) for edge in MOMENTS)
        column = F.when(column.isNotNull(), F.least(F.greatest(column, first), last))
    return column.alias(name)


def examined_files(
    spark: SparkSession, landing: Landing, files: FileSet, landed: Sequence[LandingFile], *, max_record_bytes: int, damaged_share: float
) -> list[LandingFile]:
    """The files, each with its header or with the problem that keeps it from being read: by cleaning, and by a replay."""
    found = [landing.examined(file, files, max_record_bytes=max_record_bytes) for file in each(landed, "files looked through")]
    said = screened_lines(spark, files, [file for file in found if file.problem is None and file.suspect], damaged_share)
    return [said.get(file.path, file) for file in found]


def screened_lines(spark: SparkSession, files: FileSet, landed: Sequence[LandingFile], damaged_share: float) -> dict[str, LandingFile]:
    """Path -> the file, of those with lines of which Spark would read a part and forget the rest without a word: with their numbers, or set aside
    where they are more than `damaged_share` of its lines.
    """
    if files.whole or files.format == "parquet":
        return {}
    found: dict[str, LandingFile] = {}
    for fields, alike in groupby(sorted(landed, key=lambda file: len(file.header)), key=lambda file: len(file.header)):
        group = list(alike)
        try:
            lines = text_lines(spark, files, [file.uri for file in group]).select("value", F.col("_metadata.file_path").alias(URI))
            hit = _with_file(lines.where(is_damaged(files, fields)), list(enumerate(group))).select("file_name").distinct().collect()
            found |= {file.path: with_damage(spark, files, file, damaged_share) for file in group if file.path in {row.file_name for row in hit}}
        except JAVA_ERRORS as error:  # one of them is gone by now, or damaged
            if len(group) == 1:
                found[group[0].path] = replace(group[0], problem=f"not readable: {cause(error)}")
            else:
                found |= {path: one for file in group for path, one in screened_lines(spark, files, [file], damaged_share).items()}
    return found


def unreadable_files(spark: SparkSession, source: Source, files: FileSet, landed: Sequence[LandingFile]) -> dict[str, str]:
    """Path -> problem of those files that Spark cannot read to the end, each tried by itself; for when a batch of them has failed."""
    found = {}
    for file in landed:
        try:
            rows = (_line_rows if file.damaged else _group_rows)(spark, files, [(0, file)])
            rows.select(F.count(F.struct(*rows.columns)), *[F.max(F.col(f"`{name}`").isNotNull()) for name in rows.columns]).collect()
        except JAVA_ERRORS as error:
            found[file.path] = f"not readable: {cause(error)}"
    return found


def _with_file(rows: DataFrame, group: Sequence[tuple[int, LandingFile]]) -> DataFrame:
    """Adds which file a row came from; the location itself, which differs from machine to machine, goes."""
    if len(group) == 1:
        ((number, file),) = group
        found = {"file_name": file.path, "file_modified_at": file.modified_at, HASH: file.file_hash, FILE_NUMBER: number}
        return rows.withColumns({name: F.lit(value) for name, value in found.items()}).drop(URI)
    known = rows.sparkSession.createDataFrame(
        [(place, file.path, file.modified_at, file.file_hash, number) for number, file in group for place in _locations(rows.sparkSession, file.uri)],
        f"{URI} string, file_name string, file_modified_at timestamp, {HASH} string, {FILE_NUMBER} int",
    )
    return rows.join(F.broadcast(known), on=URI, how="left").drop(URI)  # every row matches one file; counting raises if not


def _locations(spark: SparkSession, uri: str) -> set[str]:
    """A file's location in the forms in which Spark may tell it: percent-encoded, a local one with one slash or three.

    Held against the rows as they are: bringing each row's location into one form would cost more than reading it.
    """
    encoded = str(spark._jvm.org.apache.hadoop.fs.Path(uri).toUri().toString())  # type: ignore[union-attr]
    return {encoded, re.sub("^file:/+", "file:/", encoded), re.sub("^file:/+", "file:///", encoded)}
