"""A table and its landing files, as a replay finds them. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from basketgraph.clean.file_rows import FileRows
from basketgraph.clean.landing_files import LandingFile
from basketgraph.clean.ledger import Entry
from basketgraph.clean.lineage import FileId
from basketgraph.clean.mapping import Source
from basketgraph.clean.raw_rows import raw_rows
from basketgraph.clean.transform import REJECTED, TableRules
from basketgraph.foundation.tables.warehouse import RunTables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class TableRows:
    """entries: the table's files that were read, each content once. present: those of them that can be read again."""

    release: RunTables
    rules: TableRules
    source: Source
    entries: Mapping[FileId, Entry]
    present: Mapping[FileId, LandingFile]
    now: datetime

    @property
    def name(self) -> str:
        return self.rules.table.name

    @property
    def rows(self) -> DataFrame:
        return self.release.read(self.name)

    @property
    def rejected(self) -> DataFrame:
        return self.release.read(REJECTED).where(F.col("table_name") == self.name)

    def of_files(self, rows: DataFrame, files: Collection[FileId], *, how: str = "left_semi") -> DataFrame:
        """Those of the rows that these files gave, or (`left_anti`) that others did."""
        ids = F.broadcast(self.release.spark.createDataFrame(sorted(files), "source_file string, file_hash string"))  # one row a file
        return rows.join(ids, on=["source_file", "file_hash"], how=how).select(*rows.columns)

    def read(self, files: Collection[FileId]) -> FileRows:
        """The rows of files that are present, under the present rules."""
        landed = [self.present[file] for file in sorted(files)]
        raw = raw_rows(self.release.spark, self.source, self.rules.files, landed)
        raw = raw if self.rules.files.format == "parquet" else raw.persist()
        read = FileRows(self.rules, self.source, landed, raw, run_id=self.release.run_id, now=self.now)
        read.kept.append(raw)
        return read
