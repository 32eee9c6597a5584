"""gold.price_sensitivity and gold.price_conflicts: who buys what is discounted, and which items had two prices at once."""

from __future__ import annotations

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from basketgraph.foundation.config import Settings
from basketgraph.foundation.point_in_time import known_before

UNITS = 10**9  # of shares
ROUNDING = 1  # minor unit: a line's money divided by its pieces may be off by so much


class PriceSensitivitySettings(Settings):
    """Section `price_sensitivity` of conf/settings.yaml."""

    least_lines: int
    conflict_days: int
    judged_days: int


def price_sensitivity(purchases: DataFrame, items: DataFrame, *, as_of: date, least_lines: int) -> DataFrame:
    """The share of a person's lines that were discounted, less what the categories of these lines let expect.

    purchases: kept purchases (silver.events rows); lines without a known discount (a shop that tells none) take no part.
    items:     silver.items rows with their history; an item without a category has its department.
    returns:   user_id, lines, discounted_share, expected_share, sensitivity_index (their difference, from -1 to 1; 0 is as everybody), one row for
               each user with at least `least_lines` lines.
    """
    category = F.coalesce("category", "department", F.lit("")).alias("category")
    categories = known_before(items, as_of).where("recommendable").select("item_id", category)
    lines = (
        purchases.where(F.col("discount_minor").isNotNull())
        .join(categories, "item_id", how="inner")  # at most one row an item
        .select("user_id", "category", (F.col("discount_minor") > 0).cast("double").alias("discounted"))
    )
    # Sums of whole numbers: a sum of ratios depends on the order of the rows.
    usual = lines.groupBy("category").agg(F.round(F.avg("discounted") * UNITS).cast("bigint").alias("expected"))
    own = (
        lines.join(F.broadcast(usual), "category", how="inner")  # every line has a category
        .groupBy("user_id")
        .agg(F.count("*").alias("lines"), F.avg("discounted").alias("discounted_share"), (F.sum("expected") / UNITS).alias("expected"))
        .select("user_id", "lines", "discounted_share", (F.col("expected") / F.col("lines")).alias("expected_share"))
    )
    index = (F.col("discounted_share") - F.col("expected_share")).alias("sensitivity_index")
    return own.where(F.col("lines") >= least_lines).select("*", index)


def stability(before: DataFrame, after: DataFrame) -> tuple[int, float | None]:
    """(users in both, correlation of their indexes): how much of the index is a trait of the person. before, after: rows of `price_sensitivity`."""
    later = after.select("user_id", F.col("sensitivity_index").alias("later"))
    pairs = before.select("user_id", "sensitivity_index").join(later, "user_id", how="inner")  # one row a user on either side
    row = pairs.agg(F.count("*").alias("users"), F.corr("sensitivity_index", "later").alias("correlation")).collect()[0]
    return row.users, row.correlation


def price_conflicts(purchases: DataFrame) -> DataFrame:
    """Items that were sold for two prices a piece at one store on one day, without a coupon.

    purchases: silver.events rows of type purchase.
    returns:   event_date, store_id (empty where the shop has none), item_id, currency, lines, prices (different ones), low_minor, high_minor: a row
               for each item, store and day that was sold at all; `prices` is 1 where there is no conflict.
    """
    price = F.round(F.col("amount_minor") / F.col("quantity")).cast("bigint")
    plain = purchases.where(F.coalesce("coupon_minor", F.lit(0)) == 0).withColumns({"price": price, "store_id": F.coalesce("store_id", F.lit(""))})
    sold = plain.groupBy("event_date", "store_id", "item_id", "currency").agg(
        F.count("*").alias("lines"), F.countDistinct("price").alias("prices"), F.min("price").alias("low_minor"), F.max("price").alias("high_minor")
    )
    is_rounding = F.col("high_minor") - F.col("low_minor") <= ROUNDING
    return sold.withColumn("prices", F.when(is_rounding, F.lit(1)).otherwise(F.col("prices")).cast("bigint"))
