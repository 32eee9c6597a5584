"""From the landing folder into silver: pick up what is new, judge it, write it once, and keep the ledger."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import Field
from pyspark import StorageLevel

from basketgraph.clean.batch import Prepared
from basketgraph.clean.counts import summed
from basketgraph.clean.file_validation import JAVA_ERRORS
from basketgraph.clean.landing import patterns_of
from basketgraph.clean.landing_files import MAX_RECORD_BYTES, Landing, LandingFile
from basketgraph.clean.ledger import DONE, QUARANTINED, Counts, Entry, Ledger, as_copy, attempt
from basketgraph.clean.raw_rows import examined_files, prepare_session, raw_rows, unreadable_files
from basketgraph.clean.sql_checks import CheckedSource
from basketgraph.clean.transform import REJECTED, table_rules
from basketgraph.clean.writes import write_rejected, write_rows
from basketgraph.foundation.config import Settings, UserError
from basketgraph.foundation.failures import handling
from basketgraph.foundation.privacy.log_masking import masked
from basketgraph.foundation.privacy.pseudonyms import PseudonymKey
from basketgraph.foundation.progress import at
from basketgraph.foundation.tables.warehouse import RunTables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

log = logging.getLogger("basketgraph")
LONGEST = 400  # of a file's name and problem in a message
Task = tuple[str, Sequence[LandingFile], str, "DataFrame"]  # table, files, batch id, raw rows


class CleanSettings(Settings):
    """conf/settings.yaml `clean`."""

    batch_bytes: int
    parallel_tables: int = 2
    max_record_bytes: int = MAX_RECORD_BYTES
    damaged_share: float = Field(0.05, ge=0, le=1)
    settle_seconds: float = 0


@dataclass(frozen=True)
class Outcome:
    """What a run of cleaning did. `written` are the tables with a new version."""

    written: tuple[str, ...]
    picked_up: int
    quarantined: tuple[tuple[str, str], ...]  # (path, problem)
    read: int
    accepted: int


@dataclass
class Work:
    """The files that a table has not got yet: `fresh` ones to be read, `copies` of content that it has or is about to get."""

    fresh: list[LandingFile]
    copies: list[LandingFile]


class Cleaning:
    """One run of cleaning for one shop."""

    def __init__(
        self, checked: CheckedSource, landing: Landing, tables: RunTables, *, key: PseudonymKey, settings: CleanSettings, now: datetime
    ) -> None:
        self.checked, self.source, self.landing, self.release = checked, checked.source, landing, tables
        self.spark, self.key, self.settings, self.now = tables.spark, key, settings, now
        self.rules = table_rules(checked, key)
        self.ledger = Ledger(tables, key, now)
        self.attempt = attempt(tables.run_id, now)
        self.outcomes: list[Counts] = []
        self.written: list[str] = []
        self.dropped: dict[tuple[str, str], LandingFile] = {}  # (table, path) of files that turned out to be unusable on being read
        self.merging = threading.Lock()  # a MERGE takes its commit metadata from the session

    def run(self) -> Outcome:
        """Clean everything that is new. Raises UserError, before anything is written, where no file of a kind can be used."""
        prepare_session(self.spark)
        self.ledger.undo_unfinished()
        listed = self._listed()
        work, problems = self._work(listed)
        self._write_quarantined(problems)
        self._load_batches(list(self._batches(work)))
        at("entering what was read into ops.files")
        self._write_copies(work)
        self._refuse_without_files()
        picked_up = {f.path for table, one in work.items() for f in (*one.fresh, *one.copies) if self.ledger.is_done(table, f)}
        unusable = [*self.dropped.values(), *(file for files in problems.values() for file in files)]
        quarantined = sorted({(file.path, str(file.problem)) for file in unusable})
        total = summed(self.outcomes)
        return Outcome(tuple(sorted(set(self.written))), len(picked_up), tuple(quarantined), total.read, total.accepted)

    def _load_batches(self, batches: Sequence[dict[str, list[LandingFile]]]) -> None:
        files = [len({file.path for chosen in batch.values() for file in chosen}) for batch in batches]
        for number, batch in enumerate(batches):
            at("files read", sum(files[:number]), sum(files))
            self._load(number, batch)

    def _listed(self) -> dict[str, list[LandingFile]]:
        """File set -> its files, with content hashes."""
        at("listing the landing folder")
        names = [name for name in self.source.files if any(mapped.files == name for mapped in self.source.tables.values())]
        found = self.landing.list(patterns_of(self.source))
        settled = self.settings.settle_seconds
        moving = [f for f in found if settled > 0 and (self.now - f.modified_at).total_seconds() < settled]
        for file in moving:
            log.warning("left for the next run, it may still be written: %s (clean.settle_seconds)", file.path)
        found = [f for f in found if f not in moving]
        hashed = self.landing.with_hashes(found, self.ledger.known_hashes())
        return {name: [file for file in hashed if file.matches(self.source.files[name].pattern)] for name in names}

    def _tables(self, file_set: str) -> list[str]:
        return [table for table, mapped in self.source.tables.items() if mapped.files == file_set]

    def _work(self, listed: Mapping[str, Sequence[LandingFile]]) -> tuple[dict[str, Work], dict[str, list[LandingFile]]]:
        """Per table what is to be read, and which files cannot be. Files are opened here, none is read."""
        work = {table: Work([], []) for table in self.source.tables}
        problems: dict[str, list[LandingFile]] = {}
        faults: list[str] = []
        for file_set, landed in listed.items():
            tables = self._tables(file_set)
            read = {table: bool(self.checked.named[table]) for table in tables}
            wanted = {file.path: [table for table in tables if not self.ledger.is_done(table, file, read=read[table])] for file in landed}
            usable = sum(not wanting for wanting in wanted.values())
            for examined in self._examined(file_set, [file for file in landed if wanted[file.path]]):
                wanting = wanted[examined.path]
                if examined.problem is not None:
                    for table in wanting:
                        problems.setdefault(table, []).append(examined)
                    continue
                usable += 1
                for table in wanting:
                    file_hash = examined.file_hash
                    known = self.ledger.with_hash(table, file_hash) is not None or file_hash in {f.file_hash for f in work[table].fresh}
                    there = known and not self.checked.named[table]
                    (work[table].copies if there else work[table].fresh).append(examined)
            if landed and not usable:
                broken = next(files for table, files in problems.items() if table in tables)
                faults += [masked(f"{file.path}: {file.problem}", longest=LONGEST) for file in broken]
        if faults:
            raise UserError("no file of this kind can be used; nothing was written", faults, "Mend the files, or the mapping's `files`.")
        return work, problems

    def _examined(self, file_set: str, landed: Sequence[LandingFile]) -> list[LandingFile]:
        """The files, each with its header or with the problem that keeps it from being read."""
        files, most, share = self.source.files[file_set], self.settings.max_record_bytes, self.settings.damaged_share
        return examined_files(self.spark, self.landing, files, landed, max_record_bytes=most, damaged_share=share)

    def _write_quarantined(self, problems: Mapping[str, Sequence[LandingFile]]) -> None:
        entries = [self.ledger.entry(self.rules[table], file, QUARANTINED, Counts()) for table, files in problems.items() for file in files]
        for path, problem in sorted({(entry["source_file"], entry["problem"]) for entry in entries}):
            log.warning("quarantined %s: %s", masked(path, longest=LONGEST), masked(problem, longest=LONGEST))
        self.ledger.write(entries)

    def _batches(self, work: Mapping[str, Work]) -> Iterator[dict[str, list[LandingFile]]]:
        """Table -> files, in batches of about `batch_bytes`; tables that read the same files get them in the same batch."""
        files = {file.path: file for one in work.values() for file in one.fresh}
        batch: set[str] = set()
        size = 0
        # Without `version` a file's modification time is its rows' version: read in that order, two batches say what one says.
        for path in [*sorted(files, key=lambda path: (files[path].modified_at, path)), None]:
            if batch and (path is None or size + files[path].size > self.settings.batch_bytes):
                yield {table: chosen for table, one in work.items() if (chosen := [f for f in one.fresh if f.path in batch])}
                batch, size = set(), 0
            if path is not None:
                batch.add(path)
                size += files[path].size

    def _load(self, number: int, batch: Mapping[str, list[LandingFile]]) -> None:
        """Judge, say what is begun, write, check, and enter into the ledger. What a crash leaves the next run takes back."""
        batch_id = f"{self.attempt}-{number:06d}"
        prepared, raws = self._judged(batch_id, batch)
        entries = [
            self.ledger.entry(one.rules, file, DONE, one.counts[file.path, file.file_hash], batch_id=batch_id)
            for one in prepared
            for file in one.files
        ]
        self.ledger.start(batch_id, entries)
        self._write_rejected(prepared)
        with ThreadPoolExecutor(self.settings.parallel_tables) as pool:
            list(pool.map(self._write_rows, prepared))
        self.ledger.write([*entries, *(entry for one in prepared for entry in self.ledger.retracted(one.table, one.retracted_from))])
        for one in prepared:
            self.outcomes += one.counts.values()
            one.release_memory()
        for raw in raws:
            raw.unpersist()

    def _judged(self, batch_id: str, batch: Mapping[str, list[LandingFile]]) -> tuple[list[Prepared], list[DataFrame]]:
        """The batch's rows, judged, and the raw ones. Files that cannot be read, or that changed meanwhile, are quarantined and left out."""
        while True:
            raws: dict[tuple[str, tuple[str, ...]], DataFrame] = {}
            failure: Exception | None = None
            prepared: list[Prepared] = []
            try:
                tasks = list(self._tasks(batch_id, batch, raws))
                # Side by side, since a Parquet file of one row group keeps one core busy, and small tables spend their time waiting for commits.
                with ThreadPoolExecutor(self.settings.parallel_tables) as pool:
                    prepared = list(pool.map(lambda task: self._prepare(*task), tasks))
            except (*JAVA_ERRORS, RuntimeError) as error:  # RuntimeError: counts that do not add up, as where a file was replaced between two passes
                failure = error
            bad = self._blamed(batch, failure)
            if not bad:
                return prepared, list(raws.values())
            for one in prepared:
                one.release_memory()
            for raw in raws.values():
                raw.unpersist()
            problems = {table: [replace(f, problem=bad[f.path]) for f in files if f.path in bad] for table, files in batch.items()}
            self.dropped |= {(table, file.path): file for table, files in problems.items() for file in files}
            self._write_quarantined(problems)
            batch = {table: rest for table, files in batch.items() if (rest := [f for f in files if f.path not in bad])}

    def _tasks(self, batch_id: str, batch: Mapping[str, list[LandingFile]], raws: dict[tuple[str, tuple[str, ...]], DataFrame]) -> Iterator[Task]:
        """What `_prepare` takes, the largest first. Tables that read the same files share a frame, which is put into `raws`."""
        for table, files in sorted(batch.items(), key=lambda pair: -sum(file.size for file in pair[1])):
            place = (self.source.tables[table].files, tuple(file.path for file in files))
            if place not in raws:
                raws[place] = self._raw(place[0], files)
            yield table, files, batch_id, raws[place]

    def _blamed(self, batch: Mapping[str, list[LandingFile]], failure: Exception | None) -> dict[str, str]:
        """As `_spoilt`. Raises the failure where no file is to blame for it."""
        bad: dict[str, str] = {}
        with handling(failure, "which of the files are to blame cannot be told"):
            bad = self._spoilt(batch, failure)
        if not bad and failure is not None:
            raise failure
        return bad

    def _spoilt(self, batch: Mapping[str, list[LandingFile]], failure: Exception | None) -> dict[str, str]:
        """Path -> problem of the batch's files that changed since they were listed or, where reading failed, of those that cannot be read."""
        files = {file.path: (self.source.tables[table].files, file) for table, landed in batch.items() for file in landed}
        found = {path: problem for path, (_, file) in files.items() if (problem := self.landing.changed(file)) is not None}
        if failure is not None and not found:
            for file_set in {name for name, _ in files.values()}:
                landed = [file for name, file in files.values() if name == file_set]
                found |= unreadable_files(self.spark, self.source, self.source.files[file_set], landed)
        return found

    def _refuse_without_files(self, fed: Collection[str] = ()) -> None:
        """Raises UserError where every file that a table ever had turned out, on being read, to be unusable. fed: tables that have another one."""
        done = {*fed} | {table for table, _, _ in (key for key, entry in self.ledger.entries.items() if entry["status"] == DONE)}
        faults = [f"{file.path}: {file.problem}" for (table, _), file in self.dropped.items() if table not in done]
        if faults:
            raise UserError("no file of this kind can be used", sorted(set(faults)), "Mend the files, or the mapping's `files`.")

    def _prepare(self, table: str, files: Sequence[LandingFile], batch_id: str, raw: DataFrame) -> Prepared:
        log.info("%s: reading %d files", table, len(files))
        return Prepared(self.release, self.rules[table], self.source, files, raw, batch_id, self.now)

    def _raw(self, file_set: str, files: Sequence[LandingFile]) -> DataFrame:
        rows = raw_rows(self.spark, self.source, self.source.files[file_set], files)
        # Text is parsed once for all tables and passes; Parquet is quicker to read again than to keep.
        return rows if self.source.files[file_set].format == "parquet" else rows.persist(StorageLevel.MEMORY_AND_DISK)

    def _write_rejected(self, prepared: Sequence[Prepared]) -> None:
        if write_rejected(self.release, prepared):
            self.written.append(REJECTED)

    def _write_rows(self, one: Prepared) -> None:
        if write_rows(self.release, one, self.merging):
            self.written.append(one.table)

    def _write_copies(self, work: Mapping[str, Work]) -> None:
        """Files whose content the table already has: all their rows are duplicates, so they need not be read."""
        entries: list[Entry] = []
        for table, one in work.items():
            for file in one.copies:
                original = self.ledger.with_hash(table, file.file_hash)
                if original is None and any(one.file_hash == file.file_hash for one in self.dropped.values()):
                    continue  # the next run looks at it by itself
                if original is None:
                    raise RuntimeError(f"{table}: {file.path} is a copy of a file that was not loaded")
                counts = as_copy(original)
                self.outcomes.append(counts)
                entries.append(self.ledger.entry(self.rules[table], file, DONE, counts))
        self.ledger.write(entries)
