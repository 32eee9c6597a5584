"""Text files line by line, each line with its number: for files some of whose lines are damaged, and to say where a refused line stands.

Spark's readers tell no numbers. They take a line whose last field is opened by a stray quote for a row that goes on in the next line, and cut it;
of a line with several JSON values they take the first. Such lines are told by their text, refused, and the others parsed by the same parser.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, StructType
from pyspark.sql.window import Window

from basketgraph.clean.file_validation import ends_another, has_loose_quote, is_damaged
from basketgraph.clean.landing_files import LandingFile
from basketgraph.clean.mapping import FileSet
from basketgraph.foundation.paths import globbed
from basketgraph.foundation.privacy.log_masking import masked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Column, DataFrame, SparkSession

log = logging.getLogger("basketgraph")
LINE, ROW, URI, TORN = "__line", "__row", "__uri", "__torn"
MOST_LINES = 100  # a quoted field goes over so many lines at most; a quote that is closed further down was a stray one
SHOWN = 3  # numbers of damaged lines in a message


def text_lines(spark: SparkSession, files: FileSet, uris: Sequence[str]) -> DataFrame:
    """Column `value`: the lines of files that are not read as a whole, as Spark's CSV and JSON readers find them."""
    separated = {"lineSep": files.option("lineSep", "")} if files.option("lineSep", "") else {}
    return spark.read.options(**separated).text([globbed(uri) for uri in uris])


def numbered_lines(spark: SparkSession, files: FileSet, uris: Sequence[str]) -> DataFrame:
    """value, LINE, URI: lines with their numbers from 1 in their file, as an editor counts them; without those that are blank or comments.

    Spark reads a file in blocks, the lines of one in their order; how many each has is asked in one job, of however many files.
    """
    text = F.col("value") if files.encoding.upper().replace("_", "-") == "UTF-8" else F.decode(F.col("value").cast("binary"), files.encoding)
    place = {URI: F.col("_metadata.file_path"), "start": F.col("_metadata.file_block_start"), "id": F.monotonically_increasing_id()}
    lines = text_lines(spark, files, uris).select(text.alias("value"), *[column.alias(name) for name, column in place.items()])
    blocks = lines.groupBy(URI, "start").agg(F.min("id").alias("first"), F.count("*").alias("lines")).collect()
    offsets: list[tuple[str, int, int]] = []  # what makes an id in a block a number in its file
    for uri, of_file in groupby(sorted(blocks, key=lambda block: (block[URI], block.start)), key=lambda block: str(block[URI])):
        before = 0
        for block in of_file:
            offsets.append((uri, block.start, before + 1 - block.first))
            before += block.lines
    known = spark.createDataFrame(offsets, f"{URI} string, start bigint, offset bigint")
    numbered = lines.join(F.broadcast(known), on=[URI, "start"])  # every line matches one block
    return numbered.select("value", (F.col("id") + F.col("offset")).alias(LINE), URI).where(_is_row(files))


def _is_row(files: FileSet) -> Column:
    """Whether Spark's reader takes a line for a row at all."""
    if files.format == "json":
        return F.col("value").rlike(r"[^ \t\r\n]")
    told = F.col("value").rlike(r"[^\x00-\x20]")
    comment = str(files.option("comment", ""))
    return told & ~F.startswith(F.col("value"), F.lit(comment)) if comment else told


def _below_header(lines: DataFrame, files: FileSet) -> DataFrame:
    return lines.where(F.col(LINE) > 1) if files.format == "csv" and not files.headerless else lines


def with_damage(spark: SparkSession, files: FileSet, file: LandingFile, damaged_share: float) -> LandingFile:
    """A file that has damaged lines, with their numbers; or with a problem where they are more than this share of its lines.

    A damaged line and those after it are one record that goes over several lines where the next line with a loose quote closes it and is no row by
    itself; then whoever wrote the file meant all of them as one, and what lies between is no row either.
    """
    lines, fields = numbered_lines(spark, files, [file.uri]), len(file.header)
    damaged = is_damaged(files, fields)
    lines = _below_header(lines, files)
    counted = lines.agg(F.count("*").alias("lines"), F.count_if(damaged).alias("damaged")).collect()[0]
    few = counted.damaged <= damaged_share * counted.lines
    found = lines.where(damaged).select(LINE, F.col(LINE).alias("last"))
    if files.format == "csv" and few:
        loose = lines.where(has_loose_quote(files)).select(LINE, damaged.alias("damaged"), ends_another(files, fields).alias("ends"))
        following = Window.partitionBy(F.lit(0)).orderBy(LINE)  # few rows
        after, ends = F.lead(LINE).over(following), F.lead("ends").over(following)
        last = F.when(ends & (after - F.col(LINE) <= MOST_LINES), after).otherwise(F.col(LINE))
        found = loose.withColumn("last", last).where("damaged").select(LINE, "last")
    ordered = found.orderBy(LINE)
    ranges = (ordered if few else ordered.limit(SHOWN)).collect()
    numbers = tuple(number for row in ranges for number in range(row[LINE], row["last"] + 1))
    many = len(numbers) if few else counted.damaged
    first = ", ".join(map(str, numbers[:SHOWN])) + (", ..." if many > SHOWN else "")
    if many <= damaged_share * counted.lines:
        log.warning("%s: %d of %d lines would be read in part, so they are refused: %s", masked(file.path), many, counted.lines, first)
        return replace(file, damaged=numbers)
    advice = "see options: multiLine, quote and escape" if files.format == "csv" else "want one JSON value a line"
    want = f"{many:,} of {counted.lines:,} lines of which a part would be lost (more than clean.damaged_share, {damaged_share:g})"
    return replace(file, problem=f"{want}: line{'s' * (many > 1)} {first}; {advice}")


def parsed_lines(lines: DataFrame, files: FileSet, schema: StructType, options: Mapping[str, Any], corrupt: str) -> DataFrame:
    """Lines without their text but with ROW, their values as the readers give them, with the line in `corrupt` where it is damaged or no row.

    lines: as from `numbered_lines`, with TORN: true where one is damaged, else null. schema: of the values, with `corrupt` among them.
    """
    told = {name: _told(value) for name, value in options.items()}
    lines = _below_header(lines, files)
    if files.format == "csv":
        rows = lines.withColumn(ROW, F.from_csv("value", schema.toDDL(), told))
    else:  # of a list each element is a row
        none = F.struct(*[(F.col("value") if f.name == corrupt else F.lit(None)).cast(f.dataType).alias(f.name) for f in schema.fields])
        elements = F.coalesce(F.from_json("value", ArrayType(schema), told), F.array(none))
        is_list = F.ltrim("value").startswith("[") & F.col(TORN).isNull()
        rows = lines.withColumn(ROW, F.explode(F.when(is_list, elements).otherwise(F.array(F.from_json("value", schema, told)))))
    line = F.coalesce(F.col(ROW).getField(corrupt), F.when(F.col(TORN), F.col("value")))
    return rows.withColumn(ROW, F.col(ROW).withField(corrupt, line)).drop("value", TORN)


def _told(value: object) -> str:
    """A reader's option as Spark writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
