"""What was known of a coupon, and of a person and a coupon, on the day before the coupon's campaign began."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from pyspark.sql import Column
from pyspark.sql import functions as F

from basketgraph.offers.campaigns import Campaign, CampaignRows, frame_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

DAYS_OF_POPULARITY = 90
LEAST_LINES = 1e-3  # so that a coupon for what nobody buys has a logarithm


def coupon_popularity(rows: CampaignRows, campaigns: Sequence[Campaign]) -> DataFrame:
    """campaign_id, coupon_id, products (items it is good for), popularity (lines of them in the DAYS_OF_POPULARITY days before the campaign, by
    everybody), line_minor (mean amount of such a line; null where there was none), people (who had bought anything before the campaign).
    """
    starts = F.broadcast(frame_of(rows.coupons, campaigns).select("campaign_id", "start_date"))
    good_for = rows.coupons.join(starts, "campaign_id", how="inner")  # one campaign of an id
    daily = rows.purchases.groupBy("item_id", "event_date").agg(F.count("*").alias("lines"), F.sum("amount_minor").alias("amount"))
    wanted = good_for.select("campaign_id", "item_id", "start_date").distinct()
    is_recent = F.datediff("start_date", "event_date").between(1, DAYS_OF_POPULARITY)
    sold = (
        daily.join(wanted, "item_id", how="inner")  # one row for each campaign with the item
        .where(is_recent)
        .groupBy("campaign_id", "item_id")
        .agg(F.sum("lines").alias("lines"), F.sum("amount").alias("amount"))
    )
    joined = good_for.join(sold, ["campaign_id", "item_id"], how="left")  # at most one row an item and campaign
    begun = rows.purchases.groupBy("user_id").agg(F.min("event_date").alias("first"))
    people = starts.join(begun, begun["first"] < starts["start_date"], how="inner").groupBy("campaign_id").agg(F.count("*").alias("people"))
    found = joined.groupBy("campaign_id", "coupon_id").agg(
        F.count("*").alias("products"),
        F.coalesce(F.sum("lines"), F.lit(0)).alias("popularity"),
        F.greatest(F.lit(0.0), F.sum("amount") / F.sum("lines")).alias("line_minor"),
    )
    return found.join(F.broadcast(people), "campaign_id", how="left").fillna(1, ["people"])


def own_purchases(rows: CampaignRows, past: DataFrame, *, recent_days: int) -> DataFrame:
    """campaign_id, user_id, coupon_id, own_lines (lines of its items among `past`), own_recent_minor (spend on them in the last `recent_days` days).

    past:    rows of `redemption_features.purchases_before`.
    returns: a row where there is a line at all.
    """
    is_recent = F.col("days_ago") <= recent_days
    lines = past.groupBy("campaign_id", "user_id", "item_id").agg(
        F.count("*").alias("lines"), F.sum(F.when(is_recent, F.col("amount_minor")).otherwise(0)).alias("amount")
    )
    together = lines.join(rows.coupons, ["campaign_id", "item_id"], how="inner")  # one row for each coupon that is good for the item
    return together.groupBy("campaign_id", "user_id", "coupon_id").agg(
        F.sum("lines").alias("own_lines"), F.greatest(F.lit(0), F.sum("amount")).alias("own_recent_minor")
    )


def coupon_options(pairs: DataFrame, popularity: DataFrame, own: DataFrame) -> DataFrame:
    """Every coupon of a campaign for each of its people.

    pairs:   campaign_id, user_id and more.   popularity, own: rows of `coupon_popularity` and `own_purchases`.
    returns: the columns of `pairs` and of the two, without nulls in the latter.
    """
    every = pairs.join(F.broadcast(popularity), "campaign_id", how="inner")  # one row for each coupon of the campaign
    joined = every.join(own, ["campaign_id", "user_id", "coupon_id"], how="left")  # at most one row
    return joined.fillna(0, ["own_lines", "own_recent_minor"])


def affinity_log() -> Column:
    """What the choice depends on, of rows of `coupon_options`: log of (own lines + lines of everybody for each person) / sqrt(products).

    The root keeps long lists of products from the first places: nobody takes a coupon for all of them.
    """
    per_person = F.col("popularity") / F.col("people")
    return F.log((F.col("own_lines") + per_person + LEAST_LINES) / F.sqrt("products"))


def redeemed_lines(rows: CampaignRows, *, before: date) -> DataFrame:
    """campaign_id, coupon_id, user_id, redemption_date, item_id, event_id, coupon_minor: the lines that coupons were redeemed on.

    A redeemed line is one of the person's lines, on the day of a redemption before `before`, of an item that the coupon is good for, with a coupon.
    Where two coupons are good for it, it is there for each.
    """
    used = rows.redemptions.where(F.col("redemption_date") < F.lit(before)).distinct()
    items = used.join(rows.coupons, ["campaign_id", "coupon_id"], how="inner")  # one row for each item of the coupon
    bought = rows.purchases.where("coupon_minor > 0").select("event_id", "user_id", "item_id", "event_date", "coupon_minor")
    on_day = bought.withColumnRenamed("event_date", "redemption_date")
    return on_day.join(items, ["user_id", "item_id", "redemption_date"], how="inner")  # one row for each coupon that is good for the line


def redeemed_discounts(rows: CampaignRows, *, before: date) -> DataFrame:
    """campaign_id, item_id, lines, discount_minor: what coupons took off the lines they were redeemed on, by campaign of the coupon and item.

    A line of two campaigns' coupons counts for both, one of two coupons of a campaign once.
    """
    lines = redeemed_lines(rows, before=before).select("campaign_id", "item_id", "event_id", "coupon_minor").distinct()
    return lines.groupBy("campaign_id", "item_id").agg(F.count("*").alias("lines"), F.sum("coupon_minor").alias("discount_minor"))


def coupon_discounts(rows: CampaignRows, campaigns: Sequence[Campaign], *, before: date, least_lines: int) -> DataFrame:
    """campaign_id, coupon_id, discount_minor: the mean discount on redeemed lines of the coupon's items in campaigns before `before`.

    Where fewer than `least_lines` such lines are known, that of all coupons of campaigns of its type; where none of that type was redeemed, that of
    all coupons; null where none was redeemed at all.
    """
    known = redeemed_discounts(rows, before=before).localCheckpoint()
    types = frame_of(rows.coupons, rows.campaigns).select("campaign_id", "campaign_type")
    by_item = known.groupBy("item_id").agg(F.sum("lines").alias("lines"), F.sum("discount_minor").alias("discount"))
    mean = (F.sum("discount_minor") / F.sum("lines")).alias
    by_type = known.join(F.broadcast(types), "campaign_id", how="inner").groupBy("campaign_type").agg(mean("of_type"))
    of_all = known.agg(mean("of_all"))
    wanted = frame_of(rows.coupons, campaigns).select("campaign_id", "campaign_type")
    own = (
        rows.coupons.join(F.broadcast(wanted), "campaign_id", how="inner")
        .join(by_item, "item_id", how="left")  # at most one row an item
        .groupBy("campaign_id", "campaign_type", "coupon_id")
        .agg(F.coalesce(F.sum("lines"), F.lit(0)).alias("lines"), (F.sum("discount") / F.sum("lines")).alias("own"))
    )
    joined = own.join(F.broadcast(by_type), "campaign_type", how="left").crossJoin(F.broadcast(of_all))
    enough = F.when(F.col("lines") >= least_lines, F.col("own"))
    return joined.select("campaign_id", "coupon_id", F.coalesce(enough, "of_type", "of_all").alias("discount_minor"))
