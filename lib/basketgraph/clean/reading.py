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

CORRUPT, HASH, URI = "__corrupt", "__file_hash", "__uri"
# Raw rows have the declared columns, these, and file_name and file_modified_at.
SESSION_SETTINGS = {
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",  # else a date that old Spark read differently fails the job instead of being null
    "spark.sql.legacy.javaCharsets": "true",  # else text is read in seven encodings only, and windows-1252 is none of them
    "spark.sql.legacy.parquet.nanosAsLong": "true",  # else pandas' nanosecond stamps cannot be read at all
}


def prepare_session(spark: SparkSession) -> None:
    for key, value in SESSION_SETTINGS.items():
        spark.conf.set(key, value)


def raw_rows(spark: SparkSession, source: Source, files: FileSet, landed: Sequence[LandingFile]) -> DataFrame:
    """All rows of `landed` (at least one file, each examined and without a problem), lines that do not parse included."""
    by_header = sorted(landed, key=lambda file: file.header)
    groups = [list(group) for _, group in groupby(by_header, key=lambda file: file.header)]
    rows = reduce(lambda a, b: a.unionByName(b), [_group_rows(spark, files, group) for group in groups])
    rows = rows.withColumn("source_currency", F.lit(source.currency)).withColumn("source_time_zone", F.lit(source.time_zone))
    for name, text in files.let.items():
        rows = rows.withColumn(name, F.expr(text))
    return rows


def _group_rows(spark: SparkSession, files: FileSet, group: Sequence[LandingFile]) -> DataFrame:
    """Rows of files that share one header."""
    paths = [globbed(file.uri) for file in group]
    if files.format == "parquet":
        read = spark.read.parquet(*paths)
        have = set(read.columns)
    elif files.format == "csv":
        fields = [StructField(name or f"__unnamed{i}", StringType()) for i, name in enumerate(group[0].header)]
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


def _with_file(rows: DataFrame, group: Sequence[LandingFile]) -> DataFrame:
    """Adds which file a row came from; the location itself, which differs from machine to machine, goes."""
    if len(group) == 1:
        (file,) = group
        found = rows.withColumns({"file_name": F.lit(file.path), "file_modified_at": F.lit(file.modified_at), HASH: F.lit(file.file_hash)})
        return found.drop(URI)
    known = rows.sparkSession.createDataFrame(
        [(_plain(file.uri), file.path, file.modified_at, file.file_hash) for file in group],
        f"{URI} string, file_name string, file_modified_at timestamp, {HASH} string",
    )
    # Spark gives locations percent-encoded and with any number of slashes after the scheme.
    location = F.regexp_replace(F.url_decode(F.replace(F.col(URI), F.lit("+"), F.lit("%2B"))), "^file:/+", "file:/")
    return rows.withColumn(URI, location).join(F.broadcast(known), on=URI, how="left").drop(URI)  # every row matches one file; counting raises if not


def _plain(uri: str) -> str:
    return re.sub("^file:/+", "file:/", uri)
