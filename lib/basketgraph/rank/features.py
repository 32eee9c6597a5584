"""The ranker's features of every candidate, as of a cut: nothing after it is looked at."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from basketgraph.rank.histories import LEVELS, PACES, WINDOWS, item_history, tastes, user_history
from basketgraph.rank.settings import SOURCES, RankSettings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FEATURES = (
    # Raw scores drift from cut to cut as histories grow; ranks and standardised scores do not.
    *(f"{source}_{part}" for source in SOURCES for part in ("rank", "z")), "personal_frequency_score",
    "own_purchases", "own_orders", "own_recency", "own_tenure", "own_amount", "own_gap", "own_due",
    *(f"own_decayed_{days}" for days in PACES),
    "own_share_of_orders", "own_share_of_subcategory", "own_due_by_item",
    "user_orders", "user_lines", "user_items", "user_recency", "user_orders_28", "user_repeats", "user_basket",
    *(f"item_buyers_{days}" for days in WINDOWS),
    "item_age", "item_came_back", "item_orders", "item_gap", "item_new_buyers_28", "item_trend_7", "item_trend_28",
    *(f"item_share_of_{level}" for level in LEVELS),
    *(f"{level}_{part}" for level in LEVELS for part in ("share", "lift", "recency")),
)  # fmt: skip


def features(candidates: DataFrame, purchases: DataFrame, own: DataFrame) -> DataFrame:
    """Each candidate with what was known of it, its user and both together before the cut.

    candidates: gold.candidates rows of the cut.
    purchases:  rows of `histories.purchases_before` the cut.
    own:        rows of `histories.own_history` of them; read six times, so a job had better make it once.
    returns:    setting, user_id, item_id, and FEATURES as floats, null where there is nothing to say.
    """
    pairs = candidates.select("user_id", "item_id").distinct()  # both settings share what is known of a pair
    pairs = pairs.join(F.broadcast(item_history(own)), "item_id", how="left")  # at most one row per item
    bought = own.drop(*LEVELS, "decayed", "purchases_lately")
    pairs = pairs.join(bought.hint("shuffle_hash"), ["user_id", "item_id"], how="left")  # at most one per pair
    for level in LEVELS:
        pairs = pairs.join(tastes(own, level).hint("shuffle_hash"), ["user_id", level], how="left")  # at most one per user and value
    pairs = pairs.join(user_history(purchases, own), "user_id", how="left")  # at most one per user
    return (
        candidates.join(pairs.hint("shuffle_hash"), ["user_id", "item_id"], how="inner")  # exactly one per candidate
        .withColumn("own_share_of_orders", F.col("own_orders") / F.col("user_orders"))
        .withColumn("own_share_of_subcategory", F.col("personal_frequency_score") / F.nullif("subcategory_decayed", F.lit(0.0)))
        .withColumn("own_due_by_item", F.col("own_recency") / F.nullif("item_gap", F.lit(0.0)))
        .select("setting", "user_id", "item_id", *(F.col(name).cast("float").alias(name) for name in FEATURES))
    )


def labelled(featured: DataFrame, events: DataFrame, *, as_of: date, window_days: int, settings: RankSettings) -> DataFrame:
    """The rows to train on: every candidate that was bought in the window after the cut, and a share of the others.

    featured: rows of `features` at the cut.
    returns:  the same columns and `bought` (1 or 0). Users who bought nothing then are left out.
    """
    day = F.col("event_date")
    in_window = (day >= F.lit(as_of)) & (day < F.lit(as_of + timedelta(days=window_days)))
    bought = events.where((F.col("event_type") == "purchase") & in_window).select("user_id", "item_id", F.lit(1).alias("bought")).distinct()
    buyers = bought.select("user_id").distinct().orderBy(F.xxhash64("user_id", F.lit(settings.seed)), "user_id").limit(settings.max_training_users)
    bucket = F.pmod(F.xxhash64("user_id", "item_id", "setting", F.lit(settings.seed)), F.lit(10_000))  # the same rows in every run
    kept = (F.col("bought") == 1) | (bucket < F.lit(int(settings.negatives_share * 10_000)))
    return (
        featured.join(F.broadcast(buyers), "user_id", how="left_semi")
        .join(bought, ["user_id", "item_id"], how="left")  # at most one row per pair
        .fillna(0, ["bought"])
        .where(kept)
    )
