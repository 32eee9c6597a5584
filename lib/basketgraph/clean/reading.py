"""Landing files as one frame of raw rows, columns matched by name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import reduce
from itertools import groupby
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F
from pyspark.sql.types import DataType, StringType, StructField, StructType

from basketgraph.clean.mapping import FileSet, Source
from basketgraph.clean.pick_up import LandingFile, globbed

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

CORRUPT, HASH, FILE_NUMBER, URI = "__corrupt", "__file_hash", "__file_number", "__uri"
# Raw rows have the declared columns, these (but for URI), and file_name and file_modified_at. FILE_NUMBER is the place in the list of files read.
SESSION_SETTINGS = {
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",  # else a date that old Spark read differently fails the job instead of being null
    "spark.sql.legacy.parquet.nanosAsLong": "true",  # else pandas' nanosecond stamps cannot be read at all
}


def prepare_session(spark: SparkSession) -> None:
    for key, value in SESSION_SETTINGS.items():
        spark.conf.set(key, value)


def raw_rows(spark: SparkSession, source: Source, files: FileSet, landed: Sequence[LandingFile]) -> DataFrame:
    """All rows of `landed` (at least one file, each examined and without a problem), lines that do not parse included."""
    by_header = sorted(enumerate(landed), key=lambda pair: pair[1].header)
    groups = [list(group) for _, group in groupby(by_header, key=lambda pair: pair[1].header)]
    rows = reduce(lambda a, b: a.unionByName(b), [_group_rows(spark, files, group) for group in groups])
    rows = rows.withColumn("source_currency", F.lit(source.currency)).withColumn("source_time_zone", F.lit(source.time_zone))
    for name, text in files.let.items():
        rows = rows.withColumn(name, F.expr(text))
    return rows


def _group_rows(spark: SparkSession, files: FileSet, group: Sequence[tuple[int, LandingFile]]) -> DataFrame:
    """Rows of files that share one header, each with its number."""
    paths = [globbed(file.uri) for _, file in group]
    if files.format == "parquet":
        read = spark.read.parquet(*paths)
        have = set(read.columns)
    elif files.format == "csv":
        fields = [StructField(name or f"__unnamed{i}", StringType()) for i, name in enumerate(group[0][1].header)]
        have = {field.name for field in fields}
        # enforceSchema: names come from the header we read; columnPruning: a line with too few or too many fields shows only when all are parsed.
        fixed: dict[str, Any] = {
            "header": True,
            "enforceSchema": True,
            "columnPruning": False,
            "mode": "PERMISSIVE",
            "columnNameOfCorruptRecord": CORRUPT,
        }
        read = spark.read.options(**{**files.options, **fixed}).schema(StructType([*fields, StructField(CORRUPT, StringType())])).csv(paths)
    else:
        fields = [StructField(name, DataType.fromDDL(kind)) for name, kind in files.columns.items()]
        have = set(files.columns)
        fixed = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": CORRUPT}
        read = spark.read.options(**{**files.options, **fixed}).schema(StructType([*fields, StructField(CORRUPT, StringType())])).json(paths)
    corrupt = F.col(CORRUPT) if files.format != "parquet" else F.lit(None).cast("string")
    declared = [_declared(name, kind, files, name in have) for name, kind in files.columns.items()]
    return _with_file(read.select(*declared, corrupt.alias(CORRUPT), F.col("_metadata.file_path").alias(URI)), group)


def _declared(name: str, kind: str, files: FileSet, present: bool) -> Column:
    wanted = DataType.fromDDL(kind)
    if not present:
        return F.lit(None).cast(wanted).alias(name)
    column = F.col(f"`{name}`").cast(wanted)
    if isinstance(wanted, StringType):
        blank = F.trim(column).isin(list(files.null_values))
        column = F.when(~blank, column)
    return column.alias(name)


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
