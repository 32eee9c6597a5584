"""gold.sessions: the visits of a shop's people. A day's rows depend on that day's events alone, since a visit ends at the shop's midnight."""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from basketgraph.profiles.user_days import BEHAVIOURS, OF_PEOPLE

SESSIONS = "gold.sessions"
LONGEST = 500  # items kept of a visit, the first ones
COUNTED = {**BEHAVIOURS, "purchases": "purchase"}  # column -> event type


def sessions(events: DataFrame, *, inactivity_minutes: int, recipe: str) -> DataFrame:
    """Summarise each visit: by the shop's session id, else a visitor's (or user's) events with no longer pause than `inactivity_minutes`.

    events:  silver.events rows of any type; cancellations do not count.
    recipe:  kept with each row, see `user_days.stale_days`.
    returns: gold.sessions rows. A visit is the user's who was logged in last, else the visitor's.
    """
    done = events.where(F.col("event_type").isin(*OF_PEOPLE)).withColumn("who", F.coalesce("session_id", "visitor_id", "user_id"))
    in_order = Window.partitionBy("who", "event_date").orderBy("event_time", "event_id")
    pause = F.col("event_time").cast("long") - F.lag(F.col("event_time").cast("long")).over(in_order)
    starts = F.col("session_id").isNull() & (pause > 60 * inactivity_minutes)
    so_far = in_order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    numbered = done.withColumn("starts", F.coalesce(starts, F.lit(False)).cast("int")).withColumn("visit", F.sum("starts").over(so_far))
    return (
        numbered.groupBy("who", "event_date", "visit")
        .agg(
            F.coalesce(_last("user_id"), _last("visitor_id")).alias("user_id"),
            F.min("event_time").alias("started_at"),
            (F.max(F.col("event_time").cast("long")) - F.min(F.col("event_time").cast("long"))).alias("seconds"),
            F.count("*").alias("events"),
            *(F.count_if(F.col("event_type") == kind).alias(name) for name, kind in COUNTED.items()),
            F.countDistinct("item_id").alias("different_items"),
            F.array_sort(F.collect_list(F.struct("event_time", "event_id", "item_id", "event_type"))).alias("steps"),
            _first("channel").alias("channel"),
            _first("device").alias("device"),
            F.max("ingested_at").alias("events_at"),
        )
        .select(
            F.left(F.sha2(F.concat_ws(" ", "who", F.col("event_date").cast("string"), F.col("visit").cast("string")), 256), F.lit(32)).alias(
                "visit_id"
            ),
            *("user_id", "event_date", "started_at", "seconds", "events", *COUNTED, "different_items"),
            F.slice(F.transform("steps", lambda step: step["item_id"]), 1, LONGEST).alias("items"),
            *("channel", "device"),
            F.col("steps")[0]["event_type"].alias("entry_type"),
            F.col("steps")[0]["item_id"].alias("entry_item_id"),
            (F.col("purchases") > 0).alias("bought"),
            F.lit(recipe).alias("recipe"),
            "events_at",
        )
    )


def _first(column: str) -> Column:
    """The value of the earliest event that has one."""
    return F.min(F.when(F.col(column).isNotNull(), F.struct("event_time", "event_id", column)))[column]


def _last(column: str) -> Column:
    """The value of the latest event that has one."""
    return F.max(F.when(F.col(column).isNotNull(), F.struct("event_time", "event_id", column)))[column]
