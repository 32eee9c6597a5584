"""Which landing files there are, and which of them are new: listing, content hashes, headers; all through Hadoop's file systems."""

from __future__ import annotations

import csv
import importlib.util
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from basketgraph.clean.mapping import FileSet
from basketgraph.clean.screening import JAVA_ERRORS, Screen, Unreadable, java_message, separator
from basketgraph.config import Mistake
from basketgraph.paths import PACKAGE, globbed, no_glob

if TYPE_CHECKING:
    from py4j.java_gateway import JavaObject
    from pyspark.sql import SparkSession

UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".inprogress", ".filepart", ".crdownload", "._COPYING_")  # how copying tools call what they write
HEADER_BYTES = 1 << 20
MAX_RECORD_BYTES = 1 << 24


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
    suspect: bool = True  # whether its text may have lines that are parts of rows, or several of them
    listed_at: datetime | None = None  # the modification time it was listed with, where `modified_at` is that of its first reading

    @property
    def seen_as(self) -> tuple[str, int, datetime]:
        """What tells a file that was seen before without reading it."""
        return (self.path, self.size, self.modified_at)

    def matches(self, pattern: str) -> bool:
        return fnmatch(self.path, pattern)


def landing_folder(landing: str, source: str) -> str:
    """The landing folder's absolute path or URI; `package:NAME/FOLDER` is a folder inside an installed Python package."""
    if not landing.startswith(PACKAGE):
        return landing
    name, _, folder = landing.removeprefix(PACKAGE).partition("/")
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        found = None
    if found is None or not found.submodule_search_locations:
        raise Mistake(
            f"conf/sources/{source}.yaml: landing: want an installed Python package, have {landing}",
            cure=f"pip install {name.replace('_', '-')}, or name a folder with --set landing=DIR.",
        )
    return str(Path(next(iter(found.submodule_search_locations))).absolute() / folder)


class Landing:
    """A landing folder on any file system that Hadoop knows."""

    def __init__(self, spark: SparkSession, folder: str) -> None:
        self.spark, self.jvm = spark, spark._jvm
        self.configuration = spark._jsc.hadoopConfiguration()
        given = self.jvm.org.apache.hadoop.fs.Path(folder)  # type: ignore[union-attr]
        self.system = given.getFileSystem(self.configuration)
        self.folder = self.system.makeQualified(given)

    def list(self, patterns: Sequence[str]) -> list[LandingFile]:
        """Files below the folder that match one of the patterns, by path. Hidden ones (a name part starting with . or _) are left out, and those
        whose name says that they are still being written. A link that leads out of the folder is a problem: what it leads to is not read.

        errors: Mistake where the folder is missing or nothing in it matches.
        """
        if not self.system.exists(self.folder):
            raise Mistake(f"landing: want a folder with {_or(patterns)}, have no folder {self.folder}", cure="Name it with --set landing=DIR.")
        root, found = self.folder.toUri().getPath().rstrip("/") + "/", []
        listing = self.system.listFiles(self.folder, True)
        while listing.hasNext():
            status = listing.next()
            relative = status.getPath().toUri().getPath().removeprefix(root)
            hidden = any(part.startswith((".", "_")) for part in relative.split("/")) or relative.endswith(UNFINISHED)
            if not hidden and any(fnmatch(relative, pattern) for pattern in patterns):
                file = LandingFile(relative, status.getPath().toString(), status.getLen(), _modified(status))
                found.append(replace(file, problem=self._problem(file)))
        if not found:
            want = f"want files like {_or(patterns)}"
            raise Mistake(f"landing: {want}, have none in {self.folder}", cure="Name the right folder with --set landing=DIR.")
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
            status = self.system.getFileStatus(self.jvm.org.apache.hadoop.fs.Path(file.uri))  # type: ignore[union-attr]
        except JAVA_ERRORS as error:
            return f"gone while it was read: {java_message(error)}"
        listed_at = file.listed_at or file.modified_at
        if (status.getLen(), _modified(status)) == (file.size, listed_at):
            return None
        return f"changed while it was read: {file.size} bytes of {listed_at:%FT%TZ}, then {status.getLen()} of {_modified(status):%FT%TZ}"

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
                stream.close()
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

    def _codec(self, file: LandingFile) -> JavaObject | None:
        factory = self.jvm.org.apache.hadoop.io.compress.CompressionCodecFactory(self.configuration)  # type: ignore[union-attr]
        return factory.getCodec(self.jvm.org.apache.hadoop.fs.Path(file.uri))  # type: ignore[union-attr]

    def _open(self, file: LandingFile, *, decompress: bool = True) -> Any:
        stream = self.system.open(self.jvm.org.apache.hadoop.fs.Path(file.uri))  # type: ignore[union-attr]
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
        line = re.split(r"\r|\n", text.removeprefix("\ufeff"), maxsplit=1)[0]
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
        except Exception as error:  # Spark wraps a damaged footer in several kinds of exception
            raise Unreadable(f"not readable as Parquet: {str(error).splitlines()[0]:.200}") from None
        _want_columns(files, {field.name: field.dataType.simpleString() for field in schema.fields})
        return tuple(f"{field.name} {field.dataType.simpleString()}" for field in schema.fields)


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


WIDER = {"int": {"bigint", "double", "string"}, "smallint": {"int", "bigint", "string"}, "tinyint": {"int", "bigint", "string"}, "float": {"double"}}


def _want_columns(files: FileSet, have: Mapping[str, str]) -> None:
    """Raises Unreadable that names every declared column which is missing or of another type."""
    faults = []
    for column, wanted in files.columns.items():
        kind = have.get(column)
        if kind is None:
            if column not in files.optional:
                faults.append(f"missing column {column}")
        elif files.format == "parquet" and kind != (declared := _simple(wanted)) and declared not in WIDER.get(kind, {"string"}):
            faults.append(f"column {column}: want {declared}, have {kind}")
    if faults:
        raise Unreadable("; ".join(faults))


def _simple(ddl: str) -> str:
    from pyspark.sql.types import DataType

    return DataType.fromDDL(ddl).simpleString()


def _modified(status: JavaObject) -> datetime:
    return datetime.fromtimestamp(status.getModificationTime() / 1000, timezone.utc)


def _or(patterns: Sequence[str]) -> str:
    return " or ".join(sorted(set(patterns)))
