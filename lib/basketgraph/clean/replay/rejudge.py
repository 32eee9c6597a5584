"""Files of one table read a second time: what the table would be had they never been read before, and what differs from what it is.

The rows that these files gave the table (lineage: source_file and file_hash) count as not there; the files are read whole under the present mapping
and judged like new ones against the rows that other files gave. So a row that the files gave before is theirs again and no duplicate; a row that
another file gave first stays a duplicate; a row whose key no longer arises goes. Rejected rows are each file's own, and are written anew.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from basketgraph.clean.deduplication import CHANGED, CONTENT, HAD, HAD_CONTENT, HAD_OWNER, HAD_TIME, NEW, STATUS, WRITTEN, judge
from basketgraph.clean.file_rows import FileRows, counts_by_file
from basketgraph.clean.lineage import FileId, rows_by_file
from basketgraph.clean.replay.affected_files import affected_files, files_with_other_keys
from basketgraph.clean.replay.table_rows import TableRows
from basketgraph.clean.retraction import refused_versions, retracted_rows
from basketgraph.clean.transform import REJECTED
from basketgraph.clean.validity import with_neighbours

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

log = logging.getLogger("basketgraph")
MOST_DAYS = 1000  # a MERGE names the days that can match, up to this many


class ReplayedTable:
    """What reading files again does to a table.

    rows, taken_out: rows to write and keys to take out; rejected, no_longer_rejected: the same of silver.rejected_rows, by rejected_id.
    counts:          of the files, as a first reading beside the other files' rows would give them.
    retracted_from:  file -> its rows that leave the table, since a newer version of them is refused now; of other files than the chosen ones.
    changes:         what is told of it.
    """

    def __init__(self, table: TableRows, chosen: frozenset[FileId]) -> None:
        """Judge the chosen files, which are present, and those that bear on the same rows.

        errors: UserError where keys are made in another way than before and a file of the table is gone.
        """
        self.table, self.files = table, chosen | files_with_other_keys(table)
        while True:
            judged, own = self._judged()
            more = affected_files(table, self.files, own, judged, self.refused)
            if not more:
                break
            log.info("%s: %d more files bear on the same rows and are read again, too", table.name, len(more))
            self.files |= more
            self.read.release_memory()
        self._decide(judged, own)

    def _judged(self) -> tuple[DataFrame, DataFrame]:
        """(the files' rows beside those of others, the rows that they gave the table before)."""
        table, rules, keys = self.table, self.table.rules, self.table.rules.table.keys
        self.read = table.read(self.files)
        found, self.reasons = self.read.rejected_rows()
        self.rejected_now = table.rejected.limit(0) if found is None else found
        refused = table.of_files(table.rejected, self.files, how="left_anti").unionByName(self.rejected_now)
        self.refused = self.read.keep(refused_versions(refused, rules.table))
        own, others = (table.of_files(table.rows, self.files, how=how) for how in ("left_semi", "left_anti"))
        self.retracted = self.read.keep(retracted_rows(others, self.refused, keys))
        others = others.join(self.retracted.select(*keys), on=keys, how="left_anti")
        refresh = rules.mapped.version is not None
        judged = judge(self.read.accepted_rows(), others, keys, rules.values, own=own, refused=self.refused, refresh=refresh)
        return self.read.keep(judged), own

    def _decide(self, judged: DataFrame, own: DataFrame) -> None:
        table, terms, read = self.table, self.table.rules.table, self.read
        same = F.col(HAD_CONTENT) == F.col(CONTENT)
        winners = judged.where(F.col(STATUS).isin(*WRITTEN))
        as_it_was = F.col(HAD) & same & F.col(HAD_OWNER) & F.col("source_time").eqNullSafe(F.col(HAD_TIME))
        self.rows = read.keep(winners.where(~as_it_was).select(*terms.columns))
        leaving = own.select(*terms.keys).unionByName(self.retracted.select(*terms.keys))
        self.taken_out = read.keep(leaving.join(winners.select(*terms.keys), on=terms.keys, how="left_anti"))
        is_new, is_changed = ~F.col(HAD) & (F.col(STATUS) == NEW), (F.col(STATUS) == CHANGED) | (F.col(HAD) & ~same)
        found = winners.agg(F.count_if(is_new).alias("accepted"), F.count_if(is_changed).alias("changed")).collect()[0]
        self.changes = {"newly_accepted": found.accepted, "changed": found.changed, "removed": self.taken_out.count()}
        self.rejected, self.no_longer_rejected, rejections = _rejections(table, read, self.files, self.rejected_now)
        self.changes |= rejections
        self.counts, self.retracted_from = read.counts_of(counts_by_file(judged, STATUS), self.reasons), rows_by_file(self.retracted)
        self.days = _days(table, self.rows, self.taken_out)
        if table.rules.history:
            self.rows = read.keep(with_neighbours(self.rows, table.rows, self.taken_out, terms.keys))

    @property
    def changes_rows(self) -> bool:
        return not (self.rows.isEmpty() and self.taken_out.isEmpty())

    @property
    def changes_rejected(self) -> bool:
        return not (self.rejected.isEmpty() and self.no_longer_rejected.isEmpty())

    def write(self, batch_id: str) -> set[str]:
        """Write the table's rows and its rejected ones; returns the tables with a new version."""
        release, name, written = self.table.release, self.table.name, set()
        if self.changes_rows:
            bounds = {self.days[0]: self.days[1]} if self.days else None
            release.merge(self.rows, name, batch_id=f"{batch_id}/{name}", bounds=bounds, replace=True, taken_out=self.taken_out)
            written.add(name)
        if self.changes_rejected:
            bounds, gone = {"table_name": [name]}, self.no_longer_rejected
            release.merge(self.rejected, REJECTED, batch_id=f"{batch_id}/{REJECTED}", bounds=bounds, replace=True, taken_out=gone)
            written.add(REJECTED)
        return written


def _rejections(table: TableRows, read: FileRows, chosen: frozenset[FileId], now: DataFrame) -> tuple[DataFrame, DataFrame, dict[str, Any]]:
    """(rejected rows to write, ids that leave, what changed)."""
    before = table.of_files(table.rejected, chosen)
    was = before.select("rejected_id", F.col("reasons").alias("__reasons"), F.col("payload").alias("__payload"))
    compared = read.keep(now.join(was, on="rejected_id", how="left"))  # at most one row an id
    had, same_reasons = F.col("__reasons").isNotNull(), F.col("reasons").eqNullSafe(F.col("__reasons"))
    rows = read.keep(compared.where(~(had & same_reasons & F.col("payload").eqNullSafe(F.col("__payload")))).select(*before.columns))
    no_longer = read.keep(was.join(now, on="rejected_id", how="left_anti").select("rejected_id"))
    by_reason = compared.where(~had).select(F.explode("reasons").alias("reason")).groupBy("reason").count().orderBy("reason").collect()
    numbers = {"newly": ~had, "still": had, "other": had & ~same_reasons}
    found = compared.agg(*[F.count_if(condition).alias(name) for name, condition in numbers.items()]).collect()[0]
    changes = {
        "newly_rejected": found.newly,
        "newly_rejected_by_reason": {row.reason: row["count"] for row in by_reason},
        "no_longer_rejected": no_longer.count(),
        "still_rejected": found.still,
        "of_these_other_reasons": found.other,
    }
    return rows, no_longer, changes


def _days(table: TableRows, rows: DataFrame, taken_out: DataFrame) -> tuple[str, list[Any]] | None:
    """The days of the touched rows, as they were and as they will be; None where the table is not laid out by day or they are many."""
    terms = table.rules.table
    day = terms.day_column
    if day is None or table.rules.history:
        return None
    touched = rows.select(*terms.keys).unionByName(taken_out)
    before = table.rows.join(touched, on=terms.keys, how="left_semi").select(day)
    days = [row[0] for row in before.unionByName(rows.select(day)).distinct().limit(MOST_DAYS + 1).collect()]
    return (day, days) if len(days) <= MOST_DAYS else None
