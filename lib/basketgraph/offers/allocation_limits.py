"""What an allocation of coupons has to keep, by name: budgets, floors of categories, coupons a person, and how sure the budgets have to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from basketgraph.offers.coupon_terms import Duals, Terms
from basketgraph.offers.earlier_coupons import EarlierCoupons
from basketgraph.offers.pairs import Pairs
from basketgraph.offers.settings import OfferSettings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Coupon(NamedTuple):
    """A coupon that may be given. budget: what pays for it; category: what it counts for."""

    campaign_id: str
    coupon_id: str
    budget: str
    category: str


@dataclass(frozen=True)
class Limits:
    """What an allocation has to keep.

    budgets:          by name, the most that coupons may cost in minor units; None: `share` of what everybody's best coupons are expected to cost.
    floors:           by category, the fewest coupons.
    coupons_a_person: at most.
    level:            share of draws in which the cost has to stay within the budget; 0 for no reserve.
    error:            of the probabilities, as of `redemption_model.Calibration.error`; None where it is not known.
    """

    budgets: Mapping[str, float | None]
    share: float
    floors: Mapping[str, int]
    coupons_a_person: int
    level: float
    error: float | None
    draws: int
    seed: int


def coupons_of(scores: DataFrame) -> list[Coupon]:
    """The coupons of rows of gold.coupon_scores, in order: each draws on the budget of its campaign, and counts for it."""
    rows = scores.select("campaign_id", "coupon_id").distinct().orderBy("campaign_id", "coupon_id").collect()  # some thousand, however many people
    return [Coupon(row.campaign_id, row.coupon_id, row.campaign_id, row.campaign_id) for row in rows]


def limits_of(coupons: Sequence[Coupon], settings: OfferSettings, error: float | None, earlier: EarlierCoupons) -> Limits:
    """The limits of the job: a budget and a floor for each campaign, by section `offers`.   error: as of `Limits`.

    earlier: a budget that an earlier day has set stays, and the coupons that it gave count for the floor.
    """
    campaigns = {one.campaign_id for one in coupons}
    budgets = {name: earlier.budgets[name].budget_minor if name in earlier.budgets else None for name in campaigns}
    return Limits(
        budgets=budgets,
        share=settings.budget_share,
        floors={name: max(0, settings.least_coupons - earlier.counts.get(name, 0)) for name in campaigns},
        coupons_a_person=settings.coupons_a_person,
        level=settings.reserve_level,
        error=error,
        draws=settings.reserve_draws,
        seed=settings.seed,
    )


def terms_of(pairs: Pairs, coupons: Sequence[Coupon], limits: Limits) -> tuple[Terms, list[str], list[str]]:
    """The limits as arrays, and the names of budgets and categories in their order."""
    names, categories = sorted({one.budget for one in coupons}), sorted({one.category for one in coupons})
    budget_of = np.array([names.index(one.budget) for one in coupons])
    category_of = np.array([categories.index(one.category) for one in coupons])
    zero = Terms(budget_of, category_of, np.zeros(len(names)), np.zeros(len(categories)))
    given = [limits.budgets.get(name) for name in names]
    budgets = np.array([np.nan if one is None else one for one in given], dtype=np.float64)
    if np.isnan(budgets).any():
        unlimited = pairs.evaluate(zero, Duals(np.zeros(len(names)), np.zeros(len(categories)))).spend(zero)
        budgets = np.where(np.isnan(budgets), limits.share * unlimited, budgets)
    floors = np.array([limits.floors.get(name, 0) for name in categories], dtype=np.float64)
    return Terms(budget_of, category_of, budgets, floors), names, categories
