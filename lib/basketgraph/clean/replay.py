"""Landing files read again after a mapping was mended: those with rejected rows, or those that delivered the events of some days."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pyspark.sql import functions as F

from basketgraph.clean.again import Judged, TableAgain, with_owner
from basketgraph.clean.cleaning import CleanSettings
from basketgraph.clean.file_validation import JAVA_ERRORS
from basketgraph.clean.landing_files import Landing, LandingFile
from basketgraph.clean.ledger import DONE, Announcements, Entry, Ledger, attempt
from basketgraph.clean.lineage import FileId, files_of
from basketgraph.clean.raw_rows import CORRUPT, prepare_session, with_lets
from basketgraph.clean.readable import Readable
from basketgraph.clean.recount import as_left, held_against_rows, recount_set_aside, recounted, refuse_unless_it_adds_up
from basketgraph.clean.replay_settings import ReplaySettings
from basketgraph.clean.sql_checks import CheckedSource
from basketgraph.clean.taken_over import deliverers
from basketgraph.clean.transform import REJECTED, TableRules, mapped_rows, silver
from basketgraph.foundation.config import UserError
from basketgraph.foundation.contracts import contract
from basketgraph.foundation.failures import handling
from basketgraph.foundation.privacy.log_masking import masked
from basketgraph.foundation.privacy.pseudonyms import PseudonymKey, pseudonym_function
from basketgraph.foundation.progress import each
from basketgraph.foundation.tables.warehouse import RunTables

log = logging.getLogger("basketgraph")
EVENTS = "silver.events"
NOT_READ = "ops.files does not have it as read"
PENDING = "_replaying"  # what a replay has begun, as announcements below ops/


@dataclass
class ReplayOutcome:
    """What a replay did: per table what changed; per table the files that could not be read again, and why; which tables have a new version."""

    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    left: dict[str, dict[str, str]] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)
    read: int = 0
    accepted: int = 0


class Replay:
    """One replay for one shop. Run again after a crash, it ends where an undisturbed one does: it takes nothing from what it wrote before."""

    def __init__(
        self, checked: CheckedSource, landing: Landing, tables: RunTables, *, key: PseudonymKey, settings: CleanSettings, now: datetime
    ) -> None:
        self.checked, self.source, self.landing, self.release = checked, checked.source, landing, tables
        self.spark, self.key, self.now = tables.spark, key, now
        self.readable = Readable(checked, landing, tables, settings)
        self.ledger = Ledger(tables, key, now)
        self.pending = Announcements(tables, PENDING)
        self.attempt = attempt(tables.run_id, now)
        self.choice: ReplaySettings | None = None  # None where there is nothing but to finish what was begun

    def finish(self) -> ReplayOutcome:
        """Do what a replay that was cut off had begun."""
        begun = self._begun()
        return self._do(begun, begun)

    def run(self, settings: ReplaySettings) -> ReplayOutcome:
        """Read the chosen files again. Raises UserError before anything is written: settings choose nothing, or cleaning crashed before."""
        settings.check(list(self.source.tables))
        prepare_session(self.spark)
        self.ledger.complete()
        if self.ledger.begun:
            files = sorted({entry["source_file"] for entry in self.ledger.begun})
            have = f"want its files done, have {', '.join(files)}"
            raise UserError("replay: a run of cleaning was cut off", [have], "`basketgraph run clean` first.")
        self.ledger.announcements.clear()  # their counts are in the ledger by now, and are about to become others
        self.choice = settings
        begun = self._begun()
        chosen = {table: set(files) for table, files in begun.items()}
        for table in settings.tables or tuple(self.source.tables):
            found = self._rejected(table, settings.reason) if settings.rejected else self._of_days(table, settings)
            if found:
                chosen.setdefault(table, set()).update(found)
        return self._do(chosen, begun)

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
        found: dict[str, set[FileId]] = {}
        for entry in self.pending.read():
            if entry["table_name"] in self.source.tables:
                found.setdefault(entry["table_name"], set()).add((entry["source_file"], entry["file_hash"]))
        if found:
            log.info("a replay was cut off; it is finished now")
        return found

    def _rejected(self, table: str, reason: str | None) -> set[FileId]:
        rows = self.release.read(REJECTED).where(F.col("table_name") == table)
        if reason is not None:
            rows = rows.where(F.array_contains("reasons", reason))
        return files_of(rows)

    def _of_days(self, table: str, settings: ReplaySettings) -> set[FileId]:
        """Files that gave silver.events a row of these days, or a rejected row whose day, as far as the present mapping can tell it, is one of them.

        Files of which nothing has a day are taken, too: they may have delivered nothing but refused rows of these days.
        """
        events, mapped = self.source.tables.get(EVENTS), self.source.tables[table]
        if events is None:
            raise UserError("replay: want events, whose days choose the files", [f"have no {EVENTS} in the mapping"], "Replay with --rejected.")
        if mapped.files != events.files:
            return set()  # no day leads to these files
        entries = self.entries(EVENTS)
        rows = with_owner(self.release.read(EVENTS), entries)
        of_days = F.col("event_date").between(F.lit(settings.first_day), F.lit(settings.last_day))
        found = rows.groupBy("source_file", "file_hash").agg(F.bool_or(of_days).alias("chosen")).collect()
        dated = {(row.source_file, row.file_hash): bool(row.chosen) for row in found}
        for file, inside in self._rejected_days(settings):
            dated[file] = dated.get(file, False) or bool(inside)
        undated = {file for file, entry in entries.items() if file not in dated and entry["rows_rejected"]}
        chosen = {content for (_, content), inside in dated.items() if inside} | {content for _, content in undated}
        return {file for file in self.entries(table) if file[1] in chosen}

    def _rejected_days(self, settings: ReplaySettings) -> list[tuple[FileId, bool]]:
        """Files with rejected events of which the present mapping tells the day from the payload, and whether one is among the chosen days."""
        rules = self._rules(EVENTS)
        rejected = self.release.read(REJECTED).where((F.col("table_name") == EVENTS) & F.col("payload").isNotNull())
        ddl = ", ".join(f"`{name}` {kind}" for name, kind in rules.files.columns.items())
        raw = rejected.withColumn("__raw", F.from_json("payload", ddl)).select(
            *[F.col("__raw").getField(name).alias(name) for name in rules.files.columns],
            F.lit(None).cast("string").alias(CORRUPT),
            F.col("source_file").alias("file_name"),
            F.col("source_time").alias("file_modified_at"),
            F.col("file_hash").alias("__content"),
            F.lit(self.source.currency).alias("source_currency"),
            F.lit(self.source.time_zone).alias("source_time_zone"),
        )
        day = F.col(silver("event_date"))
        dated = mapped_rows(with_lets(raw, rules.files), rules).where(day.isNotNull()).groupBy("file_name", "__content")
        found = dated.agg(F.bool_or(day.between(F.lit(settings.first_day), F.lit(settings.last_day))).alias("chosen")).collect()
        return [((row.file_name, row["__content"]), row.chosen) for row in found]

    def _rules(self, table: str) -> TableRules:
        mapped = self.source.tables[table]
        function = pseudonym_function(self.source.shop, self.key)
        files, references, named = self.source.files[mapped.files], self.checked.references[table], self.checked.named[table]
        return TableRules(self.source.shop, contract(table), mapped, files, references, function, named)

    def _do(self, chosen: Mapping[str, set[FileId]], half_written: Mapping[str, set[FileId]]) -> ReplayOutcome:
        """Judge all tables, announce, write each, and bring the ledger up to date. half_written: what a replay that was cut off had chosen."""
        prepare_session(self.spark)
        outcome = ReplayOutcome()
        judged = self._judged(chosen, half_written, outcome)
        begun = [again.entries[file] for again, one in judged for file in sorted(one.files | one.taken_from) if file in again.entries]
        if begun:
            self.pending.write(self.attempt, begun)
        for again, one in each(judged, "tables written"):
            outcome.tables[again.table.name] = self._write(again, one, outcome)
            again.release_memory()
        if begun or chosen:
            self.pending.clear()
        return outcome

    def _judged(
        self, chosen: Mapping[str, set[FileId]], half_written: Mapping[str, set[FileId]], outcome: ReplayOutcome
    ) -> list[tuple[TableAgain, Judged]]:
        """All tables, judged by files that were the same all the while: where some changed they are left, for all tables, and the others judged anew.

        What is judged is in memory, so that what happens to a file later is of no account.
        """
        landed = self.readable.landed(self.ledger) if chosen else {}
        looked_at = {table: self.readable.present(table, self.entries(table), landed) for table in chosen}
        while True:
            begun: list[TableAgain] = []
            judged: list[tuple[TableAgain, Judged]] = []
            failure: Exception | None = None
            try:
                for table, files in each(list(chosen.items()), "tables judged again"):
                    present, left = looked_at[table]
                    half = half_written.get(table, set())
                    again = self._again(table, half & set(left), present)
                    begun.append(again)
                    readable, outcome.left[table] = self._readable(again, files, left)
                    if readable:
                        if not half:
                            refuse_unless_it_adds_up(self.ledger, table, again.entries)
                        log.info("%s: reading %d files again", table, len(readable))
                        judged.append((again, again.judge(readable)))
                    elif half & set(left):
                        self._book(table, again.entries)
            # RuntimeError: counts that do not add up; UserError: keys that seem to be made otherwise. A file that was replaced makes for both.
            except (*JAVA_ERRORS, RuntimeError, UserError) as error:
                failure = error
            read = [again.present[file] for again, one in judged for file in one.files]
            changed: dict[str, str] = {}
            with handling(failure, "whether files changed meanwhile cannot be told"):
                changed = self.readable.changed(read if failure is None else [file for present, _ in looked_at.values() for file in present.values()])
            if not changed and failure is not None:
                raise failure
            if not changed:
                return judged
            for again in begun:
                again.release_memory()
            for present, left in looked_at.values():
                for file in [file for file, place in present.items() if place.uri in changed]:
                    left[file] = changed[present.pop(file).uri]
                    log.warning("left as it was: %s, %s", masked(file[0]), left[file])

    def _again(self, table: str, lost: set[FileId], present: Mapping[FileId, LandingFile]) -> TableAgain:
        """The table with its files, ready to be judged. lost: files of a replay that was cut off, and that cannot be read again."""
        entries = self.entries(table)
        if lost:
            log.warning("%s: %d files of the replay that was cut off cannot be read again; what it wrote of them stays", table, len(lost))
            entries = as_left(self.ledger, table, entries, lost)
        return TableAgain(self.release, self._rules(table), self.source, entries, present, self.now)

    def _readable(self, again: TableAgain, files: set[FileId], left: Mapping[FileId, str]) -> tuple[frozenset[FileId], dict[str, str]]:
        """(files to read: the chosen ones that are there, and those that deliver rejected rows of the others; path -> why a file is left)."""
        gone = files - set(again.present)
        if self.choice is not None:
            more, delivered = deliverers(again, gone, self.choice.reason)
            files = files | more
            if self.choice.rejected:
                gone -= delivered
        set_aside = {file: self.ledger.entries.get((again.table.name, *file), {}).get("problem") for file in gone}
        return frozenset(files & set(again.present)), {file[0]: left.get(file) or set_aside[file] or NOT_READ for file in sorted(gone)}

    def _write(self, again: TableAgain, one: Judged, outcome: ReplayOutcome) -> dict[str, Any]:
        """One table's rows, its rejected rows and its files' counts. A crash in between is mended by judging and writing again."""
        table = again.table.name
        before = again.before.count()
        batch_id = f"{self.attempt}-replay/{table}"
        if not (one.rows.isEmpty() and one.taken_out.isEmpty()):
            bounds = {one.days[0]: one.days[1]} if one.days else None
            self.release.merge(one.rows, table, batch_id=batch_id, bounds=bounds, replace=True, taken_out=one.taken_out, anew=one.anew)
            outcome.written.add(table)
        if not (one.rejected.isEmpty() and one.no_longer_rejected.isEmpty()):
            bounds = {"table_name": [table]}
            self.release.merge(one.rejected, REJECTED, batch_id=batch_id, bounds=bounds, replace=True, taken_out=one.no_longer_rejected)
            outcome.written.add(REJECTED)
        fresh = {file: recounted(self.ledger, table, again.entries[file], counts) for file, counts in one.counts.items()}
        entries = self._book(table, as_left(self.ledger, table, {**again.entries, **fresh}, one.taken_from & set(again.entries)))
        outcome.read += sum(counts.read for counts in one.counts.values())
        outcome.accepted += one.changes["newly_accepted"]
        after = sum(entry["rows_accepted"] - entry["rows_superseded"] for entry in entries.values())
        return {"files": len(one.files), "rows_before": before, "rows_after": after, **one.changes}

    def _book(self, table: str, entries: Mapping[FileId, Entry]) -> dict[FileId, Entry]:
        """Write the entries, held against the rows that are there, and those of their copies."""
        recount_set_aside(self.ledger, table)
        found = held_against_rows(self.ledger, table, entries)
        self.ledger.write([*found.values(), *self.ledger.copies(table, found.values())])
        return found


def was_cut_off(tables: RunTables) -> bool:
    """Whether a replay has begun and not ended."""
    return bool(Announcements(tables, PENDING).read())


def _own_rows(entry: Entry) -> int:
    return int(entry["rows_accepted"] + entry["rows_rejected"])
