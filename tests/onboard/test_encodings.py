"""The encoding of a file is told from its bytes; no Spark."""

from __future__ import annotations

import pytest

from basketgraph.onboard.dialect import decoded
from basketgraph.onboard.files import Excerpt


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
def test_encodings_are_told_from_bytes(text: str, codec: str, encoding: str) -> None:
    whole = text.encode(codec)
    found = decoded(Excerpt(whole, (), True, len(whole)), "a file")
    assert (found.encoding, found.head) == (encoding, text)
