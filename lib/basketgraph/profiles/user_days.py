"""gold.user_days: what each user did and bought on each day. A day's rows depend on what was done on that day alone."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from basketgraph.foundation.persons import Persons, by_actor, of_persons
from basketgraph.foundation.point_in_time import kept_before, known_before
from basketgraph.foundation.tables.warehouse import RunTables

EVENTS, SEARCHES, REVIEWS = "silver.events", "silver.searches", "silver.reviews"
USER_DAYS = "gold.user_days"
HOURS = 24
BEHAVIOURS = {
    "views": "view",
    "clicks": "click",
    "favourites": "favourite",
    "dismissals": "dismiss",
    "cart_adds": "cart_add",
    "cart_removes": "cart_remove",
}  # column -> event type of silver.events
COUNTS = {**BEHAVIOURS, "searches": "search", "ratings": "rating"}  # column -> event type of `activity`
OF_PEOPLE = ("purchase", *COUNTS.values())  # event types; a cancellation is the shop's as often as the user's
RATING_UNITS = 1000  # ratings are integers from 0, the worst of their scale, to this, the best: sums of doubles depend on the order of the rows
NEVER_NULL = ("lines", "amount_minor")
NET = "net"  # the recipe of rows that are never stored


class Activity(NamedTuple):
    """rows: as from `activity`, of any day, by actor; sources: the silver tables that they come from."""

    rows: DataFrame
    sources: tuple[str, ...]


def read_activity(tables: RunTables, source: Mapping[str, Any]) -> Activity:
    """What people did, from the tables that a shop has. source: conf/sources/<shop>.yaml."""
    mapped = source.get("tables", {})
    others = {table: tables.read(table) for table in (SEARCHES, REVIEWS) if (not mapped or table in mapped) and tables.exists(table)}
    return Activity(activity(Persons(tables, source).events, others.get(SEARCHES), others.get(REVIEWS)), (EVENTS, *others))


def activity(events: DataFrame, searches: DataFrame | None = None, reviews: DataFrame | None = None) -> DataFrame:
    """Searches and ratings beside what else people did.

    events:   silver.events rows, by actor (`Persons.events`).
    searches: silver.searches rows; of nobody, they are left out.
    reviews:  silver.reviews rows; without a user, a day or a rating on a stated scale, they are left out.
    returns:  silver.events rows, also of the types search and rating; with reviews there is `rating_points`, 0 (worst) to RATING_UNITS (best).
    """
    rows = events
    if searches is not None:
        of_searches = by_actor(searches).where(F.col("user_id").isNotNull()).withColumn("event_type", F.lit("search"))
        columns = [name for name in of_searches.columns if name in events.columns]
        rows = rows.unionByName(of_searches.select(columns), allowMissingColumns=True)
    if reviews is not None:
        place = (F.col("rating") - F.col("rating_min")) / (F.col("rating_max") - F.col("rating_min"))
        is_rated = F.col("user_id").isNotNull() & F.col("event_date").isNotNull() & (F.col("rating_max") > F.col("rating_min"))
        of_reviews = reviews.where(is_rated & F.col("rating").isNotNull()).withColumns(
            {"event_type": F.lit("rating"), "rating_points": F.round(place * RATING_UNITS).cast("bigint")}
        )
        columns = [name for name in of_reviews.columns if name in (*events.columns, "rating_points")]
        rows = rows.unionByName(of_reviews.select(columns), allowMissingColumns=True)
    return rows


def user_days(events: DataFrame, *, time_zone: str, recipe: str) -> DataFrame:
    """Summarise each user's purchases of each day, and count what else they did.

    events:    silver.events rows of any type, by actor (`Persons.events`), or those of `activity`; cancellations do not count.
    time_zone: the shop's; an order's hour is local.
    recipe:    kept with each row, see `stale_days`.
    returns:   gold.user_days rows, one per user and shop-local day. An order over midnight counts on both days.
    """
    is_discounted = F.col("discount_minor") > 0
    is_couponed = F.col("coupon_minor") > 0
    orders = (
        events.where(F.col("event_type") == "purchase")
        # One shuffle serves both groupings below.
        .repartition("user_id")
        .groupBy("user_id", "event_date", "order_id")
        .agg(
            F.hour(F.from_utc_timestamp(F.min("event_time"), time_zone)).alias("hour"),
            F.count("*").alias("lines"),
            F.sum("amount_minor").alias("amount_minor"),
            # Null, not 0, where the shop has no such column.
            F.sum("list_amount_minor").alias("list_amount_minor"),
            F.sum("discount_minor").alias("discount_minor"),
            F.sum("coupon_minor").alias("coupon_minor"),
            F.sum(is_discounted.cast("bigint")).alias("discounted_lines"),
            F.sum(is_couponed.cast("bigint")).alias("coupon_lines"),
            F.collect_list(F.struct("item_id", "quantity", "amount_minor", "list_amount_minor")).alias("bought"),
            *_places(),
        )
    )
    sums = ["lines", "amount_minor", "list_amount_minor", "discount_minor", "coupon_minor", "discounted_lines", "coupon_lines"]
    by_hour = [F.count_if(F.col("hour") == hour) for hour in range(HOURS)]
    return (
        orders.unionByName(_other_behaviours(events), allowMissingColumns=True)
        .groupBy("user_id", "event_date")
        .agg(
            F.count("order_id").alias("orders"),
            *((F.coalesce(F.sum(column), F.lit(0)) if column in NEVER_NULL else F.sum(column)).alias(column) for column in sums),
            *(F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in COUNTS),
            F.sum("rating_points").alias("rating_points"),
            F.array(*by_hour).alias("orders_by_hour"),
            # Sorted, so that a second run gives the same rows.
            F.array_sort(F.flatten(F.collect_list("bought"))).alias("bought"),
            F.array_sort(F.flatten(F.collect_list("other_behaviours"))).alias("other_behaviours"),
            *(F.array_sort(F.array_distinct(F.flatten(F.collect_list(name)))).alias(name) for name in ("channels", "devices")),
            F.lit(recipe).alias("recipe"),
            F.max("events_at").alias("events_at"),
        )
    )


def _other_behaviours(events: DataFrame) -> DataFrame:
    """One row per user and day: how often each behaviour but buying was seen, and to which items it was done."""
    times = {name: F.sum(F.when(F.col("event_type") == kind, F.col("times")).otherwise(0)) for name, kind in COUNTS.items()}
    points = F.col("rating_points") if "rating_points" in events.columns else F.lit(None).cast("bigint")
    to_item = F.when(F.col("item_id").isNotNull(), F.struct("item_id", "event_type", "times"))
    return (
        events.where(F.col("event_type").isin(*COUNTS.values()))
        .withColumn("rating_points", points)
        # One shuffle serves both groupings below.
        .repartition("user_id")
        .groupBy("user_id", "event_date", "event_type", "item_id")
        .agg(F.count("*").alias("times"), F.sum("rating_points").alias("rating_points"), *_places())
        .groupBy("user_id", "event_date")
        .agg(
            *(count.alias(name) for name, count in times.items()),
            F.sum("rating_points").alias("rating_points"),
            F.collect_list(to_item).alias("other_behaviours"),
            *(F.flatten(F.collect_list(name)).alias(name) for name in ("channels", "devices")),
            F.max("events_at").alias("events_at"),
        )
    )


def _places() -> list[Column]:
    """Where and by what it was done, and when the newest row of it was written."""
    return [F.collect_set("channel").alias("channels"), F.collect_set("device").alias("devices"), F.max("ingested_at").alias("events_at")]


def net_days(days: DataFrame, events: DataFrame, kept: DataFrame, links: DataFrame | None, *, as_of: date, time_zone: str) -> DataFrame:
    """The days before `as_of` of each person, less what was cancelled before it.

    days:    gold.user_days rows of any day, by actor, before cancellations.
    events:  silver.events rows by actor, or those of `activity`; of days with cancelled purchases, and of actors who share a person, days are
             summarised anew from them.
    kept:    gold.kept_purchases rows; may be empty.
    links:   whose an actor is, as from `Persons.links`.
    returns: gold.user_days rows; a person's day of which nothing was kept has no row.
    """
    keys = ["user_id", "event_date"]
    past = days.where(F.col("event_date") < F.lit(as_of))
    touched = known_before(kept, as_of).select(*keys)
    if links is not None:
        shared = links.select(F.explode(F.array("actor_id", "user_id")).alias("user_id")).distinct()
        touched = touched.unionByName(past.join(shared, "user_id", how="left_semi").select(*keys))
    touched = touched.distinct()
    of_days = events.join(touched, keys, how="left_semi")
    others = of_days.where(F.col("event_type").isin(*COUNTS.values()))
    done = kept_before(of_days, kept, as_of=as_of).unionByName(others)
    anew = user_days(done if links is None else of_persons(done, links), time_zone=time_zone, recipe=NET)
    return past.join(touched, keys, how="left_anti").unionByName(anew)


def records_behaviours(events: DataFrame) -> bool:
    """Whether a shop records more than purchases and cancellations. events: silver.events rows."""
    return not events.where(F.col("event_type").isin(*BEHAVIOURS.values())).isEmpty()
