"""Writing Delta tables, and reading those of a run or of the live release."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import date
from typing import Any

from delta.exceptions import captured  # its import makes PySpark raise these
from delta.tables import DeltaTable, DeltaTableBuilder
from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from basketgraph.foundation.config import UserError
from basketgraph.foundation.contracts import conform, contract
from basketgraph.foundation.tables.files import Files
from basketgraph.foundation.tables.merging import TAKEN_OUT, among, differs
from basketgraph.foundation.tables.migrations import CLEARED, CONSTRAINT, Existing, Migration, migration, properties
from basketgraph.foundation.tables.reader import TableReader, session_conf

# What another driver's commit may do to ours. The classes have no parent in common.
CONFLICTS = (
    captured.ConcurrentAppendException,
    captured.ConcurrentDeleteReadException,
    captured.ConcurrentDeleteDeleteException,
    captured.ConcurrentWriteException,
    captured.DeltaConcurrentModificationException,
)
COMMIT = re.compile(r"\d{20}\..*(json|parquet)|_last_checkpoint")  # a file of a Delta log: a commit or a checkpoint
COMMIT_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
RELEASES = "ops.releases"
LISTS = "gold.recommendations"  # what customers see of a release
LOGS_AT_ONCE = 4
MERGE_TRIES = 5  # each try reads the table anew, so it meets only what was committed while it ran


class Warehouse(TableReader):
    """Delta tables at `<root>/<layer>/<table>`, read, written and kept."""

    def __init__(self, spark: SparkSession, root: str, *, before_commit: Callable[[], None] = lambda: None) -> None:
        """before_commit: called before each write; raises where this run may no longer write (it lost the lock)."""
        super().__init__(spark, root)
        self._before_commit = before_commit
        self._followed: set[str] = set()  # tables that this run has brought up to date with their contracts

    def create(self, table: str) -> None:
        """Create the table from its contract (columns, comments, NOT NULL, layout, CHECK constraints), or bring the one that is there up to date.
        errors: UserError where a table that is there cannot follow its contract (migrations.py has the rules).
        """
        if not self.exists(table):
            self._before_commit()
            remove_failed_creation(self.files, f"{self.path(table)}/_delta_log")
            self._build(DeltaTable.createIfNotExists(self.spark).location(self.path(table)), table)
        elif table not in self._followed:
            needed = self.migration(table)
            if needed.faults:
                cure = "Undo the change, or add a column of another name that is not required (docs/operating.md, When a contract changes)."
                raise UserError(f"{table}: the table at {self.path(table)} cannot follow {contract(table).file}", needed.faults, cure)
            self._follow(table, needed.statements)
        self._followed.add(table)

    def replace(self, table: str) -> None:
        """Empty the table and make it what its contract says; its older versions stay readable."""
        terms = contract(table)
        self._follow(table, [*CLEARED, *(text for text in self.migration(table).statements if text.startswith("DROP CONSTRAINT"))])
        empty = self.spark.createDataFrame([], terms.struct).write.format("delta").mode("overwrite").option("overwriteSchema", "true")
        self._before_commit()
        (empty.partitionBy(*terms.custom.partitionBy) if terms.custom.partitionBy else empty).save(self.path(table))
        self._follow(table, self.migration(table).statements)
        self._followed.add(table)

    def _build(self, builder: DeltaTableBuilder, table: str) -> None:
        terms = contract(table)
        builder = builder.comment(terms.description)
        for column in terms.struct.fields:
            builder = builder.addColumn(column.name, column.dataType, nullable=column.nullable, comment=column.metadata["comment"])
        if terms.custom.partitionBy:
            builder = builder.partitionedBy(*terms.custom.partitionBy)
        elif terms.custom.clusterBy:
            builder = builder.clusterBy(*terms.custom.clusterBy)
        for name, value in properties(terms).items():
            builder = builder.property(name, value)
        for name, condition in terms.constraints.items():
            builder = builder.property(f"{CONSTRAINT}{name}", condition)
        builder.execute()

    def migration(self, table: str) -> Migration:
        """The statements that bring an existing table up to its contract, or why it cannot follow."""
        detail = DeltaTable.forPath(self.spark, self.path(table)).detail().collect()[0].asDict(recursive=True)
        schema = self.spark.read.format("delta").load(self.path(table)).schema
        have = Existing(schema, detail["partitionColumns"], detail["clusteringColumns"], detail["properties"], detail["description"] or "")
        return migration(contract(table), have)

    def _follow(self, table: str, statements: Iterable[str]) -> None:
        for statement in statements:
            self._before_commit()
            try:
                self.spark.sql(f"ALTER TABLE {self.identifier(table)} {statement}")
            except AnalysisException as error:
                what = f"{table}: rows that are there do not meet what {contract(table).file} asks for now"
                raise UserError(what, [f"want {statement}", str(error).splitlines()[0]], "Mend those rows first, or undo the change.") from None

    def overwrite(self, frame: DataFrame, table: str, *, built_from: Mapping[str, Any] | None = None) -> None:
        """Replace the whole table, as one commit. built_from: what the rows follow from, kept with the commit for `built_from`."""
        self._write(frame, table, {"built_from": built_from}, "overwrite")

    def empty(self, table: str) -> None:
        """Leave the table without a row; one that has none gets no commit. It is created where it is missing."""
        if not self.newest(table).isEmpty():
            self.overwrite(self.newest(table).limit(0), table)
        self.create(table)

    def clear_day(self, table: str, day: date, *, column: str = "as_of") -> None:
        """Leave no row of one day; the others stay. A day without one gets no commit. The table is created where it is missing."""
        self.create(table)
        if not self.newest(table).where(F.col(column) == F.lit(day)).isEmpty():
            self.overwrite_day(self.newest(table).limit(0), table, day, column=column)

    def overwrite_day(self, frame: DataFrame, table: str, day: date, *, column: str = "as_of") -> None:
        """Replace the rows of one day; the others stay. Rows of another day in `frame` are refused by Delta."""
        self._write(frame, table, {}, "overwrite", f"{column} = DATE'{day.isoformat()}'")

    def overwrite_days(
        self, frame: DataFrame, table: str, days: Collection[date], *, column: str, built_from: Mapping[str, Any] | None = None
    ) -> None:
        """Replace the rows of some days, as one commit."""
        listed = ", ".join(f"DATE'{day.isoformat()}'" for day in sorted(days))
        self._write(frame, table, {"built_from": built_from}, "overwrite", f"{column} IN ({listed})")

    def append(self, frame: DataFrame, table: str, *, batch_id: str | None = None) -> None:
        self._write(frame, table, {"batch_id": batch_id}, "append")

    def _write(self, frame: DataFrame, table: str, note: Mapping[str, Any], mode: str, replace_where: str | None = None) -> None:
        conforming = conform(frame, table)  # first: a refused frame leaves no empty table behind
        if mode == "overwrite" and replace_where is None and table not in self._followed and self.exists(table) and self.migration(table).faults:
            self.replace(table)  # all rows are written anew: the table need not follow, it starts again
        else:
            self.create(table)
        writer = conforming.write.format("delta").mode(mode)
        if replace_where is not None:
            writer = writer.option("replaceWhere", replace_where)
        if any(value is not None for value in note.values()):
            writer = writer.option("userMetadata", json.dumps(note))
        self._before_commit()
        writer.save(self.path(table))
        if mode == "overwrite" and replace_where is None and (columns := contract(table).custom.clusterBy):
            # Delta takes the layout away with the rows. (`replaceWhere` would leave it, but write every row of a table with a change feed twice.)
            self._before_commit()
            self.spark.sql(f"ALTER TABLE {self.identifier(table)} CLUSTER BY ({', '.join(columns)})")

    def merge(
        self,
        frame: DataFrame,
        table: str,
        *,
        batch_id: str | None = None,
        prune_by: str | None = None,
        prune_also: Collection[date] = (),
        only_insert: bool = False,
        also_compared: Sequence[str] = (),
        bounds: Mapping[str, Collection[Any]] | None = None,
        replace: bool = False,
        taken_out: DataFrame | None = None,
    ) -> None:
        """MERGE by the contract's key: new keys are inserted, rows that differ beyond lineage are updated, the rest is left alone.

        frame:         at most one row per key.
        prune_by:      a column whose values in `frame` bound the rows that can match (the day): the others' files are not read.
        prune_also:    its values in rows of the same keys that lie elsewhere in the table: those of another day are then replaced, not doubled.
        bounds:        the like with all values themselves, by column.
        also_compared: lineage columns in which a difference, too, is a reason to update the row.
        replace:       rows of known keys are replaced whatever differs, be it lineage alone or an older version.
        taken_out:     keys whose rows leave the table in the same commit; none of them is in `frame`.

        Where another driver commits meanwhile, the merge is tried again on the table as it then is: it finds by key what is there already,
        and a row that has become newer (`source_time`) stays.
        """
        terms = contract(table)
        frame = conform(frame, table)
        self.create(table)
        conditions = [f"t.`{key}` = s.`{key}`" for key in terms.keys]
        if prune_by is not None:
            days = {row[0] for row in frame.select(prune_by).distinct().collect()}
            conditions.append(among(prune_by, days | set(prune_also)))
        conditions += [among(column, values) for column, values in (bounds or {}).items()]
        source = frame.withColumn(TAKEN_OUT, F.lit(False))
        if taken_out is not None:
            source = source.unionByName(taken_out.select(*terms.keys, F.lit(True).alias(TAKEN_OUT)), allowMissingColumns=True)
        update = differs(terms, replace=replace, also=also_compared)
        for attempt in range(1, MERGE_TRIES + 1):
            merged = DeltaTable.forPath(self.spark, self.path(table)).alias("t").merge(source.alias("s"), " AND ".join(conditions))
            if taken_out is not None:
                merged = merged.whenMatchedDelete(condition=f"s.{TAKEN_OUT}")
            if (terms.compared_columns or also_compared or replace) and not only_insert:
                merged = merged.whenMatchedUpdate(condition=update, set={c: f"s.`{c}`" for c in terms.columns})
            merged = merged.whenNotMatchedInsert(condition=f"NOT s.{TAKEN_OUT}", values={c: f"s.`{c}`" for c in terms.columns})
            self._before_commit()
            try:
                with nullcontext() if batch_id is None else session_conf(self.spark, COMMIT_METADATA, json.dumps({"batch_id": batch_id})):
                    merged.execute()
                return
            except CONFLICTS:
                if attempt == MERGE_TRIES:
                    raise
                time.sleep(random.uniform(0, attempt))  # two that met once should not meet again

    def delete(self, table: str, condition: str | Column) -> None:
        """Delete the rows that meet a condition, as one commit; older versions keep them."""
        self._before_commit()
        DeltaTable.forPath(self.spark, self.path(table)).delete(condition)

    def restore(self, table: str, version: int) -> None:
        """Make the rows what they were at a version, as one more commit."""
        self._before_commit()
        DeltaTable.forPath(self.spark, self.path(table)).restoreToVersion(version)

    def compact(self, table: str) -> None:
        """OPTIMIZE: few files of a good size, in the contract's layout."""
        self._before_commit()
        DeltaTable.forPath(self.spark, self.path(table)).optimize().executeCompaction()

    def vacuum(self, table: str, *, retain_hours: int) -> None:
        """Delete files that were replaced more than `retain_hours` ago; of any age, so that the caller keeps those of a write that goes on.

        Whole hours: Delta rounds others, also down.
        """
        self._before_commit()
        with self.vacuuming():
            DeltaTable.forPath(self.spark, self.path(table)).vacuum(retain_hours)

    def feed_starts(self, table: str) -> list[int]:
        """Versions from which the change data feed may still be read whole, the earliest first: the oldest commit, then those of releases."""
        oldest = min(commit["version"] for commit in self.history(table, 1_000_000))
        named = {row["versions"].get(table) for row in releases(self)} - {None}
        return [oldest, *sorted(version for version in named if version > oldest)]


class RunTables(Warehouse):
    """The tables as one run writes them: reads see the newest versions, which nobody else reads before `publish`."""

    def __init__(
        self,
        spark: SparkSession,
        root: str,
        run_id: str,
        *,
        before_commit: Callable[[], None] = lambda: None,
        checker: Callable[[RunTables, Sequence[str], date | None], None] | None = None,
        ds: date | None = None,
        work_root: str | None = None,
    ) -> None:
        super().__init__(spark, root, before_commit=before_commit)
        self.run_id, self._checker, self._ds, self.work_root = run_id, checker, ds, work_root or root  # work_root: shard sets and models
        self.checked: dict[str, dict[str, Any]] = {}  # what the checks of the step under way cost

    def read(self, table: str) -> DataFrame:
        return self.newest(table)

    def check(self, *tables: str) -> None:
        """Hold the newest versions against their expectations. Raises quality.QualityStop, with all of them, on critical failures."""
        if self._checker is None:
            raise RuntimeError("these tables were opened without a checker")
        self._checker(self, tables, self._ds)

    def versions(self, tables: Sequence[str]) -> dict[str, int]:
        newest = {table: self.version(table) for table in tables}
        return {table: version for table, version in newest.items() if version is not None}


class LiveRelease(Warehouse):
    """The tables as readers see them: each at the version that the newest release names."""

    def __init__(self, spark: SparkSession, root: str) -> None:
        super().__init__(spark, root)
        self.row = newest_release(self)

    def read(self, table: str) -> DataFrame:
        if self.row is None or table not in self.row["versions"]:
            raise UserError(f"{table}: not in a release of {self.root}", cure="Run `basketgraph run` first, or name the right warehouse.")
        return self.read_version(table, self.row["versions"][table])


def releases(warehouse: Warehouse) -> list[dict[str, Any]]:
    """All releases, newest first, as dicts of ops.releases."""
    return [row.asDict(recursive=True) for row in warehouse.newest(RELEASES).orderBy(F.desc("release")).collect()]


def newest_release(warehouse: Warehouse) -> dict[str, Any] | None:
    newest_first = releases(warehouse)
    return newest_first[0] if newest_first else None


def released_rows(tables: Warehouse, table: str) -> tuple[DataFrame, date | None]:
    """A table's rows as the live release has them, and the day that the release is of; no row and None where it does not have the table."""
    live = newest_release(tables)
    version = live["versions"].get(table) if live else None
    if live is None or version is None:
        return tables.newest(table).limit(0), None
    return tables.read_version(table, version), live["as_of"]


def table_rows(warehouse: Warehouse, versions: Mapping[str, int]) -> dict[str, int]:
    """Row counts at these versions; Delta answers from its log, which takes it longer to open than to read: several at once."""
    with ThreadPoolExecutor(LOGS_AT_ONCE) as pool:
        counts = pool.map(lambda pair: warehouse.read_version(*pair).count(), versions.items())
        return dict(zip(versions, counts, strict=True))


def remove_failed_creation(files: Files, log: str) -> None:
    """Remove a Delta log without a commit, as a killed CREATE TABLE leaves it: Delta finds no table there, and creates none either.

    log:    the path of `_delta_log` of a table that has no version.
    errors: OSError where another writer commits just now; its commit stays.
    """
    names = files.list_names(log)
    if any(COMMIT.fullmatch(name) for name in names):
        return
    for name in names:
        files.delete(f"{log}/{name}")
    files.delete(log, recursive=False)
