"""The page of a planned campaign: what its first screen says when budgets hold, when they do not, and when little is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timezone
from typing import Any

import pytest

from basketgraph.report.campaigns import CampaignFacts, campaign_page
from support.report_data import OUTCOME

NOW = datetime(2026, 9, 20, 8, tzinfo=timezone.utc)
BUDGET = {"budget": 25000.0, "planned": 20000.0, "expected_cost": 19950.0, "shadow_price": 2.5, "within_budget": 0.96}
FACTS = CampaignFacts(
    campaign_id="autumn",
    campaign_type="Type A",
    start=date(2026, 10, 1),
    end=date(2026, 10, 31),
    audience="spend_minor_90d > 10000 AND '<b>' <> ''",
    people=1000,
    currency="EUR",
    metrics={
        "people": 400,
        "coupons": 700,
        "expected_redemptions": 140.0,
        "value": 90000.0,
        "reserve_price": 5000.0,
        "gap": 0.0004,
        "violations": 0,
        "budgets": {"autumn": BUDGET},
        "floors": {"sweet": {"wanted": 100, "given": 100, "short": 0}},
    },
    intervals={"redemptions": (110.0, 175.0), "cost_minor": (15000.0, 24500.0)},
    segments=[{"lifecycle": "at_risk", "people": 1000, "probability": 0.125, "chosen": 400, "coupons": 700, "redemptions": 140.0}],
    coupons=[
        {
            "coupon_id": "51200092776",
            "name": "JAM",
            "given": 90,
            "redemptions": 12.5,
            "discount_minor": 100.0,
            "cost_minor": 1250.0,
            "value_minor": 9.0,
        }
    ],
    beside={"chosen": 0.25, "others": 0.05, "own_share": 0.8},
    learned={"campaigns": 12, "people": 9000, "redeemers": 700},
    evidence=True,
    error=0.2,
    unpriced=0,
    profiles_as_of=date(2026, 9, 1),
    level=0.95,
)


def made(**changed: Any) -> str:
    return campaign_page(replace(FACTS, **changed), shop="corner_shop", made_at=NOW)


def with_budget(**changed: Any) -> dict[str, Any]:
    return {**FACTS.metrics, "budgets": {"autumn": {**BUDGET, **changed}}}


def test_the_first_screen_says_what_to_expect_at_which_cost_and_that_it_is_not_uplift() -> None:
    page = made()
    for text in (
        "Corner shop: campaign autumn",
        "Budget: kept",
        "expected to cost 199.50 EUR, of 250.00 EUR. In 96 of 100 simulated campaigns",
        "Forecast: tested",
        "of 1,000 people",
        "110 to 175",
        "Targeting was not randomised",
        "spend_minor_90d &gt; 10000 AND &#39;&lt;b&gt;&#39;",
        "at risk",
        "51200092776",
    ):
        assert text in page, text
    assert "<b>" not in page


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"metrics": with_budget(within_budget=0.9)}, "Budget: at risk"),
        ({"metrics": with_budget(within_budget=None)}, "Budget: kept on average"),
        ({"metrics": {**FACTS.metrics, "floors": {"sweet": {"wanted": 100, "given": 60, "short": 40}}}}, "40 short, since the budget does not reach"),
        ({"evidence": False}, "Forecast: no evidence"),
        ({"error": None}, "Forecast: never tested"),
        ({"error": 0.7}, "Forecast: rough"),
        ({"unpriced": 3}, "What 3 coupons cost"),
        ({"outcome": OUTCOME}, "What came of it: as expected"),
        ({"outcome": OUTCOME}, "Budget of this plan: exceeded"),
        ({"outcome": OUTCOME}, "11 of them show a discount in sales"),
        ({"audience": None}, "the people that the shop lists for this campaign"),
    ],
)
def test_what_is_wrong_or_not_known_is_said(changed: dict[str, Any], text: str) -> None:
    assert text in made(**changed)
    assert text not in made()
