"""Detect how a column writes dates and times: Spark's patterns, and whether the day or the month is first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timezone

from basketgraph.onboard.numbers import looks_like_number
from basketgraph.onboard.sample import MONTHS, sql_literal

ENOUGH = 0.9  # of a column's values must be timestamps
NEARLY_ALL = 0.99  # the same of times since 1970, which any number might be
RARE = 0.005  # a pattern of a smaller share of the values is taken for damage
MONTH_STARTS = [month[:3] for month in MONTHS]
CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?P<mark>[.,])?(?P<fraction>(?<=[.,])\d{1,9})?)?(?P<half> ?[AaPp]\.?(?: ?[Mm]\.|[Mm]))?"
)
ZONE = r"(?P<zone> ?(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)(?:\[[\w/]+\])?)?"
DAYS = [
    ("ymd", re.compile(r"(?P<year>\d{4})(?P<sep>[-/.])(?P<month>\d{1,2})(?P=sep)(?P<day>\d{1,2})", re.ASCII)),
    ("xxy", re.compile(r"(?P<first>\d{1,2})(?P<sep>[-/.])(?P<second_>\d{1,2})(?P=sep)(?P<year>\d{4}|\d{2})", re.ASCII)),
    ("compact", re.compile(r"(?P<year>(?:19|20)\d{2})(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])", re.ASCII)),
    ("stamp", re.compile(r"(?P<year>(?:19|20)\d{2})(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])(?=\d{6}$)", re.ASCII)),
    ("dMy", re.compile(r"(?P<day>\d{1,2})(?P<sep>[- ])(?P<month>[A-Za-z]{3,9})(?P=sep)(?P<year>\d{4}|\d{2})", re.ASCII)),
    ("Mdy", re.compile(r"(?P<month>[A-Za-z]{3,9})(?P<sep>-)(?P<day>\d{1,2})-(?P<year>\d{4}|\d{2})", re.ASCII)),
    ("Mdy", re.compile(r"(?P<month>[A-Za-z]{3,9})(?P<sep> )(?P<day>\d{1,2}),? (?P<year>\d{4})", re.ASCII)),
]
STAMP = re.compile(r"(?P<hour>[01]\d|2[0-3])[0-5]\d(?P<second>[0-5]\d)(?P<join>)(?P<fraction>)(?P<half>)(?P<zone>)", re.ASCII)
REST = re.compile(rf"(?:(?P<join>T|,? {{1,2}}){CLOCK}{ZONE})?", re.ASCII)
POINTS = "'(?i)([ap])[.] ?m[.]?', '$1m'"  # a.m. and p. m. become am and pm, which is all that Spark's patterns know
CLOCKS = {
    "H:mm:ss": r"\d{1,2}:\d{2}:\d{2}",
    "H:mm": r"\d{1,2}:\d{2}",
    "h:mm:ss a": r"\d{1,2}:\d{2}:\d{2} [AaPp][Mm]",
    "h:mm a": r"\d{1,2}:\d{2} [AaPp][Mm]",
}
PADDED = ("HH", "HHmm", "HHmmss")  # of numbers, which have lost the zeros in front; the shortest one that fits wins
EPOCHS = {"s": (1, "timestamp_seconds"), "ms": (1_000, "timestamp_millis"), "us": (1_000_000, "timestamp_micros"), "ns": (1_000_000_000, "")}
EARLIEST, LATEST = datetime(1995, 1, 1, tzinfo=timezone.utc).timestamp(), datetime(2050, 1, 1, tzinfo=timezone.utc).timestamp()


@dataclass(frozen=True)
class TimestampForm:
    """How timestamps are written.

    patterns: Spark's, the most frequent first; none where the column is typed or counts from 1970.
    kind:     text, cast (text that a cast understands), epoch, timestamp, timestamp_ntz or date (of Parquet).
    instant:  whether it says a point in time by itself, without the shop's zone.
    dotted:   whether halves of the day are written with points: a.m.
    """

    kind: str
    patterns: tuple[str, ...] = ()
    has_time: bool = False
    instant: bool = False
    epoch: str = ""
    because: str = ""
    ambiguous: bool = False
    dotted: bool = False
    first: date | None = None
    last: date | None = None

    def sql(self, column: str) -> str:
        """An expression for the timestamp: an instant, or the local stamp as if it were UTC."""
        if self.kind == "epoch":
            number = f"cast({column} as bigint)"
            return f"timestamp_micros(cast({column} as bigint) div 1000)" if self.epoch == "ns" else f"{EPOCHS[self.epoch][1]}({number})"
        if self.kind != "text":
            return column if self.kind == "timestamp" else f"cast({column} as timestamp)"
        column = f"regexp_replace({column}, {POINTS})" if self.dotted else column
        parsed = [f"to_timestamp({column}, {sql_literal(pattern)})" for pattern in self.patterns]
        return parsed[0] if len(parsed) == 1 else f"coalesce({', '.join(parsed)})"

    def day(self, text: str) -> date | None:
        """The day of a value (of an instant in UTC); None where it has none."""
        try:
            if self.kind == "epoch" and self.epoch != "ns":
                return datetime.fromtimestamp(float(text) / EPOCHS[self.epoch][0], timezone.utc).date()
            if self.kind in ("timestamp", "timestamp_ntz", "date", "epoch"):
                return date.fromisoformat(text[:10])
        except (ValueError, OverflowError, OSError):
            return None
        one = _parts(text)
        if one is None:
            return None
        pattern = self.patterns[0] if self.patterns else ""
        return _day(one, day_first=pattern.find("d") < pattern.find("M"))


def looks_like_timestamp(text: str) -> bool:
    return _parts(text) is not None


def looks_like_value(text: str) -> bool:
    """Whether a text is a number or a timestamp."""
    return looks_like_number(text) or looks_like_timestamp(text)


@dataclass(frozen=True)
class _Parts:
    shape: str
    sep: str
    years: int  # digits of the year
    join: str  # what is between day and time; empty where there is no time
    seconds: bool
    fraction: bool
    half: str  # `a` as Spark's patterns have it, with a blank before it where there is one
    dotted: bool  # whether it has points
    zone: str
    wide: bool  # two digits for day and month
    long_month: bool
    day: tuple[int, int, int]  # year, month, day; or year, first and second number where their order is in question

    @property
    def pattern_key(self) -> tuple[object, ...]:
        return (self.shape, self.sep, self.years, self.join, self.seconds, self.half, _zone_letters(self.zone), self.long_month)


def _parts(text: str) -> _Parts | None:
    for shape, form in DAYS:
        match = form.match(text)
        rest = (STAMP if shape == "stamp" else REST).fullmatch(text, match.end()) if match else None
        if match is None or rest is None:
            continue
        got, time = match.groupdict(), rest.groupdict()
        if shape == "xxy":
            day = (int(got["year"]), int(got["first"]), int(got["second_"]))
            if not (1 <= max(day[1:]) <= 31 and 1 <= min(day[1:]) <= 12):
                continue
            wide = len(got["first"]) == len(got["second_"]) == 2
        else:
            named = got["month"].isalpha()
            if named and got["month"][:3].lower() not in MONTH_STARTS:
                continue
            month = MONTH_STARTS.index(got["month"][:3].lower()) + 1 if named else int(got["month"])
            day = (int(got["year"]), month, int(got["day"]))
            if not (1 <= month <= 12 and 1 <= int(got["day"]) <= 31):
                continue
            wide = named or len(got["month"]) == len(got["day"]) == 2
        long_month = shape in ("dMy", "Mdy") and len(got["month"]) > 3
        half = time["half"] or ""
        return _Parts(
            shape, got.get("sep") or "", len(got["year"]), time["join"] or "", bool(time["second"]), bool(time["fraction"]),
            " a" if half.startswith(" ") else "a" if half else "", "." in half, (time["zone"] or "").strip(), wide, long_month, day,
        )  # fmt: skip
    return None


def timestamp_form(values: Sequence[str], *, separator: str = "", continental: bool = False) -> TimestampForm | None:
    """The form of a column's values (none empty); None where they are no timestamps.

    separator, continental: of the file, and whether its headers are of a language that writes the day first; used where no value decides.
    """
    if not values:
        return None
    if sum(_parts(text) is not None for text in values[:100]) < 0.5 * len(values[:100]):
        return None
    parts = [_parts(text) for text in values]
    known = [one for one in parts if one is not None]
    if len(known) < ENOUGH * len(values) or not known:
        return None
    stamps = [text for text, one in zip(values, parts, strict=True) if one is not None and one.shape == "stamp"]
    if sum(text[8:10] == "00" and text[10:] != "0000" for text in stamps) > len(stamps) / 2:
        return None  # a day and a counter within it, as order numbers are made
    day_first, because, ambiguous = _order(known, continental or separator == ";")
    days = [day for one in known if (day := _day(one, day_first=day_first)) is not None]
    zoned = sum(bool(one.zone) for one in known)
    form = TimestampForm(
        "text",
        has_time=sum(bool(one.join) or one.shape == "stamp" for one in known) > len(known) / 2,
        instant=zoned > len(known) / 2,
        because=because,
        ambiguous=ambiguous,
        dotted=any(one.dotted for one in known),
        first=min(days, default=None),
        last=max(days, default=None),
    )
    if form.instant and all(one.shape == "ymd" and one.sep == "-" for one in known):
        return replace(form, kind="cast")
    keys = Counter(one.pattern_key for one in known)
    chosen = [key for key, number in keys.most_common(4) if number >= RARE * len(known)]
    patterns = []
    for key in chosen:
        of_key = [one for one in known if one.pattern_key == key]
        patterns.append(_pattern(of_key[0], day_first, wide=all(one.wide for one in of_key), fraction=any(one.fraction for one in of_key)))
    return replace(form, patterns=tuple(dict.fromkeys(patterns)))


def _order(known: Sequence[_Parts], continental: bool) -> tuple[bool, str, bool]:
    """Whether days come first, why, and whether that is only an assumption."""
    open_ = [one for one in known if one.shape == "xxy"]
    if not open_:
        return False, "", False
    first, second = (sum(one.day[place] > 12 for one in open_) for place in (1, 2))
    if first and second:
        share = f"{first} values have a first number above 12, {second} a second one"
        return first > second, f"{share}: the file mixes day-first and month-first, and the rarer ones will be unreadable", True
    if first:
        return True, f"{first} values of the sample have a first number above 12: the day comes first", False
    if second:
        return False, f"{second} values of the sample have a second number above 12: the month comes first", False
    dotted = open_[0].sep == "."
    day_first = dotted or continental
    european = "the file's headers or separator are of the European continent"
    because = "days are written with points" if dotted else european if continental else "US files do"
    return day_first, f"AMBIGUOUS: no value of the sample is above 12; {'day' if day_first else 'month'} first was assumed, because {because}", True


def _day(one: _Parts, *, day_first: bool) -> date | None:
    year, month, day = one.day
    if one.shape == "xxy" and day_first:
        month, day = day, month
    try:
        return date(year if year > 99 else 2000 + year, month, day)
    except ValueError:
        return None


def _pattern(one: _Parts, day_first: bool, *, wide: bool, fraction: bool) -> str:
    d, m = ("dd", "MM") if wide else ("d", "M")
    year = "yyyy" if one.years == 4 else "yy"
    named = "MMMM" if one.long_month else "MMM"
    text = {
        "ymd": f"{year}{one.sep}{m}{one.sep}{d}",
        "xxy": f"{d}{one.sep}{m}{one.sep}{year}" if day_first else f"{m}{one.sep}{d}{one.sep}{year}",
        "compact": "yyyyMMdd",
        "stamp": "yyyyMMddHHmmss",
        "dMy": f"d{one.sep}{named}{one.sep}{year}",
        "Mdy": f"{named}-d-{year}" if one.sep == "-" else f"{named} d[,] {year}",
    }[one.shape]
    if one.join:
        hour = "h" if one.half else "HH" if wide and one.shape == "ymd" else "H"
        clock = f"{hour}:mm" + (":ss" if one.seconds else "") + ("[.SSSSSSSSS]" if fraction else "")
        text += ("'T'" if one.join == "T" else one.join) + clock + one.half + _zone_letters(one.zone)
    return text


def _zone_letters(zone: str) -> str:
    if not zone:
        return ""
    if zone in ("UTC", "GMT"):
        return "[ ]z"
    return {3: "[ ]X", 5: "[ ]XX"}.get(len(zone), "[ ]XXX")  # +01, +0100, and what Z may stand for


def epoch_form(values: Sequence[str]) -> TimestampForm | None:
    """The form of whole numbers that count seconds or parts of them since 1970, by their size; None where many are out of the last decades."""
    numbers = [int(float(text)) if "." in text else int(text) for text in values if re.fullmatch(r"\d{9,19}(\.0+)?", text, re.ASCII)]
    for name, (parts, _) in EPOCHS.items():
        seconds = [number / parts for number in numbers if EARLIEST <= number / parts <= LATEST]
        if seconds and len(seconds) >= NEARLY_ALL * len(values):  # logs have some lines of clocks that were wrong
            low, high = min(seconds), max(seconds)
            words = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}[name]
            span = [datetime.fromtimestamp(value, timezone.utc).date() for value in (low, high)]
            because = f"taken for {words} since 1970 its numbers lie between {span[0]} and {span[1]}"
            return TimestampForm("epoch", has_time=True, instant=True, epoch=name, because=because, first=span[0], last=span[1])
    return None


def clock_form(values: Sequence[str]) -> str | None:
    """The Spark pattern of a column of times of day; None where it has none."""
    if not values:
        return None
    for pattern, form in CLOCKS.items():
        if sum(bool(re.fullmatch(form, text)) for text in values) >= ENOUGH * len(values):
            return pattern
    numbers = [re.sub(r"\.0+$", "", text) for text in values]
    return next((p for p in PADDED if sum(_is_clock(text, len(p)) for text in numbers) >= ENOUGH * len(numbers)), None)


def _is_clock(text: str, width: int) -> bool:
    """Whether a number is a time of day without its leading zeros: 94030 is 09:40:30."""
    if not re.fullmatch(r"[0-9]+", text) or len(text) > width:
        return False
    hour, *rest = (int(text.zfill(width)[place : place + 2]) for place in range(0, width, 2))
    return hour < 24 and all(part < 60 for part in rest)


def clock_sql(pattern: str, column: str, values: Sequence[str]) -> str:
    """The SQL of a time of day as its pattern wants it. values: of which some may be written as 94030.0."""
    if pattern not in PADDED:
        return column
    bare = f"regexp_replace({column}, '[.]0+$', '')" if any("." in text for text in values) else column
    return f"lpad({bare}, {len(pattern)}, '0')"
