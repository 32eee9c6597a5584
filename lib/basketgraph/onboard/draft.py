"""Draft a shop's mapping from its files, and write it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from basketgraph.clean.mapping import read_source
from basketgraph.foundation.config import UserError, made
from basketgraph.foundation.tables.files import write_atomically
from basketgraph.onboard.draft_tables import Remark
from basketgraph.onboard.file_kinds import file_kinds
from basketgraph.onboard.files import find_files
from basketgraph.onboard.plan import Plan, plan
from basketgraph.onboard.rendering import Masker, render


@dataclass(frozen=True)
class Draft:
    """A drafted mapping with its remarks: guesses, TODOs and notes."""

    plan: Plan
    text: str
    remarks: tuple[Remark, ...]

    def said(self, kind: str) -> list[Remark]:
        return [remark for remark in self.remarks if remark.kind == kind]


def draft(
    shop: str,
    paths: Sequence[str],
    *,
    landing: Path | None,
    currency: str | None,
    time_zone: str | None,
    masker: Masker,
    columns: Sequence[str] = (),
) -> Draft:
    """Sample the files and draft the shop's mapping, without Spark. columns: the names of the fields of CSV files without a header.

    errors: UserError for a name that cannot be a file's, files that no mapping can read, and files that are not about sales, items or users.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", shop):
        raise UserError(f"--shop: want a name of a-z, 0-9, _ and -, have {shop}")
    folder, files = find_files(paths, landing)
    kinds = file_kinds(folder, files, columns)
    if columns and not any("header" in kind.sample.options for kind in kinds):
        fault = f"{kinds[0].pattern}: have {', '.join(kinds[0].sample.declared)[:100]}"
        raise UserError("--columns: want a CSV file without a header line, have none", [fault], "Leave --columns out.")
    drafted = rendered(plan(shop, folder, kinds, currency=currency, time_zone=time_zone), masker)
    _, faults = read_source(yaml.safe_load(drafted.text), shop)
    if faults and (currency or time_zone):
        raise UserError("--currency or --time-zone cannot be used", faults)
    return drafted


def rendered(plan: Plan, masker: Masker) -> Draft:
    """The draft of a plan as it is now."""
    text, remarks = render(plan, masker)
    return Draft(plan, text, tuple(remarks))


def write(draft: Draft, place: Path, *, force: bool) -> None:
    """Write the mapping atomically. Raises UserError where one is there, unless `force`."""
    want_free(place, force=force)
    made(place.parent, str(place))
    write_atomically(place, draft.text)


def want_free(place: Path, *, force: bool) -> None:
    if place.is_dir():
        raise UserError(f"{place}: want a file for the mapping, have a folder", cure="Name the file: --out FILE.")
    if place.exists() and not force:
        raise UserError(
            f"{place}: a mapping is there already, and it was left as it is", cure="Name another shop or --out FILE, or say --force to replace it."
        )
