"""Sentences of the page, for people who do not write code."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timezone
from typing import Any

from basketgraph.foundation.quality.check_results import NOT_COMPARED, is_whole_table
from basketgraph.foundation.quality.renderers import number_in_words, scope_in_words, share_in_words

Row = Mapping[str, Any]
# What the rows of a table are to a shop's manager.
KINDS = {
    "silver.events": "purchases",
    "silver.items": "products",
    "silver.users": "customers' details",
    "silver.promotions": "placements and offers",
    "silver.campaigns": "campaigns",
    "silver.campaign_targets": "customers of campaigns",
    "silver.coupons": "coupons",
    "silver.redemptions": "redeemed coupons",
    "silver.searches": "searches",
    "silver.reviews": "reviews and ratings",
    "silver.exposures": "products shown",
    "silver.messages": "messages",
    "silver.consents": "consents",
    "silver.identities": "who is the same person",
}


def is_share(check: Row) -> bool:
    """Whether the check's value is the share of rows that break it, and not a measure of its own."""
    return check["unexpected_count"] is not None


def value_in_words(value: float, *, share: bool) -> str:
    """A check's number: 1,200; 3.5; 0.4 %."""
    if not share:
        return number_in_words(round(value) if abs(value) >= 1000 or value == round(value) else value)
    percent = 100 * value
    return f"{'under 0.01' if 0 < percent < 0.01 else f'{percent:.3g}'}\N{NO-BREAK SPACE}%"


def is_unusual(check: Row) -> bool:
    """Whether the value lies outside of its usual range. Without an anomaly score it does not."""
    low, high, value = check["usual_low"], check["usual_high"], check["value"]
    return None not in (low, high, value, check["anomaly_score"]) and not bool(low <= value <= high)


def judged_day(check: Row) -> date:
    """The day of the check's number: the judged day, else the day of the run."""
    return check["judged_day"] or check["ds"]  # type: ignore[no-any-return]


def looked_at_in_words(check: Row) -> str:
    """Which rows were looked at; empty where the run looked at the whole table."""
    return "" if is_whole_table(check) else scope_in_words(check)


def reason_in_words(reason: str) -> str:
    """unreadable:quantity -> quantity could not be read."""
    kind, _, column = reason.partition(":")
    told = {"unreadable": "could not be read", "missing": "is missing", "required": "is missing"}.get(kind)
    return f"{column} {told}".replace("_", " ") if told and column else reason.replace("_", " ").replace(":", ": ")


def step_words(step: Row) -> str:
    """done, 10 rows in, 1 row out"""
    state = "was up to date" if step["status"] == "current" else str(step["status"])
    counts = [f"{number_in_words(step[key], 'row')} {word}" for key, word in (("rows_in", "in"), ("rows_out", "out")) if step.get(key)]
    return ", ".join([state, *counts])


def titles_in_words(counts: Row) -> str:
    """How many titles are compared by what they mean, and how many by their characters alone; empty where the shop has none.

    counts: metrics of the step text_vectors.
    """
    titles, by_characters = counts["titles"], counts["by_characters"]
    if not titles:
        return ""
    if counts["model"] is None:
        return f"All {number_in_words(titles, 'product title')} are compared by words alone, not by meaning (content.encode)."
    if not by_characters:
        return f"All {number_in_words(titles, 'product title')} are compared by words and by meaning."
    share = share_in_words(by_characters, titles)
    told = (
        f"Of {number_in_words(titles, 'product title')} {number_in_words(by_characters)} ({share}) are in words that the language model does not know"
    )
    return f"{told}: they are compared by their characters alone, not by meaning."


def moment_in_words(moment: datetime) -> str:
    """24 November 2026, 18:17 UTC. A moment without a zone is local, as Spark hands them out."""
    return f"{moment.astimezone(timezone.utc):%-d %B %Y, %H:%M} UTC"


def day_in_words(day: date | str) -> str:
    """2 October 2017. day: a date, or one as text."""
    return f"{date.fromisoformat(str(day)):%-d %B %Y}"


def first_sentence(text: str | None) -> str:
    """The first line of an error, without its full stop."""
    lines = (text or "no reason was kept").strip().splitlines()
    return lines[0].rstrip(".:") if lines else ""


def promise_told(check: Row, day: date | None = None) -> str:
    """In silver.events, quantity is at least 1. Found: ..., or Found for 2026-01-01: ..."""
    return f"in {check['table_name']}, {check['expected']}. Found{f' for {day}' if day else ''}: {check['observed']}"


def open_in_words(check: Row) -> str:
    """The finding of the earlier look that an open warning is from, with its day; empty for other checks."""
    found = check["open"]
    return f"found for {found['ds']}: {found['observed']}; not all of these rows were looked at since" if found else ""


def since_in_words(now: Row) -> str:
    """What was looked at since a failure that `now` does not cover."""
    return str(now["observed"]) if now["outcome"] == NOT_COMPARED else f"looked at since: {scope_in_words({**now, 'repeated_from': None})}"


def file_name(path: str) -> str:
    return path.rpartition("/")[2]


def arrived_in_words(row: Row) -> str:
    """The rows that came in for one table since the page before. row: an entry of `Changes.files`."""
    share = share_in_words(row["rejected"], row["about"])
    before = f", before {share_in_words(row['rejected_before'], row['about_before'])}" if row["about_before"] else ""
    told = f"{row['table_name']}: {number_in_words(row['files'], 'file')} with {number_in_words(row['read'], 'row')}; "
    told += f"{number_in_words(row['accepted'])} accepted, {number_in_words(row['rejected'])} rejected ({share}{before})"
    told += f", {number_in_words(row['duplicate'])} exact copies of others" if row["duplicate"] else ""
    return f"{told}; {number_in_words(row['left_out'])} others left out." if row["left_out"] else f"{told}."


def turned_away_in_words(row: Row) -> str:
    """Rows with one reason since the page before. row: an entry of `Changes.reasons`."""
    new = "for the first time" if not row["rows_before"] else f"{number_in_words(row['rows_before'])} before"
    return f"{row['table_name']}, {reason_in_words(row['reason'])}: {number_in_words(row['rows'], 'row')}, {new}."


def volume_in_words(row: Row) -> str:
    """How a table grew or shrank between two releases. row: an entry of `Changes.tables`."""
    if row["before"] is None:
        return f"{row['table_name']} is new, with {number_in_words(row['now'], 'row')}."
    if row["now"] is None:
        return f"{row['table_name']} is no longer part of the release; it had {number_in_words(row['before'], 'row')}."
    difference = abs(row["now"] - row["before"])
    share = f" ({share_in_words(difference, row['before'])})" if 0 < difference <= row["before"] else ""
    kind = "more" if row["now"] > row["before"] else "fewer"
    return f"{row['table_name']} has {number_in_words(row['now'], 'row')}, {number_in_words(difference)} {kind}{share} than before."
