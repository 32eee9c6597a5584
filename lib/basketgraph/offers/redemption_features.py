"""What was known of a person, for a campaign, on the day before the campaign's own start.

One range join of purchases with the starts of campaigns, then aggregates. Days are those of the shop's zone, as cleaning writes them.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import Column
from pyspark.sql import functions as F

from basketgraph.foundation.point_in_time import MONEY, kept_share
from basketgraph.offers.campaigns import CampaignRows, frame_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

WEEKS4, QUARTER, YEAR = 28, 90, 365  # days of the windows
OF_PURCHASES = (
    *(f"{what}_{days}d" for days in (WEEKS4, QUARTER) for what in ("spend", "orders", "lines", "coupon_lines", "coupons", "discounted_lines")),
    *(f"{what}_{days}d" for days in (QUARTER, YEAR) for what in ("campaign_spend", "campaign_lines", "campaign_items")),
    *("spend_year", "coupon_lines_year", "recency_days", "discounted_share", "campaign_share", "coupon_share"),
)
OF_PAST = (*("past_campaigns", "past_redeemed", "past_coupons", "past_rate", "past_of_type", "redeemed_of_type", "type_rate"), "redeemed_days_ago")
OF_CAMPAIGN = ("campaign_days", "campaign_coupons", "campaign_products", "campaign_people")
FEATURES = (*OF_PURCHASES, *OF_PAST, *OF_CAMPAIGN)
PRIOR_RATE, PRIOR_CAMPAIGNS = 0.1, 2.0  # of a past rate: it starts here, with the weight of so many campaigns
NEVER = 730  # days, where there was nothing


def purchases_before(rows: CampaignRows, pairs: DataFrame, *, days: int) -> DataFrame:
    """Each person's purchases of the `days` days before the start of each campaign that they got, as they were known then.

    pairs:   columns of `campaigns.pairs_of`.
    returns: campaign_id, user_id, item_id, order_id, days_ago (1 is the day before the start), quantity, amount_minor, discount_minor, coupon_minor.
             A purchase that was cancelled before the start has the pieces and the money that were kept; one cancelled whole has no row.
    """
    starts = pairs.select("campaign_id", "user_id", "start_date")
    days_ago = F.datediff("start_date", "event_date")
    columns = ("event_id", "user_id", "item_id", "order_id", "event_date", "quantity", *MONEY)
    joined = rows.purchases.select(*columns).join(starts, "user_id", how="inner")  # one row for each campaign that the person got
    past = joined.where(days_ago.between(1, days)).withColumn("days_ago", days_ago)
    kept = rows.kept.select("event_id", "valid_from", "valid_to", "kept_quantity")
    holds = (F.col("valid_from") < F.col("start_date")) & (F.col("valid_to").isNull() | (F.col("valid_to") >= F.col("start_date")))
    together = past.join(kept, (past["event_id"] == kept["event_id"]) & holds, how="left").drop(kept["event_id"])  # at most one row holds on a day
    is_touched = F.col("kept_quantity").isNotNull()
    money = {column: F.when(is_touched, kept_share(column)).otherwise(F.col(column)) for column in MONEY}
    return (
        together.where(~is_touched | (F.col("kept_quantity") > 0))
        .withColumns({**money, "quantity": F.coalesce("kept_quantity", "quantity")})
        .select("campaign_id", "user_id", "item_id", "order_id", "days_ago", "quantity", "amount_minor", "discount_minor", "coupon_minor")
    )


def redemption_features(rows: CampaignRows, pairs: DataFrame, past: DataFrame) -> DataFrame:
    """FEATURES of each pair, as of the campaign's start.

    pairs:   columns of `campaigns.pairs_of`.   past: rows of `purchases_before`, of YEAR days.
    returns: campaign_id, user_id, start_date, campaign_type, FEATURES as doubles (money in minor units). Nobody lacks a value: who bought nothing has
             zeros, and NEVER days.
    """
    shapes = rows.coupons.groupBy("campaign_id").agg(
        F.countDistinct("coupon_id").alias("campaign_coupons"), F.countDistinct("item_id").alias("campaign_products")
    )
    people = rows.targets.groupBy("campaign_id").agg(F.count("*").alias("campaign_people"))
    key = ["campaign_id", "user_id"]
    joined = (
        pairs.join(_of_purchases(rows, past), key, how="left")  # one row a pair on either side
        .join(_of_past(rows, pairs), key, how="left")
        .join(F.broadcast(shapes), "campaign_id", how="left")  # one row a campaign
        .join(F.broadcast(people), "campaign_id", how="left")
    )
    known = joined.fillna(NEVER, ["recency_days", "redeemed_days_ago"]).fillna(0)
    rates = {
        "discounted_share": _share("discounted_lines_90d", "lines_90d"),
        "coupon_share": _share("coupon_lines_90d", "lines_90d"),
        "campaign_share": _share("campaign_spend_90d", "spend_90d"),
        "past_rate": _rate("past_redeemed", "past_campaigns"),
        "type_rate": _rate("redeemed_of_type", "past_of_type"),
    }
    told = [F.col(name).cast("double").alias(name) for name in FEATURES]
    return known.withColumns(rates).select("campaign_id", "user_id", "start_date", "campaign_type", *told)


def _share(part: str, whole: str) -> Column:
    return F.when(F.col(whole) > 0, F.greatest(F.lit(0.0), F.col(part) / F.col(whole))).otherwise(F.lit(0.0))


def _rate(part: str, whole: str) -> Column:
    return (F.col(part) + PRIOR_RATE * PRIOR_CAMPAIGNS) / (F.col(whole) + PRIOR_CAMPAIGNS)


def _of_purchases(rows: CampaignRows, past: DataFrame) -> DataFrame:
    products = rows.coupons.select("campaign_id", "item_id", F.lit(True).alias("in_campaign")).distinct()
    lines = past.join(products, ["campaign_id", "item_id"], how="left")  # at most one row a line
    is_own, has_coupon = F.col("in_campaign").isNotNull(), F.col("coupon_minor") > 0

    def within(days: int, what: Column) -> Column:
        return F.when(F.col("days_ago") <= days, what)

    def count(days: int, condition: Column) -> Column:
        return F.sum(within(days, condition.cast("bigint")))

    amount, whole = F.col("amount_minor"), F.lit(True)
    columns = [F.min("days_ago").alias("recency_days"), F.sum(amount).alias("spend_year"), count(YEAR, has_coupon).alias("coupon_lines_year")]
    for days in (WEEKS4, QUARTER):
        columns += [
            F.sum(within(days, amount)).alias(f"spend_{days}d"),
            F.countDistinct(within(days, F.col("order_id"))).alias(f"orders_{days}d"),
            count(days, whole).alias(f"lines_{days}d"),
            count(days, has_coupon).alias(f"coupon_lines_{days}d"),
            F.sum(within(days, F.col("coupon_minor"))).alias(f"coupons_{days}d"),
            count(days, F.col("discount_minor") > 0).alias(f"discounted_lines_{days}d"),
        ]
    for days in (QUARTER, YEAR):
        columns += [
            F.sum(within(days, F.when(is_own, amount))).alias(f"campaign_spend_{days}d"),
            count(days, is_own).alias(f"campaign_lines_{days}d"),
            F.countDistinct(within(days, F.when(is_own, F.col("item_id")))).alias(f"campaign_items_{days}d"),
        ]
    return lines.groupBy("campaign_id", "user_id").agg(*columns)


def _of_past(rows: CampaignRows, pairs: DataFrame) -> DataFrame:
    """Earlier campaigns of the person, and what they redeemed of any campaign before this one's start."""
    all_pairs = pairs.select("campaign_id", "user_id", "start_date", "campaign_type")
    starts = frame_of(rows.targets, rows.campaigns).drop("campaign_days")
    got = rows.targets.join(F.broadcast(starts), "campaign_id", how="inner").select(
        "user_id", F.col("campaign_id").alias("other"), F.col("start_date").alias("other_start"), F.col("campaign_type").alias("other_type")
    )
    is_same = F.col("other_type") == F.col("campaign_type")
    earlier = all_pairs.join(got, "user_id", how="inner").where(F.col("other_start") < F.col("start_date"))  # a row for each earlier campaign
    told = earlier.groupBy("campaign_id", "user_id").agg(F.count("*").alias("past_campaigns"), F.sum(is_same.cast("bigint")).alias("past_of_type"))
    used = rows.redemptions.join(F.broadcast(starts), "campaign_id", how="inner").select(
        "user_id", F.col("campaign_id").alias("other"), F.col("campaign_type").alias("other_type"), "redemption_date"
    )
    before = all_pairs.join(used, "user_id", how="inner").where(F.col("redemption_date") < F.col("start_date"))
    redeemed = before.groupBy("campaign_id", "user_id").agg(
        F.countDistinct("other").alias("past_redeemed"),
        F.countDistinct(F.when(is_same, F.col("other"))).alias("redeemed_of_type"),
        F.count("*").alias("past_coupons"),
        F.datediff(F.first("start_date"), F.max("redemption_date")).alias("redeemed_days_ago"),
    )
    return reduce(lambda a, b: a.join(b, ["campaign_id", "user_id"], how="full"), [told, redeemed])
