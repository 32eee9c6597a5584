"""Campaigns of a shop: which are learned from, which are scored, which are judged; and who got them, with what and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
from pyspark.sql import functions as F

from basketgraph.foundation.persons import Persons, of_persons

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from basketgraph.foundation.tables.warehouse import LiveRelease, RunTables

SILVER = ("silver.campaigns", "silver.campaign_targets", "silver.coupons", "silver.redemptions")


class Campaign(NamedTuple):
    """A row of silver.campaigns; `end` is the last day."""

    campaign_id: str
    campaign_type: str
    start: date
    end: date


@dataclass(frozen=True)
class CampaignRows:
    """What is known of campaigns; user_id is a person in each.

    campaigns:   all of them, in order of start.
    targets:     campaign_id, user_id, one row a pair.
    coupons:     campaign_id, coupon_id, item_id, one row for each item that a coupon is good for.
    redemptions: campaign_id, user_id, coupon_id, redemption_date, of any day.
    purchases:   silver.events rows of type purchase, of any day.
    kept:        gold.kept_purchases rows.
    """

    campaigns: Sequence[Campaign]
    targets: DataFrame
    coupons: DataFrame
    redemptions: DataFrame
    purchases: DataFrame
    kept: DataFrame


def campaign_rows(silver: Mapping[str, DataFrame], *, events: DataFrame, kept: DataFrame, links: DataFrame | None) -> CampaignRows:
    """Tables of silver as CampaignRows.

    silver: the tables named in SILVER.
    events: by person.   kept: gold.kept_purchases rows.   links: whose an actor is, as from `Persons.links`; None where nobody can differ.
    """
    targets, coupons, redemptions = (silver[name] for name in SILVER[1:])
    whose = targets.select("campaign_id", "user_id")
    redeemed = redemptions.select("campaign_id", "user_id", "coupon_id", "redemption_date")
    if links is not None:
        whose, redeemed = of_persons(whose, links), of_persons(redeemed, links)
    good_for = coupons.select("campaign_id", "coupon_id", "item_id").distinct()
    bought = events.where("event_type = 'purchase'")
    return CampaignRows(campaigns_of(silver[SILVER[0]]), whose.distinct(), good_for, redeemed, bought, kept)


def campaigns_known(tables: RunTables | LiveRelease, persons: Persons, day: date) -> CampaignRows:
    """CampaignRows of a shop's tables, by person as of `day`."""
    silver = {name: tables.read(name) for name in SILVER}
    return campaign_rows(silver, events=persons.at(day), kept=tables.read("gold.kept_purchases"), links=persons.links(day))


def campaigns_of(campaigns: DataFrame) -> list[Campaign]:
    """All campaigns, in order of start and id.   campaigns: silver.campaigns rows, of which a shop has some hundred."""
    rows = campaigns.select("campaign_id", "campaign_type", "start_date", "end_date").collect()
    return sorted((Campaign(*row) for row in rows), key=lambda one: (one.start, one.campaign_id))


def finished_before(campaigns: Sequence[Campaign], day: date) -> list[Campaign]:
    """Campaigns that had started and ended before `day`: what came of them was known then."""
    return [one for one in campaigns if one.start < day and one.end < day]


def ended_between(campaigns: Sequence[Campaign], first: date, day: date) -> list[Campaign]:
    """Campaigns whose last day is `first` or later, and before `day`."""
    return [one for one in campaigns if one.start <= one.end and first <= one.end < day]


def open_from(campaigns: Sequence[Campaign], day: date) -> list[Campaign]:
    """Campaigns that run on `day` or start later."""
    return [one for one in campaigns if one.end >= day]


def judged_from(campaigns: Sequence[Campaign], day: date, known_to: date) -> list[Campaign]:
    """Campaigns that start on `day` or later, and before `known_to`, the first day that is not known yet; they may still run then."""
    return [one for one in campaigns if day <= one.start < known_to]


def frame_of(like: DataFrame, campaigns: Sequence[Campaign]) -> DataFrame:
    """campaign_id, campaign_type, start_date, campaign_days (both ends counted), in the session of `like`."""
    days = [(one.end - one.start).days + 1 for one in campaigns]
    columns = [*zip(*campaigns, strict=True)][:3] if campaigns else [(), (), ()]
    arrays = [pa.array(column, kind) for column, kind in zip([*columns, days], (pa.string(), pa.string(), pa.date32(), pa.int32()), strict=True)]
    return like.sparkSession.createDataFrame(pa.table(arrays, names=["campaign_id", "campaign_type", "start_date", "campaign_days"]))


def pairs_of(rows: CampaignRows, campaigns: Sequence[Campaign]) -> DataFrame:
    """Columns of `frame_of` and user_id: one row for each of these campaigns and person who got it."""
    return rows.targets.join(F.broadcast(frame_of(rows.targets, campaigns)), "campaign_id", how="inner")  # one campaign of an id


def redeemers(rows: CampaignRows, known_to: date) -> DataFrame:
    """campaign_id, user_id of those who redeemed a coupon of it before `known_to`."""
    return rows.redemptions.where(F.col("redemption_date") < F.lit(known_to)).select("campaign_id", "user_id").distinct()


def unscorable(rows: CampaignRows, scored: Sequence[Campaign], cut: date) -> str | None:
    """Why nothing can be scored, as one sentence that says what was looked for; None where something can."""
    if not rows.campaigns:
        return "silver.campaigns has no rows: nothing is scored"
    if not scored:
        return f"silver.campaigns has no campaign that ends on {cut} or later: nothing is scored"
    finished = finished_before(rows.campaigns, cut)
    if not finished:
        return f"silver.campaigns has no campaign that ended before {cut}, to learn from: nothing is scored"
    if rows.redemptions.where(F.col("redemption_date") < F.lit(cut)).isEmpty():
        return f"silver.redemptions has no row before {cut}, to learn from: nothing is scored"
    if rows.targets.where(F.col("campaign_id").isin([one.campaign_id for one in scored])).isEmpty():
        return "silver.campaign_targets has nobody of the open campaigns: nothing is scored"
    return None
