"""The events of a shop as lists see them: what reaches the mapping's goal takes the place of purchases in models and evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from basketgraph.foundation.goals import PURCHASE, REVIEWS, Goal, goal_of
from basketgraph.foundation.persons import Persons

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from basketgraph.foundation.tables.warehouse import RunTables

ORDER = "order"  # the event type of purchases in a shop whose goal is another


class GoalEvents(Persons):
    """The events of a shop as lists see them: rows that reach the goal are of type `purchase`, and those of a purchase of type `order`.

    A shop whose goal is the purchase has its events unchanged. Elsewhere a row counts one piece without money, and what a person did in one visit (on
    one day, where visits are not known) is one order. The currency is the shop's.
    """

    def __init__(self, tables: RunTables, source: Mapping[str, Any]) -> None:
        """source: conf/sources/<shop>.yaml."""
        super().__init__(tables, source)
        self.goal = goal_of(source)
        if self.goal != PURCHASE:
            self._events = as_goal_events(self._events, tables.read(REVIEWS), self.goal, currency=source["currency"])


def as_goal_events(events: DataFrame, reviews: DataFrame, goal: Goal, *, currency: str) -> DataFrame:
    """silver.events rows in which `purchase` means that the goal was reached. Of ratings those with a person and a day count.

    events: silver.events rows as they are written.   reviews: silver.reviews rows; read where the goal is ratings.
    """
    if goal == PURCHASE:
        return events
    own = events.withColumn("event_type", F.when(F.col("event_type") == "purchase", F.lit(ORDER)).otherwise(F.col("event_type")))
    if goal.event_type == "rating":
        reached = events.limit(0).unionByName(
            reviews.where(goal.reached_sql).select(
                F.concat(F.lit("review "), "review_id").alias("event_id"), "event_time", "event_date", "user_id", "item_id", "ingested_at"
            ),
            allowMissingColumns=True,
        )
    else:
        is_reached = F.expr(goal.reached_sql)
        reached, own = own.where(is_reached), own.where(~is_reached)
    visit = F.concat_ws(" ", F.coalesce("user_id", "visitor_id"), F.col("event_date").cast("string"))
    one_each = {
        "event_type": F.lit("purchase"),
        "order_id": F.coalesce("session_id", visit),
        "quantity": F.lit(1).cast("bigint"),
        "amount_minor": F.lit(0).cast("bigint"),
        "currency": F.lit(currency),
    }
    money = {column: F.lit(None).cast("bigint") for column in ("list_amount_minor", "discount_minor", "coupon_minor")}
    return own.unionByName(reached.withColumns({**one_each, **money}))
