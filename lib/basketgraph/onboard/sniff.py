"""Detect a file's format by its first bytes, and sample it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from basketgraph.foundation.config import UserError
from basketgraph.onboard.dialect import Dialect, Text, decoded, dialect, without_formulas
from basketgraph.onboard.files import SourceFile, excerpt
from basketgraph.onboard.nested import json_sample, parquet_sample
from basketgraph.onboard.sample import ROWS, Column, Sample, sql_name


def sniff(file: SourceFile, columns: Sequence[str] = ()) -> Sample:
    """Sample a file. columns: the user's names for the fields of a CSV without a header.

    errors: UserError, with the cure, for a file that no mapping can read.
    """
    with file.open() as stream:
        start = stream.read(4096)
    if not start.strip():
        raise UserError(f"{file.path}: want rows, have an empty file", cure="Leave it out.")
    if start.startswith(b"PAR1"):
        return parquet_sample(file)
    if start.startswith(b"PK\x03\x04") or start.startswith(b"\xd0\xcf\x11\xe0"):
        raise UserError(f"{file.path}: a spreadsheet or an archive, which Spark cannot read", cure="Save it as CSV (UTF-8), or unpack it.")
    if not file.is_packed and start.startswith(b"\x1f\x8b"):
        raise UserError(f"{file.path}: want a packed file to end in .gz, else Spark reads it as text", cure=f"mv {file.path} {file.path}.gz")
    text = re.sub(rb"^(\xef\xbb\xbf)+", b"", start).lstrip()
    if text[:1] in (b"{", b"["):
        return json_sample(file)
    return _csv(file, columns)


def _csv(file: SourceFile, columns_given: Sequence[str]) -> Sample:
    text = decoded(bytes_ := excerpt(file), file.path)
    told = dialect(text, columns_given)
    options: dict[str, str | bool] = {}
    because = {}
    if told.separator != ",":
        options["sep"] = told.separator
    if told.named is not None:
        options["header"] = False
        because["header"] = f"the first line is a row; its fields are called {', '.join(told.header)}, since {told.named.because}"
    if len(told.separator) > 1:
        options["quote"] = ""
    elif told.quoted:
        options |= {"escape": told.escape} if told.quote == '"' else {"quote": told.quote, "escape": told.escape}
        because["escape"] = "quotes within quotes are doubled" if told.escape == told.quote else "quotes within quotes have a backslash"
    if text.encoding != "UTF-8":
        options["encoding"] = text.encoding
        foreign = sorted({word for word in re.findall(r"\w*[^\x00-\x7f]\w*", text.head)}, key=len, reverse=True)[:3]
        because["encoding"] = f"{text.because}; then it reads {', '.join(foreign)}" if foreign else text.because
    if told.multiline or text.encoding == "UTF-16":
        options["multiLine"] = True
        because["multiLine"] = "values have line breaks" if told.multiline else "lines of UTF-16 cannot be found by their bytes"
    blanks = sum(_is_number_between_blanks(value) for row in told.rows[:2000] for value in row)
    if blanks > 20:
        options |= {"ignoreLeadingWhiteSpace": True, "ignoreTrailingWhiteSpace": True}
        because["ignoreLeadingWhiteSpace"] = "values have blanks around them"
    rows = told.rows[:: len(told.rows) // ROWS + 1]
    values = ([row[place].strip(" ") or None for row in rows] for place in range(len(told.header)))
    columns = [without_formulas(Column(name, sql_name(name), "string", own)) for name, own in zip(told.header, values, strict=True) if name]
    notes = tuple(_notes(text, told, columns))
    average = max(1, len(bytes_.head) / max(1, len(told.rows) if bytes_.whole else bytes_.head.count(b"\n")))
    total = len(told.rows) + told.odd_rows if bytes_.whole else round(bytes_.size / average)
    declared = dict.fromkeys((column.name for column in columns), "string")
    is_ascii = text.head.isascii() and all(block.isascii() for block in text.blocks)
    return Sample(file, "csv", options, declared, tuple(columns), len(rows), total, told.separator, None, because, notes, is_ascii, (), told.odd_rows)


def _is_number_between_blanks(value: str) -> bool:
    bare = value.strip(" \t")
    return value != bare and bare[:1].isdigit() and " " not in bare


def _notes(text: Text, told: Dialect, columns: Sequence[Column]) -> list[str]:
    """Notes on what is unusual about a file that can be read."""
    notes = [f"UTF-8 {text.because}"] if text.encoding == "UTF-8" and text.because else []
    if told.odd_rows:
        why = "have another number of fields than the header, or a quote that is not closed"
        notes.append(f"{told.odd_rows} lines of the sample {why}: they will be `unparsable`")
    if told.repeated:
        notes.append(f"{told.repeated} lines of the sample are the header once more and will be rejected")
    formulas = [column.name for column in columns if column.sql != sql_name(column.name)]
    if formulas:
        notes.append(f'{", ".join(formulas)}: ="..." around values, which keeps them as they are in Excel, is taken off')
    if not all(told.header):
        notes.append("a column without a name is left out")
    return notes
