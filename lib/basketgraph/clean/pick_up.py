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

from py4j.protocol import Py4JJavaError

from basketgraph.clean.mapping import FileSet
from basketgraph.config import Mistake

if TYPE_CHECKING:
    from py4j.java_gateway import JavaObject
    from pyspark.sql import SparkSession

PACKAGE = "package:"


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

    @property
    def seen_as(self) -> tuple[str, int, datetime]:
        """What tells a file that was seen before without reading it."""
        return (self.path, self.size, self.modified_at)

    def matches(self, pattern: str) -> bool:
        return fnmatch(self.path, pattern)


class Unreadable(Exception):
    """A landing file that cannot be used; the text is the reason it is quarantined with."""


def landing_folder(landing: str, source: str) -> str:
    """The landing folder's path or URI; `package:NAME/FOLDER` is a folder inside an installed Python package."""
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
    return str(Path(next(iter(found.submodule_search_locations))) / folder)


class Landing:
    """A landing folder on any file system that Hadoop knows."""

    def __init__(self, spark: SparkSession, folder: str) -> None:
        self.spark, self.jvm = spark, spark._jvm
        self.configuration = spark._jsc.hadoopConfiguration()
        given = self.jvm.org.apache.hadoop.fs.Path(folder)  # type: ignore[union-attr]
        self.system = given.getFileSystem(self.configuration)
        self.folder = self.system.makeQualified(given)

    def list(self, patterns: Sequence[str]) -> list[LandingFile]:
        """Files below the folder that match one of the patterns, by path; hidden ones (a name part starting with . or _) are left out.

        errors: Mistake where the folder is missing or nothing in it matches.
        """
        if not self.system.exists(self.folder):
            raise Mistake(f"landing: want a folder with {_or(patterns)}, have no folder {self.folder}", cure="Name it with --set landing=DIR.")
        root, found = self.folder.toUri().getPath().rstrip("/") + "/", []
        listing = self.system.listFiles(self.folder, True)
        while listing.hasNext():
            status = listing.next()
            relative = status.getPath().toUri().getPath().removeprefix(root)
            hidden = any(part.startswith((".", "_")) for part in relative.split("/"))
            if not hidden and any(fnmatch(relative, pattern) for pattern in patterns):
                modified = datetime.fromtimestamp(status.getModificationTime() / 1000, timezone.utc)
                found.append(LandingFile(relative, status.getPath().toString(), status.getLen(), modified))
        if not found:
            want = f"want files like {_or(patterns)}"
            raise Mistake(f"landing: {want}, have none in {self.folder}", cure="Name the right folder with --set landing=DIR.")
        return sorted(found, key=lambda file: file.path)

    def hashed(self, file: LandingFile) -> LandingFile:
        """The file with the sha256 of its content, which Java reads as a stream."""
        try:
            stream = self._open(file, decompress=False)
            try:
                return replace(file, file_hash=self._sha256(stream))
            finally:
                stream.close()
        except Py4JJavaError as error:
            # Without its content a file is known by what the listing says, so that it is tried again when that changes.
            return replace(file, file_hash=f"unread-{file.size}-{file.modified_at.timestamp():.3f}", problem=f"unreadable: {java_message(error)}")

    def examined(self, file: LandingFile, files: FileSet) -> LandingFile:
        """The file with its header, or with the problem that keeps it from being read."""
        if file.problem is not None:
            return file
        try:
            if file.size == 0:
                raise Unreadable("empty: the file has no bytes")
            if self._codec(file) is not None:
                self._verify(file)
            readers = {"parquet": self._parquet_header, "csv": self._csv_header, "json": lambda *_: ()}
            return replace(file, header=readers[files.format](file, files))
        except Unreadable as error:
            return replace(file, problem=str(error))

    def _codec(self, file: LandingFile) -> JavaObject | None:
        factory = self.jvm.org.apache.hadoop.io.compress.CompressionCodecFactory(self.configuration)  # type: ignore[union-attr]
        return factory.getCodec(self.jvm.org.apache.hadoop.fs.Path(file.uri))  # type: ignore[union-attr]

    def _open(self, file: LandingFile, *, decompress: bool = True) -> Any:
        stream = self.system.open(self.jvm.org.apache.hadoop.fs.Path(file.uri))  # type: ignore[union-attr]
        codec = self._codec(file) if decompress else None
        return stream if codec is None else codec.createInputStream(stream)

    def _sha256(self, stream: Any) -> str:
        return str(self.jvm.org.apache.commons.codec.digest.DigestUtils.sha256Hex(stream))  # type: ignore[union-attr]

    def _verify(self, file: LandingFile) -> None:
        """Decompress to the end: a truncated file must not fail a batch half-way."""
        try:
            stream = self._open(file)
            try:
                self._sha256(stream)
            finally:
                stream.close()
        except Py4JJavaError as error:
            raise Unreadable(f"not decompressible: {java_message(error)}") from None

    def _csv_header(self, file: LandingFile, files: FileSet) -> tuple[str, ...]:
        charset = str(files.options.get("encoding", files.options.get("charset", "UTF-8")))
        try:
            stream = self._open(file)
            line = self.jvm.java.io.BufferedReader(self.jvm.java.io.InputStreamReader(stream, charset)).readLine()  # type: ignore[union-attr]
            stream.close()
        except Py4JJavaError as error:
            raise Unreadable(f"unreadable: {java_message(error)}") from None
        separator = str(files.options.get("sep", files.options.get("delimiter", ",")))
        (names,) = csv.reader([(line or "").removeprefix("\ufeff")], delimiter=separator, quotechar=str(files.options.get("quote", '"')))
        header = tuple(name.strip() for name in names)
        twice = sorted({name for name in header if name and header.count(name) > 1})
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


def globbed(uri: str) -> str:
    """A path as Spark's readers want it: they take patterns, so pattern characters in a name are escaped."""
    return re.sub(r"([\[\]{}*?\\,])", r"\\\1", uri)


def java_message(error: Py4JJavaError) -> str:
    """What a Java exception says, without its stack."""
    thrown = error.java_exception
    return f"{thrown.getClass().getSimpleName()}: {thrown.getMessage()}"[:200]


def _or(patterns: Sequence[str]) -> str:
    return " or ".join(sorted(set(patterns)))
