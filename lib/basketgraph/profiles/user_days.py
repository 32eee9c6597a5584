"""gold.user_days: what each user did and bought on each day. A day's rows depend on that day's events alone."""

from datetime import date
from functools import reduce
from operator import add
from typing import NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from basketgraph.foundation.persons import of_persons
from basketgraph.foundation.point_in_time import kept_before, known_before
from basketgraph.foundation.tables.warehouse import RunTables

EVENTS, USER_DAYS = "silver.events", "gold.user_days"
HOURS = 24
BEHAVIOURS = {
    "views": "view",
    "clicks": "click",
    "favourites": "favourite",
    "dismissals": "dismiss",
    "cart_adds": "cart_add",
    "cart_removes": "cart_remove",
}  # column -> event type
OF_PEOPLE = ("purchase", *BEHAVIOURS.values())  # event types; a cancellation is the shop's as often as the user's
NEVER_NULL = ("lines", "amount_minor")
NET = "net"  # the recipe of rows that are never stored


def recipe_of(code: str, setting: object) -> str:
    """What a row depends on besides its events: the code and one setting (the time zone, the longest pause). Rows of another recipe are stale."""
    return f"{code} {setting}"


def user_days(events: DataFrame, *, time_zone: str, recipe: str) -> DataFrame:
    """Summarise each user's purchases of each day, and count what else they did.

    events:    silver.events rows of any type, by actor (`Persons.events`); cancellations do not count.
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
            F.max("ingested_at").alias("events_at"),
        )
    )
    sums = ["lines", "amount_minor", "list_amount_minor", "discount_minor", "coupon_minor", "discounted_lines", "coupon_lines"]
    by_hour = [F.count_if(F.col("hour") == hour) for hour in range(HOURS)]
    counts = {name: F.count_if(F.col("event_type") == kind) for name, kind in BEHAVIOURS.items()}
    behaviours = (
        events.where(F.col("event_type").isin(*BEHAVIOURS.values()))
        .groupBy("user_id", "event_date")
        .agg(*(count.alias(name) for name, count in counts.items()), F.max("ingested_at").alias("events_at"))
    )
    return (
        orders.unionByName(behaviours, allowMissingColumns=True)
        .groupBy("user_id", "event_date")
        .agg(
            F.count("order_id").alias("orders"),
            *((F.coalesce(F.sum(column), F.lit(0)) if column in NEVER_NULL else F.sum(column)).alias(column) for column in sums),
            *(F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in BEHAVIOURS),
            F.array(*by_hour).alias("orders_by_hour"),
            # Sorted, so that a second run gives the same rows.
            F.array_sort(F.flatten(F.collect_list("bought"))).alias("bought"),
            F.lit(recipe).alias("recipe"),
            F.max("events_at").alias("events_at"),
        )
    )


def net_days(days: DataFrame, events: DataFrame, kept: DataFrame, links: DataFrame | None, *, as_of: date, time_zone: str) -> DataFrame:
    """The days before `as_of` of each person, less what was cancelled before it.

    days:    gold.user_days rows of any day, by actor, before cancellations.
    events:  silver.events rows by actor; of days with cancelled purchases, and of actors who share a person, days are summarised anew from them.
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
    others = of_days.where(F.col("event_type").isin(*BEHAVIOURS.values()))
    done = kept_before(of_days, kept, as_of=as_of).unionByName(others)
    anew = user_days(done if links is None else of_persons(done, links), time_zone=time_zone, recipe=NET)
    return past.join(touched, keys, how="left_anti").unionByName(anew)


class Outdated(NamedTuple):
    """The days that differ from silver.events; whole: the whole table is to be written anew."""

    days: list[date]
    whole: bool


def records_behaviours(events: DataFrame) -> bool:
    """Whether a shop records more than purchases and cancellations. events: silver.events rows."""
    return not events.where(F.col("event_type").isin(*BEHAVIOURS.values())).isEmpty()


def outdated_days(tables: RunTables, table: str = USER_DAYS, *, recipe: str, rewrite_days: int) -> Outdated:
    """The days to write, by the change data feed of the events since the last commit; without a feed the tables are compared.

    table:        gold.user_days or gold.sessions.
    rewrite_days: the whole table is written where more days are outdated.
    """
    built = tables.built_from(table) or {}
    can_follow = built.get("recipe") == recipe and built.get("events") is not None
    days = tables.changed_days(EVENTS, "event_date", built["events"]) if can_follow else None
    if days is None:
        stale = stale_days(tables.read(EVENTS), tables.read(table), recipe=recipe)
        days = sorted(row.event_date for row in stale.collect())
    return Outdated(days, len(days) > rewrite_days or not tables.exists(table))


def stale_days(events: DataFrame, days: DataFrame, *, recipe: str) -> DataFrame:
    """The days with new, changed or deleted events, or with rows of another recipe.

    events:  silver.events rows; an event that was written again has a newer ingested_at.
    days:    gold.user_days or gold.sessions rows.
    returns: event_date, one row per stale day.
    """
    wanted = (
        events.where(F.col("event_type").isin(*OF_PEOPLE))
        .groupBy("event_date")
        .agg(F.count("*").alias("wanted_events"), F.max("ingested_at").alias("wanted_at"))
    )
    counted = F.col("events") if "events" in days.columns else reduce(add, [F.coalesce(name, F.lit(0)) for name in ("lines", *BEHAVIOURS)])
    have = days.groupBy("event_date").agg(
        F.sum(counted).alias("have_events"),
        F.max("events_at").alias("have_at"),
        F.bool_and(F.col("recipe") == recipe).alias("same_recipe"),
    )
    same_events = F.col("wanted_events").eqNullSafe(F.col("have_events"))
    same_time = F.col("wanted_at").eqNullSafe(F.col("have_at"))
    is_current = same_events & same_time & F.coalesce("same_recipe", F.lit(False))
    return wanted.join(have, "event_date", how="full_outer").where(~is_current).select("event_date")  # at most one row a day on each side
