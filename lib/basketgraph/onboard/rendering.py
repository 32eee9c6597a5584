"""Render a planned mapping as YAML, with comments for what was guessed, why, and what is left to do."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import yaml

from basketgraph.clean.characters import shown
from basketgraph.foundation.goals import EVENTS, LEAST_RATING, REVIEWS, WORDS
from basketgraph.onboard.column_profiles import Profile, shape
from basketgraph.onboard.draft_tables import Remark, Table
from basketgraph.onboard.plan import FilesPlan, Plan
from basketgraph.onboard.role_scores import IDS
from basketgraph.onboard.roles import WHO

WIDTH = 148
EXAMPLES = 4
GOOD = 0.75  # of the way from the worst rating to the best: 4 of 5 stars
Masker = Callable[[str], str]


def render(plan: Plan, masker: Masker) -> tuple[str, list[Remark]]:
    """Render (the mapping's text, all its remarks). masker: masks what looks personal in examples of values."""
    remarks = [*plan.remarks]
    lines = [
        f"# First written by `basketgraph onboard` from {_amount(plan)}.",
        f"# Read the guesses and answer each TODO; `basketgraph check-source {plan.shop}` tells what becomes of the rows; all keys: docs/sources.md",
    ]
    lines += _comments(0, (Remark("note", "files", f"not mapped: {text}") for text in plan.left_out))
    lines += [f"shop: {scalar(plan.shop)} # part of every pseudonym: do not change it later", f"landing: {scalar(str(plan.landing))}"]
    for key, value in (("time_zone", plan.time_zone), ("currency", plan.currency)):
        lines += _comments(0, (r for r in plan.remarks if r.place == key))
        lines.append(f"{key}: {scalar(value)}")
    goal = drafted_goal([table for files in plan.files for table in files.tables])
    if goal is not None:
        value, guessed = goal
        remarks.append(guessed)
        lines += [*_comments(0, [guessed]), f"goal: {value}"]
    lines.append("files:")
    for files in plan.files:
        lines += _files(files, masker, remarks)
    lines.append("tables:")
    for files in plan.files:
        for table in files.tables:
            lines += _table(files, table)
            remarks += [remark for own in table.remarks.values() for remark in own]
    return "\n".join(lines) + "\n", remarks


def drafted_goal(tables: Iterable[Table]) -> tuple[str, Remark] | None:
    """(the mapping's goal as YAML, why) of a shop without purchases; None where purchases are what lists are for, or nothing can be."""
    by_name = {table.name: table for table in tables}
    if EVENTS in by_name:
        types = by_name[EVENTS].columns.get("event_type", "")
        goal = None if "purchase" in types else next((name for name in ("view", "favourite") if f"'{name}'" in types), None)
        if goal is None:
            return None
        return goal, Remark("guess", "goal", f"lists are for what people {WORDS[goal].past}", "there is no word for a purchase")
    reviews = by_name.get(REVIEWS)
    if reviews is None or not {"rating", "user_id", "event_date"} <= reviews.columns.keys():
        return None
    worst, best = (float(reviews.columns[column]) for column in ("rating_min", "rating_max"))
    least = round(2 * (worst + GOOD * (best - worst))) / 2
    return f"{{{LEAST_RATING}: {least:g}}}", Remark("guess", "goal", "lists are for what people rate highly", "the files have ratings alone")


def _amount(plan: Plan) -> str:
    count = sum(len(files.kind.files) for files in plan.files)
    rows = sum(files.reading.sample.rows for files in plan.files)
    totals = [files.reading.sample.total for files in plan.files]
    known = sum(total for total in totals if total is not None)
    about = f" of about {known:,}" if None not in totals and known > rows else ""
    return f"{count} file{'s' * (count != 1)} (looked at {rows:,} rows{about})"


def _files(files: FilesPlan, masker: Masker, remarks: list[Remark]) -> Iterator[str]:
    kind, sample = files.kind, files.reading.sample
    place = f"files.{kind.name}"
    yield f"  {scalar(kind.name)}:"

    def say(depth: int, *own: Remark) -> Iterator[str]:
        remarks.extend(own)
        return _comments(depth, own)

    def guess(key: str, text: str, because: str) -> Iterator[str]:
        return say(4, Remark("guess", f"{place}.{key}", text, because))

    yield from say(4, *(Remark("note", place, note) for note in sample.notes), *files.remarks)
    if kind.guessed_pattern:
        yield from guess("pattern", "later files are called alike", f"the pattern fits {len(kind.files)} file(s) and no other")
    yield f"    pattern: {scalar(kind.pattern)}"
    yield f"    format: {sample.format}"
    if sample.options:
        for key, why in sample.because.items():
            yield from guess(f"options.{key}", f"{key} {sample.options.get(key)}", why) if why else ()
        yield f"    options: {{{', '.join(f'{key}: {scalar(value, inside=True)}' for key, value in sample.options.items())}}}"
    yield "    # Every raw column: the content of all of them is the id of a row without one, so take none away later."
    yield "    columns:"
    for name, declared in sample.declared.items():
        yield f"      {scalar(name)}: {scalar(declared)}{_examples(files, name, masker)}"
    if kind.optional:
        yield f"    optional: [{_listed(kind.optional)}] # not in every file"
    personal = personal_columns(files)
    if personal:
        yield from guess("personal", "these are about persons and are masked in silver.rejected_rows", "of their headers and values")
        yield f"    personal: [{_listed(personal)}]"
    nothing = sorted({text for profile in files.reading.profiles for text in profile.nothing} | set(sample.nothing))
    if nothing:
        text = f"{', '.join(map(shown, nothing))} mean that there is no value"
        yield from guess("null_values", text, "they stand where all else is something else")
        yield f"    null_values: [{_listed(['', *nothing])}]"
    if files.lets.names:
        yield "    let:"
        for name, expression in files.lets.names.items():
            yield from say(6, *(replace(remark, place=f"{place}.{remark.place}") for remark in files.lets.remarks.get(name, [])))
            yield f"      {name}: {scalar(expression)}"


def personal_columns(files: FilesPlan) -> list[str]:
    """Top-level raw columns with personal values, among them ids of users, visitors and sessions and what people wrote."""
    roles = files.reading.roles
    written = ("review_title", "review_text", "name") if files.reading.reviews else ()
    taken = {roles[role].name for role in (*WHO, *written) if role in roles}
    about = {profile.name for profile in files.reading.profiles if profile.personal or profile.name in taken}
    sample = files.reading.sample
    lines_of = {} if sample.lines is None else {sample.lines.path[0]: f"{sample.lines.name}."}  # column with the list of lines -> how fields begin
    return [top for top in sample.declared if any(f"{name}.".startswith((f"{top}.", lines_of.get(top, f"{top}."))) for name in about)]


def _examples(files: FilesPlan, name: str, masker: Masker) -> str:
    profile = next((p for p in files.reading.profiles if p.name == name), None)
    if profile is None:
        return ""
    roles = {p.name: role for role, p in files.reading.roles.items()}
    if not profile.filled:
        return " # empty in the sample"
    examples = [example(text, profile, roles.get(name), masker) for text in _spread(profile)]
    filled = 100 * len(profile.filled) / max(1, len(profile.column.values))
    holes = f", {100 - filled:.0f} % empty" if filled < 99.5 else ""
    texts = " | ".join(dict.fromkeys(shown(re.sub(r"[ \t\r\n]+", " ", text)) for text in examples))
    return f" # {len(profile.counts):,} different{holes}: {texts}"


def _spread(profile: Profile) -> list[str]:
    counts = profile.counts if profile.raw is None else Counter(text for text in profile.raw.values if text is not None)
    frequent = [text for text, _ in counts.most_common(EXAMPLES * 3)]
    return frequent[:: max(1, len(frequent) // EXAMPLES)][:EXAMPLES]


def example(text: str, profile: Profile, role: str | None, masker: Masker) -> str:
    """A value as it may be shown: a personal one by its shape only; ids of things, times and numbers in full; others masked."""
    if role in WHO or profile.personal:
        return shape(text)[:30]
    if role in IDS or profile.timestamp is not None or role in ("time", "quantity", "unit_price", "amount"):
        return text[:40]
    return masker(text)[:40]


def _table(files: FilesPlan, table: Table) -> Iterator[str]:
    yield f"  {table.name}:"
    yield f"    files: {scalar(files.kind.name)}"
    if table.where is not None:
        yield from _comments(4, table.remarks.get("where", []))
        yield f"    where: {scalar(table.where)}"
    if table.version is not None:
        yield from _comments(4, table.remarks.get("version", []))
        yield f"    version: {scalar(table.version)} # of two versions of a row the one that is later by this counts"
    if table.equal_rows is not None:
        yield from _comments(4, table.remarks.get("equal_rows", []))
        yield f"    equal_rows: {table.equal_rows}"
    yield "    columns:"
    for column, expression in table.columns.items():
        yield from _comments(6, table.remarks.get(column, []))
        yield f"      {column}: {scalar(expression)}"
    yield from _comments(6, [r for key in ("event_id", "order_id") if key not in table.columns for r in table.remarks.get(key, [])])
    if table.nullable:
        yield f"    nullable: [{_listed(table.nullable)}] # only some kinds of rows have them"
    if table.reject:
        yield "    reject:"
        for reason, condition in table.reject.items():
            yield from _comments(6, table.remarks.get(reason, []))
            yield f"      {reason}: {scalar(condition)}"


def _comments(depth: int, remarks: Iterable[Remark]) -> Iterator[str]:
    for remark in remarks:
        text = shown(re.sub(r"[ \t\r\n]+", " ", remark.comment))
        for number, line in enumerate(textwrap.wrap(text, WIDTH - depth - 4)):
            yield f"{' ' * depth}# {'  ' * (number > 0)}{line}"


def scalar(value: Any, *, inside: bool = False) -> str:
    """A value as YAML on one line; plain where that reads back the same. inside: in a list or mapping in brackets."""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    if not text.isprintable():
        return f'"{shown(text.replace(chr(92), chr(92) * 2).replace(chr(34), chr(92) + chr(34)))}"'
    try:
        if text and " #" not in text and yaml.safe_load(f"{{k: [{text}]}}" if inside else f"k: {text}") == {"k": [text] if inside else text}:
            return text
    except yaml.YAMLError:
        pass
    return yaml.safe_dump(text, default_style='"', allow_unicode=True, width=1 << 20).strip()


def _listed(values: Iterable[str]) -> str:
    return ", ".join(scalar(value, inside=True) for value in values)
