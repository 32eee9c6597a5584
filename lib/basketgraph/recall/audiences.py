"""gold.audiences: whom to remind of what: open carts, and what was looked at and not bought."""

from __future__ import annotations

from datetime import date, timedelta

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from basketgraph.recall.open_carts import open_carts

LOOKS = ("view", "click")
OPEN_CART, VIEWED = "open_cart", "viewed_not_bought"


def audiences(events: DataFrame, items: DataFrame, refused: DataFrame, *, as_of: date, days: int, most: int, time_zone: str) -> DataFrame:
    """The rows of both audiences, at most `most` items a user and audience, the latest.

    events:  silver.events rows of any type and day, by person.
    items:   item_id of what may be listed; others are left out.
    refused: user_id, item_id of what the user sent back or dismissed; left out.
    time_zone: the shop's; reasons name its days.
    returns: audience, user_id, item_id, rank (1 is the latest), last_at, times, reason.
    """
    carts = open_carts(events, as_of=as_of, days=days).select(
        F.lit(OPEN_CART).alias("audience"), "user_id", "item_id", F.col("carted_at").alias("last_at"), F.lit(1).cast("bigint").alias("times")
    )
    looked = looked_at_only(events, as_of=as_of, days=days).join(carts.select("user_id", "item_id"), ["user_id", "item_id"], how="left_anti")
    newest = Window.partitionBy("audience", "user_id").orderBy(F.desc("last_at"), "item_id")
    return (
        carts.unionByName(looked)
        .join(items.select("item_id"), "item_id", how="left_semi")
        .join(refused.select("user_id", "item_id"), ["user_id", "item_id"], how="left_anti")
        .withColumn("rank", F.row_number().over(newest))
        .where(F.col("rank") <= most)
        .withColumn("reason", _reason(time_zone))
    )


def looked_at_only(events: DataFrame, *, as_of: date, days: int) -> DataFrame:
    """What each user looked at in the last `days` days and did not buy from the first look on: audience, user_id, item_id, last_at, times."""
    day, is_look, is_bought = F.col("event_date"), F.col("event_type").isin(*LOOKS), F.col("event_type") == "purchase"
    in_window = (day < F.lit(as_of)) & (day >= F.lit(as_of - timedelta(days=days)))
    pairs = (
        events.where(in_window & (is_look | is_bought) & F.col("user_id").isNotNull())
        .groupBy("user_id", "item_id")
        .agg(
            F.max(F.when(is_look, F.col("event_time"))).alias("last_at"),
            F.count_if(is_look).alias("times"),
            F.max(F.when(is_bought, F.col("event_time"))).alias("bought_at"),
            F.min(F.when(is_look, F.col("event_time"))).alias("first_at"),
        )
    )
    open_ones = pairs.where("last_at IS NOT NULL AND (bought_at IS NULL OR bought_at < first_at)")
    return open_ones.select(F.lit(VIEWED).alias("audience"), "user_id", "item_id", "last_at", "times")


def _reason(time_zone: str) -> Column:
    day = F.date_format(F.from_utc_timestamp("last_at", time_zone), "yyyy-MM-dd")
    times = F.when(F.col("times") == 1, F.lit("once, on ")).otherwise(F.concat(F.col("times").cast("string"), F.lit(" times, last on ")))
    in_cart = F.concat(F.lit("Put into the cart on "), day, F.lit(", neither bought nor taken out since."))
    return F.when(F.col("audience") == OPEN_CART, in_cart).otherwise(F.concat(F.lit("Looked at "), times, day, F.lit(", and not bought.")))
