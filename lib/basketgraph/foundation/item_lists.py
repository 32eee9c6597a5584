"""Plain lists of items, the format of published benchmarks: `user item item ...` a line."""

import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from basketgraph.foundation.config import UserError

WANTED = "want `user item item ...`, with blanks between them"
SEPARATORS = {
    "::": "sed 's/::/ /g'",
    ",": "tr ',' ' '",
    ";": "tr ';' ' '",
    "|": "tr '|' ' '",
}  # of other layouts, and the command that replaces them by blanks
TYPED = (":token", ":float", ":token_seq", ":float_seq")  # RecBole's headers: user_id:token item_id:token
USER_NAMES = frozenset({"user", "users", "userid", "uid", "customer", "customerid", "visitorid", "reviewerid", "session", "sessionid", "orgid"})
ITEM_NAMES = frozenset({"item", "items", "itemid", "iid", "product", "productid", "movieid", "artistid", "asin", "sku", "remapid"})
DECIMAL = re.compile(r"-?[0-9]+[.,][0-9]+")  # a rating or a weight

Row = Sequence[str]


class ItemList(NamedTuple):
    """One line of a file: who (a user or a session), and the items in the file's order, repeats included."""

    owner: str
    items: tuple[str, ...]


def read_item_lists(path: Path, say: Callable[[str], None] = lambda text: None) -> list[ItemList]:
    """The lines of a file in its order; lines without an item, too.

    say:    is told of a header line that was left out.
    errors: UserError for a file without an item, with columns of ratings, weights or times, or with other separators.
    """
    rows = _rows(path)
    header = rows[0] if rows and _is_header(rows) else ()
    rows = rows[1:] if header else rows
    _refuse_columns(path, rows, header)
    if header:
        say(f"{path}: the first line, `{' '.join(header)}`, is a header and is left out")
    if not any(len(row) > 1 for row in rows):
        raise UserError(f"{path}: holds no edge", [f"lines: {WANTED}, have none with an item"], "Name a file in that format.")
    return [ItemList(owner, tuple(items)) for owner, *items in rows]


def _rows(path: Path) -> list[Row]:
    """The words of each line that has any. Raises UserError where the file cannot be read or has another separator in each of its lines."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: cannot be read", [f"file: want a readable edge list, have {error.strerror}"], "Name an existing file.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is no text", [f"file: want UTF-8, have {error.reason} at byte {error.start}"], "Name a text file.") from None
    lines = [line for line in text.splitlines() if line and not line.isspace()]
    for separator, with_blanks in SEPARATORS.items():
        if lines and all(separator in line for line in lines):
            fault = f"lines: {WANTED}, have `{separator}` in each, as in `{lines[0]:.60}`"
            raise UserError(f"{path}: is no edge list", [fault], _cure(path, with_blanks=with_blanks))
    return [line.split() for line in lines]


def _is_header(rows: Sequence[Row]) -> bool:
    """Whether the first line names columns: by RecBole's types, by the usual words, or as the only line without a number."""
    first = rows[0]
    if any(word.endswith(TYPED) for word in first):
        return True
    plain = ["".join(filter(str.isalnum, word.lower())) for word in first[:2]]
    if len(plain) == 2 and plain[0] in USER_NAMES and plain[1] in ITEM_NAMES:
        return True
    lacks_numbers = not any(character.isdigit() for word in first for character in word)
    return lacks_numbers and len(rows) > 2 and all(word.isdecimal() for row in rows[1:] for word in row)


def _refuse_columns(path: Path, rows: Sequence[Row], header: Row) -> None:
    """Raises UserError for `user item rating time` and the like: as many words in each line, and users who have several lines."""
    width = len(rows[0]) if rows else 0
    if width < 3 or any(len(row) != width for row in rows):
        return
    repeated = len({row[0] for row in rows}) < len(rows)
    is_timed = width == 4 and all(row[3].isdecimal() and len(row[3]) >= 9 and len(row[2]) <= 4 for row in rows)
    is_rated = all(DECIMAL.fullmatch(row[2]) for row in rows)
    if not (repeated or is_timed or is_rated or len(header) == width):
        return
    which = f"named `{' '.join(header)}`" if header else f"as in `{' '.join(rows[0]):.60}`"
    several = ", and several lines of one user" if repeated else ""
    fault = f"lines: {WANTED}, have {width} columns, {which}{several}: ratings, weights or times would be taken for items"
    raise UserError(f"{path}: is no edge list", [fault], _cure(path, has_header=bool(header)))


def _cure(path: Path, *, with_blanks: str = "", has_header: bool = False) -> str:
    """The command that makes an edge list of the first two columns."""
    pick = f"awk '{'NR > 1 ' if has_header else ''}{{print $1, $2}}'"
    file = shlex.quote(str(path))
    command = f"{with_blanks} < {file} | {pick}" if with_blanks else f"{pick} {file}"
    return f"Take users and items alone: {command} > {shlex.quote(f'{path.name}.edges.txt')}"
