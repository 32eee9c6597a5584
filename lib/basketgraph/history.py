"""What was known before a day: of an item, of a user, and of what customers kept of their purchases."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

MONEY = ("amount_minor", "list_amount_minor", "discount_minor", "coupon_minor")


def known_before(attributes: DataFrame, as_of: date) -> DataFrame:
    """The rows that held on the last day before `as_of`: at most one per item, user or purchase.

    attributes: silver.items, silver.users or gold.kept_purchases rows; each holds on the local days [valid_from, valid_to), for ever where valid_to
                is null.
    """
    begun = F.col("valid_from") < F.lit(as_of)
    not_ended = F.col("valid_to").isNull() | (F.col("valid_to") >= F.lit(as_of))
    return attributes.where(begun & not_ended)


def kept_before(events: DataFrame, kept: DataFrame, *, as_of: date) -> DataFrame:
    """The purchases of days before `as_of`, less the pieces that were cancelled on days before it. A later cancellation changes nothing.

    events:  silver.events rows of any type and day.
    kept:    gold.kept_purchases rows; may be empty: a purchase without one was kept whole.
    returns: silver.events rows of type purchase: quantity and money are those of the pieces kept; a purchase of which none was kept has no row.
    """
    known = known_before(kept, as_of).select("event_id", "kept_quantity")
    is_past_purchase = (F.col("event_type") == "purchase") & (F.col("event_date") < F.lit(as_of))
    is_touched = F.col("kept_quantity").isNotNull()
    money = {column: F.when(is_touched, kept_share(column)).otherwise(F.col(column)) for column in MONEY}
    return (
        events.where(is_past_purchase)
        .join(known, "event_id", how="left")  # at most one row a purchase
        .where(~is_touched | (F.col("kept_quantity") > 0))
        .withColumns({**money, "quantity": F.coalesce("kept_quantity", "quantity")})
        .select(*events.columns)
    )


def kept_share(column: str) -> Column:
    """The part of a purchase's money that belongs to the pieces kept, rounded half up; needs the columns quantity and kept_quantity."""
    # Exact numbers: a double has too few digits for the money of a wholesaler.
    return F.round(F.col(column).cast("decimal(18, 0)") * F.col("kept_quantity").cast("decimal(18, 0)") / F.col("quantity")).cast("bigint")
