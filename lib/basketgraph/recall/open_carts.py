"""Open carts: what a user put into the cart, and neither bought nor took out since."""

from datetime import date, timedelta

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

ENDS = ("cart_remove", "purchase")


def open_carts(events: DataFrame, *, as_of: date, days: int) -> DataFrame:
    """The items in each user's cart at the beginning of `as_of`, put there in the last `days` days.

    events:  silver.events rows of any type and day, in any order; rows without a user take no part.
    returns: user_id, item_id, carted_at (the last time it was put in), rank (1 is the newest; equal times go by item_id); one row a user and
             item. A purchase or removal at the same instant closes the cart.
    """
    before = F.col("event_date") < F.lit(as_of)
    put_in, closed = F.col("event_type") == "cart_add", F.col("event_type").isin(*ENDS)
    in_window = F.col("event_date") >= F.lit(as_of - timedelta(days=days))
    last = (
        events.where(before & (put_in | closed) & F.col("user_id").isNotNull())
        .groupBy("user_id", "item_id")
        .agg(F.max(F.when(put_in & in_window, F.col("event_time"))).alias("carted_at"), F.max(F.when(closed, F.col("event_time"))).alias("closed_at"))
    )
    is_open = F.col("carted_at").isNotNull() & (F.col("closed_at").isNull() | (F.col("closed_at") < F.col("carted_at")))
    newest_first = Window.partitionBy("user_id").orderBy(F.desc("carted_at"), "item_id")
    return last.where(is_open).select("user_id", "item_id", "carted_at").withColumn("rank", F.row_number().over(newest_first))
