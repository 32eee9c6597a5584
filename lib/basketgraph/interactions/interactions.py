"""gold.interactions: what each user bought before a cut, as weighted edges."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from basketgraph.foundation.config import Settings
from basketgraph.foundation.point_in_time import known_before

# Decayed counts are summed as integers in this unit: a sum of doubles depends on the order of the rows.
DECAY_UNITS = 10**12


class InteractionsSettings(Settings):
    """Section `interactions` of conf/settings.yaml."""

    window_days: int  # the longest window; read by basketgraph.foundation.cuts
    half_life_days: float


def interactions(events: DataFrame, items: DataFrame, *, as_of: date, half_life_days: float) -> DataFrame:
    """Count each user's purchases of each item before the cut.

    events:  silver.events rows of any type and day; purchases of days before `as_of` count, by the shop's local midnight.
    items:   silver.items rows with their history; edges are of items recommendable on the last day before `as_of`.
    returns: gold.interactions rows, one per user and item.
    """
    is_purchase = F.col("event_type") == "purchase"
    is_past = F.col("event_date") < F.lit(as_of)
    recommendable = known_before(items, as_of).where("recommendable").select("item_id")
    age_days = F.datediff(F.lit(as_of), F.col("event_date"))
    decay = F.pow(F.lit(0.5), age_days / F.lit(float(half_life_days)))
    return (
        events.where(is_purchase & is_past)
        .select("user_id", "item_id", "order_id", "event_date", "quantity", "amount_minor")
        .repartition("user_id")  # one shuffle: counting distinct orders would take two of its own
        .join(recommendable, "item_id", how="left_semi")
        .groupBy("user_id", "item_id")
        .agg(
            F.count("*").alias("purchases"),
            F.countDistinct("order_id").alias("orders"),
            F.min("event_date").alias("first_date"),
            F.max("event_date").alias("last_date"),
            (F.sum(F.round(decay * DECAY_UNITS).cast("bigint")) / DECAY_UNITS).alias("decayed"),
            F.sum("quantity").alias("quantity"),
            F.sum("amount_minor").alias("amount_minor"),
        )
        .select(F.lit(as_of).alias("as_of"), F.log1p("purchases").alias("weight"), "*")
    )
