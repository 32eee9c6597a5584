"""Which of the files that were read before can be read again, where they lie now, and why the others cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from basketgraph.clean.cleaning import CleanSettings
from basketgraph.clean.landing import patterns_of
from basketgraph.clean.landing_files import Landing, LandingFile
from basketgraph.clean.ledger import Entry, Ledger
from basketgraph.clean.lineage import FileId
from basketgraph.clean.raw_rows import examined_files
from basketgraph.clean.sql_checks import CheckedSource


class RereadableFiles:
    """Looks into the landing folder; reads no rows."""

    def __init__(self, checked: CheckedSource, landing: Landing, ledger: Ledger, settings: CleanSettings) -> None:
        self.checked, self.source, self.landing, self.settings = checked, checked.source, landing, settings
        found = landing.with_hashes(landing.list(patterns_of(checked.source)), ledger.known_hashes())
        self.landed = {(file.path, file.file_hash): file for file in found if file.problem is None}

    def present(self, table: str, entries: Mapping[FileId, Entry]) -> tuple[dict[FileId, LandingFile], dict[FileId, str]]:
        """(files that can be read again, under the names and times they were first read with; why the others cannot)."""
        present, left = {}, {}
        files, places = self.source.files[self.source.tables[table].files], self._places(table, list(entries))
        most, share = self.settings.max_record_bytes, self.settings.damaged_share
        landed = list(places.values())
        examined = examined_files(self.landing.spark, self.landing, files, landed, max_record_bytes=most, damaged_share=share)
        of_path = {file.path: file for file in examined}
        for file, entry in entries.items():
            if file not in places:
                left[file] = "gone from the landing folder"
            elif (found := of_path[places[file].path]).problem is not None:
                left[file] = f"cannot be read: {found.problem}"
            else:
                present[file] = replace(found, path=file[0], modified_at=entry["modified_at"], listed_at=found.modified_at)
        return present, left

    def _places(self, table: str, wanted: Sequence[FileId]) -> dict[FileId, LandingFile]:
        """The file that has the content now: of the same name or, where the mapping reads no names, another one. None is taken for two."""
        found = {file: self.landed[file] for file in wanted if file in self.landed}
        if not self.checked.named[table]:
            others = {file.file_hash: file for place, file in self.landed.items() if place not in found}
            found |= {file: others.pop(file[1]) for file in wanted if file not in found and file[1] in others}
        return found
