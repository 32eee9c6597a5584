"""The door to Delta: reading, writing and versions of tables, and the releases that say which versions are live."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import TYPE_CHECKING, Any

from delta.tables import DeltaTable
from pyspark.sql import functions as F

from basketgraph.config import Mistake
from basketgraph.contracts import Contract, conform, contract

if TYPE_CHECKING:
    from py4j.java_gateway import JavaObject
    from pyspark.sql import DataFrame, SparkSession

COMMIT_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
RELEASES = "ops.releases"
LOGS_AT_ONCE = 4


class Warehouse:
    """Delta tables at `<root>/<layer>/<table>`; `root` is a local path or any URI that Hadoop knows."""

    def __init__(self, spark: SparkSession, root: str, *, before_commit: Callable[[], None] = lambda: None) -> None:
        """before_commit: called before each write; raises where this run may no longer write (it lost the lock)."""
        self.spark, self.root, self._before_commit = spark, root.rstrip("/"), before_commit

    def path(self, table: str) -> str:
        return f"{self.root}/{table.replace('.', '/')}"

    def hadoop_path(self, path: str) -> tuple[JavaObject, JavaObject]:
        """(file system, path) of Hadoop for `path`, so that listings work on object stores too."""
        jvm, hadoop = self.spark._jvm, self.spark._jsc.hadoopConfiguration()  # type: ignore[union-attr]
        place = jvm.org.apache.hadoop.fs.Path(path)  # type: ignore[union-attr]
        return place.getFileSystem(hadoop), place

    def version(self, table: str) -> int | None:
        """The newest version of a table from its log's file names; None where there is no such table. No Spark job."""
        system, log = self.hadoop_path(f"{self.path(table)}/_delta_log")
        if not system.exists(log):
            return None
        commits = [re.fullmatch(r"(\d{20})\.json", status.getPath().getName()) for status in system.listStatus(log)]
        versions = [int(commit[1]) for commit in commits if commit]
        return max(versions) if versions else None

    def exists(self, table: str) -> bool:
        return self.version(table) is not None

    def read_version(self, table: str, version: int) -> DataFrame:
        return self.spark.read.format("delta").option("versionAsOf", version).load(self.path(table))

    def newest(self, table: str) -> DataFrame:
        """The newest version; a table that was never written reads as empty, with its contract's columns."""
        version = self.version(table)
        if version is None:
            return self.spark.createDataFrame([], contract(table).struct)
        return self.read_version(table, version)

    def create(self, table: str) -> None:
        """Create the table from its contract unless it is there: columns, comments, NOT NULL, layout, CHECK constraints."""
        if self.exists(table):
            return
        self._before_commit()
        terms = contract(table)
        builder = DeltaTable.createIfNotExists(self.spark).location(self.path(table)).comment(terms.description)
        for column in terms.struct.fields:
            builder = builder.addColumn(column.name, column.dataType, nullable=column.nullable, comment=column.metadata["comment"])
        if terms.partition_by:
            builder = builder.partitionedBy(*terms.partition_by)
        elif terms.cluster_by:
            builder = builder.clusterBy(*terms.cluster_by)
        for name, value in _statistics(terms).items():
            builder = builder.property(name, value)
        # A release may be rolled back to for as long as its versions can be rebuilt from the log (Delta's default is 30 days).
        builder = builder.property("delta.logRetentionDuration", "interval 400 days")
        if terms.change_data_feed:
            builder = builder.property("delta.enableChangeDataFeed", "true")
        for name, condition in terms.constraints.items():
            builder = builder.property(f"delta.constraints.{name}", condition)
        builder.execute()

    def overwrite(self, frame: DataFrame, table: str, *, batch_id: str | None = None) -> None:
        """Replace the whole table, as one commit."""
        self._write(frame, table, batch_id, "overwrite")

    def overwrite_day(self, frame: DataFrame, table: str, day: date, *, column: str = "as_of") -> None:
        """Replace the rows of one day; the others stay. Rows of another day in `frame` are refused by Delta."""
        self._write(frame, table, None, "overwrite", f"{column} = DATE'{day.isoformat()}'")

    def append(self, frame: DataFrame, table: str, *, batch_id: str | None = None) -> None:
        self._write(frame, table, batch_id, "append")

    def _write(self, frame: DataFrame, table: str, batch_id: str | None, mode: str, replace_where: str | None = None) -> None:
        conforming = conform(frame, table)  # first: a refused frame leaves no empty table behind
        self.create(table)
        writer = conforming.write.format("delta").mode(mode)
        if replace_where is not None:
            writer = writer.option("replaceWhere", replace_where)
        if batch_id is not None:
            writer = writer.option("userMetadata", json.dumps({"batch_id": batch_id}))
        self._before_commit()
        writer.save(self.path(table))

    def merge(
        self,
        frame: DataFrame,
        table: str,
        *,
        batch_id: str | None = None,
        prune_by: str | None = None,
        prune_values: Sequence[Any] | None = None,
        only_insert: bool = False,
        also_compared: Sequence[str] = (),
    ) -> None:
        """MERGE by the contract's key: new keys are inserted, rows that differ beyond lineage are updated, the rest is left alone.

        frame:    at most one row per key.
        prune_by: a column whose values in `frame` bound the rows that can match (the day): the others' files are not read.
        prune_values: these values, where the table's row of a key may have another one than the frame's.
        also_compared: lineage columns in which a difference, too, is a reason to update the row.
        """
        terms = contract(table)
        frame = conform(frame, table)
        self.create(table)
        conditions = [f"t.`{key}` = s.`{key}`" for key in terms.keys]
        if prune_by is not None:
            conditions.append(_in_list(_values_of(frame, prune_by) if prune_values is None else prune_values, prune_by))
        merged = DeltaTable.forPath(self.spark, self.path(table)).alias("t").merge(frame.alias("s"), " AND ".join(conditions))
        compared = [*terms.compared_columns, *also_compared]
        if compared and not only_insert:
            differs = " OR ".join(f"NOT (t.`{c}` <=> s.`{c}`)" for c in compared)
            merged = merged.whenMatchedUpdate(condition=differs, set={c: f"s.`{c}`" for c in terms.columns})
        self._before_commit()
        with self._commit_metadata(batch_id):
            merged.whenNotMatchedInsertAll().execute()

    def _commit_metadata(self, batch_id: str | None) -> _SessionConf:
        return _SessionConf(self.spark, COMMIT_METADATA, None if batch_id is None else json.dumps({"batch_id": batch_id}))

    def compact(self, table: str) -> None:
        """OPTIMIZE: few files of a good size, in the contract's layout."""
        self._before_commit()
        DeltaTable.forPath(self.spark, self.path(table)).optimize().executeCompaction()

    def vacuum(self, table: str, *, retain_hours: float) -> None:
        """Delete files that no version younger than `retain_hours` needs."""
        self._before_commit()
        DeltaTable.forPath(self.spark, self.path(table)).vacuum(retain_hours)

    def committed_batches(self, table: str, limit: int = 1000) -> set[str]:
        """The batch ids in the table's history: what a crash before the ledger's own commit must not count twice."""
        if not self.exists(table):
            return set()
        history = DeltaTable.forPath(self.spark, self.path(table)).history(limit).where("userMetadata IS NOT NULL")
        found = (json.loads(row.userMetadata) for row in history.select("userMetadata").collect())
        return {entry["batch_id"] for entry in found if "batch_id" in entry}


def _statistics(terms: Contract) -> dict[str, str]:
    """Delta keeps the least and greatest value of each column a file; of all columns but those the table is laid out by they skip nothing,
    and collecting them is a third of the cost of a write. Row counts are kept always.
    """
    if terms.cluster_by:
        return {"delta.dataSkippingStatsColumns": ",".join(terms.cluster_by)}
    return {"delta.dataSkippingNumIndexedCols": "0"} if terms.partition_by else {}


class _SessionConf:
    """Sets one Spark conf for the length of a `with` block."""

    def __init__(self, spark: SparkSession, key: str, value: str | None) -> None:
        self.spark, self.key, self.value = spark, key, value

    def __enter__(self) -> None:
        if self.value is not None:
            self.spark.conf.set(self.key, self.value)

    def __exit__(self, *_: object) -> None:
        self.spark.conf.unset(self.key)


def _values_of(frame: DataFrame, column: str) -> list[Any]:
    return [row[0] for row in frame.select(column).distinct().collect()]


def _in_list(values: Sequence[Any], column: str) -> str:
    if not values:
        return "FALSE"
    literals = ", ".join(sorted(f"DATE'{v.isoformat()}'" if isinstance(v, date) else "'" + str(v).replace("'", "\\'") + "'" for v in values))
    return f"t.`{column}` IN ({literals})"


class Release(Warehouse):
    """The tables as one run writes them: reads see the newest versions, which nobody else reads before `publish`."""

    def __init__(
        self,
        spark: SparkSession,
        root: str,
        run_id: str,
        *,
        before_commit: Callable[[], None] = lambda: None,
        checker: Callable[[Release, str, date], None] | None = None,
        ds: date | None = None,
    ) -> None:
        super().__init__(spark, root, before_commit=before_commit)
        self.run_id, self._checker, self._ds = run_id, checker, ds

    def read(self, table: str) -> DataFrame:
        return self.newest(table)

    def check(self, *tables: str) -> None:
        """Hold the newest versions against their expectations. Raises quality.QualityStop on a critical failure."""
        if self._checker is None:
            raise RuntimeError("this Release was made without a checker")
        for table in tables:
            self._checker(self, table, self._ds or date.today())

    def versions(self, tables: Sequence[str]) -> dict[str, int]:
        found = {table: self.version(table) for table in tables}
        return {table: version for table, version in found.items() if version is not None}


class LiveRelease(Warehouse):
    """The tables as readers see them: each at the version that the newest release names."""

    def __init__(self, spark: SparkSession, root: str) -> None:
        super().__init__(spark, root)
        self.row = newest_release(self)

    def read(self, table: str) -> DataFrame:
        if self.row is None or table not in self.row["versions"]:
            raise Mistake(f"{table}: not in a release of {self.root}", cure="Run `basketgraph run` first, or name the right warehouse.")
        return self.read_version(table, self.row["versions"][table])


def releases(warehouse: Warehouse) -> list[dict[str, Any]]:
    """All releases, newest first, as dicts of ops.releases."""
    if not warehouse.exists(RELEASES):
        return []
    return [row.asDict(recursive=True) for row in warehouse.newest(RELEASES).orderBy(F.desc("release")).collect()]


def newest_release(warehouse: Warehouse) -> dict[str, Any] | None:
    found = releases(warehouse)
    return found[0] if found else None


def table_rows(warehouse: Warehouse, versions: Mapping[str, int]) -> dict[str, int]:
    """Row counts at these versions; Delta answers from its log, which takes it longer to open than to read: several at once."""
    with ThreadPoolExecutor(LOGS_AT_ONCE) as pool:
        counts = pool.map(lambda pair: warehouse.read_version(*pair).count(), versions.items())
        return dict(zip(versions, counts, strict=True))


def same_rows_columns(table: Contract) -> list[str]:
    """The columns in which two tables must agree to be the same: all but lineage."""
    return [c for c in table.columns if c not in table.lineage_columns]
