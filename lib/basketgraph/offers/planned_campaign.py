"""One planned campaign among those that the shop has had: its people, its coupons, and what it is scored by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from basketgraph.foundation.config import UserError, did_you_mean
from basketgraph.foundation.money import minor_units
from basketgraph.foundation.sql_names import CURE_OF_ROWS, row_faults, short_message
from basketgraph.offers.allocation_limits import Coupon, Limits
from basketgraph.offers.campaign_file import CampaignFile
from basketgraph.offers.campaigns import Campaign, CampaignRows
from basketgraph.offers.settings import OfferSettings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class PlannedCampaign:
    """campaign: with its dates.   rows: of all campaigns, this one as planned.   discounts: coupon -> minor units, where the file has one.
    people: of the audience.
    """

    campaign: Campaign
    rows: CampaignRows
    discounts: Mapping[str, float]
    people: int


def planned_campaign(file: CampaignFile, rows: CampaignRows, profiles: DataFrame, *, currency: str) -> PlannedCampaign:
    """The file's campaign in place of the one of its id.

    rows:     what the shop's tables have.
    profiles: gold.user_profiles rows of one day.
    errors:   UserError for a campaign without dates, an audience that is no condition or holds nobody, and coupons that nobody knows.
    """
    campaign = _dated(file, rows)
    others = [one for one in rows.campaigns if one.campaign_id != campaign.campaign_id]
    of_campaign = F.col("campaign_id") == campaign.campaign_id
    audience = _audience(file, rows, profiles).localCheckpoint()
    people = audience.count()
    if people == 0:
        who = f"audience: {file.audience}" if file.audience else f"silver.campaign_targets: campaign {campaign.campaign_id}"
        raise UserError(f"campaign {campaign.campaign_id}: its audience holds nobody", [f"want people, have none of {who}"], "Mend the condition.")
    targets = audience.select(F.lit(campaign.campaign_id).alias("campaign_id"), "user_id")
    planned = replace(
        rows,
        campaigns=sorted([*others, campaign], key=lambda one: (one.start, one.campaign_id)),
        targets=rows.targets.where(~of_campaign).unionByName(targets),
        coupons=_coupons(file, rows, campaign.campaign_id),
    )
    units = minor_units(currency)
    return PlannedCampaign(campaign, planned, {one.coupon: one.discount * units for one in file.coupons if one.discount is not None}, people)


def _dated(file: CampaignFile, rows: CampaignRows) -> Campaign:
    known = {one.campaign_id: one for one in rows.campaigns}.get(file.campaign)
    given = {"type": file.type, "start": file.start, "end": file.end}
    if known is not None:
        given = {name: value if value is not None else getattr(known, {"type": "campaign_type"}.get(name, name)) for name, value in given.items()}
    lacking = [name for name, value in given.items() if value is None]
    if lacking:
        meant = did_you_mean(file.campaign, [one.campaign_id for one in rows.campaigns])
        faults = [f"{name}: want a value, since silver.campaigns has no campaign {file.campaign}{meant}" for name in lacking]
        raise UserError(f"campaign {file.campaign} cannot be planned", faults, "Name them in the file, or the id of a campaign of the shop.")
    found = Campaign(file.campaign, str(given["type"]), _day(given["start"]), _day(given["end"]))
    if found.end < found.start:
        raise UserError(f"campaign {file.campaign} cannot be planned", [f"end: want {found.start} or later, have {found.end}"])
    return found


def _day(value: object) -> date:
    assert isinstance(value, date)  # what lacks was refused
    return value


def _audience(file: CampaignFile, rows: CampaignRows, profiles: DataFrame) -> DataFrame:
    """user_id of each person of the audience, once."""
    if file.audience is None:
        return rows.targets.where(F.col("campaign_id") == file.campaign).select("user_id").distinct()
    try:
        found = profiles.where(F.expr(file.audience)).select("user_id").distinct()
    except PySparkException as error:  # of names and of form
        columns = f"Columns of gold.user_profiles: {', '.join(profiles.columns)}."
        raise UserError("audience: want a condition in SQL", [f"have {file.audience}", short_message(error)], columns) from None
    for fault in row_faults(profiles, {"audience": F.expr(file.audience)}).values():
        raise UserError("audience: some profiles cannot be held against it", [f"have {file.audience}", fault], CURE_OF_ROWS)
    return found


def _coupons(file: CampaignFile, rows: CampaignRows, campaign_id: str) -> DataFrame:
    """campaign_id, coupon_id, item_id of all campaigns, this one's as the file has them."""
    own = F.col("campaign_id") == campaign_id
    listed = rows.coupons.where(own)
    if not file.coupons:
        if listed.isEmpty():
            fault = f"want coupons in the file, since silver.coupons has none of campaign {campaign_id}"
            cure = "Name them: `coupons: [{coupon: ID, items: [ID, ...], discount: 1.00}]`."
            raise UserError(f"campaign {campaign_id} has no coupons", [fault], cure)
        return rows.coupons
    named = [one.coupon for one in file.coupons if not one.items]
    known = listed.where(F.col("coupon_id").isin(named))
    have = {row.coupon_id for row in known.select("coupon_id").distinct().collect()}
    faults = [f"coupon {name}: want items, since silver.coupons has none for it in campaign {campaign_id}" for name in named if name not in have]
    if faults:
        raise UserError(f"campaign {campaign_id}: coupons are not known", faults, "Name the items that they are good for.")
    pairs = sorted({(one.coupon, item) for one in file.coupons for item in one.items})
    arrays = [pa.array([campaign_id] * len(pairs), pa.string()), *(pa.array([pair[place] for pair in pairs], pa.string()) for place in (0, 1))]
    given = rows.coupons.sparkSession.createDataFrame(pa.table(arrays, names=["campaign_id", "coupon_id", "item_id"]))
    return rows.coupons.where(~own).unionByName(known).unionByName(given)


def priced_scores(scores: DataFrame, discounts: Mapping[str, float]) -> DataFrame:
    """Rows of gold.coupon_scores whose discount is the file's, where it has one; without those whose discount nobody knows."""
    discount = F.col("discount_minor")
    if discounts:
        given = F.create_map(*(F.lit(part) for pair in sorted(discounts.items()) for part in pair))
        discount = F.coalesce(given[F.col("coupon_id")], discount)
    return scores.withColumn("discount_minor", discount).where("discount_minor IS NOT NULL")


def limits_of_file(file: CampaignFile, coupons: list[Coupon], settings: OfferSettings, *, error: float | None, currency: str) -> Limits:
    """The limits of the file; what it does not name is of section `offers`.   error: as of `Limits`."""
    budget = None if file.budget is None else file.budget * minor_units(currency)
    return Limits(
        budgets={one.budget: budget for one in coupons},
        share=settings.budget_share if file.budget_share is None else file.budget_share,
        floors=file.floors,
        coupons_a_person=settings.coupons_a_person if file.coupons_a_person is None else file.coupons_a_person,
        level=settings.reserve_level if file.reserve_level is None else file.reserve_level,
        error=error,
        draws=settings.reserve_draws,
        seed=settings.seed,
    )


def coupons_with_categories(file: CampaignFile, coupons: list[Coupon]) -> list[Coupon]:
    """The coupons, each with the category that the file gives it."""
    categories = {one.coupon: one.category for one in file.coupons}
    return [one._replace(category=categories.get(one.coupon_id, "coupons")) for one in coupons]
