"""The features of users, from their profiles, and of items, from their names and prices."""

from datetime import date

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, StringType, StructType

from basketgraph.foundation.contracts import contract
from basketgraph.foundation.point_in_time import known_before
from basketgraph.shards.features import FeatureColumns, Features, feature_vectors
from basketgraph.shards.writer import ShardSettings

ARRAY_SIZES = {"hour_shares": 24, "weekday_shares": 7}
# Only shops that record behaviours, or have moods, have them: one name more changes the vectors of all others.
NO_FEATURES = ("preferred_channel", "preferred_device", "topics")
ITEM_NAMES = ("department", "category", "subcategory", "brand", "brand_type", "manufacturer")


def user_features(profiles: DataFrame, *, buckets: int) -> Features:
    """Feature vectors of gold.user_profiles rows of one as_of: columns tagged `feature`, shares of names, string columns."""
    terms = contract("gold.user_profiles")
    tagged = terms.feature_columns
    kinds = {field.name: field.dataType for field in terms.struct.fields}
    arrays = {name: ARRAY_SIZES[name] for name in tagged if name in ARRAY_SIZES}
    numbers = [name for name in tagged if not isinstance(kinds[name], ArrayType | StringType)]
    of_shares = [name for name, kind in kinds.items() if isinstance(kind, ArrayType) and isinstance(kind.elementType, StructType)]
    shares = [name for name in of_shares if name not in NO_FEATURES]
    names = [name for name, kind in kinds.items() if isinstance(kind, StringType) and name not in (*terms.keys, *NO_FEATURES)]
    return feature_vectors(profiles, "user_id", FeatureColumns(numbers, arrays, names, shares, buckets))


def item_features(items: DataFrame, interactions: DataFrame, *, as_of: date, settings: ShardSettings) -> Features:
    """Feature vectors of the items as they were before `as_of`: hashed names, price, and its percentile in the category.

    items:        silver.items rows with their history; a withdrawn item without sales gets no vector.
    interactions: gold.interactions rows of `as_of`, whose amounts give the price.
    """
    price = F.when(F.sum("quantity") > 0, F.sum("amount_minor") / F.sum("quantity"))
    prices = interactions.groupBy("item_id").agg(price.alias("price"))
    known = known_before(items, as_of).join(prices, "item_id", "left")  # an item has one valid row and at most one price
    if not settings.new_items:
        known = known.join(prices.select("item_id"), "item_id", "left_semi")
    known = known.where(F.col("recommendable") | F.col("price").isNotNull())
    by_price = Window.partitionBy("category", F.col("price").isNull()).orderBy("price", "item_id")
    placed = known.withColumn("price_position", F.when(F.col("price").isNotNull(), F.percent_rank().over(by_price)))
    columns = FeatureColumns(numbers=["price", "price_position"], names=ITEM_NAMES, buckets=settings.buckets)
    return feature_vectors(placed, "item_id", columns)
