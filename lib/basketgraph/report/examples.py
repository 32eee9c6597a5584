"""Examples of lists: a few users with their last purchases, recommended items and reasons, for the summary of a run and for the page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from basketgraph.foundation.privacy.log_masking import masked
from basketgraph.foundation.tables.warehouse import Warehouse, newest_release
from basketgraph.report.known_users import Pseudonyms, known_user_hider

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

NEEDED = ("gold.recommendations", "gold.interactions")
ITEMS = "silver.items"  # a shop may have none: items are then called by their ids
USERS, BOUGHT, LISTED = 3, 5, 5


@dataclass(frozen=True)
class Example:
    """One user. bought: names, latest first. recommended: (name, reason), best first. All masked: they are printed and shown.

    live: whether customers see this list.
    """

    user_id: str
    bought: tuple[str, ...]
    recommended: tuple[tuple[str, str], ...]
    live: bool = True


def examples(recommendations: DataFrame, edges: DataFrame, items: DataFrame, *, users: int = USERS) -> list[Example]:
    """The same users in every run: those whose pseudonyms come first in a fixed shuffle.

    recommendations: gold.recommendations rows of one cut and setting.   edges: gold.interactions rows of the cut.   items: silver.items rows.
    """
    chosen = recommendations.select("user_id").distinct().orderBy(F.xxhash64("user_id"), "user_id").limit(users)
    names = items.groupBy("item_id").agg(F.max_by("name", "valid_from").alias("name"))

    def named(rows: DataFrame) -> DataFrame:
        few = rows.join(F.broadcast(chosen), "user_id", how="left_semi")
        return few.join(names, "item_id", how="left").withColumn("name", F.coalesce("name", "item_id"))  # one name an item

    latest = F.sort_array(F.collect_list(F.struct("last_date", "purchases", "item_id", "name")), asc=False)
    bought = named(edges).groupBy("user_id").agg(F.slice(latest, 1, BOUGHT).alias("bought"))
    best = F.sort_array(F.collect_list(F.struct("rank", "name", "reason")))
    listed = named(recommendations.where(F.col("rank") <= LISTED)).groupBy("user_id").agg(best.alias("listed"))
    rows = listed.join(bought, "user_id", how="left").orderBy("user_id").collect()  # one row per user on either side
    return [
        Example(
            row.user_id, tuple(masked(b.name) for b in row.bought or ()), tuple((masked(r.name), masked(r.reason, longest=400)) for r in row.listed)
        )
        for row in rows
    ]


def live_examples(warehouse: Warehouse, pseudonyms: Pseudonyms) -> list[Example]:
    """Users of the live lists, all items allowed; of the newest lists before a release names any; none before there are lists. Raw ids of known users
    are hidden in them.

    pseudonyms: of raw ids, with the key that this warehouse's users were made with.
    """
    shown = _live_or_newest(warehouse)
    texts = [text for example in shown for text in (*example.bought, *chain.from_iterable(example.recommended))]
    hide = known_user_hider(texts, warehouse, pseudonyms)
    if hide is None:
        return shown
    return [
        replace(e, bought=tuple(map(hide, e.bought)), recommended=tuple((hide(name), hide(reason)) for name, reason in e.recommended)) for e in shown
    ]


def _live_or_newest(warehouse: Warehouse) -> list[Example]:
    """Of the live release: the newest versions still hold lists that the gate refused or a rollback took back."""
    release = newest_release(warehouse)
    versions = release["versions"] if release else {}
    live = all(table in versions for table in NEEDED)
    lists, edges, items = (
        warehouse.read_version(table, versions[table]) if live and table in versions else warehouse.newest(table) for table in (*NEEDED, ITEMS)
    )
    newest = lists.agg(F.max("as_of")).collect()[0][0]
    at_newest = F.col("as_of") == F.lit(newest)
    shown = examples(lists.where(at_newest & (F.col("setting") == "rebuy")), edges.where(at_newest), items) if newest else []
    return [replace(example, live=live) for example in shown]
