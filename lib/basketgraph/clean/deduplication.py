"""Which row wins where several have one key, in a batch and against the table; the same whatever the order of delivery. Rows in, rows out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.window import Window

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

KEY_HASH, CONTENT, STATUS = "__key_hash", "__content", "__status"
HAD, HAD_CONTENT, HAD_TIME, HAD_OWNER = "__had", "__had_content", "__had_time", "__had_owner"
NEW, CHANGED, DUPLICATE, SUPERSEDED, REFRESHED = "new", "changed", "duplicate", "superseded", "refreshed"
# new:        no row of this key was there            changed:    replaces the table's row of this key
# duplicate:  equal to another row, lineage aside     superseded: an older version of a row that is there; the newer one stays
# refreshed:  a duplicate of the table's row, but of a newer version: from now on it stands against what lies between the two
WRITTEN = (NEW, CHANGED, REFRESHED)  # the others leave the table as it is


def key_hash(keys: Sequence[Column | str]) -> Column:
    return F.xxhash64(*keys)


def content_hash(values: Sequence[str]) -> Column:
    """A hash of the values that tells nulls apart (xxhash64 alone skips them)."""
    return F.xxhash64(F.lit(0), *[part for name in values for part in (F.col(name), F.col(name).isNull())])


def ranked(rows: DataFrame, keys: Sequence[str], values: Sequence[str]) -> DataFrame:
    """Each row with its status within the batch: one per key is `new`, equal ones are `duplicate`, differing ones `superseded`.

    The newest version wins; of two equally new ones the one with the larger content hash, so that order of arrival decides nothing.
    """
    newest = [F.col("source_time").desc(), F.col(CONTENT).desc(), F.col("source_file"), F.col("run_id")]
    copies = Window.partitionBy(*keys, CONTENT).orderBy(*newest)
    versions = Window.partitionBy(*keys).orderBy(F.col("__copy"), *newest)
    status = F.when(F.col("__copy") > 1, DUPLICATE).when(F.col("__version") > 1, SUPERSEDED).otherwise(NEW)
    return (
        rows.withColumn(CONTENT, content_hash(values))
        .withColumn("__copy", F.row_number().over(copies))
        .withColumn("__version", F.row_number().over(versions))
        .withColumn(STATUS, status)
        .drop("__copy", "__version")
    )


def newest_rows(rows: DataFrame, keys: Sequence[str], values: Sequence[str]) -> DataFrame:
    """One row a key, the one that `ranked` would let win: for a table that has several rows of a key, which no MERGE should have left."""
    judged = ranked(rows, keys, values)
    return judged.where(F.col(STATUS) == NEW).select(*rows.columns)


def against_table(batch: DataFrame, existing: DataFrame, keys: Sequence[str], values: Sequence[str], *, refresh: bool = False) -> DataFrame:
    """The batch's `new` rows judged against the table's rows of the same key; at most one matches.

    batch:    rows with CONTENT and STATUS, as from `ranked`.
    existing: the table's rows; those of other keys do no harm.
    refresh:  whether a newer version that is equal to the table's row counts as such, or its time is of no account.
    """
    there = existing.select(*keys, content_hash(values).alias("__there"), F.col("source_time").alias("__there_time"))
    found = F.col("__there").isNotNull()
    same = F.col("__there") == F.col(CONTENT)
    later = F.col("source_time") > F.col("__there_time")
    newer = later | ((F.col("source_time") == F.col("__there_time")) & (F.col(CONTENT) > F.col("__there")))
    equal = F.when(later, REFRESHED).otherwise(DUPLICATE) if refresh else F.lit(DUPLICATE)
    judged = F.when(~found, NEW).when(same, equal).when(newer, CHANGED).otherwise(SUPERSEDED)
    return (
        batch.join(there, on=list(keys), how="left")
        .withColumn(STATUS, F.when(F.col(STATUS) == NEW, judged).otherwise(F.col(STATUS)))
        .drop("__there", "__there_time")
    )


def judged_again(
    fresh: DataFrame, kept: DataFrame, owned: DataFrame, keys: Sequence[str], values: Sequence[str], *, refresh: bool = False
) -> DataFrame:
    """Rows of files that are read a second time, judged as if those files had never been read: against the rows that other files gave.

    fresh:   all good rows of the files. kept: the table's rows of other files, owned: those that these files gave; of each at most one row a key.
    refresh: as in `against_table`; of equal rows the first one then also gets the time of the newest.
    returns: fresh with STATUS as from `ranked` and `against_table`, and HAD, HAD_CONTENT, HAD_TIME, HAD_OWNER: whether these files gave the table
             a row of this key, its content hash, its time, and whether this very file did. Of equal rows the one whose file gave the table its row
             is the `new` one, so that lineage and counts stay where they are.
    """
    lineage = {"source_file": "__had_file", "file_hash": "__had_hash", "source_time": HAD_TIME}
    had = owned.select(*keys, content_hash(values).alias(HAD_CONTENT), *(F.col(name).alias(had) for name, had in lineage.items()))
    there = kept.select(*keys, content_hash(values).alias("__there"), F.col("source_time").alias("__there_time"))
    same_file = (F.col("source_file") == F.col("__had_file")) & (F.col("file_hash") == F.coalesce("__had_hash", "file_hash"))
    rows = fresh.withColumn(CONTENT, content_hash(values)).join(had, on=list(keys), how="left")  # at most one row a key on the right
    rows = rows.withColumns({HAD: F.col("__had_file").isNotNull(), HAD_OWNER: F.coalesce(same_file, F.lit(False))})
    copied = Window.partitionBy(*keys, CONTENT)
    copies = copied.orderBy(F.col(HAD_OWNER).desc(), F.col("source_time").desc(), "source_file", "file_hash")
    rows = rows.withColumns({"__latest": F.max("source_time").over(copied), "__copy": F.row_number().over(copies)})
    versions = Window.partitionBy(*keys).orderBy("__copy", F.col("__latest").desc(), F.col(CONTENT).desc())
    rows = rows.withColumn("__version", F.row_number().over(versions)).join(there, on=list(keys), how="left")  # at most one row a key
    newer = (F.col("__latest") > F.col("__there_time")) | ((F.col("__latest") == F.col("__there_time")) & (F.col(CONTENT) > F.col("__there")))
    newest = (F.col("__version") == 1) & (F.col("__latest") > F.col("__there_time"))
    equal = F.when(newest, REFRESHED).otherwise(DUPLICATE) if refresh else F.lit(DUPLICATE)
    status = (
        F.when(F.col("__copy") > 1, DUPLICATE)
        .when(F.col("__there") == F.col(CONTENT), equal)
        .when(F.col("__version") > 1, SUPERSEDED)
        .when(F.col("__there").isNull(), NEW)
        .when(newer, CHANGED)
        .otherwise(SUPERSEDED)
    )
    rows = rows.withColumn("source_time", F.col("__latest")) if refresh else rows
    return rows.withColumn(STATUS, status).drop("__had_file", "__had_hash", "__latest", "__copy", "__version", "__there", "__there_time")


def with_valid_to(rows: DataFrame, keys: Sequence[str]) -> DataFrame:
    """`valid_to` of each row: the next `valid_from` of the same entity, null for the last."""
    entity = [key for key in keys if key != "valid_from"]
    following = Window.partitionBy(*entity).orderBy("valid_from")
    return rows.withColumn("valid_to", F.lead("valid_from").over(following))
