"""What the reader must know first, and each table's promises with what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from basketgraph.contracts import contract
from basketgraph.report.facts import Facts
from basketgraph.report.sentences import is_unusual, listed, usual_in_words
from basketgraph.wording import number_in_words

MARKS = {"critical": "✗ critical", "warning": "✗ warning", "accepted": "○ accepted", "unusual": "! unusual", "kept": "✓ kept"}
ORDER = tuple(MARKS)
MOST_STEPS = 3  # are named


@dataclass(frozen=True)
class Verdict:
    """level: good, warning or critical."""

    level: str
    title: str
    sentences: tuple[str, ...]


def state(check: Mapping[str, Any]) -> str:
    """critical or warning: broken; accepted: broken, and a person let it pass; unusual: kept, with a number far from its history; kept."""
    if check["success"]:
        return "unusual" if is_unusual(check) else "kept"
    return "accepted" if check["accepted_because"] else str(check["severity"])


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def verdict(found: Facts) -> Verdict:
    """Whether something stopped the run, what needs a look, and which lists are live."""
    states = [state(check) for check in found.checks]
    critical, accepted = states.count("critical"), states.count("accepted")
    cut_short = _cut_short(found.unfinished)
    failed = [step for step in found.steps if step["status"] == "failed"]
    live = f"Release {found.release['release']} is live." if found.release else "Nothing has been released yet."
    promises = number_in_words(len(states), "promise")
    kept = f"{number_in_words(states.count('kept') + states.count('unusual'))} of {promises} {_are(len(states))} kept"
    counts = [
        (states.count("warning"), "warning", ""),
        (states.count("unusual"), "unusual number", ""),
        (states.count("accepted"), "broken promise", " that a person let pass"),
        (len(found.quarantined), "file", " set aside"),
    ]
    some = [f"{number_in_words(count, noun)}{rest}" for count, noun, rest in counts if count]
    look = [*cut_short, *([f"To look at: {listed(some)}."] if some else [])]
    if critical:
        what = f"{number_in_words(critical, 'critical promise')} of {number_in_words(len(states))} {_are(critical)} broken."
        stays = f"release {found.release['release']} stays live." if found.release else "nothing is live yet."
        return Verdict("critical", "Stopped: the data broke its promises", (what, f"Nothing of this run was published; {stays}", *look))
    sound = f"{kept}; none that is critical is broken{', but for what a person let pass' if accepted else ''}."
    if failed:
        return Verdict("critical", f"Not published: the step {_named(failed[-1]['step'])} ended the run", (sound, *look, live))
    if cut_short:
        told = (sound,) if found.checks else ()
        return Verdict("warning", f"Not known to be well: the step {_named(found.unfinished[0])} did not finish", (*look, *told, live))
    if not found.checks:
        return Verdict("warning", "Nothing was checked yet", (*look, live))
    if look:
        return Verdict("warning", "The data can be used, with something to look at", (sound, *look, live))
    return Verdict("good", "All is well", (f"All {promises} about the data were kept.", live))


def _named(step: str) -> str:
    return f"“{step.replace('_', ' ')}”"


def _cut_short(unfinished: Sequence[str]) -> list[str]:
    """That steps did not finish, and that the rest of the page may be older than the run."""
    if not unfinished:
        return []
    names = [_named(step) for step in unfinished[:MOST_STEPS]]
    names += [f"{number_in_words(len(unfinished) - MOST_STEPS)} more"] if len(unfinished) > MOST_STEPS else []
    steps = f"{'This step' if len(unfinished) == 1 else 'These steps'} did not finish in this run, and left no word why: {listed(names)}."
    return [f"{steps} What the page tells may be from the run before."]


def told_checks(found: Facts) -> list[dict[str, Any]]:
    """Every check with its state, its mark and what is usual for it, what needs a look first."""
    told = [{**c, "state": state(c), "mark": MARKS[state(c)], "usual": usual_in_words(c, found.ds)} for c in found.checks]
    return sorted(told, key=lambda check: (ORDER.index(check["state"]), check["table_name"], check["check_name"]))


def promised_tables(found: Facts) -> list[dict[str, Any]]:
    """Each checked table with its promises and how many are in which state, tables with broken ones first."""
    tables = []
    for name, rows in groupby(sorted(told_checks(found), key=lambda check: str(check["table_name"])), key=lambda check: check["table_name"]):
        checks = list(rows)
        counts = {state: sum(1 for check in checks if check["state"] == state) for state in ORDER}
        looked_at = max((check["element_count"] for check in checks if check["element_count"] is not None), default=0)
        live = (found.release or {}).get("rows", {}).get(name)
        tables.append(
            {
                "name": name,
                "description": contract(name).description,
                "rows": looked_at if live is None else live,
                "version": checks[0]["table_version"],
                "checks": checks,
                "counts": counts,
                "level": _level(counts),
                "words": _counts_in_words(counts, len(checks)),
            }
        )
    return sorted(tables, key=lambda table: tuple(-table["counts"][state] for state in ORDER[:-1]))


def _level(counts: Mapping[str, int]) -> str:
    """The class that colours a table's mark: the worst state among its promises."""
    return next((state for state in ORDER[:-1] if counts[state]), "good")


def _counts_in_words(counts: Mapping[str, int], checks: int) -> str:
    if counts["kept"] == checks:
        return f"✓ all {checks} kept"
    broken = counts["critical"] + counts["warning"]
    told = [(broken, "broken"), (counts["accepted"], "broken and accepted"), (counts["unusual"], "unusual")]
    return f"{MARKS[_level(counts)][0]} {', '.join(f'{count} {word}' for count, word in told if count)} of {checks}"
