"""Point-in-time rows: items, users and kept purchases as they were known before a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from basketgraph.foundation.config import UserError
from basketgraph.foundation.goals import PURCHASE, Goal

ITEMS = "silver.items"
MONEY = ("amount_minor", "list_amount_minor", "discount_minor", "coupon_minor")


def known_before(attributes: DataFrame, as_of: date) -> DataFrame:
    """The rows that held on the last day before `as_of`: at most one per item, user or purchase.

    attributes: silver.items, silver.users or gold.kept_purchases rows; each holds on the local days [valid_from, valid_to), for ever where valid_to
                is null.
    """
    begun = F.col("valid_from") < F.lit(as_of)
    not_ended = F.col("valid_to").isNull() | (F.col("valid_to") >= F.lit(as_of))
    return attributes.where(begun & not_ended)


def items_or_sold(items: DataFrame, sold: DataFrame, source: Mapping[str, Any]) -> DataFrame:
    """The shop's items: `items`, or, where the shop's mapping has no table of them, everything that was sold, from its first sale on.

    items:   silver.items rows with their history.
    sold:    silver.events rows of any type (purchases count), or gold.interactions rows.
    source:  conf/sources/<shop>.yaml.
    returns: silver.items rows; of what was sold no more is known than its id, and that it may be shown.
    """
    is_mapped = ITEMS in source.get("tables", {ITEMS: None})  # without a mapping, jobs of the shop's own write the table
    if is_mapped or not items.isEmpty():
        return items
    day = "first_date" if "first_date" in sold.columns else "event_date"
    bought = sold.where("event_type = 'purchase'") if "event_type" in sold.columns else sold
    sold_items = bought.groupBy("item_id").agg(F.min(day).alias("valid_from")).withColumn("recommendable", F.lit(True))
    return items.limit(0).unionByName(sold_items, allowMissingColumns=True)


def require_purchases(
    events: DataFrame, source_name: str, *, what: str = "lists", items: int = 1, before: date | None = None, goal: Goal = PURCHASE
) -> None:
    """Raises UserError where too little was bought for what is wanted, or the shop's goal was not reached often enough.

    events: silver.events rows of any type, as from `GoalEvents` where the goal is another than the purchase.
    items:  how many different ones must have been bought: a list of the only one there is says nothing.
    before: only purchases of days before it count; None: all.
    """
    purchases = events.where("event_type = 'purchase'")
    past = purchases if before is None else purchases.where(F.col("event_date") < F.lit(before))
    bought = past.select("item_id").distinct().limit(items).count()
    if bought >= items:
        return
    wanted = f"{what} want {goal.words.noun}"
    first = purchases.agg(F.min("event_date")).collect()[0][0] if bought == 0 else None
    if first is not None:
        cure = f"Deliver earlier {goal.words.noun}, or name a later day (--ds, or `cuts` in the mapping)."
        raise UserError(f"{wanted}: {goal.table} has none before {before}, the first is of {first}", cure=cure)
    if bought == 0:
        cure = f"`basketgraph check-source {source_name}` says what became of the rows: what `where` leaves out, and what is rejected and why."
        if goal == PURCHASE:
            cure += " A shop that sells nothing, or does not know who bought, names another `goal` in its mapping: view, favourite or ratings."
        raise UserError(f"{wanted}: {goal.table} has none", cure=cure)
    few = f"{goal.table}: want {goal.words.noun} of at least {items} different items, have {bought}"
    fault = f"{few}: the shop does not say what was {goal.words.past}"
    cure = f"Map `item_id` in conf/sources/{source_name}.yaml. `basketgraph run profiles --source {source_name}` makes profiles without lists."
    raise UserError("lists want items", [fault], cure)


def kept_before(events: DataFrame, kept: DataFrame, *, as_of: date) -> DataFrame:
    """The purchases of days before `as_of`, less the pieces that were cancelled on days before it. A later cancellation changes nothing.

    events:  silver.events rows of any type and day.
    kept:    gold.kept_purchases rows; may be empty: a purchase without one was kept whole.
    returns: silver.events rows of type purchase: quantity and money are those of the pieces kept; a purchase of which none was kept has no row.
    """
    kept_quantities = known_before(kept, as_of).select("event_id", "kept_quantity")
    is_past_purchase = (F.col("event_type") == "purchase") & (F.col("event_date") < F.lit(as_of))
    is_touched = F.col("kept_quantity").isNotNull()
    money = {column: F.when(is_touched, kept_share(column)).otherwise(F.col(column)) for column in MONEY}
    return (
        events.where(is_past_purchase)
        .join(kept_quantities, "event_id", how="left")  # at most one row a purchase
        .where(~is_touched | (F.col("kept_quantity") > 0))
        .withColumns({**money, "quantity": F.coalesce("kept_quantity", "quantity")})
        .select(*events.columns)
    )


def kept_share(column: str) -> Column:
    """The part of a purchase's money that belongs to the pieces kept, rounded half up; needs the columns quantity and kept_quantity."""
    # Exact numbers: a double has too few digits for the money of a wholesaler.
    return F.round(F.col(column).cast("decimal(18, 0)") * F.col("kept_quantity").cast("decimal(18, 0)") / F.col("quantity")).cast("bigint")
