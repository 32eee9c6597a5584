"""Who a row is of, as it was known at a day: silver.identities, and events that have both a visitor and a user.

A row's actor is its user, or the visitor where nobody is logged in. An actor is a person of their own until a link says whose they are. The newest
link that was known before a day counts: a row of silver.identities from its `valid_from` on, an event with both ids (a log-in, an order) from its day
on; on one day the table's word counts. A row of the table without a user takes the links before it back. Links are followed from a visitor to an
account, and from an account, card or e-mail to a person, at most twice: of a card to an account that became part of another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import reduce
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from basketgraph.foundation.tables.warehouse import LiveRelease, RunTables

EVENTS, IDENTITIES, IMPOSSIBLE = "silver.events", "silver.identities", "gold.impossible_visitors"
OF_VISITORS = ("visitor", "device")  # identifier types; of the others the identifier is a user_id


class Persons:
    """The events of a shop, by actor or by the person of a day."""

    def __init__(self, tables: RunTables | LiveRelease, source: Mapping[str, Any]) -> None:
        """source: conf/sources/<shop>.yaml."""
        mapped = source.get("tables", {})
        self.can_differ = not mapped or IDENTITIES in mapped or "visitor_id" in mapped.get(EVENTS, {}).get("columns", {})
        self._events = tables.read(EVENTS)
        self._identities = tables.read(IDENTITIES) if self.can_differ else None
        # Of a shop that records purchases only the table has its first version, without a row.
        self._impossible = tables.read(IMPOSSIBLE) if tables.version(IMPOSSIBLE) else None

    @property
    def events(self) -> DataFrame:
        """silver.events rows whose user_id is the actor."""
        return by_actor(self._events) if self.can_differ else self._events

    def at(self, as_of: date) -> DataFrame:
        """silver.events rows of any day, whose user_id is the person by what was known before `as_of`; without those who are no people."""
        return self.of(self.events, as_of)

    def of(self, rows: DataFrame, as_of: date) -> DataFrame:
        """Rows by actor (of events, visits or reviews), as those of `at`."""
        links = self.links(as_of)
        persons = rows if links is None else of_persons(rows, links)
        return persons if self._impossible is None else of_people(persons, self._impossible, links, as_of=as_of)

    def links(self, as_of: date) -> DataFrame | None:
        """Actors who are somebody else, as from `links_before`; None for a shop that has users only."""
        return None if self._identities is None else links_before(self._events, self._identities, as_of=as_of)


def by_actor(events: DataFrame) -> DataFrame:
    """silver.events rows; where nobody is logged in, user_id is the visitor's."""
    return events.withColumn("user_id", F.coalesce("user_id", "visitor_id"))


def links_before(events: DataFrame, identities: DataFrame, *, as_of: date) -> DataFrame:
    """Whose an actor is, by what was known before `as_of`.

    events:     silver.events rows as they are written.
    identities: silver.identities rows with their history.
    returns:    actor_id, user_id: at most one row an actor, none for those who are nobody else.
    """
    is_past = F.col("day") < F.lit(as_of)
    of_visitor = F.col("identifier_type").isin(*OF_VISITORS)
    begun = identities.select(of_visitor.alias("of_visitor"), F.col("identifier").alias("actor_id"), F.col("valid_from").alias("day"), "user_id")
    ended = identities.where("valid_to IS NOT NULL").select(
        of_visitor.alias("of_visitor"), F.col("identifier").alias("actor_id"), F.col("valid_to").alias("day"), F.lit(None).alias("user_id")
    )
    is_seen = F.col("user_id").isNotNull() & F.col("visitor_id").isNotNull()
    seen = events.where(is_seen).select(
        F.lit(True).alias("of_visitor"), F.col("visitor_id").alias("actor_id"), F.col("event_date").alias("day"), "user_id", "event_time"
    )
    # Of one day: a row of the table that begins, then one that ends, then the last event.
    kinds = [begun.withColumn("rank", F.lit(2)), ended.withColumn("rank", F.lit(1)), seen.withColumn("rank", F.lit(0))]
    told = reduce(lambda a, b: a.unionByName(b, allowMissingColumns=True), kinds).where(is_past)
    newest = (
        told.groupBy("of_visitor", "actor_id")
        .agg(F.max(F.struct("day", "rank", "event_time", "user_id")).alias("newest"))
        .select("of_visitor", "actor_id", F.col("newest.user_id").alias("user_id"))
        .where("user_id IS NOT NULL")
    )
    accounts = newest.where("NOT of_visitor").select("actor_id", "user_id")
    accounts = of_persons(accounts, accounts)
    return of_persons(newest.where("of_visitor").select("actor_id", "user_id"), accounts).unionByName(accounts).where("actor_id <> user_id")


def of_people(events: DataFrame, impossible: DataFrame, links: DataFrame | None, *, as_of: date) -> DataFrame:
    """Rows of persons none of whose actors did more on a day before `as_of` than a person can.

    events:     rows whose user_id is the person as of that day.
    impossible: gold.impossible_visitors rows of any day, by actor.
    links:      whose an actor is, as from `links_before`.
    """
    flagged = impossible.where(F.col("event_date") < F.lit(as_of)).select("user_id").distinct()
    persons = flagged if links is None else of_persons(flagged, links).distinct()
    return events.join(F.broadcast(persons), "user_id", how="left_anti").select(*events.columns)


def of_persons(rows: DataFrame, links: DataFrame) -> DataFrame:
    """Rows whose user_id is an actor, with the person's. links: actor_id, user_id, at most one row an actor."""
    whose = links.select(F.col("actor_id").alias("user_id"), F.col("user_id").alias("person_id"))
    joined = rows.join(whose, "user_id", how="left")  # at most one person an actor
    return joined.withColumn("user_id", F.coalesce("person_id", "user_id")).select(*rows.columns)
