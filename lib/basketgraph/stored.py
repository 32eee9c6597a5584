"""Delta tables as they are stored: where they lie, which versions there are, and their rows. Spark reads them; nothing is written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from basketgraph.contracts import contract
from basketgraph.migrations import as_contract

if TYPE_CHECKING:
    from py4j.java_gateway import JavaObject
    from pyspark.sql import DataFrame, SparkSession


class Stored:
    """Delta tables at `<root>/<layer>/<table>`; `root` is a local path or any URI that Hadoop knows."""

    def __init__(self, spark: SparkSession, root: str) -> None:
        self.spark, self.root = spark, root.rstrip("/")

    def path(self, table: str) -> str:
        return f"{self.root}/{table.replace('.', '/')}"

    def identifier(self, table: str) -> str:
        """The table's name in SQL, by its absolute path."""
        system, place = self.hadoop_path(self.path(table))
        return f"delta.`{system.makeQualified(place).toString()}`"

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
        """One version, as the contract names it now (migrations.as_contract)."""
        return as_contract(self.spark.read.format("delta").option("versionAsOf", version).load(self.path(table)), contract(table))

    def newest(self, table: str) -> DataFrame:
        """The newest version; a table that was never written reads as empty, with its contract's columns."""
        version = self.version(table)
        if version is None:
            return self.spark.createDataFrame([], contract(table).struct)
        return self.read_version(table, version)

    def changes(self, table: str, since: int) -> DataFrame:
        """The change data feed from version `since` on: the table's columns, and _change_type, _commit_version, _commit_timestamp."""
        return self.spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", since).load(self.path(table))

    def vacuumable(self, table: str, *, retain_hours: float) -> int:
        """How many files `vacuum` would delete (Delta lists a thousand at the most)."""
        return self.spark.sql(f"VACUUM {self.identifier(table)} RETAIN {retain_hours} HOURS DRY RUN").count()
