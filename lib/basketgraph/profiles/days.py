"""gold.user_days: what each user bought on each day. A day's rows follow from that day's events alone, so days can be replaced one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

HOURS = 24


def recipe_of(code_version: str, time_zone: str) -> str:
    """What a row of user_days depends on besides its events; rows of another recipe are stale."""
    return f"{code_version} {time_zone}"


def user_days(events: DataFrame, *, time_zone: str, recipe: str) -> DataFrame:
    """Summarise each user's purchases of each day.

    events:    silver.events rows of any type; purchases count.
    time_zone: the shop's, which tells the hour of an instant.
    recipe:    kept with each row, see `stale_days`.
    returns:   gold.user_days rows, one per user and shop-local day. An order over midnight counts on both days.
    """
    is_discounted = F.col("discount_minor") > 0
    is_couponed = F.col("coupon_minor") > 0
    orders = (
        events.where(F.col("event_type") == "purchase")
        # One shuffle serves both groupings below.
        .repartition("user_id")
        .groupBy("user_id", "event_date", "order_id")
        .agg(
            F.hour(F.from_utc_timestamp(F.min("event_time"), time_zone)).alias("hour"),
            F.count("*").alias("lines"),
            F.sum("amount_minor").alias("amount_minor"),
            # Null, not 0, where the shop does not tell.
            F.sum("list_amount_minor").alias("list_amount_minor"),
            F.sum("discount_minor").alias("discount_minor"),
            F.sum("coupon_minor").alias("coupon_minor"),
            F.sum(is_discounted.cast("bigint")).alias("discounted_lines"),
            F.sum(is_couponed.cast("bigint")).alias("coupon_lines"),
            F.collect_list(F.struct("item_id", "quantity", "amount_minor", "list_amount_minor")).alias("bought"),
            F.max("ingested_at").alias("events_at"),
        )
    )
    sums = ["lines", "amount_minor", "list_amount_minor", "discount_minor", "coupon_minor", "discounted_lines", "coupon_lines"]
    by_hour = [F.count_if(F.col("hour") == hour) for hour in range(HOURS)]
    return orders.groupBy("user_id", "event_date").agg(
        F.count("*").alias("orders"),
        *(F.sum(column).alias(column) for column in sums),
        F.array(*by_hour).alias("orders_by_hour"),
        # Sorted, so that a second run gives the same rows.
        F.array_sort(F.flatten(F.collect_list("bought"))).alias("bought"),
        F.lit(recipe).alias("recipe"),
        F.max("events_at").alias("events_at"),
    )


def stale_days(events: DataFrame, days: DataFrame, *, recipe: str) -> DataFrame:
    """The days whose rows no longer say what the events say: new, changed or deleted events, or another recipe.

    events:  silver.events rows; an event that is written anew has a newer ingested_at.
    days:    gold.user_days rows.
    returns: event_date, one row per stale day.
    """
    wanted = (
        events.where(F.col("event_type") == "purchase")
        .groupBy("event_date")
        .agg(F.count("*").alias("wanted_lines"), F.max("ingested_at").alias("wanted_at"))
    )
    have = days.groupBy("event_date").agg(
        F.sum("lines").alias("have_lines"),
        F.max("events_at").alias("have_at"),
        F.bool_and(F.col("recipe") == recipe).alias("same_recipe"),
    )
    same_lines = F.col("wanted_lines").eqNullSafe(F.col("have_lines"))
    same_time = F.col("wanted_at").eqNullSafe(F.col("have_at"))
    is_current = same_lines & same_time & F.coalesce("same_recipe", F.lit(False))
    return wanted.join(have, "event_date", how="full_outer").where(~is_current).select("event_date")  # at most one row a day on each side
