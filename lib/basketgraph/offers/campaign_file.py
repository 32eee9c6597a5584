"""CAMPAIGN.yaml: one campaign as a person plans it, for `basketgraph offer`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Self

from pydantic import ConfigDict, Field, model_validator

from basketgraph.foundation.config import Settings, UserError, parsed, yaml_mapping


class PlannedCoupon(Settings):
    """A coupon of the file.

    items:    product ids that it is good for; none: those that silver.coupons has for it.
    discount: what it takes off when it is redeemed, in units of the shop's currency; none: what earlier campaigns tell.
    category: what it counts for in `floors`.
    """

    model_config = ConfigDict(coerce_numbers_to_str=True)  # `campaign: 18` means the id

    coupon: str
    items: tuple[str, ...] = ()
    discount: float | None = Field(default=None, gt=0)
    category: str = "coupons"


class CampaignFile(Settings):
    """A campaign.

    campaign:         its id, of silver.campaigns or a new one.
    type, start, end: those of silver.campaigns where it has the campaign; `end` is the last day.
    audience:         a condition in SQL over columns of gold.user_profiles; none: whom silver.campaign_targets names.
    coupons:          none: all that silver.coupons has for the campaign.
    budget:           the most that redeemed coupons may cost, in units of the shop's currency; or budget_share, of what everybody's best coupons are
                      expected to cost; neither: `offers.budget_share`.
    floors:           by category, the fewest coupons.
    coupons_a_person, reserve_level: those of section `offers` where the file has none.
    """

    model_config = ConfigDict(coerce_numbers_to_str=True)

    campaign: str
    type: str | None = None
    start: date | None = None
    end: date | None = None
    audience: str | None = None
    coupons: tuple[PlannedCoupon, ...] = ()
    budget: float | None = Field(default=None, gt=0)
    budget_share: float | None = Field(default=None, gt=0, le=1)
    coupons_a_person: int | None = Field(default=None, ge=1)
    floors: dict[str, int] = Field(default_factory=dict)
    reserve_level: float | None = Field(default=None, ge=0, lt=1)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.start and self.end and self.end < self.start:
            raise ValueError(f"want an end on or after the start, {self.start}, have {self.end}")
        if self.budget is not None and self.budget_share is not None:
            raise ValueError("want budget or budget_share, have both")
        names = [one.coupon for one in self.coupons]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"want each coupon once, have twice: {', '.join(twice)}")
        categories = {one.category for one in self.coupons} or {"coupons"}
        unknown = sorted(set(self.floors) - categories)
        if unknown:
            raise ValueError(f"want floors of categories of the coupons ({', '.join(sorted(categories))}), have {', '.join(unknown)}")
        if any(least < 0 for least in self.floors.values()):
            raise ValueError("want floors of 0 or more")
        return self


def read_campaign_file(path: Path) -> CampaignFile:
    """Raises UserError for a file that cannot be read, and with every fault of what it says."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read", [str(error)], "Name a YAML file with a campaign: docs/offers.md has an example.") from None
    return parsed(CampaignFile, yaml_mapping(text, str(path)), path.name)
