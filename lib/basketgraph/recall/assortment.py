"""The assortment: the items that lists may hold, with their popularity."""

from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from basketgraph.foundation.point_in_time import known_before


def assortment(events: DataFrame, items: DataFrame, *, as_of: date, sold_days: int, popularity_days: int) -> DataFrame:
    """The items that lists as of a cut may hold.

    events:  silver.events rows of any type and day.
    items:   silver.items rows with their history; recommendable on the last day before `as_of` counts.
    returns: one row per recommendable item sold in [as_of - sold_days, as_of): item_id, buyers (bigint: distinct users in
             [as_of - popularity_days, as_of), 0 where there was none).
    """
    day = F.col("event_date")
    is_purchase = F.col("event_type") == "purchase"
    in_window = (day >= F.lit(as_of - timedelta(days=sold_days))) & (day < F.lit(as_of))
    is_recent = day >= F.lit(as_of - timedelta(days=popularity_days))
    recommendable = known_before(items, as_of).where("recommendable").select("item_id")
    return (
        events.where(is_purchase & in_window)
        .join(recommendable, "item_id", how="left_semi")  # keeps or drops a line, never doubles it
        .groupBy("item_id")
        .agg(F.countDistinct(F.when(is_recent, F.col("user_id"))).alias("buyers"))
    )
