"""Which files beside those that a replay has chosen bear on its result, so that they are read again with them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from basketgraph.clean.deduplication import CONTENT, REFUSED_AT, content_hash
from basketgraph.clean.lineage import FileId, files_of
from basketgraph.clean.replay.table_rows import TableRows
from basketgraph.clean.retraction import refused_versions
from basketgraph.foundation.config import UserError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

log = logging.getLogger("basketgraph")
TIME, TIME_NOW, CONTENT_NOW = "__time", "__time_now", "__content_now"  # of what the chosen files say of a key; null where they say nothing any more


def files_with_other_keys(table: TableRows) -> frozenset[FileId]:
    """The files whose keys another mapping made, of which the table would get a second row of the same line. Raises UserError where one is gone."""
    others = {file for file, entry in table.entries.items() if entry.get("key_fingerprint") != table.rules.key_fingerprint}
    if not others:
        return frozenset()
    refused = table.rejected.where(F.col("refused_key").isNotNull())  # what a file refused keeps older versions out, under the key it had
    missing = sorted({path for path, _ in ((files_of(table.rows) | files_of(refused)) & others) - set(table.present)})
    if missing:
        have = [f"{path}: gone, or no longer readable" for path in missing]
        keys = ", ".join(table.rules.table.keys)
        want = f"{table.name}: keys ({keys}) are made in another way than before: want all files, so that no row gets two"
        raise UserError(want, have, "Deliver those files again, undo the change of the key, or start a fresh warehouse.")
    return frozenset(others & set(table.present))


def affected_files(table: TableRows, chosen: Collection[FileId], own: DataFrame, judged: DataFrame, refused: DataFrame) -> frozenset[FileId]:
    """Files beside the chosen ones with a row that wins now, since the chosen ones no longer say anything of it, say something older, or as old and
    other, or no longer refuse a newer version of it.

    own:     the table's rows that the chosen files gave.
    judged:  the chosen files' rows, as from `deduplication.judge`.
    refused: the versions that are refused now, as from `retraction.refused_versions`.

    They are looked for in all files that may share a key with the chosen ones, of which there are none where no row came twice. A mended expression
    makes all rows as old and other ones, so it has those files looked through; only the ones that win are read once more for it.
    """
    rules, keys, sharing = table.rules, table.rules.table.keys, _may_share(table, chosen)
    if not sharing:
        return frozenset()
    refused_before = refused_versions(table.of_files(table.rejected, chosen), rules.table)
    before = _newest(own.withColumn(CONTENT, content_hash(rules.values)), refused_before, keys)
    now = _newest(judged, refused, keys).select(*keys, F.col(TIME).alias(TIME_NOW), F.col(CONTENT).alias(CONTENT_NOW))
    older = F.col(TIME_NOW) < F.col(TIME)
    other = (F.col(TIME_NOW) == F.col(TIME)) & ~F.col(CONTENT).eqNullSafe(F.col(CONTENT_NOW))
    weakened = before.join(now, on=keys, how="left").where(F.col(TIME_NOW).isNull() | older | other)  # one row a key
    weakened = weakened.select(*keys, TIME_NOW, CONTENT_NOW).persist()
    found = _with_winners(table, weakened, sharing)
    weakened.unpersist()
    return found


def _may_share(table: TableRows, chosen: Collection[FileId]) -> set[FileId]:
    """Other files that may have delivered a key of the chosen ones: whichever of two was read later has duplicates or superseded rows, and the one
    whose row a refused one took out has retracted rows.
    """

    def shares(file: FileId) -> bool:
        return any(table.entries[file][f"rows_{name}"] for name in ("duplicate", "superseded", "retracted"))

    others = set(table.entries) - set(chosen)
    return others if any(shares(file) for file in chosen) else {file for file in others if shares(file)}


def _newest(rows: DataFrame, refused: DataFrame, keys: Sequence[str]) -> DataFrame:
    """The newest version of each key: the key, TIME and CONTENT, which is null where that version is a refused one."""
    none = refused.select(*keys, F.col(REFUSED_AT).alias(TIME), F.lit(None).cast("bigint").alias(CONTENT))
    versions = rows.select(*keys, F.col("source_time").alias(TIME), CONTENT).unionByName(none)
    return versions.groupBy(*keys).agg(F.max(F.struct(TIME, CONTENT)).alias("newest")).select(*keys, "newest.*")


def _with_winners(table: TableRows, weakened: DataFrame, sharing: set[FileId]) -> frozenset[FileId]:
    """Those of `sharing` with a row of such a key that is newer than what is left of it, or as new and wins the tie."""
    readable = sharing & set(table.present)
    if weakened.isEmpty() or not readable:
        return frozenset()
    if readable != sharing:
        log.warning("%s: %d files are gone; what they say about the rows that go cannot be looked up", table.name, len(sharing - readable))
    rules, read = table.rules, table.read(readable)
    theirs = read.accepted_rows().withColumn(CONTENT, content_hash(rules.values)).join(weakened, on=rules.table.keys, how="inner")  # one row a key
    counts = F.lit(rules.mapped.version is not None) | ~F.col(CONTENT).eqNullSafe(F.col(CONTENT_NOW))  # of versions, a newer equal one counts, too
    later = (F.col("source_time") > F.col(TIME_NOW)) & counts
    tie = (F.col("source_time") == F.col(TIME_NOW)) & (F.coalesce(F.col(CONTENT) > F.col(CONTENT_NOW), F.lit(True)))
    found = frozenset(files_of(theirs.where(F.col(TIME_NOW).isNull() | later | tie)))
    read.release_memory()
    return found
