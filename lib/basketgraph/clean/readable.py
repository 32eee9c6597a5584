"""Which of the files that were read before can be read again, where they lie now, and why the others cannot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from pyspark.sql import functions as F

from basketgraph.clean.again import giving
from basketgraph.clean.cleaning import CleanSettings
from basketgraph.clean.landing_files import Landing, LandingFile
from basketgraph.clean.ledger import Entry, Ledger
from basketgraph.clean.lineage import FileId
from basketgraph.clean.mapping import FileSet
from basketgraph.clean.raw_rows import examined_files
from basketgraph.clean.sql_checks import CheckedSource
from basketgraph.foundation.progress import each
from basketgraph.foundation.tables.warehouse import RunTables


class Readable:
    """Looks into the landing folder; reads no rows."""

    def __init__(self, checked: CheckedSource, landing: Landing, tables: RunTables, settings: CleanSettings) -> None:
        self.checked, self.source, self.landing, self.release, self.settings = checked, checked.source, landing, tables, settings

    def landed(self, ledger: Ledger) -> dict[FileId, LandingFile]:
        """What lies in the landing folder now."""
        known = ledger.known_hashes()
        found = self.landing.list([self.source.files[mapped.files].pattern for mapped in self.source.tables.values()])
        hashed = [replace(f, file_hash=known[f.seen_as]) if f.seen_as in known else self.landing.hashed(f) for f in each(found, "files hashed")]
        return {(file.path, file.file_hash): file for file in hashed if file.problem is None}

    def present(
        self, table: str, entries: Mapping[FileId, Entry], landed: Mapping[FileId, LandingFile]
    ) -> tuple[dict[FileId, LandingFile], dict[FileId, str]]:
        """(files that can be read again, under the names and times they were first read with; why the others cannot)."""
        present, left = {}, {}
        several = [path for path, contents in giving(entries).items() if len(contents) > 1]
        untold: set[str] = set()  # paths of several contents with rows that do not say which of them they are from
        if several:
            nameless = self.release.read(table).where(F.col("file_hash").isNull() & F.col("source_file").isin(several))
            untold = {row.source_file for row in nameless.select("source_file").distinct().collect()}
        places = self._places(table, [file for file in entries if file[0] not in untold], landed)
        examined = self._examined(self.source.files[self.source.tables[table].files], list(places.values()))
        for file, entry in entries.items():
            path, _ = file
            if path in untold:
                left[file] = "several contents of this path gave rows before rows named their content; which rows are this one's cannot be told"
            elif file not in places:
                left[file] = "gone from the landing folder"
            elif (problem := examined[places[file].path].problem) is not None:
                left[file] = f"cannot be read: {problem}"
            else:
                found = examined[places[file].path]
                present[file] = replace(found, path=path, modified_at=entry["modified_at"], listed_at=found.modified_at)
        return present, left

    def changed(self, files: Iterable[LandingFile]) -> dict[str, str]:
        """URI -> what happened to it, of those of the files that are no longer what was looked at."""
        uris = {file.uri: file for file in files}
        return {uri: problem for uri, file in uris.items() if (problem := self.landing.changed(file)) is not None}

    def _places(self, table: str, wanted: Sequence[FileId], landed: Mapping[FileId, LandingFile]) -> dict[FileId, LandingFile]:
        """The file that has the content now: of the same name or, where the mapping reads no names, another one. None is taken for two."""
        found = {file: landed[file] for file in wanted if file in landed}
        if not self.checked.named[table]:
            others = {file.file_hash: file for place, file in landed.items() if place not in found}
            found |= {file: others.pop(file[1]) for file in wanted if file not in found and file[1] in others}
        return found

    def _examined(self, files: FileSet, landed: Sequence[LandingFile]) -> dict[str, LandingFile]:
        """Path -> the file, looked through as cleaning does it."""
        most, share = self.settings.max_record_bytes, self.settings.damaged_share
        found = examined_files(self.landing.spark, self.landing, files, landed, max_record_bytes=most, damaged_share=share)
        return {file.path: file for file in found}
