"""gold.refused_items: what a person sent back, dismissed or rated low, as their last word on it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from basketgraph.foundation.point_in_time import known_before

KINDLY = ("purchase", "cart_add", "favourite")  # event types that take a refusal back
RETURNED = "returned"
LOW = 0.4  # of the way from the worst rating that could be given to the best: 1 and 2 of 5 stars


def refusals(events: DataFrame, kept: DataFrame, reviews: DataFrame, *, as_of: date, kinds: Collection[str], days: int) -> DataFrame:
    """What each user refused within `days` before the cut: user_id, item_id, reason, refused_at; a row for each time.

    events:  silver.events rows of any type and day, by person; purchases are purchases whatever the shop's goal.
    kept:    gold.kept_purchases rows: a purchase of which nothing is kept was sent back.
    reviews: silver.reviews rows, by person; those without a person or a time take no part, and of several of an item the latest counts.
    kinds:   which of returned, dismissed and rated_low count.
    """
    is_past = F.col("event_date") < F.lit(as_of)
    pair = ["user_id", "item_id"]
    parts = [events.limit(0).select(*pair, *_refused("", F.col("event_time")))]
    if "dismissed" in kinds:
        parts.append(events.where(is_past & (F.col("event_type") == "dismiss")).select(*pair, *_refused("dismissed", F.col("event_time"))))
    if "returned" in kinds:
        sent_back = _sent_back(kept, as_of)
        returned = events.where(is_past & (F.col("event_type") == "purchase")).join(sent_back, "event_id", how="inner")  # at most one row a purchase
        parts.append(returned.select(*pair, *_refused(RETURNED, F.col("cancelled_at"))))
    if "rated_low" in kinds:
        is_low = F.col("last.rating") <= F.col("last.rating_min") + LOW * (F.col("last.rating_max") - F.col("last.rating_min"))
        said = reviews.where(is_past & F.col("user_id").isNotNull() & F.col("event_time").isNotNull() & F.col("rating").isNotNull())
        order = F.struct("event_time", "review_id", "rating", "rating_min", "rating_max")
        rated = said.groupBy(*pair).agg(F.max(order).alias("last")).where(is_low)
        parts.append(rated.select(*pair, *_refused("rated_low", F.col("last.event_time"))))
    begin = F.lit(as_of - timedelta(days=days)).cast("timestamp")
    return reduce(DataFrame.unionByName, parts).where(F.col("refused_at") >= begin)


def refused_items(refusals: DataFrame, events: DataFrame, kept: DataFrame, *, as_of: date) -> DataFrame:
    """The items that each user refused and took up no more before the cut. Who sent one piece back and kept another refused nothing.

    refusals: rows of `refusals`.   events, kept: as there.
    returns:  user_id, item_id, reason, refused_at; one row a pair: its last refusal, of equal times the first by name.
    """
    pair = ["user_id", "item_id"]
    order = F.struct(-F.unix_micros("refused_at"), "reason")
    newest = refusals.groupBy(*pair).agg(F.min_by(F.struct("reason", "refused_at"), order).alias("newest"))
    is_kind = (F.col("event_date") < F.lit(as_of)) & F.col("event_type").isin(*KINDLY)
    kindly = events.where(is_kind).join(_sent_back(kept, as_of), "event_id", how="left_anti")
    last = (
        kindly.join(newest.select(*pair), pair, how="left_semi")
        .groupBy(*pair)
        .agg(F.max("event_time").alias("taken_up_at"), F.bool_or(F.col("event_type") == "purchase").alias("has_kept"))
    )
    still = F.col("taken_up_at").isNull() | (F.col("taken_up_at") <= F.col("newest.refused_at"))
    is_kept_too = (F.col("newest.reason") == RETURNED) & F.coalesce("has_kept", F.lit(False))
    told = newest.join(last, pair, how="left").where(still & ~is_kept_too)  # at most one row a pair
    return told.select(*pair, "newest.reason", "newest.refused_at")


def _sent_back(kept: DataFrame, as_of: date) -> DataFrame:
    """event_id, cancelled_at of the purchases of which nothing was left before the cut."""
    return known_before(kept, as_of).where("kept_quantity = 0").select("event_id", "cancelled_at")


def _refused(reason: str, at: Column) -> tuple[Column, Column]:
    return F.lit(reason).alias("reason"), at.alias("refused_at")
