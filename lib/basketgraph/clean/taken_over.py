"""Rejected rows of files that are gone, where a file that is there delivers the same rows: an export that is overwritten by a longer one, say.

Once the file that is there is read again such a row is that file's: it leaves the rejected ones or stays among them as the file's other rows do, and
counts as a duplicate of the file that is gone.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from basketgraph.clean.lineage import files_of
from basketgraph.clean.raw_rows import HASH
from basketgraph.clean.transform import mapped_rows, rejected_id

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from basketgraph.clean.again import TableAgain
    from basketgraph.clean.lineage import FileId


def deliverers(again: TableAgain, gone: Collection[FileId], reason: str | None) -> tuple[set[FileId], set[FileId]]:
    """(files that are there and deliver rejected rows of those that are gone, those that are gone of which they deliver all such rows).

    reason: only rows that are refused for it count, if it is given. Only files with duplicates are looked through: such rows were theirs.
    """
    likely = {file for file in again.present if again.entries[file]["rows_duplicate"]}
    if not likely or not gone:
        return set(), set()
    theirs = again.rejected_before.join(again.ids(set(gone)), on=["source_file", "file_hash"], how="left_semi")  # one row a file on the right
    if reason is not None:
        theirs = theirs.where(F.array_contains("reasons", reason))
    theirs = again.keep(theirs.select("rejected_id", "source_file", "file_hash"))
    if theirs.isEmpty():
        return set(), set()
    lines = mapped_rows(again.raw(likely), again.rules).select(rejected_id(again.rules).alias("rejected_id"), "file_name", HASH)
    found = again.keep(lines.join(theirs, on="rejected_id", how="left_semi").distinct())
    files = {(row.file_name, row[HASH]) for row in found.select("file_name", HASH).distinct().collect()}
    return files, files_of(theirs) - files_of(theirs.join(found, on="rejected_id", how="left_anti"))


def taken_over(again: TableAgain, mapped: DataFrame, kept_rejected: DataFrame) -> tuple[DataFrame, set[FileId]] | None:
    """(other files' rejected rows that are among the mapped ones, good or not, and whose file is gone; those files); None where there are none."""
    if not again.rejected_and_gone:
        return None
    ids = mapped.select(rejected_id(again.rules).alias("rejected_id"))
    theirs = kept_rejected.join(again.ids(again.rejected_and_gone), on=["source_file", "file_hash"], how="left_semi")  # one row a file on the right
    rows = again.keep(theirs.join(ids, on="rejected_id", how="left_semi").select(*kept_rejected.columns))
    files = files_of(rows)
    return (rows, files) if files else None
