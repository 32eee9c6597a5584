"""What the pages say of campaigns that have ended: expected beside redeemed, the budget, and that it is not uplift."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from basketgraph.report.campaign_outcomes import expectation, holdout_in_words, outcome_light
from support.report_data import FACTS, OUTCOME, OUTCOMES, made


def test_the_runs_page_tells_what_was_expected_and_what_came_of_each_campaign() -> None:
    page = made(replace(FACTS, outcomes=OUTCOMES))
    for text in (
        "Campaigns that have ended",
        "2 campaigns ended lately, as known on 3 January 2026. Of 1 with a forecast, 1 came out within the range",
        "The forecast was made afterwards, from what was known when the campaign began",
        "Redeemed is not gained",
        '<td role="cell" class="number" data-label="expected to redeem">53 (40 to 66)</td>',
        '<td role="cell" class="number" data-label="redeemed">52, as expected</td>',
        "30.00 of 25.00: exceeded by a plan that was not carried out",
        "no forecast",
        "campaign autumn: expected 53, redeemed 52",
    ):
        assert text in page, text
    for nothing in (None, {**OUTCOMES, "campaigns": []}):
        assert "Campaigns that have ended" not in made(replace(FACTS, outcomes=nothing))


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({}, "Expected 53 people who redeem something (40 to 66 in 90 of 100 cases), redeemed 52"),
        ({"redeemers": 40}, "as expected"),
        ({"redeemers": 39}, "fewer than expected"),
        ({"redeemers": 67}, "more than expected"),
        ({"coupons_of": "given"}, "Expected 34 of 650 coupons (20 to 50 in 90 of 100 cases), redeemed 19"),
        ({"expected_redeemers": None}, "nothing to compare with"),
    ],
)
def test_a_campaigns_own_page_says_in_a_sentence_whether_it_came_out_as_expected(changed: dict[str, Any], text: str) -> None:
    light = outcome_light({**OUTCOME, **changed})
    assert text in f"{light['words']} {light['sentence']}"
    assert (light["level"] == "good") == (light["words"] == "as expected")


def test_coupons_that_people_got_go_before_people_who_were_listed() -> None:
    came = expectation({**OUTCOME, "coupons_of": "given"})
    assert came is not None
    assert (came.expected, came.came, came.words) == (34.0, 19, "fewer than expected")


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({}, "no evidence, since it was not sent by these plans"),
        ({"no_evidence": None}, "The difference is 2.00 USD (0.50 to 3.50 USD in 90 of 100 cases)."),
        ({"no_evidence": None, "difference_minor_low": -50.0}, "(-0.50 to 3.50 USD in 90 of 100 cases), which may be chance."),
        ({"no_evidence": "too_few"}, "too few customers were held out"),
    ],
)
def test_only_the_holdout_tells_what_contacts_changed(changed: dict[str, Any], text: str) -> None:
    assert text in holdout_in_words({**OUTCOME, **changed}, "USD").replace("0.50 USD to", "0.50 to")
