"""Group files of the same columns: each group is one entry of a mapping's `files`."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from basketgraph.foundation.config import UserError
from basketgraph.foundation.progress import each
from basketgraph.onboard.files import ENDINGS, SourceFile
from basketgraph.onboard.nested import of_records
from basketgraph.onboard.sample import MONTHS, Column, Sample, file_name
from basketgraph.onboard.sniff import sniff

LOOKED_AT = 8  # files of one name, spread over all of them
SMALL, MANY = 64 << 10, 100  # bytes of files of which more are looked at, such as those of one order each
MONTH = re.compile(rf"(?<![A-Za-z])(sept|{'|'.join(f'{month[:3]}({month[3:]})?' for month in MONTHS)})(?![A-Za-z])", re.IGNORECASE)
ROWS = 40_000  # of all files of a kind together
WHOLE = ("tinyint", "smallint", "int", "bigint")  # the wider one behind


@dataclass(frozen=True)
class FileKind:
    """Files with (nearly) the same columns, and one sample of them all."""

    name: str
    pattern: str
    guessed_pattern: bool
    files: tuple[SourceFile, ...]
    sample: Sample
    optional: tuple[str, ...]
    looked_at: tuple[SourceFile, ...] = ()


def file_kinds(folder: Path, landed: Sequence[SourceFile], columns: Sequence[str] = ()) -> list[FileKind]:
    """Sample the files and group those of the same columns. columns: the user's names for the fields of CSV files without a header.

    errors: UserError where a file cannot be read by any mapping, or files of one kind are in different encodings.
    """
    by_name: dict[str, list[SourceFile]] = {}
    for file in landed:
        by_name.setdefault(re.sub(r"[\d_.-]*\d[\d_.-]*", "0", MONTH.sub("0", file.name)), []).append(file)
    groups: list[tuple[list[SourceFile], list[Sample]]] = []
    for files in by_name.values():
        number = MANY if all(file.size < SMALL for file in files[:LOOKED_AT]) else LOOKED_AT
        chosen = files[:: max(1, len(files) // number)][:number]
        samples = [sniff(file, columns) for file in each(chosen, "files sampled")]
        for sample in samples:
            home = next((group for group in groups if _alike(group[1][0], sample)), None)
            if home is None:
                groups.append(([], [sample]))
            elif sample not in home[1]:
                home[1].append(sample)
        home = next(group for group in groups if _alike(group[1][0], samples[0]))
        looked = {sample.file.path: sample for sample in samples}
        for file in files:
            own = next((g for g in groups if file.path in looked and _alike(g[1][0], looked[file.path])), home)
            own[0].append(file)
    there = _others(folder, landed)
    taken: set[str] = set()
    return [_kind(files, samples, [f.name for other, _ in groups if other is not files for f in other] + there, taken) for files, samples in groups]


def _alike(one: Sample, other: Sample) -> bool:
    mine, theirs = _apart_from_numbers(one.declared), _apart_from_numbers(other.declared)
    same_dialect = all(one.options.get(key) == other.options.get(key) for key in ("sep", "quote", "header"))
    return one.format == other.format and same_dialect and len(mine & theirs) >= 0.7 * len(mine | theirs)


def _apart_from_numbers(columns: Iterable[str]) -> set[str]:
    """The columns' names, of those that differ in a number one only: files of one kind may have more or fewer features."""
    return {re.sub(r"\d+", "0", name) for name in columns}


def _others(folder: Path, landed: Sequence[SourceFile]) -> list[str]:
    """Landing files that the user did not name, which no pattern may match."""
    named = {file.name for file in landed}
    near = [p for p in folder.rglob("*") if p.is_file() and p.name.lower().endswith(ENDINGS)]
    return [name for p in near if (name := p.relative_to(folder).as_posix()) not in named]


def _kind(files: list[SourceFile], samples: list[Sample], others: Sequence[str], taken: set[str]) -> FileKind:
    pattern, guessed = _pattern([file.name for file in files], others)
    base = file_name(files[0].path)
    name = next(n for n in (base, *(f"{base}_{i}" for i in range(2, 1000))) if n not in taken)
    taken.add(name)
    together = _together(samples)
    everywhere = set.intersection(*[set(sample.declared) for sample in samples])
    optional = tuple(column for column in together.declared if column not in everywhere)
    return FileKind(name, pattern, guessed, tuple(files), together, optional, tuple(sample.file for sample in samples))


def _pattern(names: Sequence[str], others: Sequence[str]) -> tuple[str, bool]:
    """(pattern for these names and later ones, whether it matches more than these names); it matches none of `others`."""
    general = {re.sub(r"\*([-_.]?\*)+", "*", MONTH.sub("*", re.sub(r"(\d+[-_.T]?)*\d", "*", glob.escape(name)))) for name in names}
    start = os.path.commonprefix(list(names))  # noqa: RUF071 - parts of names count, too
    end = os.path.commonprefix([name[len(start) :][::-1] for name in names])[::-1]  # noqa: RUF071
    wide = f"{glob.escape(start)}*{glob.escape(end)}"
    for pattern in (*(general if len(general) == 1 else ()), *((wide,) if len(names) > 1 else ())):
        if not any(fnmatch.fnmatch(other, pattern) for other in others) and pattern.strip("*"):
            return pattern, "*" in pattern
    if len(names) == 1:
        return glob.escape(names[0]), False
    clash = [other for other in others if fnmatch.fnmatch(other, wide)]
    raise UserError(
        "no pattern tells these files from the others beside them",
        [f"want only {', '.join(sorted(names)[:3])}, have {clash[0]} with it in {wide}"],
        "Put each kind of file into a folder of its own below the landing folder.",
    )


def _together(samples: list[Sample]) -> Sample:
    """One sample of several files' rows."""
    first = samples[0]
    encodings = {str(s.options.get("encoding", "UTF-8")) for s in samples if not s.ascii}
    if len(encodings) > 1:
        faults = [f"{s.file.path}: {s.options.get('encoding', 'UTF-8')}" for s in samples if not s.ascii]
        raise UserError("files of one kind are in different encodings", faults, "Bring them to one: iconv -f windows-1252 -t UTF-8 OLD > NEW")
    if len(samples) == 1:
        return first
    share = max(1, ROWS // len(samples))
    totals = [s.total for s in samples]
    options = {key: value for sample in samples for key, value in sample.options.items()}
    because = {key: value for sample in samples for key, value in sample.because.items()}
    total = sum(t for t in totals if t is not None) if None not in totals else None
    if first.format == "json":  # what a field is in some files may be something else in others
        records = [record for sample in samples for record in sample.records[:: len(sample.records) // share + 1]]
        return replace(of_records(first.file, options, records, total, because), ascii=all(s.ascii for s in samples))
    columns: dict[str, Column] = {}
    rows = 0
    for sample in samples:
        step = sample.rows // share + 1
        taken = len(range(0, sample.rows, step))
        for column in sample.columns:
            known = columns.setdefault(column.name, Column(column.name, column.sql, column.kind, [None] * rows))
            known.values.extend(column.values[::step])
        rows += taken
        for column in columns.values():
            column.values.extend([None] * (rows - len(column.values)))
    declared = {name: kind for sample in reversed(samples) for name, kind in sample.declared.items()} | dict(first.declared)
    declared |= {name: _wide_enough([sample.declared[name] for sample in samples if name in sample.declared]) for name in declared}
    columns = {name: _as_one_type(one, declared.get(name, one.kind), samples) for name, one in columns.items()}
    lines = next((s.lines for s in samples if s.lines is not None), None)
    if lines is not None:  # of files with empty lists nobody can tell what is in them
        declared[lines.path[0]] = next(s.declared[lines.path[0]] for s in samples if s.lines is not None)
    return replace(
        first,
        options=options,
        declared=declared,
        lines=lines,
        columns=tuple(columns.values()),
        rows=rows,
        total=total,
        because=because,
        notes=tuple(dict.fromkeys(note for s in samples for note in s.notes)),
        ascii=all(s.ascii for s in samples),
        odd_rows=sum(s.odd_rows for s in samples),
    )


def _as_one_type(column: Column, kind: str, samples: Sequence[Sample]) -> Column:
    """The column under one type for all files; whole numbers are written alike, whether they were typed as floating-point or not."""
    kinds = {sample.declared.get(column.name) for sample in samples} - {None}
    if len(kinds) == 1 or not _is_number(kind):
        return column
    return replace(column, kind=kind, values=[None if value is None else value.removesuffix(".0") for value in column.values])


def _is_number(kind: str) -> bool:
    return kind in ("float", "double", *WHOLE) or kind.startswith("decimal")


def _wide_enough(kinds: Sequence[str]) -> str:
    """The type for the values of all files: the widest of numbers; of others text where it is among them, else the first."""
    different = list(dict.fromkeys(kinds))
    if len(different) == 1 or not all(map(_is_number, different)):
        return "string" if "string" in different else different[0]
    if all(kind in WHOLE for kind in different):
        return max(different, key=WHOLE.index)
    decimals = [tuple(map(int, re.findall(r"\d+", kind))) for kind in different if kind.startswith("decimal")]
    if len(decimals) < len(different):
        return "double"
    scale = max(scale for _, scale in decimals)
    return f"decimal({min(38, max(digits - its for digits, its in decimals) + scale)}, {scale})"
