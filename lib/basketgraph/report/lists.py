"""The lists that customers see: for how many, what stands on them and why, and what was bought from those that were judged last."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from basketgraph.foundation.goals import PURCHASE, Goal
from basketgraph.foundation.point_in_time import items_or_sold, known_before
from basketgraph.foundation.tables.warehouse import LISTS, Warehouse
from basketgraph.report.records import Rows, as_dicts
from basketgraph.report.shown import Shown

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

OUTCOMES = "ops.list_outcomes"
MOST_PRODUCTS = 10


@dataclass(frozen=True)
class Lists:
    """customers: with a list; of `known` customers of the shop.
    live:       whether customers see these lists.
    listed:     different items on lists; of `assortment` items that may be shown.
    products:   {setting, name, customers, kinds, of}: the products on most lists, most first. kinds: different items of that name; of: all lists.
    reasons:    {setting, source, places}: how many places have which reason.
    outcomes:   rows of ops.list_outcomes of the lists that were judged last; their as_of may be another day.
    """

    as_of: date
    live: bool
    customers: int
    known: int
    listed: int
    assortment: int
    products: Rows = field(default_factory=list)
    reasons: Rows = field(default_factory=list)
    outcomes: Rows = field(default_factory=list)

    @property
    def are_judged(self) -> bool:
        return bool(self.outcomes) and bool(self.outcomes[0]["as_of"] == self.as_of)


def shown_lists(warehouse: Warehouse, goal: Goal = PURCHASE) -> Lists | None:
    """Of the live release, else of the newest lists; None before there are any."""
    shown = Shown(warehouse, goal)
    if shown.as_of is None:
        return None
    lists, events = shown.of_day(LISTS), shown.events()
    items = items_or_sold(shown.read("silver.items"), events, {"tables": {}})  # a shop without a list of items may show what it sold
    counted = lists.agg(F.countDistinct("user_id").alias("customers"), F.countDistinct("item_id").alias("listed")).collect()[0]
    return Lists(
        as_of=shown.as_of,
        live=shown.live,
        customers=counted.customers,
        known=events.select("user_id").distinct().count(),
        listed=counted.listed,
        assortment=known_before(items, shown.as_of).where("recommendable").count(),
        products=as_dicts(most_listed(shown.named(lists.select("setting", "user_id", "item_id")), MOST_PRODUCTS)),
        reasons=as_dicts(lists.groupBy("setting", "source").agg(F.count("*").alias("places")).orderBy("setting", F.desc("places"), "source")),
        outcomes=_outcomes(shown.read(OUTCOMES)),
    )


def most_listed(places: DataFrame, most: int) -> DataFrame:
    """setting, name, customers, kinds, of: the `most` products on most lists of each setting, most first.

    places: setting, user_id, item_id, name.
    """
    lists = places.groupBy("setting").agg(F.countDistinct("user_id").alias("of"))
    products = places.groupBy("setting", "name").agg(F.countDistinct("user_id").alias("customers"), F.countDistinct("item_id").alias("kinds"))
    best = F.slice(F.sort_array(F.collect_list(F.struct((-F.col("customers")).alias("order"), "name", "customers", "kinds"))), 1, most)
    chosen = products.groupBy("setting").agg(best.alias("best")).join(lists, "setting", how="inner")  # one row a setting on either side
    return chosen.select("setting", "of", F.inline("best")).orderBy("setting", "order", "name").drop("order")


def _outcomes(outcomes: DataFrame) -> Rows:
    newest = outcomes.agg(F.max("as_of").alias("as_of"))
    return as_dicts(outcomes.join(newest, "as_of", how="left_semi").orderBy("setting", "model", "segment"))
