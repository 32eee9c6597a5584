"""Settings of campaign and coupon scores and of the allocation: section `offers` of conf/settings.yaml."""

from __future__ import annotations

from pydantic import Field

from basketgraph.foundation.config import Settings
from basketgraph.foundation.trees import TreeSettings


class OfferSettings(Settings):
    """Section `offers` of conf/settings.yaml."""

    seed: int
    history_days: int
    recent_days: int
    training_pairs: int
    judged_pairs: int
    least_redeemers: int
    held_out_campaigns: int
    tree_shares: tuple[float, ...]
    trees: TreeSettings
    type_prior: float
    draws: int
    coupons_kept: int
    coupons_a_person: int
    least_coupons: int
    budget_share: float
    least_discount_lines: int
    reserve_level: float
    reserve_draws: int
    outcome_days: int = Field(ge=0)
    least_holdout: int = Field(ge=2)
