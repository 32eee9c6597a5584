"""Reading Delta tables: their paths, versions, rows, changes and history. Nothing is written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import pyarrow as pa
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql.pandas.types import to_arrow_schema

from basketgraph.foundation.contracts import contract
from basketgraph.foundation.failures import at_the_end
from basketgraph.foundation.tables.files import Files
from basketgraph.foundation.tables.migrations import as_contract

LISTING = "spark.sql.sources.parallelPartitionDiscovery.parallelism"
RETENTION_CHECK = "spark.databricks.delta.retentionDurationCheck.enabled"


@contextmanager
def session_conf(spark: SparkSession, key: str, value: str) -> Iterator[None]:
    """One Spark property for the length of a `with` block; then it is again what it was."""
    before = spark.conf.get(key, None)
    spark.conf.set(key, value)
    with at_the_end(f"{key}: not set back", lambda: spark.conf.unset(key) if before is None else spark.conf.set(key, before)):
        yield


def aware(moment: datetime) -> datetime:
    """Spark hands instants out as local time without a zone."""
    return moment.astimezone() if moment.tzinfo is None else moment


def _note(text: str | None) -> dict[str, Any]:
    """The note of a commit's writer; empty where that was not one of our runs."""
    try:
        note = json.loads(text or "{}")
    except ValueError:
        return {}
    return note if isinstance(note, dict) else {}


class TableReader:
    """Delta tables at `<root>/<layer>/<table>`; `root` is a local path or any URI that Hadoop knows."""

    def __init__(self, spark: SparkSession, root: str) -> None:
        self.spark, self.root = spark, root.rstrip("/")
        self.files = Files(spark)

    def path(self, table: str) -> str:
        return f"{self.root}/{table.replace('.', '/')}"

    def identifier(self, table: str) -> str:
        """The table's name in SQL, by its absolute path."""
        return f"delta.`{self.files.qualified(self.path(table))}`"

    def version(self, table: str) -> int | None:
        """The newest version of a table from its log's file names; None where there is no such table. No Spark job."""
        names = self.files.list_names(f"{self.path(table)}/_delta_log")
        return max((int(commit[1]) for name in names if (commit := re.fullmatch(r"(\d{20})\.json", name))), default=None)

    def exists(self, table: str) -> bool:
        return self.version(table) is not None

    def is_file(self, path: str) -> bool:
        """Whether there is a file (or folder) of this name."""
        return self.files.exists(path)

    def rows(self, table: str, query: str, version: int | None = None) -> list[dict[str, Any]]:
        """The rows of a query on one table, as reader.Reader has it; none where the table was never written."""
        if not self.exists(table):
            return []
        frame = self.newest(table) if version is None else self.read_version(table, version)
        return [row.asDict(recursive=True) for row in self.spark.sql(query, rows=frame).collect()]

    def read_version(self, table: str, version: int) -> DataFrame:
        """One version, as the contract names it now (migrations.as_contract)."""
        return as_contract(self.spark.read.format("delta").option("versionAsOf", version).load(self.path(table)), contract(table))

    def newest(self, table: str) -> DataFrame:
        """The newest version; a table that was never written reads as empty, with its contract's columns."""
        version = self.version(table)
        if version is None:
            return self.spark.createDataFrame([], contract(table).struct)
        return self.read_version(table, version)

    def rows_of(self, table: str, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
        """Rows made in Python, as a frame of the contract's columns in one partition; what a row does not name is null.

        By way of Arrow, since Spark starts a Python worker for rows that it is handed as such. Instants without a zone are local time, as `collect`
        hands them out. Raises ValueError on a column that the contract does not name, and on a null in a required one.
        """
        struct = contract(table).struct
        if unknown := {name for row in rows for name in row} - set(struct.names):
            raise ValueError(f"{table}: no such columns: {', '.join(sorted(unknown))}")
        values = [{name: aware(value) if isinstance(value, datetime) else value for name, value in row.items()} for row in rows]
        arrow = pa.Table.from_pylist(values, schema=to_arrow_schema(struct))
        lacking = [field.name for field in struct.fields if not field.nullable and arrow.column(field.name).null_count]
        if lacking:
            raise ValueError(f"{table}: required columns without a value: {', '.join(lacking)}")
        return self.spark.createDataFrame(arrow, struct).coalesce(1)

    def changes(self, table: str, since: int) -> DataFrame:
        """The change data feed from version `since` on: the table's columns, and _change_type, _commit_version, _commit_timestamp."""
        return self.spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", since).load(self.path(table))

    def changed_days(self, table: str, column: str, since_version: int) -> list[date] | None:
        """The days of rows that were written, changed or deleted after `since_version`, from the change data feed; sorted.

        returns: None where that cannot be told: the table has no feed, or its files of then are gone.
        """
        newest = self.version(table)
        if newest is None or newest < since_version:
            return None
        if newest == since_version:
            return []
        feed = self.spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", since_version + 1)
        try:
            rows = feed.option("endingVersion", newest).load(self.path(table)).select(column).distinct().collect()
        except (PySparkException, Py4JJavaError):
            return None
        return sorted(row[0] for row in rows if row[0] is not None)

    def history(self, table: str, limit: int = 1000) -> list[dict[str, Any]]:
        """The newest commits, newest first: version, at, operation, and what its writer noted: batch_id, built_from (None where there is none)."""
        rows = self._described(table, limit)
        noted = [_note(row.userMetadata) for row in rows]
        return [
            {"version": row.version, "at": row.timestamp, "operation": row.operation, **{name: note.get(name) for name in ("batch_id", "built_from")}}
            for row, note in zip(rows, noted, strict=True)
        ]

    def built_from(self, table: str) -> dict[str, Any] | None:
        """What the newest commit that says so was built from."""
        return next((commit["built_from"] for commit in self.history(table, 100) if commit["built_from"] is not None), None)

    def committed_batches(self, table: str, limit: int = 1000) -> dict[str, int]:
        """The first version of each batch in the table's history. What a RESTORE took back is in no batch."""
        first_versions: dict[str, int] = {}
        undone: Sequence[int] = ()
        for row in self._described(table, limit):
            batch_id = _note(row.userMetadata).get("batch_id")
            restored = (row.operationParameters or {}).get("version") if row.operation == "RESTORE" else None
            if row.version in undone:
                continue
            if restored is not None:
                undone = range(int(restored) + 1, row.version)
            elif batch_id is not None:
                first_versions[batch_id] = row.version
        return first_versions

    def _described(self, table: str, limit: int) -> list[Row]:
        return self.spark.sql(f"DESCRIBE HISTORY {self.identifier(table)} LIMIT {limit}").collect() if self.exists(table) else []

    def vacuumable(self, table: str, *, retain_hours: int) -> int:
        """How many files `vacuum` would delete (Delta lists a thousand at the most)."""
        with self.vacuuming():
            return self.spark.sql(f"VACUUM {self.identifier(table)} RETAIN {retain_hours} HOURS DRY RUN").count()

    @contextmanager
    def vacuuming(self) -> Iterator[None]:
        """The session's settings for VACUUM: it would list a table's folders in 10,000 tasks, however few folders there are, and it refuses to
        retain less than the table's own retention (migrations.DELETED_RETENTION), unless that check is off.
        """
        tasks = str(4 * self.spark.sparkContext.defaultParallelism)
        with session_conf(self.spark, LISTING, tasks), session_conf(self.spark, RETENTION_CHECK, "false"):
            yield
