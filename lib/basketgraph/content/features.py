"""What a text is compared by: words, and character n-grams within them."""

import re
import unicodedata
from collections.abc import Iterator

WORD = re.compile(r"\w+")
WITHOUT_BLANKS = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI", "LAO", "KHMER", "MYANMAR")  # scripts in which a run of letters is no word
GRAM = 3  # characters; single ones and pairs in the scripts above
FOREIGN_SHARE = 0.3  # of a text's letters


def normalised(text: str | None) -> str:
    """NFKC in lower case, so that ﬁ, ＦＩ and FI are one text; empty for None."""
    return unicodedata.normalize("NFKC", text or "").lower()


def words(text: str | None) -> list[str]:
    """The words of a text in its order, repeats included."""
    return WORD.findall(normalised(text))


def plain(text: str | None) -> str:
    """The words of a text with blanks between them: what encoders read. T-LIGHT/SET 6 is `t light set 6`."""
    return " ".join(words(text))


def character_grams(text: str | None) -> list[str]:
    """Trigrams of each word, with a blank before and after it; of a word in a script without blanks its characters and pairs of them."""
    return [gram for word in words(text) for gram in _grams(word)]


def _grams(word: str) -> Iterator[str]:
    if is_without_blanks(word):
        yield from word
        yield from (word[start : start + 2] for start in range(len(word) - 1))
        return
    padded = f" {word} "
    yield from (padded[start : start + GRAM] for start in range(len(padded) - GRAM + 1))


def is_without_blanks(word: str) -> bool:
    """Whether most characters of a word are of a script that puts no blanks between words."""
    return not word.isascii() and sum(unicodedata.name(letter, "").startswith(WITHOUT_BLANKS) for letter in word) > len(word) / 2


def is_foreign(text: str | None) -> bool:
    """Whether more than FOREIGN_SHARE of a text's letters are not Latin: an encoder of English knows few of its words."""
    letters = [letter for letter in normalised(text) if letter.isalpha()]
    foreign = sum(not letter.isascii() and not unicodedata.name(letter, "").startswith("LATIN") for letter in letters)
    return foreign > FOREIGN_SHARE * len(letters)
