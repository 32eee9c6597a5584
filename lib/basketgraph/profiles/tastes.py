"""What a user's purchases say of taste: affinities to categories and brands, and how dear the chosen items are among their like."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Positions are whole numbers of this unit, so that their weighted sums do not depend on the order of the rows.
POSITION_UNITS = 10**4
AFFINITIES = {"categories": "category", "brands": "brand"}


def tastes(past: DataFrame, items: DataFrame, *, as_of: date, price_days: int, top: int) -> DataFrame:
    """Each user's top categories and brands, price position and share of private labels, all by decayed spend.

    past:    weighted days before as_of.
    items:   silver.items rows as known before as_of, one per item. Only recommendable ones tell a taste: fees, fuel and vouchers do not.
    returns: one row per user who bought such items: categories, brands, price_position, private_label_share as in gold.user_profiles.
    """
    described = items.where("recommendable").select(
        "item_id", "category", F.coalesce("brand", "manufacturer").alias("brand"), F.lower("brand_type").startswith("private").alias("is_private")
    )
    positions = price_positions(shelf_prices(past, as_of=as_of, price_days=price_days), described)
    catalogue = described.join(positions, "item_id", how="left")  # at most one row an item
    value = F.col("weight") * F.col("line.amount_minor")
    lines = (
        past.select("user_id", "weight", F.explode("bought").alias("line"))
        .select("user_id", value.alias("value"), F.col("line.item_id").alias("item_id"))
        .join(F.broadcast(catalogue), "item_id", how="inner")  # at most one row an item; a catalogue is small beside the purchases
    )
    return _ranked(_sums(lines), top=top)


def _sums(lines: DataFrame) -> DataFrame:
    """Spend per user (grouping is "user"), per user and category, and per user and brand, in one pass; groups without spend are left out."""
    has_position = F.col("position").isNotNull()
    has_brand_type = F.col("is_private").isNotNull()
    value = F.col("value")
    groups = [[F.col("user_id")], *([F.col("user_id"), F.col(column)] for column in AFFINITIES.values())]
    is_rolled_up = {column: F.grouping(column) == 1 for column in AFFINITIES.values()}
    kind = F.coalesce(*(F.when(~rolled_up, column) for column, rolled_up in is_rolled_up.items()), F.lit("user"))
    return (
        lines.groupingSets(groups, "user_id", *AFFINITIES.values())
        .agg(
            kind.alias("grouping"),
            F.sum(value).alias("value"),
            F.sum(F.when(has_position, value * F.col("position"))).alias("positions"),
            F.sum(F.when(has_position, value)).alias("positioned"),
            F.sum(F.when(has_brand_type, value * F.col("is_private").cast("bigint"))).alias("private"),
            F.sum(F.when(has_brand_type, value)).alias("branded"),
        )
        .withColumn("name", F.coalesce(*AFFINITIES.values()))
        .where((F.col("value") > 0) & ((F.col("grouping") == "user") | F.col("name").isNotNull()))
    )


def _ranked(sums: DataFrame, *, top: int) -> DataFrame:
    """One row per user from the rows of `_sums`: lists of the top names, largest share of all known names first, and the user's own ratios."""
    user_grouping = Window.partitionBy("user_id", "grouping")
    place = F.row_number().over(user_grouping.orderBy(F.desc("value"), "name"))
    share = F.col("value") / F.sum("value").over(user_grouping)
    lists = [
        F.transform(
            F.array_sort(F.collect_list(F.when(F.col("grouping") == column, F.struct("place", "name", "share")))),
            lambda entry: F.struct(entry["name"].alias("name"), entry["share"].alias("share")),
        ).alias(alias)
        for alias, column in AFFINITIES.items()
    ]
    of_user = F.col("grouping") == "user"
    price_position = F.when(of_user & (F.col("positioned") > 0), F.col("positions") / F.col("positioned") / POSITION_UNITS)
    private_share = F.when(of_user & (F.col("branded") > 0), F.col("private") / F.col("branded"))
    return (
        sums.withColumns({"place": place, "share": share})
        .where(F.col("place") <= top)
        .groupBy("user_id")
        .agg(*lists, F.max(price_position).alias("price_position"), F.max(private_share).alias("private_label_share"))  # of one row each
    )


def shelf_prices(past: DataFrame, *, as_of: date, price_days: int) -> DataFrame:
    """Each item's mean shelf price per piece over the last `price_days` before as_of: item_id, price in minor units; what was paid, where a shop
    tells no shelf price."""
    is_recent = F.datediff(F.lit(as_of), "event_date") <= price_days
    lines = past.where(is_recent).select(F.inline("bought"))
    shelf_minor = F.sum(F.coalesce("list_amount_minor", "amount_minor"))
    return lines.groupBy("item_id").agg((shelf_minor / F.sum("quantity")).alias("price"))


def price_positions(prices: DataFrame, items: DataFrame) -> DataFrame:
    """Where each item's price stands among the items of its category, 0 cheapest to POSITION_UNITS dearest.

    prices:  item_id, price.
    items:   item_id, category. Items without one are compared with each other: the whole assortment, where a shop has no categories.
    returns: item_id, position: the mid-rank divided by the number of items, so a category's only item stands in the middle.
    """
    category = Window.partitionBy("category")
    below = F.rank().over(category.orderBy("price")) - 1
    ties = F.count("*").over(Window.partitionBy("category", "price"))
    position = F.round((below + ties / 2) / F.count("*").over(category) * POSITION_UNITS).cast("bigint")
    return items.join(prices, "item_id", how="inner").select("item_id", position.alias("position"))  # at most one row an item
