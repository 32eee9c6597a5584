"""Landing files read again after a mapping was mended: those with rejected rows, or those that delivered the events of some days."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from pyspark.sql import functions as F

from basketgraph.clean.again import FileId, Judged, TableAgain, giving, with_owner
from basketgraph.clean.expressions import CheckedSource
from basketgraph.clean.ledger import DONE, Announcements, Entry, Ledger, attempt
from basketgraph.clean.load import CleanSettings
from basketgraph.clean.mapping import FileSet
from basketgraph.clean.pick_up import Landing, LandingFile
from basketgraph.clean.pseudonyms import PseudonymKey, pseudonym_function
from basketgraph.clean.reading import CORRUPT, examined_files, prepare_session
from basketgraph.clean.recount import as_left, held_against_rows, recounted, refuse_unless_it_adds_up
from basketgraph.clean.transform import REJECTED, TableRules, mapped_rows, silver
from basketgraph.config import Mistake, Settings
from basketgraph.contracts import contract
from basketgraph.tables import Release

log = logging.getLogger("basketgraph")
EVENTS = "silver.events"
PENDING = "_replaying"  # what a replay has begun, as announcements below ops/


class ReplaySettings(Settings):
    """conf/settings.yaml `replay`: which files are read again."""

    rejected: bool
    reason: str | None
    first_day: date | None
    last_day: date | None
    tables: tuple[str, ...]

    def check(self, known: Sequence[str]) -> None:
        """Raises Mistake unless these settings choose something."""
        faults = [f"replay.tables: want some of {', '.join(known)}, have {table}" for table in self.tables if table not in known]
        if (self.first_day is None) != (self.last_day is None):
            faults.append(f"days: want both, have from {self.first_day} to {self.last_day}")
        elif self.first_day is not None and self.last_day is not None and self.first_day > self.last_day:
            faults.append(f"days: want from <= to, have from {self.first_day} to {self.last_day}")
        if self.rejected == (self.first_day is not None or self.last_day is not None):
            have = "both" if self.rejected else "neither"
            faults.append(f"replay: want either rejected rows or days, have {have}")
        if self.reason is not None and not self.rejected:
            faults.append(f"replay.reason: want it together with rejected rows, have {self.reason} alone")
        if faults:
            cure = "`basketgraph replay --rejected [--reason NAME]`, or `basketgraph replay --from DAY --to DAY`."
            raise Mistake("replay: cannot be done", faults, cure)


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
        self, checked: CheckedSource, landing: Landing, release: Release, *, key: PseudonymKey, settings: CleanSettings, now: datetime
    ) -> None:
        self.settings = settings  # the limits under which files are read
        self.checked, self.source, self.landing, self.release = checked, checked.source, landing, release
        self.spark, self.key, self.now = release.spark, key, now
        self.ledger = Ledger(release, key, now)
        self.pending = Announcements(release, PENDING)
        self.attempt = attempt(release.run_id, now)

    def finish(self) -> ReplayOutcome:
        """Do what a replay that was cut off had begun."""
        begun = self._begun()
        return self._do(begun, begun)

    def run(self, settings: ReplaySettings) -> ReplayOutcome:
        """Read the chosen files again. Raises Mistake, before anything is written, for settings that choose nothing or after a crash of cleaning."""
        settings.check(list(self.source.tables))
        prepare_session(self.spark)
        self.ledger.complete()
        if self.ledger.begun:
            files = sorted({entry["source_file"] for entry in self.ledger.begun})
            have = f"want its files done, have {', '.join(files)}"
            raise Mistake("replay: a run of cleaning was cut off", [have], "`basketgraph run clean` first.")
        self.ledger.announcements.clear()  # their counts are in the ledger by now, and are about to become others
        begun = self._begun()
        chosen = {table: set(files) for table, files in begun.items()}
        for table in settings.tables or tuple(self.source.tables):
            found = self._rejected(table, settings.reason) if settings.rejected else self._of_days(table, settings)
            if found:
                chosen.setdefault(table, set()).update(found)
        return self._do(chosen, begun)

    def entries(self, table: str) -> dict[FileId, Entry]:
        """The table's files that were read, each content once: the entry that its rows were counted for, not those of its copies."""
        by_content: dict[str, Entry] = {}
        for entry in self.ledger.entries.values():
            if entry["table_name"] == table and entry["status"] == DONE:
                known = by_content.get(entry["file_hash"])
                if known is None or _own_rows(entry) > _own_rows(known):
                    by_content[entry["file_hash"]] = entry
        return {(entry["source_file"], entry["file_hash"]): entry for entry in by_content.values()}

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
        return {(row.source_file, row.file_hash) for row in rows.select("source_file", "file_hash").distinct().collect()} & set(self.entries(table))

    def _of_days(self, table: str, settings: ReplaySettings) -> set[FileId]:
        """Files that gave silver.events a row of these days, or a rejected row whose day, as far as the present mapping can tell it, is one of them.

        Files of which nothing has a day are taken, too: they may have delivered nothing but refused rows of these days.
        """
        events, mapped = self.source.tables.get(EVENTS), self.source.tables[table]
        if events is None:
            raise Mistake("replay: want events, whose days choose the files", [f"have no {EVENTS} in the mapping"], "Replay with --rejected.")
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
        for name, text in rules.files.let.items():
            raw = raw.withColumn(name, F.expr(text))
        day = F.col(silver("event_date"))
        dated = mapped_rows(raw, rules).where(day.isNotNull()).groupBy("file_name", "__content")
        found = dated.agg(F.bool_or(day.between(F.lit(settings.first_day), F.lit(settings.last_day))).alias("chosen")).collect()
        return [((row.file_name, row["__content"]), row.chosen) for row in found]

    def _rules(self, table: str) -> TableRules:
        mapped = self.source.tables[table]
        function = pseudonym_function(self.source.shop, self.key)
        return TableRules(self.source.shop, contract(table), mapped, self.source.files[mapped.files], self.checked.references[table], function)

    def _do(self, chosen: Mapping[str, set[FileId]], half_written: Mapping[str, set[FileId]]) -> ReplayOutcome:
        """Judge all tables, announce, write each, and bring the ledger up to date. half_written: what a replay that was cut off had chosen."""
        prepare_session(self.spark)
        outcome = ReplayOutcome()
        landed: dict[str, LandingFile] = self._landed() if chosen else {}
        judged: list[tuple[TableAgain, Judged]] = []
        for table, files in chosen.items():
            entries = self.entries(table)
            present, left = self._present(table, entries, landed)
            outcome.left[table] = {path: left[path, content] for path, content in sorted(files) if (path, content) in left}
            readable = frozenset(files & set(present))
            lost = half_written.get(table, set()) & set(left)
            if lost:
                log.warning("%s: %d files of the replay that was cut off cannot be read again; what it wrote of them stays", table, len(lost))
                entries = as_left(self.ledger, table, entries, lost)
            if lost and not readable:
                self.ledger.write(list(held_against_rows(self.ledger, table, entries).values()))
            if readable and not half_written.get(table):
                refuse_unless_it_adds_up(self.ledger, table, entries)
            if readable:
                log.info("%s: reading %d files again", table, len(readable))
                again = TableAgain(self.release, self._rules(table), self.source, entries, present, self.now)
                judged.append((again, again.judge(readable)))
        begun = [again.entries[file] for again, one in judged for file in sorted(one.files)]
        if begun:
            self.pending.write(self.attempt.replace("/", "-"), begun)
        for again, one in judged:
            outcome.tables[again.table.name] = self._write(again, one, outcome)
            again.release_memory()
        if begun or chosen:
            self.pending.clear()
        return outcome

    def _landed(self) -> dict[str, LandingFile]:
        """Content hash -> a landing file with that content, wherever it lies."""
        known = self.ledger.known_hashes()
        found = self.landing.list([self.source.files[mapped.files].pattern for mapped in self.source.tables.values()])
        hashed = [replace(f, file_hash=known[f.seen_as]) if f.seen_as in known else self.landing.hashed(f) for f in found]
        return {file.file_hash: file for file in hashed if file.problem is None}

    def _present(
        self, table: str, entries: Mapping[FileId, Entry], landed: Mapping[str, LandingFile]
    ) -> tuple[dict[FileId, LandingFile], dict[FileId, str]]:
        """(files that can be read again, under the names and times they were first read with; why the others cannot)."""
        files, present, left = self.source.files[self.source.tables[table].files], {}, {}
        several = [path for path, contents in giving(entries).items() if len(contents) > 1]
        untold: set[str] = set()  # paths of several contents with rows that do not say which of them they are from
        if several:
            nameless = self.release.read(table).where(F.col("file_hash").isNull() & F.col("source_file").isin(several))
            untold = {row.source_file for row in nameless.select("source_file").distinct().collect()}
        examined = self._examined(files, [landed[content] for path, content in entries if path not in untold and content in landed])
        for file, entry in entries.items():
            path, content = file
            if path in untold:
                left[file] = "several contents of this path gave rows before rows named their content; which rows are this one's cannot be told"
            elif content not in landed:
                left[file] = "gone from the landing folder"
            elif (problem := examined[landed[content].path].problem) is not None:
                left[file] = f"cannot be read: {problem}"
            else:
                present[file] = replace(examined[landed[content].path], path=path, modified_at=entry["modified_at"])
        return present, left

    def _examined(self, files: FileSet, landed: Sequence[LandingFile]) -> dict[str, LandingFile]:
        """Path -> the file, looked through as cleaning does it."""
        limit = self.settings.max_record_bytes
        return {file.path: file for file in examined_files(self.spark, self.landing, files, landed, max_record_bytes=limit)}

    def _write(self, again: TableAgain, one: Judged, outcome: ReplayOutcome) -> dict[str, Any]:
        """One table's rows, its rejected rows and its files' counts. A crash in between is mended by judging and writing again."""
        table = again.table.name
        before = again.before.count()
        batch_id = f"{self.attempt}-replay/{table}"
        if not (one.rows.isEmpty() and one.taken_out.isEmpty()):
            bounds = {one.days[0]: one.days[1]} if one.days else None
            self.release.merge(one.rows, table, batch_id=batch_id, bounds=bounds, replace=True, taken_out=one.taken_out)
            outcome.written.add(table)
        if not (one.rejected.isEmpty() and one.no_longer_rejected.isEmpty()):
            bounds = {"table_name": [table]}
            self.release.merge(one.rejected, REJECTED, batch_id=batch_id, bounds=bounds, replace=True, taken_out=one.no_longer_rejected)
            outcome.written.add(REJECTED)
        fresh = {file: recounted(self.ledger, table, again.entries[file], counts) for file, counts in one.counts.items()}
        entries = held_against_rows(self.ledger, table, {**again.entries, **fresh})
        self.ledger.write(list(entries.values()))
        outcome.read += sum(counts.read for counts in one.counts.values())
        outcome.accepted += one.changes["newly_accepted"]
        after = sum(entry["rows_accepted"] - entry["rows_superseded"] for entry in entries.values())
        return {"files": len(one.files), "rows_before": before, "rows_after": after, **one.changes}


def was_cut_off(release: Release) -> bool:
    """Whether a replay has begun and not ended."""
    return bool(Announcements(release, PENDING).read())


def _own_rows(entry: Entry) -> int:
    return int(entry["rows_accepted"] + entry["rows_rejected"])
