"""Characters that nobody sees, and digits of other scripts."""

from __future__ import annotations

from basketgraph.clean.characters import folded, plain_digits


def test_characters_are_told_from_those_that_look_like_them() -> None:
    assert folded(" \u00a0Ab\u200bC\ufeff") == "abc"
    assert plain_digits(["12"]) == {}
    meaning = plain_digits(["२٫"])
    assert ("२५".translate({ord(a): b for a, b in meaning.items()}), meaning["٫"]) == ("25", ".")
