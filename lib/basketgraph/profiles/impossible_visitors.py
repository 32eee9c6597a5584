"""gold.impossible_visitors: who looked at more in a minute, or at more different items in a day, than a person can.

Only views and clicks count: an order of hundreds of lines arrives in one second, and is a wholesaler's.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.profiles.changed_days import Outdated
from basketgraph.profiles.user_days import EVENTS

IMPOSSIBLE = "gold.impossible_visitors"
LOOKS = ("view", "click")


def impossible_visitors(events: DataFrame, days: DataFrame, *, minute_looks: int, day_items: int, recipe: str) -> DataFrame:
    """The days on which somebody's views and clicks were too many for a person.

    events:       silver.events rows of any type, by actor (`persons.by_actor`).
    days:         gold.user_days rows of the same days; events of people who did too little to be over a limit are not moved.
    minute_looks: more views and clicks than this in a minute of the clock are impossible speed.
    day_items:    more different items than this in a day of views and clicks are impossible breadth.
    recipe:       kept with each row, see `outdated`.
    returns:      gold.impossible_visitors rows, one per actor and day over a limit.
    """
    looks = F.coalesce("views", F.lit(0)) + F.coalesce("clicks", F.lit(0))
    busy = days.where(looks > min(minute_looks, day_items)).select("user_id", "event_date")
    by_minute = (
        events.where(F.col("event_type").isin(*LOOKS))
        .join(F.broadcast(busy), ["user_id", "event_date"], how="left_semi")  # keeps or drops a look, never doubles it
        .groupBy("user_id", "event_date", F.date_trunc("minute", "event_time").alias("minute"))
        .agg(F.count("*").alias("looks"), F.collect_set("item_id").alias("items"))
    )
    too_fast, too_broad = F.col("busiest_minute") > minute_looks, F.col("different_items") > day_items
    return (
        by_minute.groupBy("user_id", "event_date")
        .agg(
            F.sum("looks").alias("looks"),
            F.max("looks").alias("busiest_minute"),
            F.size(F.array_distinct(F.flatten(F.collect_list("items")))).cast("bigint").alias("different_items"),
        )
        .withColumns({"is_too_fast": too_fast, "is_too_broad": too_broad, "recipe": F.lit(recipe)})
        .where("is_too_fast OR is_too_broad")
    )


def outdated(tables: RunTables, *, recipe: str, rewrite_days: int) -> Outdated:
    """The days to write, by the change data feed of the events since the last commit; all of them without a feed, or of another recipe."""
    built = tables.built_from(IMPOSSIBLE) or {}
    can_follow = built.get("recipe") == recipe and built.get(EVENTS) is not None
    days = tables.changed_days(EVENTS, "event_date", built[EVENTS]) if can_follow else None
    return Outdated(days or [], whole=days is None or len(days) > rewrite_days)
