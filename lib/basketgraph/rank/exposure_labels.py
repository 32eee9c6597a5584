"""Clicks on rows of our lists as labels of the ranker, where a shop wants them (`rank.click_labels`)."""

from __future__ import annotations

from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from basketgraph.foundation.persons import of_persons


def clicked_items(exposures: DataFrame, lists: DataFrame, links: DataFrame | None, *, as_of: date, window_days: int) -> DataFrame:
    """What each user clicked of our lists in the window after a cut.

    exposures: silver.exposures rows of any day; those that name a row of our lists count.
    lists:     gold.recommendations rows of any day: whom a row was for, where the shop's log does not say.
    links:     whose an actor is, as from `Persons.links` at the cut; None for a shop that has users only.
    returns:   user_id, item_id, each pair once.

    A click is likelier at the first places whatever stands there. Nothing corrects for that: a propensity is known only where places were drawn.
    """
    in_window = (F.col("event_date") >= F.lit(as_of)) & (F.col("event_date") < F.lit(as_of + timedelta(days=window_days)))
    ours = lists.where("list_row_id IS NOT NULL").select("list_row_id", "item_id", F.col("user_id").alias("listed_user_id"))
    clicked = (
        exposures.where(in_window & F.col("clicked"))
        .select("list_row_id", "item_id", "user_id")
        .join(ours, ["list_row_id", "item_id"], how="inner")  # at most one row of our lists; of another item, it names the wrong one
        .select(F.coalesce("user_id", "listed_user_id").alias("user_id"), "item_id")
    )
    return (clicked if links is None else of_persons(clicked, links)).distinct()
