"""gold.item_transitions: what people go on to after an item within a visit; and the last visit of each user, which is scored by it."""

from __future__ import annotations

from datetime import date, timedelta

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from basketgraph.foundation.transitions import TransitionSettings

UNITS = 5040  # divides by every gap up to 10: sums are whole numbers and do not depend on the order of rows
LAST_ITEMS = 10  # of the last visit


def visits_before(sessions: DataFrame, *, as_of: date, days: int) -> DataFrame:
    """gold.sessions rows of the last `days` days before a cut."""
    day = F.col("event_date")
    return sessions.where((day < F.lit(as_of)) & (day >= F.lit(as_of - timedelta(days=days))))


def item_transitions(visits: DataFrame, listed: DataFrame, settings: TransitionSettings, *, neighbours: int) -> DataFrame:
    """The items that most often come after each item, as `foundation.transitions.transition_matrix` counts them.

    visits:  gold.sessions rows; their items are in order.
    listed:  item_id of the items that lists may hold; only these are proposed.
    returns: item_id, related_item_id, rank (1 is best; equal scores go to the lower id), score. An item is not proposed after itself.
    """
    forward = visits.select(F.explode(_steps(F.col("items"), settings.steps)).alias("step")).select("step.*")
    counted = forward.groupBy("item_id", "related_item_id").agg(F.sum("units").alias("units"))
    back = counted.select(
        F.col("related_item_id").alias("item_id"),
        F.col("item_id").alias("related_item_id"),
        (F.col("units") * F.lit(settings.backward)).alias("units"),
    )
    both = counted.unionByName(back).groupBy("item_id", "related_item_id").agg(F.sum("units").alias("units"))
    row, column = (F.sum("units").over(Window.partitionBy(name)) / UNITS for name in ("item_id", "related_item_id"))
    score = F.col("units") / UNITS * F.pow(row, F.lit(-settings.row_power)) * F.pow(column, F.lit(-settings.column_power))
    best = Window.partitionBy("item_id").orderBy(F.desc("score"), "related_item_id")
    return (
        both.select("item_id", "related_item_id", score.alias("score"))
        .where("item_id <> related_item_id")
        .join(listed.select(F.col("item_id").alias("related_item_id")), "related_item_id", how="left_semi")
        .withColumn("rank", F.row_number().over(best))
        .where(F.col("rank") <= neighbours)
        .select("item_id", "related_item_id", "rank", F.col("score").cast("float").alias("score"))
    )


def _steps(items: Column, longest: int) -> Column:
    """array<struct<item_id, related_item_id, units>>: the pairs of a visit up to `longest` steps apart, with UNITS / gap."""

    def of_gap(gap: Column) -> Column:
        left = F.greatest(F.lit(0), F.size(items) - gap)
        ahead = F.slice(items, F.least(gap + 1, F.size(items) + 1), left)
        weight = F.round(F.lit(UNITS) / gap).cast("bigint").alias("units")
        return F.zip_with(F.slice(items, 1, left), ahead, lambda a, b: F.struct(a.alias("item_id"), b.alias("related_item_id"), weight))

    return F.flatten(F.transform(F.sequence(F.lit(1), F.lit(longest)), of_gap))


def last_visit_items(visits: DataFrame, *, decay: float) -> DataFrame:
    """The items of each user's last visit: user_id, item_id, weight, which is 1 of the last item and `decay` times that for each before it.

    visits: gold.sessions rows, by person.
    """
    last = visits.groupBy("user_id").agg(F.max_by("items", F.struct("started_at", "visit_id")).alias("items"))
    newest_first = F.slice(F.reverse("items"), 1, LAST_ITEMS)
    places = last.select("user_id", F.posexplode(newest_first).alias("age", "item_id"))
    return places.groupBy("user_id", "item_id").agg(F.sum(F.pow(F.lit(decay), F.col("age"))).alias("weight"))
