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
    text = decoded(part := excerpt(file), file.path)
    form = dialect(text, columns_given)
    options: dict[str, str | bool] = {}
    because = {}
    if form.separator != ",":
        options["sep"] = form.separator
    if form.named is not None:
        options["header"] = False
        because["header"] = f"the first line is a row; its fields are called {', '.join(form.header)}, since {form.named.because}"
    if len(form.separator) > 1:
        options["quote"] = ""
    elif form.quoted:
        options |= {"escape": form.escape} if form.quote == '"' else {"quote": form.quote, "escape": form.escape}
        because["escape"] = "quotes within quotes are doubled" if form.escape == form.quote else "quotes within quotes have a backslash"
    if text.encoding != "UTF-8":
        options["encoding"] = text.encoding
        foreign = sorted({word for word in re.findall(r"\w*[^\x00-\x7f]\w*", text.head)}, key=len, reverse=True)[:3]
        because["encoding"] = f"{text.because}; then it reads {', '.join(foreign)}" if foreign else text.because
    if form.multiline or text.encoding == "UTF-16":
        options["multiLine"] = True
        because["multiLine"] = "values have line breaks" if form.multiline else "lines of UTF-16 cannot be found by their bytes"
    blanks = sum(_is_number_between_blanks(value) for row in form.rows[:2000] for value in row)
    if blanks > 20:
        options |= {"ignoreLeadingWhiteSpace": True, "ignoreTrailingWhiteSpace": True}
        because["ignoreLeadingWhiteSpace"] = "values have blanks around them"
    rows = form.rows[:: len(form.rows) // ROWS + 1]
    values = ([row[place].strip(" ") or None for row in rows] for place in range(len(form.header)))
    columns = [without_formulas(Column(name, sql_name(name), "string", own)) for name, own in zip(form.header, values, strict=True) if name]
    notes = tuple(_notes(text, form, columns))
    average = max(1, len(part.head) / max(1, len(form.rows) if part.whole else part.head.count(b"\n")))
    total = len(form.rows) + form.odd_rows if part.whole else round(part.size / average)
    declared = dict.fromkeys((column.name for column in columns), "string")
    is_ascii = text.head.isascii() and all(block.isascii() for block in text.blocks)
    return Sample(file, "csv", options, declared, tuple(columns), len(rows), total, form.separator, None, because, notes, is_ascii, (), form.odd_rows)


def _is_number_between_blanks(value: str) -> bool:
    bare = value.strip(" \t")
    return value != bare and bare[:1].isdigit() and " " not in bare


def _notes(text: Text, form: Dialect, columns: Sequence[Column]) -> list[str]:
    """Notes on what is unusual about a file that can be read."""
    notes = [f"UTF-8 {text.because}"] if text.encoding == "UTF-8" and text.because else []
    if form.odd_rows:
        why = "have another number of fields than the header, or a quote that is not closed"
        notes.append(f"{form.odd_rows} lines of the sample {why}: they will be `unparsable`")
    if form.repeated:
        notes.append(f"{form.repeated} lines of the sample are the header once more and will be rejected")
    formulas = [column.name for column in columns if column.sql != sql_name(column.name)]
    if formulas:
        notes.append(f'{", ".join(formulas)}: ="..." around values, which keeps them as they are in Excel, is taken off')
    if not all(form.header):
        notes.append("a column without a name is left out")
    return notes
