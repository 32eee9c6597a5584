"""Purchases before a cut, summarised by user, by item, by both, and by user and level of the catalogue."""

from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from basketgraph.foundation.point_in_time import kept_before, known_before

LEVELS = ("department", "category", "subcategory", "manufacturer")
PACES = (20, 180)  # half-lives in days, beside `rank.half_life_days`: short-term and long-term habits
WINDOWS = (7, 28, 90)
LATELY = 28  # days


def purchases_before(events: DataFrame, kept: DataFrame, items: DataFrame, *, as_of: date) -> DataFrame:
    """Purchase lines of recommendable items on days before `as_of`, each with its age in days (1 is yesterday) and the item's levels.

    events: silver.events rows of any type and day.   kept: gold.kept_purchases rows.   items: silver.items rows with their history.
    """
    known = known_before(items, as_of).where("recommendable").select("item_id", *LEVELS)
    return (
        kept_before(events, kept, as_of=as_of)
        .select("user_id", "item_id", "order_id", "amount_minor", F.datediff(F.lit(as_of), "event_date").alias("age"))
        .join(known, "item_id", how="inner")  # at most one row per item holds on a day
    )


def own_history(purchases: DataFrame, *, half_life_days: float) -> DataFrame:
    """One row per user and item that the user bought: frequency, recency and regularity; and the item's levels.

    purchases: rows of `purchases_before`.
    """
    return (
        purchases.repartition("user_id")  # one shuffle: counting distinct orders would take two of its own
        .groupBy("user_id", "item_id", *LEVELS)  # an item has one value of each level
        .agg(
            F.count("*").alias("own_purchases"),
            F.countDistinct("order_id").alias("own_orders"),
            F.count_if(F.col("age") <= LATELY).alias("purchases_lately"),
            F.min("age").alias("own_recency"),
            F.max("age").alias("own_tenure"),
            F.sum("amount_minor").alias("own_amount"),
            F.sum(_decay(half_life_days)).alias("decayed"),
            *(F.sum(_decay(days)).alias(f"own_decayed_{days}") for days in PACES),
        )
        .withColumn("own_gap", (F.col("own_tenure") - F.col("own_recency")) / F.nullif(F.col("own_orders") - 1, F.lit(0)))
        .withColumn("own_due", F.col("own_recency") / F.nullif(F.col("own_gap"), F.lit(0.0)))
    )


def user_history(purchases: DataFrame, own: DataFrame) -> DataFrame:
    """One row per user: orders, lines, items, recency, and the share of repeats.

    purchases: rows of `purchases_before`.   own: rows of `own_history`.
    """
    orders = purchases.groupBy("user_id", "order_id").agg(F.min("age").alias("age"), F.count("*").alias("lines"))
    by_order = orders.groupBy("user_id").agg(
        F.count("*").alias("user_orders"),
        F.sum("lines").alias("user_lines"),
        F.min("age").alias("user_recency"),
        F.count_if(F.col("age") <= LATELY).alias("user_orders_28"),
    )
    return (
        by_order.join(own.groupBy("user_id").agg(F.count("*").alias("user_items")), "user_id", how="inner")  # both have every user once
        .withColumn("user_repeats", 1 - F.col("user_items") / F.col("user_lines"))
        .withColumn("user_basket", F.col("user_lines") / F.col("user_orders"))
    )


def item_history(own: DataFrame) -> DataFrame:
    """One row per item: recent buyers, trend, share of repeat buyers, gap, and share of each level's recent sales.

    own: rows of `own_history`; a user counts as buyer within n days where the last purchase is at most n days ago.
    """
    items = own.groupBy("item_id", *LEVELS).agg(
        *(F.count_if(F.col("own_recency") <= days).alias(f"item_buyers_{days}") for days in WINDOWS),
        F.max("own_tenure").alias("item_age"),
        F.sum("purchases_lately").alias("lines"),
        F.avg((F.col("own_orders") > 1).cast("double")).alias("item_came_back"),
        F.avg("own_orders").alias("item_orders"),
        F.percentile("own_gap", F.lit(0.5)).alias("item_gap"),
        F.count_if(F.col("own_tenure") <= LATELY).alias("item_new_buyers_28"),
    )
    shares = [(F.col("lines") / (F.sum("lines").over(Window.partitionBy(level)) + 1)).alias(f"item_share_of_{level}") for level in LEVELS]
    return (
        items.withColumn("item_trend_7", 4 * F.col("item_buyers_7") / (F.col("item_buyers_28") + 3))
        .withColumn("item_trend_28", 3 * F.col("item_buyers_28") / (F.col("item_buyers_90") + 3))
        .select("*", *shares)
        .drop("lines")
    )


def tastes(own: DataFrame, level: str) -> DataFrame:
    """One row per user and value of `level`: decayed count, its share of the user's, lift over all users' share, recency.

    own: rows of `own_history`. Items without a value of `level` count in the user's total and give no row.
    """
    decayed = (
        own.groupBy("user_id", level)
        .agg(F.sum("decayed").alias("decayed"), F.min("own_recency").alias(f"{level}_recency"))
        .withColumn(f"{level}_share", F.col("decayed") / F.sum("decayed").over(Window.partitionBy("user_id")))
    )
    everybody = own.groupBy(level).agg(F.sum("decayed").alias("total"))
    common = everybody.withColumn("common_share", F.col("total") / F.sum("total").over(Window.partitionBy()))
    return (
        decayed.join(F.broadcast(common), level, how="inner")  # one row per value; a null value joins nothing
        .withColumn(f"{level}_lift", F.col(f"{level}_share") / F.col("common_share"))
        .withColumnRenamed("decayed", f"{level}_decayed")
        .select("user_id", level, f"{level}_decayed", f"{level}_share", f"{level}_lift", f"{level}_recency")
    )


def _decay(half_life_days: float) -> Column:
    return F.pow(F.lit(0.5), F.col("age") / F.lit(float(half_life_days)))
