"""Files of one table read a second time: what the table would be had they never been read before, and what differs from what it is.

The rule. The rows that these files gave the table (lineage: source_file and file_hash) count as not there; the files are read whole under the present
mapping and judged like new ones against the rows that other files gave. So a row that the files gave before is theirs again and no duplicate; a row
that another file gave first stays a duplicate; a row whose key no longer arises goes. Where a row goes, becomes older, or is accepted now that
another file has among the rejected ones, files that say more of it are read again with them (also_needed.py): what they say counts from now on.
A rejected row of a file that is gone, and that these files deliver too, is theirs from now on (taken_over.py).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pyspark import StorageLevel
from pyspark.sql import functions as F

from basketgraph.clean.also_needed import also_needed
from basketgraph.clean.deduplication import (
    CHANGED,
    CONTENT,
    DUPLICATE,
    HAD,
    HAD_CONTENT,
    HAD_OWNER,
    HAD_TIME,
    NEW,
    REFRESHED,
    STATUS,
    SUPERSEDED,
    WRITTEN,
    judged_again,
    newest_rows,
    with_valid_to,
)
from basketgraph.clean.landing_files import LandingFile
from basketgraph.clean.ledger import Counts, Entry
from basketgraph.clean.lineage import FileId, files_of
from basketgraph.clean.mapping import Source, day_column
from basketgraph.clean.raw_rows import HASH, raw_rows, without_text
from basketgraph.clean.rejected_rows import with_line_numbers
from basketgraph.clean.taken_over import taken_over
from basketgraph.clean.transform import REFUSED, REJECTED, UNPARSABLE, TableRules, accepted_rows, mapped_rows, rejected_rows
from basketgraph.foundation.tables.warehouse import RunTables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

log = logging.getLogger("basketgraph")
MOST_DAYS = 1000  # a MERGE names the days that can match, up to this many


@dataclass(frozen=True)
class Judged:
    """What reading the files again does to a table: rows to write and keys to take out, of it and of silver.rejected_rows; and the files' counts."""

    files: frozenset[FileId]
    rows: DataFrame
    taken_out: DataFrame
    anew: DataFrame | None  # the one row that is to stay of each key that the table has several rows of; all of them are in `taken_out`
    rejected: DataFrame
    no_longer_rejected: DataFrame
    counts: Mapping[FileId, Counts]
    changes: Mapping[str, Any]
    days: tuple[str, list[Any]] | None  # the day column, and the days on which rows are touched
    taken_from: frozenset[FileId]  # files that are gone, of which rejected rows are these files' now


@dataclass
class View:
    """The files' rows under the present mapping, and the table's rows: those that the files gave, or took over, and the others."""

    raw: DataFrame
    mapped: DataFrame
    good: DataFrame
    owned: DataFrame
    kept: DataFrame
    owned_rejected: DataFrame
    kept_rejected: DataFrame
    doubled: DataFrame | None  # all rows of keys that the table has several of, None where it has none; `owned` and `kept` have the newest alone
    taken_from: set[FileId]  # files that are gone, of which rejected rows were taken over


class TableAgain:
    """Judges and counts; writes nothing."""

    def __init__(
        self,
        tables: RunTables,
        rules: TableRules,
        source: Source,
        entries: Mapping[FileId, Entry],
        present: Mapping[FileId, LandingFile],
        now: datetime,
    ) -> None:
        """entries: the table's files that were read, each content once. present: those of them that can be read again."""
        self.release, self.rules, self.source, self.entries, self.present, self.now = tables, rules, source, entries, present, now
        self.table, self.keys = rules.table, rules.table.keys
        self.before, self.rejected_before = tables.read(rules.table.name), tables.read(REJECTED).where(F.col("table_name") == rules.table.name)
        self.persisted: list[DataFrame] = []

    @cached_property
    def rejected_and_gone(self) -> set[FileId]:
        """Files with rejected rows that cannot be read again: a content that was overwritten, a file that was set aside after a killed run."""
        return files_of(self.rejected_before) - set(self.present)

    def judge(self, chosen: frozenset[FileId]) -> Judged:
        """chosen: files that are present. Raises UserError where files that are gone would have to be read, too."""
        refresh = self.rules.mapped.version is not None
        table = with_owner(self.before, self.entries)
        doubled = self._doubled(table)
        lasting = len(self.persisted)
        while True:
            view = self._view(chosen, table, doubled)
            judged = self.keep(judged_again(view.good, view.kept, view.owned, self.keys, self.rules.values, refresh=refresh))
            more = also_needed(self, view, judged, chosen)
            if not more:
                return self._judged(view, judged, chosen)
            log.info("%s: %d more files bear on the same rows and are read again, too", self.table.name, len(more))
            chosen |= more
            self.release_memory(lasting)

    def release_memory(self, lasting: int = 0) -> None:
        """lasting: how many of the frames, the first ones, stay."""
        for frame in self.persisted[lasting:]:
            frame.unpersist()
        del self.persisted[lasting:]

    def keep(self, frame: DataFrame) -> DataFrame:
        """The frame, in memory until `release_memory`."""
        kept = frame.persist(StorageLevel.MEMORY_AND_DISK)
        self.persisted.append(kept)
        return kept

    def ids(self, files: frozenset[FileId] | set[FileId]) -> DataFrame:
        """source_file and file_hash, one row a file."""
        return F.broadcast(self.release.spark.createDataFrame(sorted(files), "source_file string, file_hash string"))

    def raw(self, files: frozenset[FileId] | set[FileId]) -> DataFrame:
        """The files' rows; those of Parquet are asked at once whether they hold text, which cleaning asks where it counts them."""
        rows = raw_rows(self.release.spark, self.source, self.rules.files, [self.present[file] for file in sorted(files)])
        return without_text(rows, self.rules.files) if self.rules.files.format == "parquet" else rows

    def _view(self, chosen: frozenset[FileId], table: DataFrame, doubled: DataFrame | None) -> View:
        """table, doubled: the table's rows with their owners, and those of them whose key is there several times."""
        raw = self.raw(chosen)
        raw = raw if self.rules.files.format == "parquet" else self.keep(raw)
        mapped = mapped_rows(raw, self.rules)
        good = accepted_rows(mapped, self.rules, run_id=self.release.run_id, now=self.now)
        ours, rejected = self.ids(chosen), self.rejected_before
        owned, kept = (table.join(ours, on=["source_file", "file_hash"], how=how) for how in ("left_semi", "left_anti"))
        if doubled is not None:
            owned, kept = (newest_rows(rows, self.keys, self.rules.values) for rows in (owned, kept))
        owned_rejected, kept_rejected = (rejected.join(ours, on=["source_file", "file_hash"], how=how) for how in ("left_semi", "left_anti"))
        taken_from: set[FileId] = set()
        over = taken_over(self, mapped, kept_rejected)
        if over is not None:
            rows, taken_from = over
            owned_rejected = owned_rejected.unionByName(rows)
            kept_rejected = kept_rejected.join(rows.select("rejected_id"), on="rejected_id", how="left_anti").select(*rejected.columns)
        return View(raw, mapped, good, owned, kept, owned_rejected, kept_rejected, doubled, taken_from)

    def _doubled(self, table: DataFrame) -> DataFrame | None:
        """All rows of keys that the table has several of: a MERGE that looks at its own days alone doubles a row that has moved to another one."""
        if day_column(self.table, self.rules.mapped) in (None, *self.keys):
            return None
        keys = self.keep(table.groupBy(*self.keys).count().where("count > 1").select(*self.keys))
        return None if keys.isEmpty() else self.keep(self._of_keys(table, keys))

    def _of_keys(self, rows: DataFrame, keys: DataFrame) -> DataFrame:
        return rows.join(keys, on=self.keys, how="left_semi").select(*rows.columns)

    def _judged(self, view: View, judged: DataFrame, chosen: frozenset[FileId]) -> Judged:
        same = F.col(HAD_CONTENT) == F.col(CONTENT)
        winners = judged.where(F.col(STATUS).isin(*WRITTEN))
        as_it_was = F.col(HAD) & same & F.col(HAD_OWNER) & F.col("source_time").eqNullSafe(F.col(HAD_TIME))
        rows = self.keep(winners.where(~as_it_was).select(*self.table.columns))
        taken_out = self.keep(view.owned.join(judged.select(*self.keys), on=self.keys, how="left_anti").select(*self.keys))
        removed, anew = taken_out.count(), None
        if view.doubled is not None:
            several = self._of_keys(view.doubled, judged.select(*self.keys).unionByName(taken_out))
            here = self.keep(several.select(*self.keys).distinct())
            anew = self._of_keys(winners.select(*self.table.columns), here)
            anew = self.keep(anew.unionByName(self._of_keys(view.kept, here).join(anew.select(*self.keys), on=self.keys, how="left_anti")))
            rows = rows.join(here, on=self.keys, how="left_anti").select(*self.table.columns)
            gone = taken_out.join(here, on=self.keys, how="left_anti")
            removed, taken_out = gone.count() + several.count() - anew.count(), self.keep(gone.unionByName(here))
        changed = (F.col(STATUS) == CHANGED) | (F.col(HAD) & ~same)
        found = winners.agg(F.count_if(~F.col(HAD) & (F.col(STATUS) == NEW)).alias("accepted"), F.count_if(changed).alias("changed")).collect()[0]
        changes = {"newly_accepted": found.accepted, "changed": found.changed, "removed": removed}
        new, no_longer, counted, rejections = self._rejections(view)
        counts = self._counts(chosen, view, judged, counted)
        days = self._days(rows, taken_out)
        written = self._with_neighbours(rows, taken_out) if self.rules.history else rows
        taken_from = frozenset(view.taken_from)
        return Judged(chosen, written, taken_out, anew, new, no_longer, counts, {**changes, **rejections}, days, taken_from)

    def _rejections(self, view: View) -> tuple[DataFrame, DataFrame, dict[FileId, dict[str, Any]], dict[str, Any]]:
        """(rows to write, ids that leave, per file its rejected rows and reasons, what changed)."""
        fresh = rejected_rows(view.mapped, self.rules, run_id=self.release.run_id, now=self.now)
        was = view.owned_rejected.select("rejected_id", F.col("reasons").alias("__reasons"), F.col("payload").alias("__payload"))
        judged = judged_again(fresh, view.kept_rejected, view.owned_rejected, ["rejected_id"], []).where(F.col(STATUS) == NEW)
        judged = self.keep(judged.join(was, on="rejected_id", how="left"))  # at most one row a rejected_id
        told = F.col("reasons").eqNullSafe(F.col("__reasons")) & F.col("payload").eqNullSafe(F.col("__payload"))
        rows = self._numbered(self.keep(judged.where(~(F.col(HAD) & told & F.col(HAD_OWNER))).select(*fresh.columns)))
        no_longer = self.keep(view.owned_rejected.join(judged, on="rejected_id", how="left_anti").select("rejected_id"))
        counted: dict[FileId, dict[str, Any]] = {}
        for row in judged.groupBy("source_file", "file_hash").agg(F.count("*").alias("rows")).collect():
            counted[row.source_file, row.file_hash] = {"rows": row.rows, "reasons": {}}
        reasons = judged.select("source_file", "file_hash", HAD, F.explode("reasons").alias("reason"))
        newly: dict[str, int] = {}
        by_reason = reasons.groupBy("source_file", "file_hash", "reason")
        for row in by_reason.agg(F.count("*").alias("rows"), F.count_if(~F.col(HAD)).alias("newly")).collect():
            counted[row.source_file, row.file_hash]["reasons"][row.reason] = row.rows
            if row.newly:
                newly[row.reason] = newly.get(row.reason, 0) + row.newly
        other = F.col(HAD) & ~F.col("reasons").eqNullSafe(F.col("__reasons"))
        found = judged.agg(F.count_if(~F.col(HAD)).alias("newly"), F.count_if(HAD).alias("still"), F.count_if(other).alias("other")).collect()[0]
        changes = {"newly_rejected": found.newly, "newly_rejected_by_reason": dict(sorted(newly.items())), "no_longer_rejected": no_longer.count()}
        return rows, no_longer, counted, {**changes, "still_rejected": found.still, "of_these_other_reasons": found.other}

    def _numbered(self, rejected: DataFrame) -> DataFrame:
        """Rejected rows, unparsable ones with the number of their line."""
        torn = files_of(rejected.where(F.array_contains("reasons", UNPARSABLE)))
        if not torn:
            return rejected
        return self.keep(with_line_numbers(rejected, self.rules, self.source, [self.present[file] for file in sorted(torn)]))

    def _counts(self, chosen: frozenset[FileId], view: View, judged: DataFrame, counted: Mapping[FileId, Mapping[str, Any]]) -> dict[FileId, Counts]:
        """Each file's counts, as a first reading beside the other files' rows would give them."""
        reading = view.mapped.groupBy("file_name", HASH).agg(F.count("*").alias("about"), F.count_if(REFUSED).alias("bad")).collect()
        about = {(row.file_name, row[HASH]): (row.about, row.bad) for row in reading}
        raw = [] if self.rules.mapped.where is None else view.raw.groupBy("file_name", HASH).agg(F.count("*").alias("rows")).collect()
        read = {(row.file_name, row[HASH]): row.rows for row in raw}
        statuses: dict[FileId, dict[str, int]] = {}
        for row in judged.groupBy("source_file", "file_hash", STATUS).agg(F.count("*").alias("rows")).collect():
            statuses.setdefault((row.source_file, row.file_hash), {})[row[STATUS]] = row.rows
        found = {}
        for file in chosen:
            of_file, (rows, bad), refusals = statuses.get(file, {}), about.get(file, (0, 0)), counted.get(file, {"rows": 0, "reasons": {}})
            changed, superseded = of_file.get(CHANGED, 0), of_file.get(SUPERSEDED, 0)
            found[file] = Counts(
                read=read.get(file, rows),
                accepted=of_file.get(NEW, 0) + changed + superseded,
                rejected=refusals["rows"],
                duplicate=of_file.get(DUPLICATE, 0) + of_file.get(REFRESHED, 0) + bad - refusals["rows"],
                superseded=changed + superseded,
                by_reason=refusals["reasons"],
                left_out=read.get(file, rows) - rows,
            )
            found[file].check(f"{self.table.name} from {file[0]}")
        return found

    def _days(self, rows: DataFrame, taken_out: DataFrame) -> tuple[str, list[Any]] | None:
        """The days of the touched rows, as they were and as they will be; None where the table is not laid out by day or they are many."""
        day = self.table.day_column
        if day is None or self.rules.history:
            return None
        touched = rows.select(*self.keys).unionByName(taken_out)
        before = self.before.join(touched, on=self.keys, how="left_semi").select(day)
        days = [row[0] for row in before.unionByName(rows.select(day)).distinct().limit(MOST_DAYS + 1).collect()]
        return (day, days) if len(days) <= MOST_DAYS else None

    def _with_neighbours(self, rows: DataFrame, taken_out: DataFrame) -> DataFrame:
        """A history's rows with `valid_to`, and the rows beside them whose `valid_to` is another one now."""
        entity = [key for key in self.keys if key != "valid_from"]
        touched = rows.select(*entity).unionByName(taken_out.select(*entity)).distinct()
        others = self.before.join(touched, on=entity, how="left_semi")
        others = others.join(rows.select(*self.keys).unionByName(taken_out), on=self.keys, how="left_anti")
        whole = rows.withColumn("__was", F.lit(None).cast("date")).withColumn("__mine", F.lit(True))
        whole = whole.unionByName(others.withColumns({"__was": F.col("valid_to"), "__mine": F.lit(False)}))
        found = with_valid_to(whole, self.keys)
        return self.keep(found.where(F.col("__mine") | ~F.col("valid_to").eqNullSafe(F.col("__was"))).select(*self.table.columns))


def giving(entries: Mapping[FileId, Entry]) -> dict[str, list[str]]:
    """Path -> its contents that gave rows."""
    found: dict[str, list[str]] = {}
    for (path, content), entry in entries.items():
        if entry["rows_accepted"]:
            found.setdefault(path, []).append(content)
    return found


def with_owner(rows: DataFrame, entries: Mapping[FileId, Entry]) -> DataFrame:
    """A table's rows with `file_hash` filled in where they are older than that column, and only one content of their path gave rows."""
    sole = [(path, contents[0]) for path, contents in giving(entries).items() if len(contents) == 1]
    known = rows.sparkSession.createDataFrame(sole, "source_file string, __sole string")
    return (
        rows.join(F.broadcast(known), on="source_file", how="left")  # at most one row a path
        .withColumn("file_hash", F.coalesce("file_hash", "__sole"))
        .select(*rows.columns)
    )
