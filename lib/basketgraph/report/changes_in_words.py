"""Changes since the page before, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from basketgraph.foundation.quality.renderers import number_in_words
from basketgraph.report.changes import Changes
from basketgraph.report.sentences import (
    arrived_in_words,
    file_name,
    moment_in_words,
    promise_told,
    since_in_words,
    turned_away_in_words,
    volume_in_words,
)

MOST = 10  # sentences of one kind


@dataclass(frozen=True)
class Part:
    """level: good, warning, critical or empty."""

    title: str
    level: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Since:
    """summary: one sentence; parts: the details, what needs a look first."""

    summary: str
    parts: tuple[Part, ...]


def since(changes: Changes) -> Since:
    """The changes in sentences; the summary also says when there are none, or no page before."""
    if changes.since is None:
        return Since("This is the first page of this warehouse; later ones say here what changed.", ())
    unseen = [f"{_capital(promise_told(c, c['ds']))}. {_capital(since_in_words(c['now']))}." for c in changes.unseen]
    parts = [
        _part("Promises that broke", "critical", [f"{_kind(c)}{promise_told(c)}." for c in changes.broken]),
        _part("Files set aside", "warning", [f"{file_name(f['source_file'])}: {f['problem'] or 'no reason was kept'}." for f in changes.set_aside]),
        _part("Rows turned away for a new reason", "warning", [turned_away_in_words(r) for r in changes.reasons if not r["rows_before"]]),
        _part("Promises that are kept again", "good", [f"{_capital(promise_told(c))}." for c in changes.mended]),
        _part("Not seen in the days looked at since", "warning", unseen),
        _part("Files mended", "good", [f"{file_name(f['source_file'])} could be used now." for f in changes.taken_up]),
        _part("Promises still broken", "warning", [f"{_kind(c)}{promise_told(c)}." for c in changes.still]),
        _part("Rows that came in", "", [arrived_in_words(row) for row in changes.files]),
        _part("Rows turned away as before", "", [turned_away_in_words(r) for r in changes.reasons if r["rows_before"]]),
        _part("Tables that grew or shrank", "", [volume_in_words(row) for row in changes.tables]),
        _part("What is promised", "", _promises(changes)),
        _part("What is live", "", _release(changes)),
    ]
    return Since(_summary(changes), tuple(part for part in parts if part.sentences))


def _part(title: str, level: str, sentences: Sequence[str]) -> Part:
    more = len(sentences) - MOST
    shown = (*sentences[:MOST], f"and {number_in_words(more)} more.") if more > 0 else tuple(sentences)
    return Part(title, level, shown)


def _capital(sentence: str) -> str:
    return f"{sentence[0].upper()}{sentence[1:]}"


def _kind(check: dict[str, object]) -> str:
    return "Accepted: " if check["accepted_because"] else f"{str(check['severity']).capitalize()}: "


def _promises(changes: Changes) -> list[str]:
    counts = zip(changes.promises, ("added", "taken out"), strict=True)
    return [f"{number_in_words(count, 'promise')} {'was' if count == 1 else 'were'} {what}." for count, what in counts if count]


def _release(changes: Changes) -> list[str]:
    if changes.release_now is None:
        return []
    if changes.release_before is None:
        return [f"Release {changes.release_now} is live; nothing was live before."]
    if changes.release_before == changes.release_now:
        return [f"Release {changes.release_now} stays live; nothing new was published."]
    return [f"Release {changes.release_now} is live; before it was release {changes.release_before}."]


def _summary(changes: Changes) -> str:
    assert changes.since is not None
    counted = [
        (changes.new_files, "new file", "came in", "came in"),
        (len(changes.broken), "promise", "broke", "broke"),
        (len(changes.mended), "promise", "is kept again", "are kept again"),
        (len(changes.set_aside), "file", "was set aside", "were set aside"),
        (sum(1 for r in changes.reasons if not r["rows_before"]), "new reason", "turned rows away", "turned rows away"),
    ]
    parts = [f"{number_in_words(count, noun)} {singular if count == 1 else plural}" for count, noun, singular, plural in counted if count]
    return f"Since the page of {moment_in_words(changes.since)}: {', '.join(parts) or 'no file came in and no promise broke or was mended'}."
