"""Landing files read again after a mapping was mended: those with rejected rows, or those that delivered the events of some days."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pyspark.sql import functions as F

from basketgraph.clean.cleaning import CleanSettings
from basketgraph.clean.file_validation import JAVA_ERRORS
from basketgraph.clean.landing_files import Landing, LandingFile
from basketgraph.clean.ledger import DONE, FILES, REPLAY, STARTED, Entry, Ledger, attempt
from basketgraph.clean.lineage import FileId, files_of
from basketgraph.clean.raw_rows import prepare_session
from basketgraph.clean.replay.reconcile import reconciled, recounted, refuse_unless_it_adds_up, rows_in_table
from basketgraph.clean.replay.rejudge import ReplayedTable
from basketgraph.clean.replay.rereadable_files import RereadableFiles
from basketgraph.clean.replay.settings import ReplaySettings
from basketgraph.clean.replay.table_rows import TableRows
from basketgraph.clean.sql_checks import CheckedSource
from basketgraph.clean.transform import REJECTED, UNPARSABLE, table_rules
from basketgraph.foundation.config import UserError
from basketgraph.foundation.failures import handling
from basketgraph.foundation.privacy.pseudonyms import PseudonymKey
from basketgraph.foundation.progress import each
from basketgraph.foundation.tables.warehouse import RunTables

log = logging.getLogger("basketgraph")
EVENTS = "silver.events"


@dataclass
class ReplayOutcome:
    """What a replay did: per table what changed; per table the files that could not be read again, and why; which tables have a new version."""

    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    left: dict[str, dict[str, str]] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)
    read: int = 0
    accepted: int = 0


class Replay:
    """One replay for one shop. What is cut off is taken back by the next run of cleaning or replay, which then does it anew."""

    def __init__(
        self, checked: CheckedSource, landing: Landing, tables: RunTables, *, key: PseudonymKey, settings: CleanSettings, now: datetime
    ) -> None:
        self.checked, self.source, self.landing, self.release = checked, checked.source, landing, tables
        self.settings, self.now = settings, now
        self.rules = table_rules(checked, key)
        self.ledger = Ledger(tables, key, now)
        self.batch_id = f"{attempt(tables.run_id, now)}{REPLAY}"

    def finish(self) -> ReplayOutcome:
        """Do anew what a replay that was cut off had begun."""
        return self.replay(self._begun())

    def run(self, settings: ReplaySettings) -> ReplayOutcome:
        """Read the chosen files again. Raises UserError, before anything is written, for settings that choose nothing."""
        settings.check(list(self.source.tables))
        chosen = self._begun()
        for table in settings.tables or tuple(self.source.tables):
            found = self._rejected(table, settings.reason) if settings.rejected else self._of_days(table, settings)
            if found:
                chosen.setdefault(table, set()).update(found)
        return self.replay(chosen)

    def entries(self, table: str) -> dict[FileId, Entry]:
        """The table's files that were read, each content once: the entry that its rows were counted for, not those of its copies.

        Where the mapping reads files' names, no file is a copy of another; where it did so once, those that gave rows are none.
        """
        done = [entry for entry in self.ledger.entries.values() if entry["table_name"] == table and entry["status"] == DONE]
        found: dict[FileId, Entry] = {}
        contents: set[str] = set()
        for entry in sorted(done, key=lambda entry: (_own_rows(entry), entry["batch_id"] is not None), reverse=True):  # a copy has no batch
            if self.checked.named[table] or _own_rows(entry) or entry["file_hash"] not in contents:
                found[entry["source_file"], entry["file_hash"]] = entry
                contents.add(entry["file_hash"])
        return found

    def _begun(self) -> dict[str, set[FileId]]:
        prepare_session(self.release.spark)
        begun = self.ledger.undo_unfinished()
        return {table: files for table, files in begun.items() if table in self.source.tables}

    def _rejected(self, table: str, reason: str | None) -> set[FileId]:
        rows = self.release.read(REJECTED).where(F.col("table_name") == table)
        if reason is not None:
            rows = rows.where(F.array_contains("reasons", reason))
        return files_of(rows)

    def _of_days(self, table: str, settings: ReplaySettings) -> set[FileId]:
        """Files that gave silver.events a row of these days, or a rejected row of one of them or of a day that could not be told.

        Files of which nothing has a day are taken, too: they may have delivered nothing but refused rows of these days.
        """
        events, mapped = self.source.tables.get(EVENTS), self.source.tables[table]
        if events is None:
            raise UserError("replay: want events, whose days choose the files", [f"have no {EVENTS} in the mapping"], "Replay with --rejected.")
        if mapped.files != events.files:
            return set()  # no day leads to these files
        of_days = F.col("event_date").between(F.lit(settings.first_day), F.lit(settings.last_day))
        rejected = self.release.read(REJECTED).where((F.col("table_name") == EVENTS) & ~F.array_contains("reasons", UNPARSABLE))
        rows = self.release.read(EVENTS).select("source_file", "file_hash", of_days.alias("chosen"))
        rows = rows.unionByName(rejected.select("source_file", "file_hash", F.coalesce(of_days, F.lit(True)).alias("chosen")))
        found = rows.groupBy("source_file", "file_hash").agg(F.bool_or("chosen").alias("chosen")).collect()
        dated = {(row.source_file, row.file_hash): row.chosen for row in found}
        undated = {file for file, entry in self.entries(EVENTS).items() if file not in dated and entry["rows_rejected"]}
        chosen = {content for (_, content), inside in dated.items() if inside} | {content for _, content in undated}
        return {file for file in self.entries(table) if file[1] in chosen}

    def replay(self, chosen: Mapping[str, set[FileId]]) -> ReplayOutcome:
        """Judge all tables, say what is begun, write each, and bring ops.files up to date. Raises UserError where a file changes meanwhile."""
        outcome = ReplayOutcome()
        judged = self._judged(chosen, outcome) if chosen else []
        changing = [one for one in judged if one.changes_rows or one.changes_rejected]
        self.ledger.start(self.batch_id, [one.table.entries[file] for one in changing for file in sorted(one.files)])
        for one in each(judged, "tables written"):
            outcome.tables[one.table.name] = self._write(one, outcome)
            one.read.release_memory()
        return outcome

    def _judged(self, chosen: Mapping[str, set[FileId]], outcome: ReplayOutcome) -> list[ReplayedTable]:
        """What is judged is in memory, so that what happens to a file later is of no account."""
        rereadable = RereadableFiles(self.checked, self.landing, self.ledger, self.settings)
        judged: list[ReplayedTable] = []
        read: dict[str, LandingFile] = {}
        failure: Exception | None = None
        try:
            for table, files in each(list(chosen.items()), "tables judged again"):
                entries = self.entries(table)
                present, left = rereadable.present(table, entries)
                outcome.left[table] = {file[0]: left[file] for file in sorted(files & set(left))}
                if readable := frozenset(files & set(present)):
                    read |= {file.uri: file for file in present.values()}
                    refuse_unless_it_adds_up(self.release, table, entries)
                    log.info("%s: reading %d files again", table, len(readable))
                    judged.append(ReplayedTable(TableRows(self.release, self.rules[table], self.source, entries, present, self.now), readable))
        except (*JAVA_ERRORS, RuntimeError, UserError) as error:  # a file that was replaced makes for all of them
            failure = error
        with handling(failure, "whether files changed meanwhile cannot be told"):
            files_read = read.values() if failure is not None else [one.table.present[file] for one in judged for file in one.files]
            self._refuse_changed(files_read)
        if failure is not None:
            raise failure
        return judged

    def _refuse_changed(self, files: Iterable[LandingFile]) -> None:
        changed = [f"{file.path}: {problem}" for file in files if (problem := self.landing.changed(file)) is not None]
        if changed:
            raise UserError("replay: landing files changed while they were read; nothing was written", sorted(set(changed)), "Run it again.")

    def _write(self, one: ReplayedTable, outcome: ReplayOutcome) -> dict[str, Any]:
        """One table's rows, its rejected rows, and its files' counts, held against the rows that are there."""
        name, entries = one.table.name, one.table.entries
        before = one.table.rows.count()
        outcome.written |= one.write(self.batch_id)
        fresh = {file: recounted(one.table.rules, entries[file], counts) for file, counts in one.counts.items()}
        fresh |= {(entry["source_file"], entry["file_hash"]): entry for entry in self.ledger.retracted(name, one.retracted_from)}
        found = reconciled(self.release, name, {**entries, **fresh})
        self.ledger.write([*found.values(), *self.ledger.copies(name, found.values())], batch_id=self.batch_id)
        outcome.read += sum(counts.read for counts in one.counts.values())
        outcome.accepted += one.changes["newly_accepted"]
        after = sum(rows_in_table(entry) for entry in found.values())
        return {"files": len(one.files), "rows_before": before, "rows_after": after, **one.changes}


def was_cut_off(tables: RunTables) -> bool:
    """Whether a replay has begun and not ended."""
    begun = (F.col("status") == STARTED) & F.col("batch_id").endswith(REPLAY)
    return tables.exists(FILES) and not tables.read(FILES).where(begun).isEmpty()


def _own_rows(entry: Entry) -> int:
    return int(entry["rows_accepted"] + entry["rows_rejected"])
