"""Profile a raw column by its values: how numbers and timestamps are written, which texts are nulls, what is personal."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from basketgraph.onboard.normalisation import strip_invisible, with_plain_blanks, with_plain_digits
from basketgraph.onboard.numbers import NumberForm, number_form
from basketgraph.onboard.sample import Column, Sample
from basketgraph.onboard.timestamps import TimestampForm, clock_form, epoch_form, looks_like_value, timestamp_form
from basketgraph.onboard.words import is_personal

NOTHING = {"null", "none", "nan", "n/a", "nil", "\\n", "undefined", "#n/a", "(null)", "(not set)"}
NO_NUMBER = {"-", "--", "?", "na", "."}  # where all else is numbers or dates
LOOKED_AT = 6000  # values that decide how a column is written
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.\w+")
LOST = r"[0-9][.,][0-9]+[eE][+]?[0-9]{1,3}|[0-9][eE][+][0-9]{1,3}"  # an id that a spreadsheet wrote as a number, in Python's patterns and Java's
ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}")


@dataclass(frozen=True)
class Profile:
    """A raw column as its values show it."""

    column: Column
    filled: list[str] = field(repr=False)
    number: NumberForm | None = None
    timestamp: TimestampForm | None = None
    epoch: TimestampForm | None = None
    clock: str | None = None
    nothing: tuple[str, ...] = ()  # texts that mean "no value"
    raw: Column | None = None  # as it lies in the files, where its values had to be put right

    @property
    def name(self) -> str:
        return self.column.name

    @cached_property
    def counts(self) -> Counter[str]:
        return Counter(self.filled)

    @cached_property
    def numbers(self) -> list[float]:
        """The values as numbers; none for what cannot be read."""
        return [value for text in self.filled if (value := self.value(text)) is not None]

    def value(self, text: str) -> float | None:
        """The number that a value is; None where it is none."""
        return None if self.number is None else self.number.value(text)

    @property
    def number_sql(self) -> str:
        """The SQL of a text that a cast to a number understands."""
        return self.column.sql if self.number is None else self.number.sql(self.column.sql)

    @property
    def time_form(self) -> TimestampForm | None:
        return self.timestamp or self.epoch

    @property
    def whole(self) -> bool:
        """Whether its numbers are whole ones."""
        return bool(self.numbers) and all(value == int(value) for value in self.numbers if abs(value) < 1e15)

    @property
    def padded(self) -> int:
        """Values with leading zeros."""
        return sum(len(text) > 1 and text[0] == "0" and text.isdigit() for text in self.filled)

    @property
    def floated(self) -> bool:
        """Whether some ids were once floating-point numbers, as pandas makes of a column with nulls: 17850.0 beside 17850."""
        return self._share(r"\d+\.0") > 0 and self._share(r"\d+(\.0)?") > 0.9

    def _share(self, form: str) -> float:
        return sum(number for text, number in self.counts.items() if re.fullmatch(form, text, re.ASCII)) / max(1, len(self.filled))

    @cached_property
    def lost(self) -> list[str]:
        """Values in scientific notation: as ids they have lost all but their first digits."""
        return [text for text in self.filled if re.fullmatch(LOST, text)] if self.column.kind == "string" else []

    @cached_property
    def numbered(self) -> bool:
        """Whether the values are numbers with a common prefix, as order numbers are: #1001."""
        starts = {text.rstrip("0123456789") for text in self.filled}
        return len(starts) == 1 and all(0 < len(start) < 5 and " " not in start and start not in self.counts for start in starts)

    @property
    def is_numbering(self) -> bool:
        """Whether the values may number papers: with a common prefix, or with leading zeros."""
        return self.numbered or self.padded == len(self.filled)

    @property
    def distinct_share(self) -> float:
        return len(self.counts) / len(self.filled) if self.filled else 0.0

    def filled_share(self, rows: Sequence[bool] | None = None) -> float:
        """The share of the rows, or of those for which `rows` is true, that have a value."""
        if rows is None:
            return len(self.filled) / len(self.column.values) if self.column.values else 0.0
        chosen = [value for value, is_chosen in zip(self.column.values, rows, strict=True) if is_chosen]
        return sum(value is not None and value not in self.nothing for value in chosen) / len(chosen) if chosen else 0.0

    @property
    def personal(self) -> bool:
        looked = self.filled[:2000]
        hits = sum(bool(EMAIL.fullmatch(text) or ADDRESS.fullmatch(text)) for text in looked)
        return is_personal(self.name) or hits > 0.3 * max(1, len(looked))


def pairs(*profiles: Profile) -> Iterator[tuple[str, ...]]:
    """The values of the columns side by side, of the rows in which all of them have one."""
    for row in zip(*[profile.column.values for profile in profiles], strict=True):
        if all(value is not None for value in row):
            yield row


def shape(text: str) -> str:
    """A text with x for each letter and 9 for each digit, as personal values are shown."""
    return re.sub(r"[^\W\d_]", "x", re.sub(r"\d", "9", text))


def profile_column(column: Column, sample: Sample, *, continental: bool) -> Profile:
    """Profile a column's values."""
    if column.kind != "string":
        return _profile(column, sample, continental=continental)
    tidied, empty = strip_invisible(column)
    digits, blanks = with_plain_digits(tidied), with_plain_blanks(tidied)
    plain = [_profile(own, sample, continental=continental) for own in (digits, blanks) if own is not tidied]
    # Blanks in numbers are a form of theirs.
    understood = [profile for profile in plain if profile.timestamp or profile.clock or (profile.number and profile.column is digits)]
    profile = understood[0] if understood else _profile(tidied, sample, continental=continental)
    nothing = tuple(sorted({*profile.nothing, *empty})) if profile.filled else ()
    return profile if profile.column is column else replace(profile, nothing=nothing, raw=column)


def _profile(column: Column, sample: Sample, *, continental: bool) -> Profile:
    filled = [value for value in column.values if value is not None]
    odd = {value for value in set(filled) if value.lower() in NOTHING | NO_NUMBER}
    bare = [value for value in filled if value not in odd]
    measured = any(character.isdigit() for character in "".join(bare[:5])) and looks_like_value(bare[0])
    tokens = {value for value in odd if value.lower() in NOTHING or measured}
    rest = [value for value in filled if value not in tokens]
    if column.kind.startswith(("timestamp", "date", "nanos")):
        kind, counts = column.kind, column.kind.startswith("nanos")
        has_time, instant = kind != "date", kind in ("timestamp", "nanos")
        form = TimestampForm("epoch" if counts else kind, has_time=has_time, instant=instant, epoch="ns" if counts else "")
        form = replace(form, first=form.day(min(rest, default="")), last=form.day(max(rest, default="")))
        return Profile(column, rest, timestamp=form)
    typed = column.kind != "string"
    probe = rest[:: len(rest) // LOOKED_AT + 1]
    number = NumberForm() if typed and column.kind != "boolean" else number_form(probe, separator=sample.separator)
    timestamp = None if typed else timestamp_form(probe, separator=sample.separator, continental=continental)
    epoch = epoch_form(probe) if number is not None else None
    nothing = tuple(sorted(tokens)) if rest and not typed else ()
    return Profile(column, rest, number, timestamp, epoch, clock_form(probe), nothing)
