"""Text files that would be read wrongly, in part, or not at all, found before a row of them is used.

Spark's readers are kind: they put a replacement character for bytes that are no text, stop after the first JSON value, and let a lone quote
swallow lines. A file that they would be kind to is set aside with the reason instead, or, where that is of single lines, these are refused
(lines.py). No reason quotes the file, which may hold personal data.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from basketgraph.clean.mapping import FileSet

if TYPE_CHECKING:
    from pyspark.sql import Column

JAVA_ERRORS = (Py4JJavaError, PySparkException)  # pyspark makes its own of some of Java's
PROBE_BYTES = 1 << 16
JAVA_READER_BYTES = 8192
Opener = Callable[[], Any]  # opens a decompressing Java stream on the file


class Unreadable(Exception):
    """A landing file that cannot be used; the text is the reason it is quarantined with."""


def java_message(error: Exception) -> str:
    """What a Java exception says, without its stack."""
    if isinstance(error, Py4JJavaError):
        thrown = error.java_exception
        return f"{thrown.getClass().getSimpleName()}: {thrown.getMessage()}"[:200]
    return str(error).splitlines()[0][:200]


def cause(error: Exception) -> str:
    """The innermost Java exception's class. Its message may quote the file."""
    thrown = error.java_exception if isinstance(error, Py4JJavaError) else getattr(error, "_origin", None)
    while thrown is not None and thrown.getCause() is not None:
        thrown = thrown.getCause()
    return type(error).__name__ if thrown is None else str(thrown.getClass().getSimpleName())


def close(stream: Any) -> None:
    """Close what was read. A stream that cannot be closed is no fault of the file, and must not hide one."""
    with contextlib.suppress(*JAVA_ERRORS):
        stream.close()


class Screen:
    """Looks through one file after another as a stream, by single calls into Java: a call a line would take hours."""

    def __init__(self, jvm: Any, max_record_bytes: int) -> None:
        self.jvm, self.max_record_bytes = jvm, max_record_bytes

    def text(self, opened: Opener, files: FileSet) -> None:
        """Raises Unreadable where a CSV or JSON file is damaged or in another encoding, or a record is too long or would swallow others."""
        self._decodable(opened, files.encoding)
        if not files.whole:
            self._records_are_short(opened)
        elif files.format == "json":
            self._one_json_value(opened, files)
        elif files.option("quote", '"'):
            self._quotes_are_closed(opened, files)

    def has(self, opened: Opener, byte: str) -> bool:
        """Whether the byte is anywhere in the file but at its very end."""
        stream, text = opened(), self.jvm.org.apache.hadoop.io.Text()
        try:
            reader = self.jvm.org.apache.hadoop.util.LineReader(stream, bytearray(byte.encode()))
            reader.readLine(text, 0, 2**31 - 1)
            return bool(reader.readLine(text, 0, 1) > 0)
        finally:
            close(stream)

    def _reader(self, stream: Any, encoding: str) -> Any:
        """A Java reader that raises at bytes which are no text, where Java's own would put a replacement character."""
        try:
            decoder = self.jvm.java.nio.charset.Charset.forName(encoding).newDecoder()
        except JAVA_ERRORS:
            raise Unreadable(f"options.encoding: want a charset that Java knows, have {encoding}") from None
        report = self.jvm.java.nio.charset.CodingErrorAction.REPORT
        return self.jvm.java.io.InputStreamReader(stream, decoder.onMalformedInput(report).onUnmappableCharacter(report))

    def _decodable(self, opened: Opener, encoding: str) -> None:
        """Read to the end: a truncated file must not fail a batch half-way, and bytes that are no text must not become question marks."""
        counted = None
        try:
            counted = self.jvm.org.apache.commons.io.input.CountingInputStream(opened())
            self.jvm.org.apache.commons.io.IOUtils.consume(self._reader(counted, encoding))
        except JAVA_ERRORS as error:
            message = java_message(error)
            if message.startswith(("MalformedInput", "UnmappableCharacter")) and counted is not None:
                place = f"within the {JAVA_READER_BYTES} bytes before byte {counted.getByteCount()}"
                raise Unreadable(f"encoding: not {encoding} {place}; name the file's own under options: encoding") from None
            raise Unreadable(f"not readable to its end: {message}") from None
        finally:
            if counted is not None:
                close(counted)

    def _records_are_short(self, opened: Opener) -> None:
        """A newline in every stretch of `max_record_bytes`, which is looked for every half of it: a record is held in memory several times."""
        stream, step = opened(), max(1, self.max_record_bytes // 2)
        try:
            while True:
                read = stretch = 0
                line_break = None
                while line_break is None:
                    chunk = bytes(stream.readNBytes(PROBE_BYTES))
                    if not chunk:
                        return
                    line_break = re.search(rb"[\r\n]", chunk)
                    read += len(chunk)
                    stretch += len(chunk) if line_break is None else line_break.start()
                    if stretch > self.max_record_bytes:
                        raise Unreadable(f"a record of more than {self.max_record_bytes} bytes (clean.max_record_bytes)")
                self.jvm.org.apache.commons.io.IOUtils.skip(stream, max(0, step - read))
        finally:
            close(stream)

    def _one_json_value(self, opened: Opener, files: FileSet) -> None:
        """One value, object or array, to the end of the file: Spark reads the first one and forgets the rest."""
        stream = opened()
        try:
            parser = self.jvm.com.fasterxml.jackson.core.JsonFactory().createParser(self._reader(stream, files.encoding))
            parser.nextToken()
            parser.skipChildren()
            if parser.nextToken() is not None:
                raise Unreadable("more than one JSON value, of which multiLine reads only the first: leave it out where each line is a value")
        except JAVA_ERRORS as error:
            where = ""
            if isinstance(error, Py4JJavaError) and java_message(error).startswith("Json"):
                where = f" at line {error.java_exception.getLocation().getLineNr()}"
            raise Unreadable(f"not JSON{where}") from None
        finally:
            close(stream)

    def _quotes_are_closed(self, opened: Opener, files: FileSet) -> None:
        """No quote inside a quoted field that is neither doubled nor escaped, and none open at the end: what looks like one field would then be
        several rows. At a file's end the parser raises nothing; so a quoted field is put behind it, into which one that is open runs.
        """
        univocity = self.jvm.com.univocity.parsers.csv
        settings = univocity.CsvParserSettings()
        settings.setMaxCharsPerColumn(-1)
        settings.setMaxColumns(int(files.option("maxColumns", 20480)))
        settings.setLineSeparatorDetectionEnabled(True)
        settings.setUnescapedQuoteHandling(univocity.UnescapedQuoteHandling.RAISE_ERROR)
        shape = settings.getFormat()
        shape.setDelimiter(separator(files))
        quote = str(files.option("quote", '"'))
        shape.setQuote(quote)
        shape.setQuoteEscape(str(files.option("escape", '"')))
        stream = opened()
        parser = univocity.CsvParser(settings)
        readers = self.jvm.java.util.ArrayList()
        try:
            readers.add(self._reader(stream, files.encoding))
            readers.add(self.jvm.java.io.StringReader(f"\n{quote}x{quote}\n"))
            parser.parse(self.jvm.org.apache.commons.io.input.SequenceReader(readers))
        except JAVA_ERRORS:
            line = parser.getContext().currentLine()
            raise Unreadable(f"a quote that is not closed, or not escaped, near line {line}; see options: quote and escape") from None
        finally:
            close(stream)


def separator(files: FileSet) -> str:
    """The field separator as Spark takes it: `\\t` may be written with a backslash."""
    given = str(files.option("sep", files.option("delimiter", ",")))
    return {"\\t": "\t", "\\\\": "\\"}.get(given, given)


def is_damaged(files: FileSet, fields: int) -> Column:
    """Whether a reader of one row a line would take a line, column `value`, for less than it holds: something would be lost without a word.

    files: not read as a whole. fields: how many of them a line of this CSV has.
    """
    return _several_values() if files.format == "json" else _open_at_the_end(files, fields)


def has_loose_quote(files: FileSet) -> Column:
    """Whether a line of CSV has a quote that neither opens nor closes a whole field, nor is doubled in one."""
    return F.contains(_without_whole_fields(files), F.lit(str(files.option("quote", '"'))))


def ends_another(files: FileSet, fields: int) -> Column:
    """Whether a line of CSV is no row by itself and ends with a quote that closes what a line before it has opened."""
    quote, rest = re.escape(str(files.option("quote", '"'))), _without_whole_fields(files)
    return rest.rlike(f"^[^{quote}]*{quote}\\s*$") & (F.size(F.split(rest, re.escape(separator(files)), -1)) != fields)


def _several_values() -> Column:
    """A line of several JSON values, of which Spark would read the first."""
    wrapped = F.from_json(F.concat(F.lit("["), F.col("value"), F.lit("]")), "array<string>")
    one_value = F.size(wrapped) == 1
    begins_well = F.expr("try_parse_json(value)").isNotNull()
    return F.col("value").rlike(r"[}\]]\s*,?\s*[{\[]") & begins_well & ~F.coalesce(one_value, F.lit(False))


def _open_at_the_end(files: FileSet, fields: int) -> Column:
    """A line whose last field is opened by a quote that is not closed: its text goes on in the next line, and would be cut here.

    Where an earlier field is left open the line has too few fields, and is refused as it is.
    """
    quote, between, unclosed = re.escape(str(files.option("quote", '"'))), re.escape(separator(files)), _without_whole_fields(files)
    opened = unclosed.rlike(f"(?:^|{between}){quote}[^{quote}]*$")
    before = F.regexp_replace(unclosed, f"{quote}[^{quote}]*$", "")
    last = F.size(F.split(before, between, -1)) == fields
    return F.contains(F.col("value"), F.lit(str(files.option("quote", '"')))) & opened & last


def _without_whole_fields(files: FileSet) -> Column:
    """A line without its whole quoted fields: escaped quotes say nothing of where a field ends, and closed fields nothing of the last one."""
    quote, escape = (re.escape(str(files.option(name, '"'))) for name in ("quote", "escape"))
    between = re.escape(separator(files))
    plain = F.regexp_replace(F.col("value"), f"{escape}." if quote != escape else f"(?<!^|{between}){quote}{quote}", "")
    return F.regexp_replace(plain, f"(^|{between}){quote}[^{quote}]*{quote}(?={between}|$)", "$1")
