"""One batch of landing files for one table: its rows judged and counted before anything is written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from pyspark import StorageLevel
from pyspark.sql import functions as F

from basketgraph.clean.deduplication import (
    CHANGED,
    DUPLICATE,
    KEY_HASH,
    NEW,
    REFRESHED,
    STATUS,
    SUPERSEDED,
    WRITTEN,
    against_table,
    key_hash,
    ranked,
    with_valid_to,
)
from basketgraph.clean.duplicate_keys import tally
from basketgraph.clean.landing_files import LandingFile
from basketgraph.clean.ledger import Counts, Entry
from basketgraph.clean.mapping import Source, day_column
from basketgraph.clean.raw_rows import FILE_NUMBER, not_text, without_text
from basketgraph.clean.rejected_rows import with_line_numbers
from basketgraph.clean.transform import REFUSED, REJECTED, UNPARSABLE, TableRules, accepted_rows, mapped_rows, rejected_rows, silver_columns
from basketgraph.foundation.tables.warehouse import RunTables

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

FEW_BYTES = 1 << 23  # files of so many bytes are sorted by key without asking whether any key is repeated
FEW_KEYS = 100_000  # so many repeated keys are resolved apart from the rest; with more, all rows are
PRUNE_DAYS = 1000


@dataclass
class Prepared:
    """What a batch will do to a table. `rows` and `rejected` are frames of the tables' contracts, None where there is nothing to write."""

    rules: TableRules
    files: Sequence[LandingFile]
    batch_id: str
    first_load: bool
    rows: DataFrame | None
    rejected: DataFrame | None
    no_longer_rejected: DataFrame | None  # ids of rows that a killed run rejected of these files, if it had begun any
    counts: Mapping[str, Counts]  # by path
    good: int  # rows without a reason to refuse them
    prune_by: str | None = None
    moved_from: Collection[date] = ()  # days on which the table has rows of the same keys
    kept: list[DataFrame] = field(default_factory=list)

    @property
    def table(self) -> str:
        return self.rules.table.name

    def release_memory(self) -> None:
        for frame in self.kept:
            frame.unpersist()


class Preparation:
    """Judges and counts. Reads the landing files, the table and silver.rejected_rows; writes nothing."""

    def __init__(
        self,
        tables: RunTables,
        rules: TableRules,
        source: Source,
        files: Sequence[LandingFile],
        batch_id: str,
        begun: Sequence[Entry],
        now: datetime,
    ) -> None:
        self.release, self.rules, self.source, self.files, self.batch_id, self.now = tables, rules, source, files, batch_id, now
        # What a killed run wrote of files that no run has completed counts as theirs who deliver it now, not as duplicates of somebody else's.
        self.own_rejects = {(e["source_file"], e["file_hash"]) for e in begun if e["table_name"] == rules.table.name}
        self.kept: list[DataFrame] = []
        self.prune_by = day_column(rules.table, rules.mapped)
        self.moved_from: set[date] = set()

    def prepare(self, raw: DataFrame) -> Prepared:
        """raw: all rows of the batch's files, as from `reading.raw_rows`."""
        table, run_id = self.rules.table.name, self.release.run_id
        mapped = mapped_rows(raw, self.rules)
        first_load = not self.release.exists(table) or self.release.read(table).count() == 0
        is_large = first_load and not self.rules.history and sum(file.size for file in self.files) > FEW_BYTES
        tallied = self._tallied(mapped) if is_large else None
        about, bad, broken = self._about_counts(mapped if tallied is None else tallied)
        if broken:
            mapped = mapped_rows(without_text(raw, self.rules.files), self.rules)
            tallied = self._tallied(mapped) if is_large else None
            about, bad, _ = self._about_counts(mapped if tallied is None else tallied)
        rejected: DataFrame | None = None
        rejected_counts: dict[str, dict[str, Any]] = {}
        if any(bad.values()):
            rejected, rejected_counts = self._rejected(rejected_rows(mapped, self.rules, run_id=run_id, now=self.now))
        accepted = accepted_rows(mapped, self.rules, run_id=run_id, now=self.now)
        good = {path: about[path] - bad[path] for path in about}
        left_out = self._left_out(raw, about)
        rows: DataFrame | None = None
        statuses: dict[str, dict[str, int]] = {}
        if any(good.values()):
            rows, statuses = self._first_rows(accepted, good, tallied) if first_load else self._next_rows(accepted)
        counts = {path: self._counts(path, left_out[path], bad[path], good[path], statuses, rejected_counts) for path in about}
        no_longer = self._no_longer_rejected(rejected)
        return Prepared(
            self.rules,
            self.files,
            self.batch_id,
            first_load,
            rows,
            rejected,
            no_longer,
            counts,
            sum(good.values()),
            self.prune_by,
            self.moved_from,
            self.kept,
        )

    def _keep(self, frame: DataFrame) -> DataFrame:
        kept = frame.persist(StorageLevel.MEMORY_AND_DISK)
        self.kept.append(kept)
        return kept

    def _broken(self) -> Column:
        return not_text(self.rules.files) if self.rules.files.format == "parquet" else F.lit(False)

    def _tallied(self, mapped: DataFrame) -> DataFrame:
        columns = silver_columns(self.rules, run_id=self.release.run_id, now=self.now)
        key = key_hash([columns[name] for name in self.rules.table.keys])
        return self._keep(tally(mapped, refused=F.col(REFUSED), broken=self._broken(), key=key))

    def _about_counts(self, rows: DataFrame) -> tuple[dict[str, int], dict[str, int], bool]:
        """Rows about the table and refused ones by path, and whether rows of Parquet hold what is no text. rows: mapped, or tallied."""
        if KEY_HASH in rows.columns:
            sums = [F.sum("rows").alias("read"), F.sum("refused").alias("bad"), F.sum("broken").alias("broken")]
            counted = rows.where(F.col("file").isNotNull()).groupBy("file").agg(*sums)
        else:
            counts = [F.count("*").alias("read"), F.count_if(REFUSED).alias("bad"), F.count_if(self._broken()).alias("broken")]
            counted = rows.groupBy(F.coalesce(FILE_NUMBER, F.lit(-1)).alias("file")).agg(*counts)
        found = {row["file"]: row for row in counted.collect()}
        if -1 in found:
            raise RuntimeError(f"{self.rules.table.name}: {found[-1]['read']} rows of files that were not in the listing")
        pairs = [(found[number]["read"], found[number]["bad"]) if number in found else (0, 0) for number in range(len(self.files))]
        about = {file.path: pair[0] for file, pair in zip(self.files, pairs, strict=True)}
        bad = {file.path: pair[1] for file, pair in zip(self.files, pairs, strict=True)}
        return about, bad, any(row["broken"] for row in found.values())

    def _left_out(self, raw: DataFrame, about: Mapping[str, int]) -> dict[str, int]:
        """By path the rows that are not about the table. Of all rows nothing but their files is read; none is mapped for it."""
        if self.rules.mapped.where is None:
            return dict.fromkeys(about, 0)
        read = {row[FILE_NUMBER]: row["count"] for row in raw.groupBy(FILE_NUMBER).count().collect()}
        return {path: read.get(number, 0) - rows for number, (path, rows) in enumerate(about.items())}

    def _rejected(self, rows: DataFrame) -> tuple[DataFrame | None, dict[str, dict[str, Any]]]:
        """Rejected rows that are new, and per file their number and reasons; equal raw rows count once."""
        judged = ranked(rows, ["rejected_id"], [])
        if self.release.exists(REJECTED):
            there = self._rejected_of(self.own_rejects, "left_anti") if self.own_rejects else self._rejected_there()
            judged = against_table(judged, there, ["rejected_id"], [])
        new = self._keep(judged.where(F.col(STATUS) == NEW).drop(STATUS, "__content"))
        found: dict[str, dict[str, Any]] = {}
        each_and_none = F.explode(F.array_append("reasons", F.lit(None).cast("string"))).alias("reason")  # none is once for each row
        for row in new.select("source_file", each_and_none).groupBy("source_file", "reason").count().collect():
            of_file = found.setdefault(row["source_file"], {"rows": 0, "reasons": {}})
            if row["reason"] is None:
                of_file["rows"] = row["count"]
            else:
                of_file["reasons"][row["reason"]] = row["count"]
        if not found:
            return None, {}
        torn = [file for file in self.files if UNPARSABLE in found.get(file.path, {}).get("reasons", {})]
        return self._keep(with_line_numbers(new, self.rules, self.source, torn)) if torn else new, found

    def _rejected_there(self) -> DataFrame:
        return self.release.read(REJECTED).where(F.col("table_name") == self.rules.table.name)

    def _rejected_of(self, files: Collection[tuple[str, str]], how: str) -> DataFrame:
        """Rejected rows that are there of (path, hash) of files (`left_semi`), or of all others (`left_anti`)."""
        there = self._rejected_there()
        of_files = there.sparkSession.createDataFrame(sorted(files), "source_file string, file_hash string")
        return there.join(F.broadcast(of_files), on=["source_file", "file_hash"], how=how)  # one row a file on the right

    def _no_longer_rejected(self, rejected: DataFrame | None) -> DataFrame | None:
        """What a killed run rejected of these files, or of their contents under other names, and is good under the mapping as it is now; None where
        no such run had begun them.
        """
        places, contents = {(file.path, file.file_hash) for file in self.files}, {file.file_hash for file in self.files}
        own = {one for one in self.own_rejects if (one in places if self.rules.named else one[1] in contents)}
        if not own or not self.release.exists(REJECTED):
            return None
        ids = self._rejected_of(own, "left_semi").select("rejected_id")
        return ids if rejected is None else ids.join(rejected.select("rejected_id"), on="rejected_id", how="left_anti")

    def _first_rows(self, accepted: DataFrame, good: Mapping[str, int], tallied: DataFrame | None) -> tuple[DataFrame, dict[str, dict[str, int]]]:
        """All rows are new but for repeated keys, which many rows are searched for by hash: cheaper than sorting whole rows."""
        table, values = self.rules.table, self.rules.values
        if tallied is None:
            judged = self._keep(ranked(accepted, table.keys, values))
            return self._winners(judged), _statuses(judged)
        repeated = tallied.where(F.col(KEY_HASH).isNotNull()).select(KEY_HASH)
        number = repeated.count()
        if number == 0:
            return accepted, {path: {NEW: rows} for path, rows in good.items()}
        if number > FEW_KEYS:
            judged = self._keep(ranked(accepted, table.keys, values))
            return self._winners(judged), _statuses(judged)
        keyed = accepted.withColumn(KEY_HASH, key_hash(table.keys))
        single = keyed.join(F.broadcast(repeated), on=KEY_HASH, how="left_anti").drop(KEY_HASH)
        several = keyed.join(F.broadcast(repeated), on=KEY_HASH, how="left_semi").drop(KEY_HASH)
        judged = self._keep(ranked(several, table.keys, values))
        statuses = _statuses(judged)
        for path, rows in good.items():
            of_file = statuses.setdefault(path, {})
            of_file[NEW] = rows - of_file.get(DUPLICATE, 0) - of_file.get(SUPERSEDED, 0)
        return single.unionByName(self._winners(judged)), statuses

    def _next_rows(self, accepted: DataFrame) -> tuple[DataFrame | None, dict[str, dict[str, int]]]:
        """Rows that are new or newer than the table's, after joining the batch with the table on its days."""
        table, values = self.rules.table, self.rules.values
        judged = self._keep(ranked(accepted, table.keys, values))
        existing = self._existing(judged)
        judged = self._keep(against_table(judged, existing, table.keys, values, refresh=self.rules.mapped.version is not None))
        statuses = _statuses(judged)
        if not any(of_file.get(status) for of_file in statuses.values() for status in WRITTEN):
            return None, statuses
        rows = judged.where(F.col(STATUS).isin(*WRITTEN)).select(*table.columns)
        if self.rules.history:
            entity = [key for key in table.keys if key != "valid_from"]
            touched = rows.select(*entity).distinct()
            of_entities = self.release.read(table.name).join(touched, on=entity, how="left_semi")
            others = of_entities.join(rows.select(*table.keys), on=table.keys, how="left_anti")
            rows = self._keep(with_valid_to(rows.unionByName(others), table.keys))
        return rows, statuses

    def _existing(self, judged: DataFrame) -> DataFrame:
        """The table's rows that may have a key of the batch: those of its days and, where a key may move to another day, of the days it is on."""
        existing = self.release.read(self.rules.table.name)
        if self.prune_by is None:
            return existing
        days = {row[0] for row in judged.select(self.prune_by).distinct().limit(PRUNE_DAYS + 1).collect()}
        if self.rules.day_may_change:
            # All of them, also those of older versions in the batch: the row that wins may lie on another day than the table's.
            self.moved_from = self._days_there(judged, existing, self.prune_by)
            days |= self.moved_from
        return existing.where(F.col(self.prune_by).isin(days)) if len(days) <= PRUNE_DAYS else existing

    def _days_there(self, judged: DataFrame, existing: DataFrame, day: str) -> set[date]:
        """The days on which the table has rows of the batch's keys. Of the table no more than keys and days are read, but on all days."""
        keys = self.rules.table.keys
        there = existing.select(*keys, day).join(judged.select(*keys).distinct(), on=keys, how="left_semi")
        return {row[0] for row in there.select(day).distinct().collect()}

    def _winners(self, judged: DataFrame) -> DataFrame:
        rows = judged.where(F.col(STATUS) == NEW).select(*self.rules.table.columns)
        return with_valid_to(rows, self.rules.table.keys).select(*self.rules.table.columns) if self.rules.history else rows

    def _counts(
        self,
        path: str,
        left_out: int,
        bad: int,
        good: int,
        statuses: Mapping[str, Mapping[str, int]],
        rejected: Mapping[str, Mapping[str, Any]],
    ) -> Counts:
        """One file's counts. Rows that were good when first counted must all have a status after joins and windows."""
        of_file, refused = statuses.get(path, {}), rejected.get(path, {"rows": 0, "reasons": {}})
        if sum(of_file.values()) != good:
            cure = "if the table has a key twice, mend that first: docs/quality.md, When a run stopped"
            raise RuntimeError(f"{self.rules.table.name} from {path}: {good} good rows, but {dict(of_file)}; {cure}")
        changed = of_file.get(CHANGED, 0)
        return Counts(
            read=good + bad + left_out,
            accepted=of_file.get(NEW, 0) + changed + of_file.get(SUPERSEDED, 0),
            rejected=refused["rows"],
            duplicate=of_file.get(DUPLICATE, 0) + of_file.get(REFRESHED, 0) + bad - refused["rows"],
            superseded=changed + of_file.get(SUPERSEDED, 0),
            by_reason=refused["reasons"],
            left_out=left_out,
        )


def _statuses(judged: DataFrame) -> dict[str, dict[str, int]]:
    """Path -> status -> rows."""
    found: dict[str, dict[str, int]] = {}
    for row in judged.groupBy("source_file", STATUS).count().collect():
        found.setdefault(row["source_file"], {})[row[STATUS]] = row["count"]
    return found
