"""A user's taste: affinities to categories and brands, price position, and share of private labels."""

from collections.abc import Mapping
from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

# Positions are integers in this unit, so that their weighted sums do not depend on the order of the rows.
POSITION_UNITS = 10**4
NO_PRICE = 100.0  # minor units: of every item, where a shop has no price at all
AFFINITIES = {"categories": "category", "brands": "brand"}


def tastes(past: DataFrame, items: DataFrame, *, as_of: date, price_days: int, top: int, weights: Mapping[str, float] | None = None) -> DataFrame:
    """Each user's top categories and brands by weighted behaviour, price position and share of private labels by decayed spend.

    past:    weighted days before as_of.
    items:   silver.items rows as known before as_of, one per item; only recommendable ones count (no fees, fuel, vouchers).
    weights: event type -> the part of a purchase of one piece at shelf price that it counts as in categories and brands; None: purchases alone.
    returns: one row per user who did something to recommendable items: categories, brands, price_position, private_label_share as
             in gold.user_profiles.
    """
    described = items.where("recommendable").select(
        "item_id", "category", F.coalesce("brand", "manufacturer").alias("brand"), F.lower("brand_type").startswith("private").alias("is_private")
    )
    prices = shelf_prices(past, as_of=as_of, price_days=price_days)
    catalogue = described.join(price_positions(prices, described), "item_id", how="left")  # at most one row an item
    columns, lines = ["bought"], _bought()
    value = spend = F.col("weight") * F.col("paid_minor")
    if weights is not None:
        columns, lines = ["bought", "other_behaviours"], F.concat(lines, _others(weights))
        catalogue = _priced(catalogue, prices)
        value = spend + F.round(F.col("weight") * F.col("pieces") * F.col("shelf_price")).cast("bigint")
    done = (
        past.select("user_id", "weight", *columns)
        .repartition("user_id")  # one shuffle of whole days serves all groupings by user below
        .select("user_id", "weight", F.inline(lines))
        .join(F.broadcast(catalogue), "item_id", how="inner")  # at most one row an item
        .withColumns({"value": value, "spend": spend})
    )
    return _of_users(_sums(done), top=top)


def _bought() -> Column:
    """Of each line: item_id, paid_minor, and no pieces by other behaviours."""

    # A coupon worth more than its line makes the amount negative; an affinity is not.
    def entry(line: Column) -> Column:
        paid = F.greatest(F.lit(0), line["amount_minor"])
        return F.struct(line["item_id"].alias("item_id"), paid.alias("paid_minor"), F.lit(0.0).alias("pieces"))

    return F.transform("bought", entry)


def _others(weights: Mapping[str, float]) -> Column:
    """Of each item that something else was done to: item_id, nothing paid, and how many pieces it counts as."""
    weight_of = F.create_map(*(F.lit(part) for pair in weights.items() for part in pair))

    def entry(done: Column) -> Column:
        pieces = F.coalesce(weight_of[done["event_type"]], F.lit(0.0)) * done["times"]
        return F.struct(done["item_id"].alias("item_id"), F.lit(0).cast("bigint").alias("paid_minor"), pieces.alias("pieces"))

    return F.transform(F.coalesce("other_behaviours", F.array()), entry)


def _priced(catalogue: DataFrame, prices: DataFrame) -> DataFrame:
    """Add `shelf_price`: the item's own; the mean over items where it has none; NO_PRICE where no item has one."""
    mean = prices.agg(F.avg(F.round("price").cast("bigint")).alias("mean_price"))  # of integers: it does not depend on the order of the rows
    return (
        catalogue.join(prices, "item_id", how="left")  # at most one row an item
        .join(F.broadcast(mean), how="cross")  # one row
        .withColumn("shelf_price", F.coalesce("price", "mean_price", F.lit(NO_PRICE)))
        .drop("price", "mean_price")
    )


def _sums(lines: DataFrame) -> DataFrame:
    """Decayed value and spend per user, category and brand; each row also has the user's value of the category and of the brand."""
    has_position = F.col("position").isNotNull()
    has_brand_type = F.col("is_private").isNotNull()
    value, spend = F.col("value"), F.col("spend")
    names = AFFINITIES.values()
    wholes = {f"{name}_value": F.sum("value").over(Window.partitionBy("user_id", name)) for name in names}
    return (
        lines.groupBy("user_id", *names)
        .agg(
            F.sum(value).alias("value"),
            F.sum(F.when(has_position, spend * F.col("position"))).alias("positions"),
            F.sum(F.when(has_position, spend)).alias("positioned"),
            F.sum(F.when(has_brand_type, spend * F.col("is_private").cast("bigint"))).alias("private"),
            F.sum(F.when(has_brand_type, spend)).alias("branded"),
        )
        .withColumns(wholes)
    )


def _of_users(sums: DataFrame, *, top: int) -> DataFrame:
    """One row per user from the rows of `_sums`: the top names with their shares of the spend on known names, and ratios."""
    wholes, totals, lists = [], [], []
    for alias, name in AFFINITIES.items():
        is_known = F.col(name).isNotNull()
        # A set: a category has a row for each of its brands. Negated, so that the largest sorts first and ties go by name.
        entry = F.struct((-F.col(f"{name}_value")).alias("minus_value"), F.col(name).alias("name"))
        wholes.append(F.collect_set(F.when(is_known & (F.col(f"{name}_value") > 0), entry)).alias(alias))
        totals.append(F.sum(F.when(is_known, F.col("value"))).alias(f"{name}_total"))
        lists.append(_shares(F.slice(F.array_sort(alias), 1, top), F.col(f"{name}_total")).alias(alias))
    ratios = ("positions", "positioned", "private", "branded")
    return (
        sums.groupBy("user_id")
        .agg(*wholes, *totals, *(F.sum(column).alias(column) for column in ratios))
        .select(
            "user_id",
            *lists,
            F.when(F.col("positioned") > 0, F.col("positions") / F.col("positioned") / POSITION_UNITS).alias("price_position"),
            F.when(F.col("branded") > 0, F.col("private") / F.col("branded")).alias("private_label_share"),
        )
    )


def _shares(entries: Column, total: Column) -> Column:
    return F.transform(entries, lambda entry: F.struct(entry["name"].alias("name"), (-entry["minus_value"] / total).alias("share")))


def shelf_prices(past: DataFrame, *, as_of: date, price_days: int) -> DataFrame:
    """Each item's mean shelf price per piece over the last `price_days` before as_of: item_id, price in minor units.

    Where a shop has no shelf prices, the price paid.
    """
    is_recent = F.datediff(F.lit(as_of), "event_date") <= price_days
    lines = past.where(is_recent).select(F.inline("bought"))
    shelf_minor = F.sum(F.coalesce("list_amount_minor", "amount_minor"))
    return lines.groupBy("item_id").agg((shelf_minor / F.sum("quantity")).alias("price"))


def price_positions(prices: DataFrame, items: DataFrame) -> DataFrame:
    """The place of each item's price among the items of its category, from 0 (cheapest) to POSITION_UNITS (dearest).

    prices:  item_id, price.
    items:   item_id, category; items without a category are compared with each other.
    returns: item_id, position: the mid-rank divided by the number of items; a category's only item is in the middle.
    """
    category = Window.partitionBy("category")
    below = F.rank().over(category.orderBy("price")) - 1
    ties = F.count("*").over(Window.partitionBy("category", "price"))
    position = F.round((below + ties / 2) / F.count("*").over(category) * POSITION_UNITS).cast("bigint")
    return items.join(prices, "item_id", how="inner").select("item_id", position.alias("position"))  # at most one row an item
