"""The verdict of the page, and each table's promises with their states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from basketgraph.foundation.contracts import contract
from basketgraph.foundation.quality.check_results import NO_ROWS, NOT_COMPARED, is_partial
from basketgraph.foundation.quality.renderers import listed, number_in_words
from basketgraph.foundation.runs.alerts import REFUSED
from basketgraph.report.sentences import is_unusual, looked_at_in_words, open_in_words

if TYPE_CHECKING:
    from basketgraph.report.page_data import PageData

MARKS = {
    "critical": "✗ critical",
    "warning": "✗ warning",
    "open": "◐ open",
    "accepted": "○ accepted",
    "unusual": "! unusual",
    "not_compared": "– not compared",
    "kept": "✓ kept",
}
ORDER = tuple(MARKS)
QUIET = ("not_compared", "kept")  # need no look
MOST_STEPS = 3  # are named


@dataclass(frozen=True)
class Verdict:
    """level: good, warning or critical."""

    level: str
    title: str
    sentences: tuple[str, ...]


def state(check: Mapping[str, Any]) -> str:
    """The state of a promise, a key of MARKS.

    critical, warning: broken.   accepted: broken, and a person accepted it.   open: not broken in the rows that were looked at, but broken in rows of
    an earlier look.   unusual: kept, with a number far from its history.   not_compared: not broken, but nothing could be compared.   kept.
    """
    if not check["success"]:
        return "accepted" if check["accepted_because"] else str(check["severity"])
    if check["open"] or is_unusual(check):
        return "open" if check["open"] else "unusual"
    return "not_compared" if check["outcome"] in (NOT_COMPARED, NO_ROWS) else "kept"


def critical_failures(checks: Sequence[Mapping[str, Any]], run_id: str) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Critical failures that nobody accepted: those of this run, and those of earlier runs.

    checks: every table's newest results, of whichever run.
    """
    critical = [check for check in checks if state(check) == "critical"]
    return [check for check in critical if check["run_id"] == run_id], [check for check in critical if check["run_id"] != run_id]


def lack_rows(checks: Sequence[Mapping[str, Any]]) -> bool:
    """Whether all that is broken is that tables have no rows: the shop is young, or does not tell its products; its data broke nothing."""
    return bool(checks) and all(check["check_name"].startswith("table_row_count_to_be_between") for check in checks)


def _stopped(own: Sequence[Mapping[str, Any]]) -> str:
    """The title of a run that its critical failures stopped."""
    tables = sorted({check["table_name"] for check in own})
    if lack_rows(own):
        return f"Stopped: there is not enough data yet, {listed(tables)} {'has' if len(tables) == 1 else 'have'} no rows"
    are_made = all(table.startswith("gold.") for table in tables)
    return f"Stopped: {'what was made of the data' if are_made else 'the data'} broke its promises"


def refusals(steps: Sequence[Mapping[str, Any]]) -> list[str]:
    """Why the gate refused the lists of this run, a sentence each; none where it did not. steps: rows of ops.runs."""
    return [reason for step in steps if step["exit_code"] == REFUSED for reason in step["reasons"] or [step["error"]]]


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def verdict(data: PageData) -> Verdict:
    """Whether something stopped the run, what needs a look, and which lists are live."""
    states = [state(check) for check in data.checks]
    own, earlier = critical_failures(data.checks, data.run_id)
    cut_short = _cut_short(data.unfinished)
    failed = [step for step in data.steps if step["status"] == "failed"]
    live = f"Release {data.release['release']} is live." if data.release else "Nothing has been released yet."
    counts = [
        (states.count("warning"), "warning", ""),
        (states.count("open"), "warning", " of an earlier look whose rows were not looked at since"),
        (states.count("unusual"), "unusual number", ""),
        (states.count("accepted"), "broken promise", " that a person accepted"),
        (len(data.quarantined), "file", " set aside"),
    ]
    some = [f"{number_in_words(count, noun)}{rest}" for count, noun, rest in counts if count]
    look = [*cut_short, *([f"To look at: {listed(some)}."] if some else [])]
    if failed and own:
        what = f"{number_in_words(len(own), 'critical promise')} of {number_in_words(len(states))} {_are(len(own))} broken."
        stays = f"release {data.release['release']} stays live." if data.release else "nothing is live yet."
        told = (what, f"Nothing of this run was published; {stays}", *_left_out(earlier, data.run_id), *look)
        return Verdict("critical", _stopped(own), told)
    left_out = _left_out([*own, *earlier], data.run_id)
    sound = (_kept(states), *left_out)
    if reasons := refusals(data.steps):
        told = (f"The gate gave {number_in_words(len(reasons), 'reason')}, which {_are(len(reasons))} below.", *sound, *look, live)
        return Verdict("critical", "Not published: the gate refused the lists", told)
    if failed:
        return Verdict("critical", f"Not published: the step {_named(failed[-1]['step'])} ended the run", (*sound, *look, live))
    if cut_short:
        told = sound if data.checks else ()
        return Verdict("warning", f"Not known to be well: the step {_named(data.unfinished[0])} did not finish", (*look, *told, live))
    if not data.checks:
        return Verdict("warning", "Nothing was checked yet", (*look, live))
    if left_out:
        return Verdict("warning", "What is live can be used; tables with broken promises were left out", (*sound, *look, live))
    if look:
        return Verdict("warning", "The data can be used, with something to look at", (*sound, *look, live))
    return _sound(states, " in the rows that were looked at" if any(map(is_partial, data.checks)) else "", live)


def _sound(states: Sequence[str], where: str, live: str) -> Verdict:
    """The verdict of a run in which nothing needs a look. where: which rows were looked at, if not all."""
    promises, others = number_in_words(len(states), "promise"), not_compared_in_words(states)
    if not kept(states):
        return Verdict("warning", "Nothing could be compared yet", (f"None of {promises} could be compared yet.", live))
    count, rest = (f"{number_in_words(kept(states))} of", f"; {others}") if others else ("All", "")
    return Verdict("good", "All is well", (f"{count} {promises} about the data were kept{where}{rest}.", live))


def kept(states: Sequence[str]) -> int:
    return states.count("kept") + states.count("unusual")


def not_compared_in_words(states: Sequence[str]) -> str:
    """8 could not be compared yet; empty where all were."""
    count = states.count("not_compared")
    return f"{number_in_words(count)} could not be compared yet" if count else ""


def _kept(states: Sequence[str]) -> str:
    sentence = f"{number_in_words(kept(states))} of {number_in_words(len(states), 'promise')} {_are(len(states))} kept"
    sentence += f" and {others}" if (others := not_compared_in_words(states)) else ""
    if "critical" not in states:
        sentence += f"; none that is critical is broken{', but for what a person accepted' if 'accepted' in states else ''}"
    return f"{sentence}."


def _left_out(broken: Sequence[Mapping[str, Any]], run_id: str) -> list[str]:
    """A sentence about tables with critical failures that did not stop this run, since it did not check them."""
    if not broken:
        return []
    tables = sorted({check["table_name"] for check in broken})
    what = f"{number_in_words(len(broken), 'critical promise')} of {listed(tables)} {_are(len(broken))}"
    since = " still broken since an earlier run" if all(check["run_id"] != run_id for check in broken) else " broken"
    return [f"{what}{since}; {'that table is' if len(tables) == 1 else 'these tables are'} not published by this run."]


def _named(step: str) -> str:
    return f"“{step.replace('_', ' ')}”"


def _cut_short(unfinished: Sequence[str]) -> list[str]:
    """Two sentences: steps did not finish, and the page may describe the run before."""
    if not unfinished:
        return []
    names = [_named(step) for step in unfinished[:MOST_STEPS]]
    names += [f"{len(unfinished) - MOST_STEPS} more"] if len(unfinished) > MOST_STEPS else []
    steps = f"{'This step' if len(unfinished) == 1 else 'These steps'} did not finish in this run, and left no word why: {listed(names)}."
    return [f"{steps} What the page tells may be from the run before."]


def checks_with_states(data: PageData) -> list[dict[str, Any]]:
    """Every check with its state, mark and scope in words; those that need a look first."""
    checks = [{**c, "state": state(c), "mark": MARKS[state(c)], "looked_at": looked_at_in_words(c), "waiting": open_in_words(c)} for c in data.checks]
    return sorted(checks, key=lambda check: (ORDER.index(check["state"]), check["table_name"], check["check_name"]))


def promised_tables(data: PageData) -> list[dict[str, Any]]:
    """Each checked table with its promises, counted by state; tables with broken promises first."""
    by_table = itemgetter("table_name")
    by_name = groupby(sorted(checks_with_states(data), key=by_table), key=by_table)
    tables = [_promised_table(list(checks), data.release or {}) for _, checks in by_name]
    return sorted(tables, key=lambda table: tuple(-table["counts"][state] for state in ORDER if state not in QUIET))


def _promised_table(checks: Sequence[Mapping[str, Any]], release: Mapping[str, Any]) -> dict[str, Any]:
    name, version, counts = checks[0]["table_name"], checks[0]["table_version"], Counter(check["state"] for check in checks)
    table = {"name": name, "description": contract(name).description, "rows": _rows_of(checks, release), "version": version}
    return {**table, "checks": checks, "counts": counts, "level": _level(counts), "words": _counts_in_words(counts, len(checks))}


def _rows_of(checks: Sequence[Mapping[str, Any]], release: Mapping[str, Any]) -> int:
    """Rows of the checked version: the release's count where it published that version, else the count of its checks."""
    name, version = checks[0]["table_name"], checks[0]["table_version"]
    if name in release.get("rows", {}) and release.get("versions", {}).get(name) == version:
        return int(release["rows"][name])
    counts = [check["value"] for check in checks if check["check_name"].startswith("table_row_count")]
    return int(max(filter(None, counts), default=0) or max(check["element_count"] or 0 for check in checks))


def _level(counts: Mapping[str, int]) -> str:
    """The class that colours a table's mark: the worst state among its promises."""
    return next((state for state in ORDER if counts[state] and state not in QUIET), "good" if counts["kept"] else "not_compared")


def _counts_in_words(counts: Mapping[str, int], checks: int) -> str:
    if counts["kept"] == checks:
        return f"✓ all {checks} kept"
    broken, level = counts["critical"] + counts["warning"], _level(counts)
    mark = MARKS["kept" if level == "good" else level][0]
    parts = [(broken, "broken"), (counts["open"], "open"), (counts["accepted"], "broken and accepted"), (counts["unusual"], "unusual")]
    parts += [(counts["kept"] if level == "good" else 0, "kept"), (counts["not_compared"], "not compared")]
    return f"{mark} {', '.join(f'{count} {word}' for count, word in parts if count)} of {checks}"
