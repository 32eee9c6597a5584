"""gold.user_segments: who is in which segment, by rule and learned, with its size, value and movement."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SPEND = ("spend_minor_28d", "spend_minor_90d")


def user_segments(by_rule: DataFrame, learned: DataFrame) -> DataFrame:
    """user_id, segment, kind. Each of both has a row for each user and segment; their kinds tell them apart."""
    return by_rule.unionByName(learned)


def newest_before(members: DataFrame, day: date) -> tuple[DataFrame, date | None]:
    """The rows of the newest day before `day`, and that day; no row and None where there is none.   members: gold.user_segments rows of any day."""
    newest: date | None = members.where(F.col("as_of") < F.lit(day)).agg(F.max("as_of")).collect()[0][0]
    return members.where(F.col("as_of") == F.lit(newest)), newest


def segment_summary(members: DataFrame, earlier: DataFrame, profiles: DataFrame) -> DataFrame:
    """Size, value and movement of each segment.

    members:  gold.user_segments rows of a day.   earlier: those of an earlier day; may be empty.   profiles: gold.user_profiles rows of the day.
    returns:  kind, segment, people, spend_minor_28d, spend_minor_90d (of all its people), joined and left since the earlier day: null where the
              segment had nobody then, as a learned one that is new. Rules first, then the largest.
    """
    keys = ["user_id", "segment", "kind"]
    now = members.select(*keys, F.lit(True).alias("is_in"))
    before = earlier.select(*keys, F.lit(True).alias("was_in"))
    is_in, was_in = F.col("is_in").isNotNull(), F.col("was_in").isNotNull()
    spend = [F.coalesce(F.sum(F.when(is_in, F.col(name))), F.lit(0)).cast("bigint").alias(name) for name in SPEND]
    counted = (
        now.join(before, keys, how="full_outer")  # at most one row a user and segment on either side
        .join(profiles.select("user_id", *SPEND), "user_id", how="left")  # at most one
        .groupBy("kind", "segment")
        .agg(
            F.count_if(is_in).alias("people"),
            *spend,
            F.count_if(is_in & ~was_in).alias("joined"),
            F.count_if(was_in & ~is_in).alias("left"),
            F.count_if(was_in).alias("before"),
        )
    )
    moved = {name: F.when(F.col("before") > 0, F.col(name)) for name in ("joined", "left")}
    return counted.withColumns(moved).drop("before").orderBy(F.desc("kind"), F.desc("people"), "segment")


def summary_rows(summary: DataFrame) -> list[dict[str, Any]]:
    """Rows of `segment_summary`, some dozens, for the run's summary and for the page."""
    return [row.asDict() for row in summary.collect()]
