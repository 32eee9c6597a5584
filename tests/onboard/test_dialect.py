"""How a CSV file is written: its encoding, and stray quotes against line breaks within quotes; no Spark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from basketgraph.foundation.config import UserError
from basketgraph.onboard.dialect import decoded
from basketgraph.onboard.files import Excerpt, find_files
from basketgraph.onboard.sample import Sample
from basketgraph.onboard.sniff import sniff
from support.new_shops import lines_csv, sales

HEADER = ["order_id", "product_id", "title", "quantity", "order_date", "price", "customer_id", "country"]
ROWS = [[s.order, f"P{s.item}", s.title.replace(",", ""), s.pieces, s.at, s.price, s.user, "France"] for s in sales(2000)]


def sample_of(place: Path, columns: Sequence[str] = ()) -> Sample:
    _, (found,) = find_files([str(place)], None)
    return sniff(found, columns)


def written(place: Path, *, quoted: bool = False, more: str = "", header: bool = True, **changes: Callable[[int], str | None]) -> Path:
    """The rows as lines. changes: of a column, what stands in its place in the row of a number, unless None. more: behind each title."""
    rows: list[Sequence[Any]] = []
    for number, row in enumerate(ROWS):
        own = [f'"{value}"' if quoted else value for value in row]
        own[2] = f'"{row[2]}{more}"' if quoted or more else row[2]
        for name, change in changes.items():
            text = change(number)
            own[HEADER.index(name)] = own[HEADER.index(name)] if text is None else text
        rows.append(own)
    place.write_text("".join(",".join(map(str, row)) + "\r\n" for row in ([HEADER, *rows] if header else rows)), encoding="utf-8", newline="")
    return place


def at(text: str, *numbers: int) -> Callable[[int], str | None]:
    return lambda number: text if number in numbers else None


@pytest.mark.parametrize(
    ("more", "quoted", "changes", "odd"),
    [
        ("", False, {"country": at('"France', 700)}, 1),
        ("", False, {"country": at('"France', 5)}, 1),
        ("", False, {"country": at('"France', 1999)}, 1),
        ("", False, {"title": at('"Tea', 300, 700, 1100)}, 3),
        ("", False, {"title": at('"Tea', 5)}, 1),
        ("", False, {"title": at('"Tea', *range(0, 2000, 25))}, 80),
        (", cup", False, {"country": at('"France', 700, 1100)}, 2),
        (", cup", True, {"country": at('"France', 700, 1100)}, 2),
        (", cup", True, {"title": at('"Tea', 5)}, 1),
    ],
)
def test_a_stray_quote_costs_its_own_line(tmp_path: Path, more: str, quoted: bool, changes: dict[str, Callable[[int], str | None]], odd: int) -> None:
    sample = sample_of(written(tmp_path / "a.csv", more=more, quoted=quoted, **changes))
    assert (sample.rows, sample.odd_rows, "multiLine" in sample.options) == (2000 - odd, odd, False)
    assert sample.notes[0].startswith(f"{odd} lines of the sample ")
    assert sample.notes[0].endswith("they will be `unparsable`")


def test_a_stray_quote_of_a_file_without_a_header_costs_its_own_line(tmp_path: Path) -> None:
    place = written(tmp_path / "a.csv", header=False, title=at('"Tea', 5))
    sample = sample_of(place, HEADER)
    assert (sample.rows, sample.odd_rows) == (1999, 1)


def test_a_stray_quote_hides_nothing_of_a_file_that_is_looked_at_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = written(tmp_path / "a.csv", country=at('"France', 300, 1500))
    size = place.stat().st_size
    for name, value in (("HEAD_BYTES", size // 2), ("BLOCKS", 1), ("BLOCK_BYTES", size // 3)):
        monkeypatch.setattr(f"basketgraph.onboard.files.{name}", value)
    sample = sample_of(place)
    assert "multiLine" not in sample.options
    assert sample.rows > 1600
    assert {value for column in sample.columns if column.name == "country" for value in column.values} == {"France"}


def test_a_stray_quote_near_the_end_of_what_is_looked_at_is_no_line_break(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = written(tmp_path / "a.csv", country=at('"France', 700))
    monkeypatch.setattr("basketgraph.onboard.files.HEAD_BYTES", sum(map(len, place.read_bytes().splitlines(keepends=True)[:703])))
    monkeypatch.setattr("basketgraph.onboard.files.BLOCKS", 0)
    assert "multiLine" not in sample_of(place).options


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("title", '"Tea\ncup"'),
        ("title", '"Tea, green, loose\n\nand one, two, three, four\n""cups"""'),
        ("country", '"France\r\nMetropole"'),
        ("country", '"France\n"'),
        ("order_id", '"1\n2"'),
    ],
)
@pytest.mark.parametrize("numbers", [range(0, 2000, 3), [7], [1999]])
@pytest.mark.parametrize("part", [1, 2])
def test_line_breaks_within_quotes_are_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, column: str, text: str, numbers: Sequence[int], part: int
) -> None:
    place = written(tmp_path / "a.csv", **{column: at(text, *numbers)})
    if part > 1:
        monkeypatch.setattr("basketgraph.onboard.files.HEAD_BYTES", place.stat().st_size // part)
        monkeypatch.setattr("basketgraph.onboard.files.BLOCKS", 0)
    sample = sample_of(place)
    expected = part == 1 or min(numbers) < 500
    assert sample.options.get("multiLine", False) == expected
    assert (sample.odd_rows, sample.rows == 2000) == (0, part == 1)


def test_line_breaks_within_quotes_are_believed_beside_a_stray_one(tmp_path: Path) -> None:
    sample = sample_of(written(tmp_path / "a.csv", title=at('"Tea\ncup"', *range(0, 2000, 3)), country=at('"France', 1000)))
    assert sample.options["multiLine"] is True


@pytest.mark.parametrize(("change", "told"), [('"Tea', "has a quote that is not closed"), ("a,b,c", "has 10 fields, where most have 8")])
def test_lines_of_which_too_many_are_no_rows_are_named(tmp_path: Path, change: str, told: str) -> None:
    place = lines_csv(tmp_path / "a.csv", HEADER, [])
    lines = [",".join(map(str, [*row[:2], change if number in (0, 3, 6) else "Tea", *row[3:]])) for number, row in enumerate(ROWS[:20])]
    place.write_text("\n".join([",".join(HEADER), *lines]), encoding="utf-8")
    with pytest.raises(UserError, match=f"line 2 {told}, and 2 more of the first 21 lines are no rows either") as caught:
        sample_of(place)
    assert "tail" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "codec", "encoding"),
    [
        ("Grüner Tee\nKäse, jung\nSmörgås\n", "cp1252", "windows-1252"),
        ("Crème brûlée\nPâté façon grand-mère\nŒufs\n", "cp1252", "windows-1252"),
        ("Łosoś wędzony\nŻurek\nPączki z różą\n", "cp1250", "windows-1250"),
        ("Молоко\nХлеб чёрный\nСметана\n", "cp1251", "windows-1251"),
        ("Grüner Tee\n", "utf-8", "UTF-8"),
        ("Grüner Tee\n", "utf-8-sig", "UTF-8"),
        ("Grüner Tee\n", "utf-16", "UTF-16"),
    ],
)
def test_the_encoding_is_detected_from_bytes(text: str, codec: str, encoding: str) -> None:
    whole = text.encode(codec)
    decoded_text = decoded(Excerpt(whole, (), True, len(whole)), Path("a.csv"))
    assert (decoded_text.encoding, decoded_text.head) == (encoding, text)
