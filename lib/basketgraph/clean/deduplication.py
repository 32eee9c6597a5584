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
REFUSED_AT = "__refused_at"
NEW, CHANGED, DUPLICATE, SUPERSEDED, REFRESHED, RETRACTED = "new", "changed", "duplicate", "superseded", "refreshed", "retracted"
# new:        no row of this key was there            changed:    replaces the table's row of this key
# duplicate:  equal to another row, lineage aside     superseded: an older version of a row that is there; the newer one stays
# refreshed:  a duplicate of the table's row, but of a newer version: from now on it stands against what lies between the two
# retracted:  would be new, but a newer version of it was refused
WRITTEN = (NEW, CHANGED, REFRESHED)  # the others leave the table as it is


def key_hash(keys: Sequence[Column | str]) -> Column:
    return F.xxhash64(*keys)


def content_hash(values: Sequence[str]) -> Column:
    """A hash of the values that tells nulls apart (xxhash64 alone skips them)."""
    return F.xxhash64(F.lit(0), *[part for name in values for part in (F.col(name), F.col(name).isNull())])


def judge(
    fresh: DataFrame,
    others: DataFrame | None,
    keys: Sequence[str],
    values: Sequence[str],
    *,
    own: DataFrame | None = None,
    refused: DataFrame | None = None,
    refresh: bool = False,
) -> DataFrame:
    """Decide for each row whether it enters the table: of versions of one key the newest wins, of equal rows one counts.

    Of two equally new versions the one with the larger content hash wins, so that the order of delivery decides nothing.

    fresh:   accepted rows of the files that are read.
    others:  rows that other files gave the table, at most one a key, without those that are retracted; those of other keys do no harm. None where
             there are none.
    refused: refused versions of the same keys, as from `retraction.refused_versions`; a row that is older than them is retracted.
    own:     on a replay, the rows that the read files gave the table before: they count as not there.
    refresh: whether a newer version that is equal to the table's row counts as such, or its time is of no account.
    returns: fresh with CONTENT and STATUS. With `own` also HAD, HAD_CONTENT, HAD_TIME and HAD_OWNER: whether the files gave the table a row of this
             key, its content hash, its time, and whether this very file gave it. Of equal rows the one whose file gave the table its row is then
             the `new` one, so that lineage and counts stay; with `refresh` it gets the time of the newest.
    """
    rows, latest, owner_first = fresh.withColumn(CONTENT, content_hash(values)), F.col("source_time"), []
    copied = Window.partitionBy(*keys, CONTENT)
    if own is not None:
        rows, latest, owner_first = _with_own(rows, own, keys, values), F.max("source_time").over(copied), [F.col(HAD_OWNER).desc()]
    copies = copied.orderBy(*owner_first, F.col("source_time").desc(), "source_file", "file_hash")
    rows = rows.withColumns({"__latest": latest, "__copy": F.row_number().over(copies)})
    versions = Window.partitionBy(*keys).orderBy("__copy", F.col("__latest").desc(), F.col(CONTENT).desc())
    rows = rows.withColumn("__version", F.row_number().over(versions))
    is_copy, is_older = F.col("__copy") > 1, F.col("__version") > 1
    status = F.when(is_copy, DUPLICATE).when(is_older, SUPERSEDED).otherwise(NEW)
    if others is not None:
        there = others.select(*keys, content_hash(values).alias("__there"), F.col("source_time").alias("__there_time"))
        rows = rows.join(there, on=list(keys), how="left")  # at most one row a key
        later = F.col("__latest") > F.col("__there_time")
        newer = later | ((F.col("__latest") == F.col("__there_time")) & (F.col(CONTENT) > F.col("__there")))
        equal = F.when(~is_older & later, REFRESHED).otherwise(DUPLICATE) if refresh else F.lit(DUPLICATE)
        status = (
            F.when(is_copy, DUPLICATE)
            .when(F.col("__there") == F.col(CONTENT), equal)
            .when(is_older, SUPERSEDED)
            .when(F.col("__there").isNull(), NEW)
            .when(newer, CHANGED)
            .otherwise(SUPERSEDED)
        )
    if refused is not None:
        rows = rows.join(refused, on=list(keys), how="left")  # at most one row a key
        status = F.when((status == NEW) & (F.col("__latest") < F.col(REFUSED_AT)), RETRACTED).otherwise(status)
    rows = rows.withColumn(STATUS, status)
    rows = rows.withColumn("source_time", F.col("__latest")) if refresh and own is not None else rows
    return rows.drop("__latest", "__copy", "__version", "__there", "__there_time", REFUSED_AT)


def _with_own(rows: DataFrame, own: DataFrame, keys: Sequence[str], values: Sequence[str]) -> DataFrame:
    """Rows with what the read files gave the table of their key."""
    lineage = {"source_file": "__had_file", "file_hash": "__had_hash", "source_time": HAD_TIME}
    had = own.select(*keys, content_hash(values).alias(HAD_CONTENT), *(F.col(name).alias(had) for name, had in lineage.items()))
    same_file = (F.col("source_file") == F.col("__had_file")) & (F.col("file_hash") == F.col("__had_hash"))
    joined = rows.join(had, on=list(keys), how="left")  # at most one row a key on the right
    return joined.withColumns({HAD: F.col("__had_file").isNotNull(), HAD_OWNER: F.coalesce(same_file, F.lit(False))}).drop("__had_file", "__had_hash")
