"""What each person took, in order: what the sequence recommender learns from."""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from basketgraph.foundation.point_in_time import known_before


def item_sequences(bought: DataFrame, items: DataFrame, *, as_of: date, longest: int) -> DataFrame:
    """The items of each person, oldest first; each item once an order.

    bought:  rows of `kept_before` the cut.
    items:   silver.items rows with their history; what may not be listed on the last day before `as_of` is left out.
    longest: so many items of a person at most, the latest.
    returns: user_id, items (array<string>).

    Lines of one order have one time. Their order is that of a hash: that of the ids would teach that a higher id follows.
    """
    recommendable = known_before(items, as_of).where("recommendable").select("item_id")
    order = F.coalesce("order_id", "event_id")
    once = bought.groupBy("user_id", "item_id", order.alias("order")).agg(F.min("event_time").alias("event_time"))
    place = F.struct("event_time", F.xxhash64("order", "item_id").alias("chance"), "item_id")
    taken = once.join(recommendable, "item_id", how="left_semi").groupBy("user_id").agg(F.sort_array(F.collect_list(place)).alias("taken"))
    latest = F.slice("taken", F.greatest(F.size("taken") - F.lit(longest) + 1, F.lit(1)), longest)
    return taken.select("user_id", latest.getField("item_id").alias("items"))
