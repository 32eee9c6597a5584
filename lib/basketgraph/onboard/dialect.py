"""Detect the dialect of a CSV file: encoding, separator, quotes, header."""

from __future__ import annotations

import csv
import io
import re
import shlex
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from charset_normalizer import from_bytes

from basketgraph.foundation.config import UserError
from basketgraph.onboard.files import Excerpt
from basketgraph.onboard.headerless import Named, columns_flag, is_row, names_of
from basketgraph.onboard.sample import Column
from basketgraph.onboard.timestamps import looks_like_value

SEPARATORS = (",", ";", "\t", "|", "^", "~", "\x01", "::")
LOOKED_AT = 300  # rows that decide about the separator
# Byte order mark -> (Python's codec, Java's name).
MARKS = {BOM_UTF8: ("utf-8-sig", "UTF-8"), BOM_UTF16_LE: ("UTF-16LE", "UTF-16"), BOM_UTF16_BE: ("UTF-16BE", "UTF-16")}
# What shops use; more candidates only make short texts of Western Europe look Hungarian or Turkish.
CODE_PAGES = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "gb18030", "cp932", "euc_jp", "euc_kr", "big5", "koi8_r"]
JAVA_NAMES = {"cp932": "windows-31j", "gb18030": "GB18030", "euc_jp": "EUC-JP", "euc_kr": "EUC-KR", "big5": "Big5", "koi8_r": "KOI8-R"}
EXCEL = re.compile(r'"?sep=.?"?\s*', re.IGNORECASE)  # a first line that tells Excel the separator
FORMULA = re.compile(r'="(.*)"')  # by which Excel keeps a text as it is
LONGEST_FIELD = 1 << 24  # Python's reader stops at 128 KiB by default


@dataclass(frozen=True)
class Text:
    """A file's sample as text, and how it was decoded."""

    path: Path
    head: str
    blocks: tuple[str, ...]
    whole: bool
    encoding: str  # as Java calls it
    because: str

    def filtered_by(self, command: str) -> str:
        """A shell command that filters the file's lines into a new file beside it."""
        packed = [self.path.suffix] if self.path.suffix.lower() == ".gz" else []
        plain = self.path.with_suffix("") if packed else self.path
        beside = f"{plain.with_suffix('')}.clean{plain.suffix if plain.suffix not in ('', '.txt') else '.csv'}{''.join(packed)}"
        steps = ["gzip -dc"] if packed else []
        steps += [f"iconv -f {self.encoding} -t UTF-8"] if self.encoding.startswith("UTF-16") else []  # the shell's tools see none of its lines
        steps += [command, "gzip"] if packed else [command]
        steps[0] += f" {shlex.quote(str(self.path))}"
        return f"{' | '.join(steps)} > {shlex.quote(beside)}"


@dataclass(frozen=True)
class Dialect:
    separator: str
    quote: str
    quoted: bool  # whether quotes occur at all
    escape: str
    multiline: bool
    header: tuple[str, ...]
    rows: list[list[str]] = field(repr=False, default_factory=list)  # below the header, all of the header's width
    odd_rows: int = 0  # rows of another width, or with a last field that a quote leaves open
    repeated: int = 0  # rows that are the header once more, as where files with one each were put behind each other
    named: Named | None = None  # where the first line is a row


def decoded(excerpt: Excerpt, path: Path) -> Text:
    """The sample as text. Raises UserError where it is no text."""
    head = excerpt.head
    for mark, (codec, encoding) in MARKS.items():
        if head.startswith(mark):
            return _as_text(path, excerpt, codec, encoding, "" if encoding == "UTF-8" else f"it starts with the byte order mark of {codec}")
    sampled = head[: 1 << 16]
    if sampled.count(b"\0") > len(sampled) / 4:
        name = "UTF-16LE" if sampled[1:2] == b"\0" else "UTF-16BE"
        return _as_text(path, excerpt, name, name, "every other byte is zero")
    if b"\0" in sampled:
        raise UserError(f"{path}: want text or Parquet, have bytes that are neither", cure="Name a CSV, JSON or Parquet file.")
    lines = [line for part in (head, *excerpt.blocks) for line in part.splitlines()[0 if excerpt.whole else 1 : None if excerpt.whole else -1]]
    foreign = [line for line in lines if not line.isascii()]
    broken = [line for line in foreign if line.decode(errors="ignore").encode() != line]
    if len(broken) <= 0.1 * len(foreign):
        return _as_text(path, excerpt, "utf-8-sig", "UTF-8", f"but for {len(broken)} lines of the sample, which are damaged" if broken else "")
    because = f"{len(broken)} lines of the sample are not UTF-8"
    lines_of_it = b"\n".join(foreign)[: 1 << 18]
    matches = list(from_bytes(lines_of_it, cp_isolation=CODE_PAGES, threshold=0.6))
    if not matches:
        raise UserError(f"{path}: want text in a known encoding, have {because} and no code page that fits", cure="Write it as UTF-8.")
    best = matches[0]
    # Texts of Western Europe often make sense in the code page of the East, too; the West's is the commoner one.
    western = any("cp1252" in one.could_be_from_charset and one.chaos <= best.chaos + 0.08 and one.coherence >= best.coherence for one in matches)
    name = "cp1252" if western else best.encoding
    return _as_text(path, excerpt, name, JAVA_NAMES.get(name, name.replace("cp", "windows-")), because)


def _as_text(path: Path, excerpt: Excerpt, codec: str, encoding: str, because: str) -> Text:
    text = excerpt.head.decode(codec, errors="replace" if excerpt.whole else "ignore").lstrip("\ufeff")
    blocks = tuple(block.decode(codec.removesuffix("-sig"), errors="ignore") for block in excerpt.blocks)
    return Text(path, text, blocks, excerpt.whole, encoding, because)


def without_formulas(column: Column) -> Column:
    """The column with the formulas that keep leading zeros in Excel, such as ="00123", taken off."""
    formulas = [value if value is None else FORMULA.fullmatch(value) for value in column.values]
    if not any(formulas):
        return column
    bare = [one[1].strip() or None if isinstance(one, re.Match) else value for one, value in zip(formulas, column.values, strict=True)]
    sql = f"regexp_replace({column.sql}, '^ *=\"(.*)\" *$', '$1')"
    is_filled = all(one is not None for one, value in zip(bare, column.values, strict=True) if value is not None)
    return replace(column, sql=sql if is_filled else f"nullif(trim({sql}), '')", values=bare)


def dialect(text: Text, columns: Sequence[str] = ()) -> Dialect:
    """How the CSV is written, with its sampled rows. columns: the user's names for the fields of a file without a header.

    errors: UserError where there is no separator, no header and no name, two columns of one name, or lines above the header.
    """
    path = text.path
    start = text.head if text.whole else text.head[: text.head.rfind("\n") + 1]
    if not start.strip():
        raise UserError(f"{path}: want a header and rows, have an empty file")
    quote = _quote(start)
    escape = "\\" if re.search(r"[^,;\t|\\]\\" + quote, start) else quote
    separator = _separator(text, start, quote, escape)
    rows, multiline = _rows(start, text.whole, separator, quote, escape)
    named = names_of(rows, columns, path)
    header = tuple(name.strip() for name in rows[0]) if named is None else named.names
    rows = rows if named is None else [list(header), *rows]
    _want_header(header, rows, path, separator)
    parsed = _parsed if multiline else _by_line
    inner = [row for block in text.blocks for row in list(parsed(block, separator, quote, escape))[1:-1]]
    width = len(header)
    quoted = quote in start
    odd = sum(len(row) != width for row in rows[1:])
    wide = [row for row in (*rows[1:], *inner) if len(row) == width]
    below = [row for row in wide if tuple(name.strip().removeprefix("\ufeff") for name in row) != header]
    return Dialect(separator, quote, quoted, escape, multiline, header, below, odd, len(wide) - len(below), named)


def _quote(text: str) -> str:
    single, double = (len(re.findall(rf"(?:^|[,;\t|]){q}[^{q}\n]*{q}(?=[,;\t|\r\n]|$)", text, re.MULTILINE)) for q in "'\"")
    return "'" if single > max(3, double) else '"'


def _parsed(text: str, separator: str, quote: str, escape: str) -> Iterator[list[str]]:
    if len(separator) > 1:  # Python's reader takes one character; such files have no quotes
        yield from (line.split(separator) for line in text.splitlines() if line)
        return
    doubled = escape == quote
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, quotechar=quote, doublequote=doubled, escapechar=None if doubled else escape
    )
    while True:
        before = csv.field_size_limit(LONGEST_FIELD)  # of the whole process, so it is put back before anybody else reads
        try:
            row = next(reader)
        except (StopIteration, csv.Error):  # the end, or the rest of a block that begins inside a quoted field
            return
        finally:
            csv.field_size_limit(before)
        if row:
            yield row


def _by_line(text: str, separator: str, quote: str, escape: str) -> Iterator[list[str]]:
    """Parse each line by itself, as files without `multiLine` are read. A line whose last field has an open quote has no fields."""
    if quote not in text:
        yield from _parsed(text, separator, quote, escape)
        return
    for line in io.StringIO(text, newline=None):
        row = next(_parsed(line, separator, quote, escape), None)
        if row is not None:
            yield [] if row[-1].endswith("\n") else row


def _rows(text: str, whole: bool, separator: str, quote: str, escape: str) -> tuple[list[list[str]], bool]:
    """The rows, and whether some hold line breaks. A stray quote swallows the lines behind it, so that breaks are only believed where no more rows
    of the first one's width come of the lines by themselves."""
    rows = list(_parsed(text, separator, quote, escape))
    lines = list(_by_line(text, separator, quote, escape)) if _have_breaks(rows) else []
    if lines and len(lines[0]) > 1:
        left_open = whole and rows[-1][-1].endswith(("\n", "\r")) and not text.rstrip("\r\n").endswith(quote)
        fit, of_lines = (sum(len(row) == len(one[0]) for row in one) for one in (rows, lines))
        if of_lines > fit - 2 * left_open:  # neither the open row nor a reading that ends in one is right
            return lines, False
    rows = rows if whole else rows[:-1]  # the last one may end in the middle of a quoted field
    return rows, _have_breaks(rows)


def _have_breaks(rows: Iterable[Sequence[str]]) -> bool:
    return any("\n" in value or "\r" in value for row in rows for value in row)


def _separator(source: Text, text: str, quote: str, escape: str) -> str:
    """The separator with which nearly all rows have the header's width; of several the one with the most columns."""
    for parsed in (_parsed, _by_line):
        best: list[tuple[int, str]] = []
        for separator in SEPARATORS:
            widths = [len(row) for row, _ in zip(parsed(text, separator, quote, escape), range(LOOKED_AT), strict=False)]
            if widths and widths[0] > 1 and widths.count(widths[0]) >= 0.9 * len(widths):
                best.append((widths[0], separator))
        if best:
            return max(best)[1]
    raise _no_separator(source, text, quote, escape)


def _no_separator(source: Text, text: str, quote: str, escape: str) -> UserError:
    path = source.path
    lines = text.splitlines()[:LOOKED_AT]
    if EXCEL.fullmatch(lines[0]):
        fault = f"the first line is {lines[0]!r}, which only Excel understands; the header is the second"
        return UserError(f"{path}: want a header in the first line", [fault], f"Take out the first line: {source.filtered_by('tail -n +2')}")
    usual, separator = max((_usual_width(text, one, quote, escape), one) for one in SEPARATORS)
    if usual > 1:
        of_line = [next(_parsed(line, separator, quote, escape), []) for line in lines]
        above = next((place for place, row in enumerate(of_line) if len(row) == usual), 0)  # lines of the file, empty ones too
        if above == 0:
            return _odd_lines([next(_by_line(f"{line}\n", separator, quote, escape), None) for line in lines], usual, path)
        header = of_line[above - 1]
        if len(header) > 1 and not _values_in(header) and _values_in(of_line[above]):
            rows = [row for row in of_line[above:] if len(row) == usual]
            return _narrow_header(header, rows, above, separator, source)
        fault = f"the first {above} lines have another number of fields than the {usual} of the rest"
        cure = f"Take out the lines above the header: {source.filtered_by(f'tail -n +{above + 1}')}"
        return UserError(f"{path}: want a header in the first line", [fault], cure)
    spaced = [line.split() for line in lines if line.strip()]
    if spaced and len(spaced[0]) > 1 and sum(len(line) == len(spaced[0]) for line in spaced) >= 0.9 * len(spaced):
        fault = f"fields are set apart by blanks ({len(spaced[0])} a line), in columns of a width"
        mark = next(mark for mark in (",", ";", "|", "^") if mark == "^" or not any(mark in field for line in spaced for field in line))
        command = f"awk -v OFS='{mark}' '{{$1=$1; print}}'"
        cure = f"Make it CSV, and name that file: {source.filtered_by(command)}"
        if is_row(spaced[0]):
            cure += f"\nIt has no header, so say what its fields are called, too: {columns_flag(len(spaced[0]))}"
        return UserError(f"{path}: want a separator between fields (one of , ; tab | ^ ~)", [fault], cure)
    return UserError(f"{path}: want rows of several columns (separator , ; tab | ^ or ~), have {lines[0]!r:.80}", cure="Name a CSV file.")


def _odd_lines(rows: Sequence[list[str] | None], usual: int, path: Path) -> UserError:
    """The error where too many lines have another number of fields than the header. rows: one a line, None for an empty line."""
    odd = [(place, row) for place, row in enumerate(rows, 1) if row is not None and len(row) != usual]
    place, row = odd[0]
    what = f"has {len(row)} fields, where most have {usual}" if row else "has a quote that is not closed"
    others = f", and {len(odd) - 1} more of the first {len(rows)} lines are no rows either" if len(odd) > 1 else ""
    cure = "Mend such lines (close the quote, or write two for one within quotes), or leave them out."
    return UserError(f"{path}: want rows of as many fields as the header", [f"line {place} {what}{others}"], cure)


def _usual_width(text: str, separator: str, quote: str, escape: str) -> int:
    """How many fields nearly all rows have; 0 where they differ, or too many lines stand above them."""
    widths = [len(row) for row, _ in zip(_parsed(text, separator, quote, escape), range(LOOKED_AT), strict=False)]
    usual, rows = Counter(widths).most_common(1)[0] if widths else (0, 0)
    return usual if rows >= 0.9 * len(widths) - 12 and usual in widths[:12] and len(widths) > 3 else 0


def _values_in(row: list[str]) -> bool:
    return any(looks_like_value(field.strip()) for field in row)


def _narrow_header(header: list[str], rows: list[list[str]], line: int, separator: str, source: Text) -> UserError:
    """The error where the header has fewer or more names than rows have fields; its cure keeps the header. line: of the header."""
    fault = f"line {line} has {len(header)} names, the rows below it have {len(rows[0])} fields"
    mark, named = ("\\t", "a tab") if separator == "\t" else (separator, f"`{separator}`")
    edit, cure = "", f"Give line {line} a name for each field"
    if len(rows[0]) == len(header) + 1 and not any(row[-1].strip() for row in rows):
        edit, cure = rf"s/\(\r\{{0,1\}}\)$/{mark}\1/", f"Put {named} behind the header, too"
        fault += f", of which the last is empty: {named} stands behind each row"
    elif len(rows[0]) == len(header) + 1 and len({row[0] for row in rows}) == len(rows):
        edit, cure = f"s/^/row{mark}/", "Put a name before the header"
        fault += ", of which the first is the row's own name"
    sed = shlex.quote(f"{line}{edit}")
    command = f": {source.filtered_by(f'sed {sed}')}" if edit else "."
    return UserError(f"{source.path}: want a name for each column", [fault], f"{cure}{command}")


def _want_header(header: tuple[str, ...], rows: list[list[str]], path: Path, separator: str) -> None:
    if is_row(header):
        cure = f"Say what its {len(header)} fields are called, in their order: {columns_flag(len(header))}"
        raise UserError(f"{path}: want a header in the first line, have values there", [f"first line: have {separator.join(header)[:100]}"], cure)
    twice = sorted({name for name in header if name and [n.lower() for n in header].count(name.lower()) > 1})
    if twice:
        raise UserError(f"{path}: want each column name once, have {', '.join(twice)} more than once", cure="Rename them in the header.")
