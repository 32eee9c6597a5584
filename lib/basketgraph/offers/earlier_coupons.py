"""What earlier days have given of the campaigns that still run: coupons that people hold, and what is left of each budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from pyspark.sql import Window
from pyspark.sql import functions as F

from basketgraph.offers.budget_reserve import KEY
from basketgraph.offers.campaigns import CampaignRows, frame_of
from basketgraph.offers.contact_settings import ContactSettings
from basketgraph.offers.coupon_features import redeemed_lines
from basketgraph.offers.settings import OfferSettings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Budget(NamedTuple):
    """A campaign's whole budget in minor units, and the first day whose redemptions it pays for."""

    budget_minor: float
    set_on: date


@dataclass(frozen=True)
class EarlierCoupons:
    """given: rows of `given_coupons` with is_redeemed.   counts: campaign -> coupons given.   budgets: campaign -> the budget that was set.
    spent: campaign -> minor units that redeemed lines have cost since the budget was set.
    """

    given: DataFrame
    counts: Mapping[str, int]
    budgets: Mapping[str, Budget]
    spent: Mapping[str, float]


def given_coupons(allocation: DataFrame, contacts: DataFrame, campaigns: DataFrame, *, before: date) -> DataFrame:
    """The coupons that people hold by plans of days before `before`: of each KEY the first row of gold.coupon_allocation.

    A plan gives coupons on days on which their campaign runs. From the first day of gold.contacts on, it gives them to those alone who were sent one
    of the campaign on its day: what was withheld is not given, nor what a run allocated that did not come to its contacts.

    allocation, contacts: gold.coupon_allocation and gold.contacts rows.   campaigns: silver.campaigns rows.
    """
    runs = F.broadcast(campaigns.select("campaign_id", "start_date", "end_date"))
    in_time = F.col("as_of").between(F.col("start_date"), F.col("end_date")) & (F.col("as_of") < F.lit(before))
    planned = allocation.join(runs, "campaign_id", how="inner").where(in_time)  # one campaign of an id
    first = contacts.agg(F.min("as_of")).collect()[0][0]
    had_contacts = F.lit(False) if first is None else F.col("as_of") >= F.lit(first)
    sent = contacts.where("sent").select("as_of", "campaign_id", "user_id").distinct().withColumn("is_sent", F.lit(True))
    joined = planned.join(sent, ["as_of", "campaign_id", "user_id"], how="left")  # at most one row a plan and person
    reached = joined.where(~had_contacts | F.col("is_sent"))
    return _first(reached.select(*allocation.columns))


def _first(rows: DataFrame) -> DataFrame:
    """The earliest row of each KEY."""
    rest = [name for name in rows.columns if name not in (*KEY, "as_of")]
    earliest = rows.groupBy(*KEY).agg(F.min(F.struct("as_of", *rest)).alias("first"))
    return earliest.select("first.as_of", *KEY, *(f"first.{name}" for name in rest)).select(*rows.columns)


def set_budgets(budgets: DataFrame, campaigns: DataFrame, *, before: date) -> dict[str, Budget]:
    """The budget of each campaign that has one: of the newest plan before `before` that was made on a day on which the campaign ran.

    budgets: gold.campaign_budgets rows.   campaigns: silver.campaigns rows.
    """
    runs = F.broadcast(campaigns.select("campaign_id", "start_date", "end_date"))
    in_time = F.col("as_of").between(F.col("start_date"), F.col("end_date")) & (F.col("as_of") < F.lit(before))
    newest = F.max(F.struct("as_of", "budget_minor", "set_on")).alias("newest")
    rows = budgets.join(runs, "campaign_id", how="inner").where(in_time).groupBy("campaign_id").agg(newest).collect()  # one campaign of an id
    return {row.campaign_id: Budget(row.newest.budget_minor, row.newest.set_on) for row in rows}


def late_budgets(given: DataFrame, scores: DataFrame, budgets: Mapping[str, Budget], settings: OfferSettings) -> dict[str, Budget]:
    """The budgets of campaigns that gave coupons before budgets were kept: the share of everybody's best coupons, set on the first day of a plan.

    given:  rows of `given_coupons`.   scores: rows of gold.coupon_scores, those of coupons that are given, too.
    """
    without = given.where(~F.col("campaign_id").isin(sorted(budgets))).groupBy("campaign_id").agg(F.min("as_of").alias("set_on"))
    began = {row.campaign_id: row.set_on for row in without.collect()}
    if not began:
        return {}
    value, cost = F.col("probability") * F.col("expected_spend_minor"), F.col("probability") * F.col("discount_minor")
    best_first = Window.partitionBy("user_id").orderBy(F.desc("value"), "campaign_id", "coupon_id")
    placed = scores.withColumns({"value": value, "cost": cost}).withColumn("place", F.row_number().over(best_first))
    best = placed.where((F.col("place") <= settings.coupons_a_person) & (F.col("value") > 0) & F.col("campaign_id").isin(sorted(began)))
    rows = best.groupBy("campaign_id").agg(F.sum("cost").alias("cost")).collect()
    return {row.campaign_id: Budget(settings.budget_share * row.cost, began[row.campaign_id]) for row in rows}


def spent_since(rows: CampaignRows, budgets: Mapping[str, Budget], *, before: date) -> dict[str, float]:
    """What redeemed coupons of each campaign have cost from the day on which its budget was set, in minor units; each line counts once a campaign."""
    if not budgets:
        return {}
    lines = redeemed_lines(rows, before=before).where(F.col("campaign_id").isin(sorted(budgets)))
    days = F.create_map(*(F.lit(part) for name, budget in sorted(budgets.items()) for part in (name, budget.set_on)))
    once = lines.where(F.col("redemption_date") >= days[F.col("campaign_id")]).select("campaign_id", "event_id", "coupon_minor").distinct()
    found = once.groupBy("campaign_id").agg(F.sum("coupon_minor").alias("spent")).collect()
    return dict.fromkeys(budgets, 0.0) | {row.campaign_id: float(row.spent) for row in found}


def earlier_coupons(given: DataFrame, budgets: Mapping[str, Budget], rows: CampaignRows, *, before: date) -> EarlierCoupons:
    """What plans of days before `before` leave.

    given:   rows of `given_coupons`, by person as of `before`; of campaigns that are over none is kept.
    budgets: of `set_budgets`.
    """
    running = F.broadcast(frame_of(given, [one for one in rows.campaigns if one.end >= before]).select("campaign_id"))
    used = rows.redemptions.where(F.col("redemption_date") < F.lit(before)).select(*KEY).distinct().withColumn("is_redeemed", F.lit(True))
    held = _first(given.join(running, "campaign_id", how="left_semi")).join(used, list(KEY), how="left").fillna(False, ["is_redeemed"])
    held = held.localCheckpoint()
    counts = {row.campaign_id: row["count"] for row in held.groupBy("campaign_id").count().collect()}
    return EarlierCoupons(held, counts, budgets, spent_since(rows, budgets, before=before))


def new_scores(scores: DataFrame, earlier: EarlierCoupons, *, coupons_a_person: int) -> DataFrame:
    """Rows of gold.coupon_scores that may be given today, with `held`, the number of coupons that the person holds already.

    Without coupons that the person got before, and without people who hold as many as one may have.
    """
    held = earlier.given.groupBy("user_id").agg(F.count("*").cast("int").alias("held"))
    new = scores.join(earlier.given.select(*KEY), list(KEY), how="left_anti")
    return new.join(held, "user_id", how="left").fillna(0, ["held"]).where(F.col("held") < coupons_a_person)  # at most one row a person


def contactable(scores: DataFrame, contacts: DataFrame, settings: ContactSettings, *, before: date) -> DataFrame:
    """Rows of gold.coupon_scores of which a contact may come, by what was planned less than `repeat_days` days before.

    Without campaigns that the person was sent, whose next contact would be `repeated`, and without people whose consent was missing. A consent that
    came since counts when these days are over.
    contacts: gold.contacts rows, by person as of `before`.
    """
    last = F.col("as_of").between(F.lit(before - timedelta(days=settings.repeat_days - 1)), F.lit(before - timedelta(days=1)))
    recent = contacts.where(last & (F.col("channel") == settings.channel))
    refused = recent.where((F.col("reason") == "consent") & (F.col("purpose") == settings.purpose)).select("user_id")
    sent = recent.where("sent").select("campaign_id", "user_id")
    return scores.join(refused, "user_id", how="left_anti").join(sent, ["campaign_id", "user_id"], how="left_anti").select(*scores.columns)
