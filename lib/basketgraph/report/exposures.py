"""What customers were shown and what came of it, by list and place; and what they sent back, dismissed and rated of what was recommended."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from basketgraph.foundation.tables.warehouse import LISTS, Warehouse
from basketgraph.report.records import Rows, as_dicts

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

EXPOSURES, REVIEWS = "silver.exposures", "silver.reviews"
PERIOD_DAYS = 28
BOUGHT_DAYS = 7  # a purchase counts for what was shown on its day and on so many days before
LIST_DAYS = 60  # a list may be shown for so long
LOW_STARS = 2  # of five
MOST_LISTS, MOST_PLACES = 8, 12
COUNTS = ("shown", "told", "clicked", "known", "bought")


@dataclass(frozen=True)
class Exposures:
    """The `PERIOD_DAYS` up to `last_day`.

    lists:  {setting, name, *COUNTS}, most shown first. setting: of our own lists. name: what else chose the item, a policy or a campaign. Both null
            where the shop does not say.
    places: {name, position, *COUNTS}: the places where most was shown.
    COUNTS: shown; told: of these, how many say whether they were clicked; clicked; known: how many say to whom; bought: by the same customer within
            BOUGHT_DAYS.
    """

    last_day: date
    lists: Rows = field(default_factory=list)
    places: Rows = field(default_factory=list)


def shop_exposures(warehouse: Warehouse, ds: date) -> Exposures | None:
    """What was shown on days before `ds`, from the newest versions; None where the shop does not record it."""
    if not warehouse.version(EXPOSURES):
        return None
    exposures = warehouse.newest(EXPOSURES).where(F.col("event_date") < F.lit(ds))
    last_day = exposures.agg(F.max("event_date")).collect()[0][0]
    if last_day is None:
        return None
    first = last_day - timedelta(days=PERIOD_DAYS - 1)
    lists = warehouse.newest(LISTS).where(F.col("as_of") > F.lit(first - timedelta(days=LIST_DAYS)))
    shown = with_lists(exposures.where(F.col("event_date") >= F.lit(first)), lists)
    events = warehouse.newest("silver.events").where((F.col("event_date") >= F.lit(first)) & (F.col("event_date") < F.lit(ds)))
    counted = exposure_counts(shown, events).localCheckpoint()  # a row per list and place
    return Exposures(
        last_day=last_day,
        lists=as_dicts(_most(counted, ["setting", "name"], MOST_LISTS)),
        places=as_dicts(_most(counted.drop("name").withColumnRenamed("placement", "name"), ["name", "position"], MOST_PLACES)),
    )


def with_lists(exposures: DataFrame, lists: DataFrame) -> DataFrame:
    """who, item_id, event_date, setting, name, placement, position, clicked of each exposure.

    exposures: silver.exposures rows.
    lists:     gold.recommendations rows; those that an exposure names say which list it is of, and for whom it was where the shop does not.
    """
    is_named = F.col("list_row_id").isNotNull()
    ours = lists.where(is_named).select("list_row_id", "setting", F.col("user_id").alias("listed_user_id"))
    named = exposures.where(is_named).join(ours, "list_row_id", how="left")  # at most one row of our lists
    rows = named.unionByName(exposures.where(~is_named), allowMissingColumns=True)
    return rows.select(
        F.coalesce("user_id", "listed_user_id", "visitor_id").alias("who"),
        *("item_id", "event_date", "setting"),
        F.when(F.col("setting").isNull(), F.coalesce("policy", "campaign_id")).alias("name"),
        *("placement", "position", "clicked"),
    )


def exposure_counts(shown: DataFrame, events: DataFrame) -> DataFrame:
    """setting, name, placement, position, COUNTS: a row for each of their combinations.

    shown:  rows of `with_lists`.
    events: silver.events rows of any type; a purchase is its user's and its visitor's.
    """
    bought = events.where("event_type = 'purchase'").select(
        F.explode(F.array_distinct(F.array("user_id", "visitor_id"))).alias("who"), "item_id", "event_date"
    )
    days_bought = bought.where("who IS NOT NULL").groupBy("who", "item_id").agg(F.collect_set("event_date").alias("days"))

    def in_time(day: Column) -> Column:
        return day.between(F.col("event_date"), F.date_add("event_date", BOUGHT_DAYS))

    is_bought = F.coalesce(F.exists("days", in_time), F.lit(False))
    counts = [F.lit(True), F.col("clicked").isNotNull(), F.coalesce("clicked", F.lit(False)), F.col("who").isNotNull(), is_bought]
    joined = shown.join(days_bought, ["who", "item_id"], how="left")  # at most one row per customer and item
    by_place = joined.groupBy("setting", "name", "placement", "position")
    return by_place.agg(*(F.count_if(count).alias(name) for name, count in zip(COUNTS, counts, strict=True)))


def _most(counted: DataFrame, by: list[str], most: int) -> DataFrame:
    sums = counted.groupBy(*by).agg(*(F.sum(name).alias(name) for name in COUNTS))
    return sums.orderBy(F.desc("shown"), *by).limit(most)


def shop_responses(warehouse: Warehouse, ds: date) -> Rows:
    """{setting, bought, returned, dismissed, ratings, stars, low}: what customers did with what was on their lists of the PERIOD_DAYS before `ds`.

    returned: purchases that were sent back in whole or part.   stars: the mean rating, from 1 to 5 whatever the shop's scale.
    low: ratings of LOW_STARS or less.   Empty where nothing was sent back, dismissed or rated.
    """
    first = ds - timedelta(days=PERIOD_DAYS)
    lists = warehouse.newest(LISTS).where(F.col("as_of").between(F.lit(first), F.lit(ds)))
    responses = all_responses(warehouse.newest("silver.events"), warehouse.newest("gold.kept_purchases"), warehouse.newest(REVIEWS))
    rows = as_dicts(responses_to_lists(responses.where(F.col("event_date").between(F.lit(first), F.lit(ds))), lists))
    return rows if any(row["returned"] + row["dismissed"] + row["ratings"] for row in rows) else []


def all_responses(events: DataFrame, kept: DataFrame, reviews: DataFrame) -> DataFrame:
    """user_id, item_id, event_date, kind (bought, returned, dismissed, rated), stars (of a rating, else null): one row per response.

    events: silver.events rows.   kept: gold.kept_purchases rows; a return counts on the day of its purchase.   reviews: silver.reviews rows.
    """
    actor = F.coalesce("user_id", "visitor_id").alias("user_id")
    is_response = F.col("event_type").isin("purchase", "dismiss")
    kind = F.when(F.col("event_type") == "purchase", "bought").otherwise("dismissed").alias("kind")
    done = events.where(is_response).select(actor, "item_id", "event_date", kind)
    returned = kept.where("kept_quantity < quantity").select("event_id", "user_id", "item_id", "event_date", F.lit("returned").alias("kind"))
    share = (F.col("rating") - F.col("rating_min")) / F.nullif(F.col("rating_max") - F.col("rating_min"), F.lit(0.0))
    rated = reviews.where("rating IS NOT NULL").select(
        "user_id", "item_id", "event_date", F.lit("rated").alias("kind"), (1 + 4 * share).alias("stars")
    )
    parts = [done, returned.distinct().drop("event_id"), rated]  # a purchase that was sent back twice is one
    return reduce(lambda a, b: a.unionByName(b, allowMissingColumns=True), parts)


def responses_to_lists(responses: DataFrame, lists: DataFrame) -> DataFrame:
    """A row of `shop_responses` for each setting.

    responses: rows of `all_responses`.
    lists:     gold.recommendations rows; a response counts from the day of the first list with the item on.
    """
    listed = lists.groupBy("setting", "user_id", "item_id").agg(F.min("as_of").alias("since"))
    to_lists = responses.join(listed, ["user_id", "item_id"], how="inner").where("event_date >= since")  # one row per setting that lists the item
    kinds = {"bought": "bought", "returned": "returned", "dismissed": "dismissed", "ratings": "rated"}
    return (
        to_lists.groupBy("setting")
        .agg(
            *(F.count_if(F.col("kind") == kind).alias(name) for name, kind in kinds.items()),
            F.avg("stars").alias("stars"),
            F.count_if(F.col("stars") <= LOW_STARS).alias("low"),
        )
        .orderBy("setting")
    )
