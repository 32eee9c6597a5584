"""Titles and queries as plain files: two columns with a tab between them, no header."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from basketgraph.foundation.config import UserError


class Query(NamedTuple):
    text: str
    relevant: tuple[str, ...]  # ids of items


def read_titles(path: Path, say: Callable[[str], None] = lambda text: None) -> dict[str, str]:
    """The title of each item, in the file's order: `id<TAB>title` a line. Of an item that has several lines the first counts, which is said.

    errors: UserError for a file that cannot be read, a line without a tab or without an id, or no line at all.
    """
    titles: dict[str, str] = {}
    lines = _columns(path, "id<TAB>title")
    for item, title in lines:
        titles.setdefault(item.strip(), title.strip())
    if len(titles) < len(lines):
        say(f"{path}: {len(lines) - len(titles):,} more lines of items that have a title already are left out")
    return titles


def read_queries(path: Path) -> list[Query]:
    """The queries in the file's order: `query<TAB>relevant ids, comma separated` a line. Errors as in `read_titles`."""
    return [Query(text.strip(), tuple(filter(None, map(str.strip, ids.split(","))))) for text, ids in _columns(path, "query<TAB>id,id,...")]


def _columns(path: Path, wanted: str) -> list[tuple[str, str]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # not splitlines: a title may hold other separators of lines
    except OSError as error:
        raise UserError(f"{path}: cannot be read", [f"file: want lines `{wanted}`, have {error.strerror}"], "Name an existing file.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is no text", [f"file: want UTF-8, have {error.reason} at byte {error.start}"], "Name a text file.") from None
    rows = [(number, line.rstrip("\r").split("\t")) for number, line in enumerate(lines, 1) if line.strip()]
    wrong = [(number, row) for number, row in rows if len(row) != 2 or not row[0].strip()]
    if wrong:
        faults = [f"line {number}: want `{wanted}`, have {len(row)} columns: `{' '.join(row):.60}`" for number, row in wrong[:3]]
        what = f"{path}: {len(wrong):,} of {len(rows):,} lines are not `{wanted}`"
        raise UserError(what, faults, "Put one tab between two columns; the first is not empty.")
    if not rows:
        raise UserError(f"{path}: is empty", [f"lines: want `{wanted}`, have none"], "Name a file in that format.")
    return [(row[0], row[1]) for _, row in rows]
