"""What customers see: the tables of the live release, where it has lists; before that the newest lists."""

from __future__ import annotations

from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from basketgraph.foundation.goal_events import as_goal_events
from basketgraph.foundation.goals import EVENTS, PURCHASE, REVIEWS, Goal
from basketgraph.foundation.item_names import product_name
from basketgraph.foundation.persons import IDENTITIES, by_actor, links_before, of_persons
from basketgraph.foundation.tables.warehouse import LISTS, Warehouse, newest_release

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Shown:
    """live: whether customers see these lists: the newest versions still hold lists that the gate refused or a rollback took back."""

    def __init__(self, warehouse: Warehouse, goal: Goal = PURCHASE) -> None:
        self.goal = goal
        self.warehouse, self.release = warehouse, newest_release(warehouse) or {}
        self.versions = self.release.get("versions", {})
        self.live = LISTS in self.versions

    def read(self, table: str) -> DataFrame:
        """The table at the version of the live release; at the newest where the release lacks it, or has no lists."""
        is_released = self.live and table in self.versions
        return self.warehouse.read_version(table, self.versions[table]) if is_released else self.warehouse.newest(table)

    def events(self) -> DataFrame:
        """silver.events rows as lists see them: by person as of the lists' day, and `purchase` is what reaches the shop's goal."""
        currency, events = "XXX", self.read(EVENTS)  # of nothing; what reaches another goal than the purchase costs nothing
        of_goal = as_goal_events(events, self.read(REVIEWS), self.goal, currency=currency)
        identities = self.read(IDENTITIES)
        if self.as_of is None or (identities.isEmpty() and events.where("visitor_id IS NOT NULL").isEmpty()):
            return of_goal
        return of_persons(by_actor(of_goal), links_before(events, identities, as_of=self.as_of))

    @cached_property
    def as_of(self) -> date | None:
        """The day that the lists are for; None where there are none."""
        if self.live and self.release["as_of"] is not None:
            return self.release["as_of"]  # type: ignore[no-any-return]
        newest: date | None = self.read(LISTS).agg(F.max("as_of")).collect()[0][0]
        return newest

    def of_day(self, table: str) -> DataFrame:
        """Rows of a table that is made as of a cut, at the lists' own."""
        return self.read(table).where(F.col("as_of") == F.lit(self.as_of))

    def names(self) -> DataFrame:
        """item_id, name, kind: one row an item, by its newest name. kind: brand and package size, which tell products of one name apart."""
        brand = F.coalesce("brand", F.concat("brand_type", F.lit(" brand")))
        named = F.struct(product_name().alias("name"), F.concat_ws(", ", brand, "package_size").alias("kind"))
        newest = self.read("silver.items").groupBy("item_id").agg(F.max_by(named, "valid_from").alias("newest"))
        return newest.select("item_id", "newest.*")

    def named(self, rows: DataFrame) -> DataFrame:
        """`rows` with the name and kind of each item; an item without a name is called by its id."""
        known = rows.join(self.names(), "item_id", how="left")  # one name an item
        return known.withColumns({"name": F.coalesce("name", "item_id"), "kind": F.coalesce("kind", F.lit(""))})
