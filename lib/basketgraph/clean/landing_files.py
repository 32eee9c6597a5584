"""Which landing files there are, and which of them are new: listing, content hashes, headers; all through Hadoop's file systems."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.sql.types import StructType

from basketgraph.clean.file_validation import JAVA_ERRORS, Screen, Unreadable, close, java_message, separator
from basketgraph.clean.landing import is_landed, no_files, no_folder
from basketgraph.clean.mapping import FileSet
from basketgraph.foundation.paths import globbed, no_glob
from basketgraph.foundation.progress import each
from basketgraph.foundation.tables.files import Files

if TYPE_CHECKING:
    from py4j.java_gateway import JavaObject
    from pyspark.sql import SparkSession

HEADER_BYTES = 1 << 20
FIRST_LINES = 20  # of a file without a header, of which one must have as many fields as the mapping has columns
MAX_RECORD_BYTES = 1 << 24
UNKNOWN = "unknown: "  # before what a Parquet file calls a type that Spark does not have


@dataclass(frozen=True)
class LandingFile:
    """A file as it lies in the landing folder. `path` is relative to that folder, so it reads the same on every machine."""

    path: str
    uri: str
    size: int
    modified_at: datetime
    file_hash: str = ""
    header: tuple[str, ...] = ()  # of a CSV: names in file order; of Parquet: `name type` pairs; of JSON: none
    problem: str | None = None
    damaged: tuple[int, ...] = ()  # numbers of lines, from 1, that would be read in part: they are refused, and the others go on
    suspect: bool = True  # whether its text may have lines that are parts of rows, or several of them
    listed_at: datetime | None = None  # the modification time it was listed with, where `modified_at` is that of its first reading

    @property
    def seen_as(self) -> tuple[str, int, datetime]:
        """What tells a file that was seen before without reading it."""
        return (self.path, self.size, self.modified_at)

    def matches(self, pattern: str) -> bool:
        return fnmatch(self.path, pattern)


class Landing:
    """A landing folder on any file system that Hadoop knows."""

    def __init__(self, spark: SparkSession, folder: str) -> None:
        self.spark, self.jvm = spark, spark._jvm
        self.files = Files(spark)
        self.system, given = self.files.hadoop(folder)
        self.configuration, self.folder = self.system.getConf(), self.system.makeQualified(given)

    def list(self, patterns: Sequence[str]) -> list[LandingFile]:
        """Files below the folder that match one of the patterns, by path. Hidden ones (a name part starting with . or _) are left out, and those
        whose name says that they are still being written. A link that leads out of the folder is a problem: what it leads to is not read.

        errors: UserError where the folder is missing or nothing in it matches.
        """
        if not self.system.exists(self.folder):
            raise no_folder(self.folder, patterns)
        root, found = self.folder.toUri().getPath().rstrip("/") + "/", []
        listing = self.system.listFiles(self.folder, True)
        while listing.hasNext():
            status = listing.next()
            relative = status.getPath().toUri().getPath().removeprefix(root)
            if is_landed(relative, patterns):
                file = LandingFile(relative, status.getPath().toString(), status.getLen(), _modified(status))
                found.append(replace(file, problem=self._problem(file)))
        if not found:
            raise no_files(self.folder, patterns)
        return sorted(found, key=lambda file: file.path)

    def _problem(self, file: LandingFile) -> str | None:
        """What keeps Spark from reading a file, as far as its place tells."""
        if self._outside(file.path):
            return "a link that leads out of the landing folder"
        return "a path with a colon beside []{}*?,\\, which Spark takes for a pattern: rename it" if no_glob(file.uri) else None

    def _outside(self, relative: str) -> bool:
        if self.folder.toUri().getScheme() != "file":
            return False
        folder = Path(self.folder.toUri().getPath()).resolve()
        return not (folder / relative).resolve().is_relative_to(folder)

    def changed(self, file: LandingFile) -> str | None:
        """What happened to a file since it was listed, if anything: then its rows are some of one content and some of another."""
        try:
            status = self.system.getFileStatus(self._place(file))
        except JAVA_ERRORS as error:
            return f"gone while it was read: {java_message(error)}"
        listed_at = file.listed_at or file.modified_at
        if (status.getLen(), _modified(status)) == (file.size, listed_at):
            return None
        return f"changed while it was read: {file.size} bytes of {listed_at:%FT%TZ}, then {status.getLen()} of {_modified(status):%FT%TZ}"

    def with_hashes(self, files: Sequence[LandingFile], known: Mapping[tuple[str, int, datetime], str]) -> Sequence[LandingFile]:
        """The files with their content hashes. known: those of files that were seen before, which are not read for it."""
        return [replace(f, file_hash=known[f.seen_as]) if f.seen_as in known else self.hashed(f) for f in each(files, "files hashed")]

    def hashed(self, file: LandingFile) -> LandingFile:
        """The file with the sha256 of its content, which Java reads as a stream."""
        # Without its content a file is known by what the listing says, so that it is tried again when that changes.
        unread = f"unread-{file.size}-{file.modified_at.timestamp():.3f}"
        if file.problem is not None:
            return replace(file, file_hash=unread)
        try:
            stream = self._open(file, decompress=False)
            try:
                return replace(file, file_hash=self._sha256(stream))
            finally:
                close(stream)
        except JAVA_ERRORS as error:
            return replace(file, file_hash=unread, problem=f"unreadable: {java_message(error)}")

    def examined(self, file: LandingFile, files: FileSet, *, max_record_bytes: int = MAX_RECORD_BYTES) -> LandingFile:
        """The file with its header, or with the problem that keeps it from being read."""
        if file.problem is not None:
            return file
        try:
            if file.size == 0:
                raise Unreadable("empty: the file has no bytes")
            if files.format != "parquet":
                screen = Screen(self.jvm, max_record_bytes)
                screen.text(lambda: self._open(file), files)
                quote = str(files.option("quote", '"'))
                file = replace(file, suspect=files.format == "json" or (quote != "" and screen.has(lambda: self._open(file), quote)))
            readers = {"parquet": self._parquet_header, "csv": self._csv_header, "json": lambda *_: ()}
            return replace(file, header=readers[files.format](file, files))
        except Unreadable as error:
            return replace(file, problem=str(error))
        except JAVA_ERRORS as error:  # gone since it was listed
            return replace(file, problem=f"unreadable: {java_message(error)}")

    def _place(self, file: LandingFile) -> JavaObject:
        return self.files.hadoop(file.uri)[1]

    def _codec(self, file: LandingFile) -> JavaObject | None:
        factory = self.jvm.org.apache.hadoop.io.compress.CompressionCodecFactory(self.configuration)  # type: ignore[union-attr]
        return factory.getCodec(self._place(file))

    def _open(self, file: LandingFile, *, decompress: bool = True) -> Any:
        stream = self.system.open(self._place(file))
        codec = self._codec(file) if decompress else None
        return stream if codec is None else codec.createInputStream(stream)

    def _sha256(self, stream: Any) -> str:
        return str(self.jvm.org.apache.commons.codec.digest.DigestUtils.sha256Hex(stream))  # type: ignore[union-attr]

    def _csv_header(self, file: LandingFile, files: FileSet) -> tuple[str, ...]:
        stream = self._open(file)
        start = bytes(stream.readNBytes(HEADER_BYTES))
        stream.close()
        try:
            text = start.decode(files.encoding, errors="replace")
        except LookupError:  # Java knows it, Python does not
            text = str(self.jvm.java.lang.String(bytearray(start), files.encoding))  # type: ignore[union-attr]
        if files.headerless:
            _want_fields(text.lstrip("\ufeff"), files, cut=len(start) == HEADER_BYTES)
            return tuple(files.columns)
        line = re.split(r"\r|\n", text.lstrip("\ufeff"), maxsplit=1)[0]
        if len(start) == HEADER_BYTES and len(line) >= len(text) - 1:
            raise Unreadable(f"header: no line break within {HEADER_BYTES} bytes")
        header = tuple(name.strip() for name in header_names(line, files))
        twice = sorted({name for name in header if name in files.columns and header.count(name) > 1})
        if twice:
            # Only our own names are told: where the header line is missing, these are somebody's values.
            named = [name for name in twice if name in files.columns]
            raise Unreadable(f"header: {', '.join(named) or 'a name that is not in the mapping'} more than once")
        _want_columns(files, {name: "string" for name in header})
        return header

    def _parquet_header(self, file: LandingFile, files: FileSet) -> tuple[str, ...]:
        try:
            schema = self.spark.read.parquet(globbed(file.uri)).schema
            kinds = {field.name: field.dataType.simpleString() for field in schema.fields}
        except Exception as error:  # Spark wraps a damaged footer in several kinds of exception
            try:
                kinds = self._parquet_columns(file)
            except JAVA_ERRORS:
                kinds = {}
            if not any(kind.startswith(UNKNOWN) for kind in kinds.values()):
                raise Unreadable(f"not readable as Parquet: {str(error).splitlines()[0]:.200}") from None
        _want_columns(files, kinds)
        return tuple(f"{name} {kind}" for name, kind in kinds.items())

    def _parquet_columns(self, file: LandingFile) -> dict[str, str]:
        """{column: its type as Spark reads it, or UNKNOWN and what the file calls it}, each by itself: one can make a file unreadable."""
        parquet = self.jvm.org.apache.parquet  # type: ignore[union-attr]
        reader = parquet.hadoop.ParquetFileReader.open(parquet.hadoop.util.HadoopInputFile.fromPath(self._place(file), self.configuration))
        try:
            schema = reader.getFooter().getFileMetaData().getSchema()
        finally:
            reader.close()
        conf = self.spark._jsparkSession.sessionState().conf()  # type: ignore[attr-defined]
        converter = self.jvm.org.apache.spark.sql.execution.datasources.parquet.ParquetToSparkSchemaConverter(conf)  # type: ignore[union-attr]
        found = {}
        for field in schema.getFields():
            only = self.jvm.java.util.ArrayList()  # type: ignore[union-attr]
            only.add(field)
            try:
                converted = converter.convert(parquet.schema.MessageType(schema.getName(), only)).json()
                found[field.getName()] = StructType.fromJson(json.loads(converted))[0].dataType.simpleString()
            except JAVA_ERRORS:
                found[field.getName()] = UNKNOWN + re.sub(r"\s+", " ", re.sub(rf"^\w+ | {re.escape(field.getName())}\b", "", str(field.toString())))
        return found


def _want_fields(text: str, files: FileSet, *, cut: bool) -> None:
    """Raises Unreadable where no line at a headerless file's start has as many fields as the mapping has columns: names would be another field's."""
    if files.whole:
        return  # a line may be a part of a row
    lines = [line for line in re.split(r"\r\n|\r|\n", text) if line]
    found = set()
    for line in lines[: min(len(lines) - cut, FIRST_LINES)]:
        try:
            found.add(len(header_names(line, files)))
        except Unreadable:  # damaged: it is refused by itself
            continue
    if found and len(files.columns) not in found:
        have = " or ".join(map(str, sorted(found)))
        raise Unreadable(f"options: header false: want {len(files.columns)} fields a line, as many as columns, have {have}")


def header_names(line: str, files: FileSet) -> list[str]:
    """The names in a header line. Raises Unreadable where it is no line of this CSV."""
    delimiter, quote = separator(files), str(files.option("quote", '"'))
    if len(delimiter) != 1:
        return [name.strip(quote or None) for name in line.split(delimiter)]
    try:
        if quote:
            return next(csv.reader([line], delimiter=delimiter, quotechar=quote, strict=True), [""])
        return next(csv.reader([line], delimiter=delimiter, quoting=csv.QUOTE_NONE), [""])
    except csv.Error as error:
        raise Unreadable(f"header: not a line of CSV: {error}") from None


WIDER = {
    "bigint": {"double", "string"},
    "int": {"bigint", "double", "string"},
    "smallint": {"int", "bigint", "double", "string"},
    "tinyint": {"smallint", "int", "bigint", "double", "string"},
    "float": {"double"},
}
DIGITS = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 19}


def _fits(kind: str, declared: str) -> bool:
    """Whether Parquet's values of a type can be read under the declared one without loss, but for whole numbers above 2^53 as floating-point ones."""
    if kind == declared or declared in WIDER.get(kind, {"string"}):
        return True
    wanted, have = _decimal(declared), _decimal(kind) or ((DIGITS[kind], 0) if kind in DIGITS else None)
    return wanted is not None and have is not None and wanted[1] >= have[1] and wanted[0] - wanted[1] >= have[0] - have[1]


def _decimal(kind: str) -> tuple[int, int] | None:
    found = re.fullmatch(r"decimal\((\d+),(\d+)\)", kind)
    return None if found is None else (int(found[1]), int(found[2]))


def _want_columns(files: FileSet, have: Mapping[str, str]) -> None:
    """Raises Unreadable that names every declared column which is missing or of another type."""
    faults = []
    for column, wanted in files.columns.items():
        kind = have.get(column)
        if kind is None:
            if column not in files.optional:
                faults.append(f"missing column {column}")
        elif kind.startswith(UNKNOWN):
            told = kind.removeprefix(UNKNOWN)
            faults.append(f"column {column}: a type that Spark cannot read ({told}); write it as text, or take it out of the mapping")
        elif files.format == "parquet" and not _fits(kind, declared := _simple(wanted)):
            faults.append(f"column {column}: want {declared}, have {kind}")
    if faults:
        raise Unreadable("; ".join(faults))


def _simple(ddl: str) -> str:
    from pyspark.sql.types import DataType

    return DataType.fromDDL(ddl).simpleString()


def _modified(status: JavaObject) -> datetime:
    return datetime.fromtimestamp(status.getModificationTime() / 1000, timezone.utc)
