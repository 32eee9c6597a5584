"""One batch of landing files for one table: its rows judged and counted before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from basketgraph.clean.deduplication import KEY_HASH, NEW, STATUS, WRITTEN, judge, key_hash
from basketgraph.clean.file_rows import ByFile, FileRows, counts_by_file
from basketgraph.clean.landing_files import LandingFile
from basketgraph.clean.lineage import rows_by_file
from basketgraph.clean.mapping import Source, day_column
from basketgraph.clean.retraction import refused_versions, retracted_rows
from basketgraph.clean.transform import REJECTED, TableRules
from basketgraph.clean.validity import with_neighbours, with_valid_to
from basketgraph.foundation.tables.warehouse import RunTables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FEW_BYTES = 1 << 23  # files of so many bytes are sorted by key without asking whether any key is repeated
FEW_KEYS = 100_000  # so many repeated keys are resolved apart from the rest; with more, all rows are
PRUNE_DAYS = 1000


class Prepared(FileRows):
    """What a batch will do to a table. Reads the landing files and the tables; writes nothing.

    first_load:     whether the table is empty.
    rows, rejected: rows of the tables' contracts, None where there is nothing to write.
    retracted:      rows of the table of which the batch has a newer version that is refused, None where there are none; retracted_from: how many of
                    them each file gave.
    counts:         by file.
    prune_by, moved_from: the table's day column, and other days than the batch's on which the table has rows of the same keys.
    """

    def __init__(
        self, tables: RunTables, rules: TableRules, source: Source, files: Sequence[LandingFile], raw: DataFrame, batch_id: str, now: datetime
    ) -> None:
        """raw: all rows of the batch's files, as from `raw_rows.raw_rows`."""
        self.release, self.batch_id, self.table, self.keys = tables, batch_id, rules.table.name, rules.table.keys
        self.first_load = not tables.exists(self.table) or tables.read(self.table).count() == 0
        is_large = self.first_load and not rules.history and sum(file.size for file in files) > FEW_BYTES
        super().__init__(rules, source, files, raw, run_id=tables.run_id, now=now, is_large=is_large)
        self.prune_by = day_column(rules.table, rules.mapped)
        self.moved_from: set[date] = set()
        self.rejected, reasons = self.rejected_rows()
        refused = self._refused()
        self.retracted = None if self.first_load or refused is None else self._retracted()
        self.retracted_from = {} if self.retracted is None else rows_by_file(self.retracted)
        self.rows: DataFrame | None = None
        statuses: ByFile = {}
        if any(self.good.values()):
            self.rows, statuses = self._first_rows(refused) if self.first_load else self._next_rows(refused)
        if self.retracted is not None and self.rows is None:
            self.rows = self.retracted.limit(0)
        if self.rows is not None and rules.history and not self.first_load:
            gone = self.rows.limit(0) if self.retracted is None else self.retracted
            self.rows = self.keep(with_neighbours(self.rows, tables.read(self.table), gone, self.keys))
        self.counts = self.counts_of(statuses, reasons)

    @property
    def taken_out(self) -> DataFrame | None:
        """Keys of retracted rows of which no newer row comes in."""
        if self.retracted is None or self.rows is None:
            return None
        return self.retracted.select(*self.keys).join(self.rows.select(*self.keys), on=self.keys, how="left_anti")

    @property
    def rows_added(self) -> int:
        return sum(counts.in_table for counts in self.counts.values()) - sum(self.retracted_from.values())

    def _refused(self) -> DataFrame | None:
        """Versions that this batch or an earlier one refused; None where there are none."""
        if not self.rules.retracts:
            return None
        before = self.release.read(REJECTED).where(F.col("table_name") == self.table)
        found = self.keep(refused_versions(before if self.rejected is None else before.unionByName(self.rejected), self.rules.table))
        return None if found.isEmpty() else found

    def _retracted(self) -> DataFrame | None:
        """The table's rows, on whatever day, of which this batch has a newer version that is refused; None where there are none."""
        if self.rejected is None:
            return None
        found = self.keep(retracted_rows(self.release.read(self.table), refused_versions(self.rejected, self.rules.table), self.keys))
        if found.isEmpty():
            return None
        if self.prune_by is not None:
            self.moved_from |= {row[0] for row in found.select(self.prune_by).distinct().collect()}
        return found

    def _first_rows(self, refused: DataFrame | None) -> tuple[DataFrame, ByFile]:
        """All rows are new but for repeated keys, which many rows are searched for by hash: cheaper than sorting whole rows."""
        keys, values, accepted = self.keys, self.rules.values, self.accepted_rows()
        repeated = None if self.tallied is None else self.tallied.where(F.col(KEY_HASH).isNotNull()).select(KEY_HASH)
        if repeated is not None and refused is not None:
            repeated = repeated.unionByName(refused.select(key_hash(keys).alias(KEY_HASH))).distinct()
        number = FEW_KEYS + 1 if repeated is None else repeated.count()
        if repeated is None or number > FEW_KEYS:
            judged = self.keep(judge(accepted, None, keys, values, refused=refused))
            return self._winners(judged), counts_by_file(judged, STATUS)
        if number == 0:
            return accepted, {file: {NEW: rows} for file, rows in self.good.items()}
        keyed = accepted.withColumn(KEY_HASH, key_hash(keys))
        single = keyed.join(F.broadcast(repeated), on=KEY_HASH, how="left_anti").drop(KEY_HASH)
        several = keyed.join(F.broadcast(repeated), on=KEY_HASH, how="left_semi").drop(KEY_HASH)
        judged = self.keep(judge(several, None, keys, values, refused=refused))
        statuses = counts_by_file(judged, STATUS)
        for file, rows in self.good.items():
            of_file = statuses.setdefault(file, {})
            of_file[NEW] = rows - sum(number for status, number in of_file.items() if status != NEW)
        return single.unionByName(self._winners(judged)), statuses

    def _next_rows(self, refused: DataFrame | None) -> tuple[DataFrame | None, ByFile]:
        """Rows that are new or newer than the table's, after joining the batch with the table on its days."""
        accepted = self.keep(self.accepted_rows())
        existing = self._existing(accepted)
        if self.retracted is not None:
            existing = existing.join(self.retracted.select(*self.keys), on=self.keys, how="left_anti")
        refresh = self.rules.mapped.version is not None
        judged = self.keep(judge(accepted, existing, self.keys, self.rules.values, refused=refused, refresh=refresh))
        statuses = counts_by_file(judged, STATUS)
        if not any(of_file.get(status) for of_file in statuses.values() for status in WRITTEN):
            return None, statuses
        return judged.where(F.col(STATUS).isin(*WRITTEN)).select(*self.rules.table.columns), statuses

    def _existing(self, accepted: DataFrame) -> DataFrame:
        """The table's rows that may have a key of the batch: those of its days and, where a key may move to another day, of the days it is on."""
        existing = self.release.read(self.table)
        if self.prune_by is None:
            return existing
        days = {row[0] for row in accepted.select(self.prune_by).distinct().limit(PRUNE_DAYS + 1).collect()}
        if self.rules.day_may_change:
            # All of them, also those of older versions in the batch: the row that wins may lie on another day than the table's.
            self.moved_from |= self._days_there(accepted, existing, self.prune_by)
            days |= self.moved_from
        return existing.where(F.col(self.prune_by).isin(days)) if len(days) <= PRUNE_DAYS else existing

    def _days_there(self, accepted: DataFrame, existing: DataFrame, day: str) -> set[date]:
        """The days on which the table has rows of the batch's keys. Of the table no more than keys and days are read, but on all days."""
        there = existing.select(*self.keys, day).join(accepted.select(*self.keys).distinct(), on=self.keys, how="left_semi")
        return {row[0] for row in there.select(day).distinct().collect()}

    def _winners(self, judged: DataFrame) -> DataFrame:
        rows = judged.where(F.col(STATUS) == NEW).select(*self.rules.table.columns)
        return with_valid_to(rows, self.keys).select(*self.rules.table.columns) if self.rules.history else rows
