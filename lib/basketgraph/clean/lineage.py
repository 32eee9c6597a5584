"""Which landing files rows came from, by the rows' lineage."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FileId = tuple[str, str]  # (path, content hash)


def rows_by_file(rows: DataFrame) -> dict[FileId, int]:
    """File -> rows that it gave."""
    return {(row["source_file"], row["file_hash"]): row["count"] for row in rows.groupBy("source_file", "file_hash").count().collect()}


def files_of(rows: DataFrame) -> set[FileId]:
    """The files of rows with source_file and file_hash."""
    return {(row.source_file, row.file_hash) for row in rows.select("source_file", "file_hash").distinct().collect()}
