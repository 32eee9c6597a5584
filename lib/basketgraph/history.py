"""Attributes with a history: what was known of an item or a user before a day."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def known_before(attributes: DataFrame, as_of: date) -> DataFrame:
    """The rows that held on the last day before `as_of`: at most one per item or user.

    attributes: silver.items or silver.users rows; each holds on the local days [valid_from, valid_to), for ever where valid_to is null.
    """
    begun = F.col("valid_from") < F.lit(as_of)
    not_ended = F.col("valid_to").isNull() | (F.col("valid_to") >= F.lit(as_of))
    return attributes.where(begun & not_ended)
