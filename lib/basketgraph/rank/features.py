"""The ranker's features of every candidate, from purchases before a cut."""

from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from basketgraph.foundation.point_in_time import kept_before
from basketgraph.foundation.recommenders import EXPLAIN_ORDER, LIST_SETTINGS
from basketgraph.rank.histories import LEVELS, PACES, WINDOWS, item_history, tastes, user_history
from basketgraph.rank.settings import RankSettings

LABEL = "bought"  # 1 or 0: whether the user bought the candidate in the window after the cut
FEATURES = (
    # Raw scores drift from cut to cut as histories grow; ranks and standardised scores do not.
    *(f"{recommender}_{part}" for recommender in EXPLAIN_ORDER for part in ("rank", "z")), "personal_frequency_score",
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
    """The candidates with features of the user, of the item and of the pair, from before the cut.

    candidates: gold.candidates rows of the cut, or those of `labelled`.
    purchases:  rows of `histories.purchases_before` the cut.
    own:        rows of `histories.own_history` of the purchases; read six times, so compute them once.
    returns:    setting, user_id, item_id, FEATURES as floats (null: no value), and `bought` where the candidates have it.
    """
    # Partitioned by user first: Spark alone would shuffle the candidates by user and item, and then again by user.
    featured = candidates.repartition("user_id").join(F.broadcast(item_history(own)), "item_id", how="left")  # at most one row per item
    bought = own.drop(*LEVELS, "decayed", "purchases_lately")
    featured = featured.join(bought.hint("shuffle_hash"), ["user_id", "item_id"], how="left")  # at most one per pair
    for level in LEVELS:
        featured = featured.join(tastes(own, level).hint("shuffle_hash"), ["user_id", level], how="left")  # at most one per user and value
    featured = featured.join(user_history(purchases, own).hint("shuffle_hash"), "user_id", how="left")  # at most one per user
    label = [LABEL] if LABEL in candidates.columns else []
    return (
        featured.withColumn("own_share_of_orders", F.col("own_orders") / F.col("user_orders"))
        .withColumn("own_share_of_subcategory", F.col("personal_frequency_score") / F.nullif("subcategory_decayed", F.lit(0.0)))
        .withColumn("own_due_by_item", F.col("own_recency") / F.nullif("item_gap", F.lit(0.0)))
        .select("setting", "user_id", "item_id", *(F.col(name).cast("float").alias(name) for name in FEATURES), *label)
    )


def labelled(
    candidates: DataFrame,
    events: DataFrame,
    kept: DataFrame,
    *,
    as_of: date,
    window_days: int,
    settings: RankSettings,
    clicked: DataFrame | None = None,
) -> DataFrame:
    """The candidates to train on: all that were bought in the window after the cut and kept, and a share of the others.

    candidates: gold.candidates rows of the cut.   events: silver.events rows.   kept: gold.kept_purchases rows.
    clicked:    rows of `exposure_labels.clicked_items` of the window, which then count as bought.
    returns:    the same columns and `bought` (1 or 0), for users who bought in the window.
    """
    in_window = kept_before(events, kept, as_of=as_of + timedelta(days=window_days)).where(F.col("event_date") >= F.lit(as_of))
    pairs = in_window.select("user_id", "item_id")
    bought = (pairs if clicked is None else pairs.unionByName(clicked)).distinct().withColumn(LABEL, F.lit(1))
    buyers = bought.select("user_id").distinct().orderBy(F.xxhash64("user_id", F.lit(settings.seed)), "user_id").limit(settings.max_training_users)
    bucket = F.pmod(F.xxhash64("user_id", "item_id", "setting", F.lit(settings.seed)), F.lit(10_000))  # the same rows in every run
    shares = [F.when(F.col("setting") == name, F.lit(int(settings.of(name).negatives_share * 10_000))) for name in LIST_SETTINGS]
    is_taken = (F.col(LABEL) == 1) | (bucket < F.coalesce(*shares))
    return (
        candidates.join(F.broadcast(buyers), "user_id", how="left_semi")
        .join(bought, ["user_id", "item_id"], how="left")  # at most one row per pair
        .fillna(0, [LABEL])
        .where(is_taken)
    )
