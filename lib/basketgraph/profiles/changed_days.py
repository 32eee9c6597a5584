"""Tables by day that follow from silver tables: only the days whose rows changed there are written anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import reduce
from operator import add
from typing import NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.profiles.user_days import COUNTS, OF_PEOPLE

DAY = "event_date"


class Outdated(NamedTuple):
    """The days that differ from the silver tables; whole: the whole table is to be written anew."""

    days: list[date]
    whole: bool


def recipe_of(code: str, setting: object) -> str:
    """What a row depends on besides its events: the code and one setting (the time zone, the longest pause). Rows of another recipe are stale."""
    return f"{code} {setting}"


def write_changed_days(
    tables: RunTables,
    table: str,
    summarise: Callable[[DataFrame], DataFrame],
    *,
    activity: DataFrame,
    sources: Iterable[str],
    recipe: str,
    rewrite_days: int,
) -> int:
    """Bring a table by day up to its silver tables.

    table:        gold.user_days or gold.sessions.
    summarise:    its rows of the days of the rows that it is given; a day's rows follow from that day's alone.
    activity:     the rows to summarise, of any day.   sources: the silver tables that they come from.
    rewrite_days: the whole table is written where more days are outdated.
    returns:      how many days were outdated.
    """
    versions = {source: tables.version(source) for source in sources}
    outdated = outdated_days(tables, table, activity, versions, recipe=recipe, rewrite_days=rewrite_days)
    write_days(tables, table, summarise, activity, outdated, {**versions, "recipe": recipe})
    return len(outdated.days)


def write_days(
    tables: RunTables,
    table: str,
    summarise: Callable[[DataFrame], DataFrame],
    activity: DataFrame,
    outdated: Outdated,
    built_from: Mapping[str, int | str | None],
) -> None:
    """Write the outdated days of a table by day.   built_from: what its rows then follow from."""
    if outdated.whole:
        tables.overwrite(summarise(activity), table, built_from=built_from)
    elif outdated.days:
        changed = summarise(activity.where(F.col(DAY).isin(outdated.days)))
        tables.overwrite_days(changed, table, outdated.days, column=DAY, built_from=built_from)


def outdated_days(tables: RunTables, table: str, activity: DataFrame, versions: dict[str, int | None], *, recipe: str, rewrite_days: int) -> Outdated:
    """The days to write, by the change data feeds of the silver tables since the last commit; without a feed the tables are compared."""
    built = tables.built_from(table) or {}
    can_follow = built.keys() == {*versions, "recipe"} and built["recipe"] == recipe and None not in built.values()
    feeds = [tables.changed_days(source, DAY, built[source]) for source in versions] if can_follow else [None]
    if None in feeds:
        stale = stale_days(activity, tables.read(table), recipe=recipe)
        days = [row.event_date for row in stale.collect()]
    else:
        days = list({day for feed in feeds for day in feed or ()})
    return Outdated(sorted(days), len(days) > rewrite_days or not tables.exists(table))


def stale_days(activity: DataFrame, days: DataFrame, *, recipe: str) -> DataFrame:
    """The days with new, changed or deleted rows, or with rows of another recipe.

    activity: silver.events rows, or those of `user_days.activity`; a row that was written again has a newer ingested_at.
    days:     gold.user_days or gold.sessions rows.
    returns:  event_date, one row per stale day.
    """
    wanted = (
        activity.where(F.col("event_type").isin(*OF_PEOPLE))
        .groupBy(DAY)
        .agg(F.count("*").alias("wanted_events"), F.max("ingested_at").alias("wanted_at"))
    )
    counted = F.col("events") if "events" in days.columns else reduce(add, [F.coalesce(name, F.lit(0)) for name in ("lines", *COUNTS)])
    have = days.groupBy(DAY).agg(
        F.sum(counted).alias("have_events"),
        F.max("events_at").alias("have_at"),
        F.bool_and(F.col("recipe") == recipe).alias("same_recipe"),
    )
    same_events = F.col("wanted_events").eqNullSafe(F.col("have_events"))
    same_time = F.col("wanted_at").eqNullSafe(F.col("have_at"))
    is_current = same_events & same_time & F.coalesce("same_recipe", F.lit(False))
    return wanted.join(have, DAY, how="full_outer").where(~is_current).select(DAY)  # at most one row a day on each side
