"""What came of campaigns that have ended: whom and which days count, what is held against what was expected, and when the holdout is evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from basketgraph.offers.budget_reserve import probability_factors, simulated_costs
from basketgraph.offers.campaign_forecasts import BACK_TEST, GIVEN, PLAN, PLANNED, Forecasts, forecasts_of
from basketgraph.offers.campaign_outcomes import OutcomeTerms, campaign_outcomes, no_evidence
from basketgraph.offers.campaigns import Campaign, campaign_rows, ended_between
from basketgraph.offers.earlier_coupons import Budget
from support.contract_rows import rows

START, END, KNOWN_TO = date(2026, 3, 2), date(2026, 3, 10), date(2026, 3, 20)
CAMPAIGN = Campaign("c", "A", START, END)


def bought(user: str, day: date, amount: int, **more: Any) -> dict[str, Any]:
    money = {"amount_minor": amount, "discount_minor": 0, "coupon_minor": 0, "quantity": 2, "currency": "USD"}
    return {"user_id": user, "item_id": "jam", "event_date": day, "event_type": "purchase", **money, **more}


def in_holdout(users: Column) -> Column:
    return users.startswith("held")


@pytest.mark.slow
def test_an_outcome_counts_its_own_people_and_days_and_each_line_once(spark: SparkSession) -> None:
    silver = {
        "silver.campaigns": [{"campaign_id": "c", "campaign_type": "A", "start_date": START, "end_date": END}],
        "silver.campaign_targets": [],
        "silver.coupons": [{"campaign_id": "c", "coupon_id": k, "item_id": "jam"} for k in ("k", "other")],
        "silver.redemptions": [
            {"campaign_id": "c", "coupon_id": k, "user_id": user, "redemption_date": day}
            for k, user, day in (("k", "ann", START), ("other", "ann", START), ("k", "stranger", START), ("k", "bob", KNOWN_TO))
        ],
    }
    events = [
        bought("ann", START, 500, coupon_minor=30),  # a line that both of her coupons are good for
        bought("ann", date(2026, 3, 11), 9000),  # the campaign is over
        bought("bob", END, 300, event_id="back"),  # the last day; one of two pieces went back
        bought("bob", END, 7000, item_id="tea"),  # no product of the campaign
        *(bought(user, START, 100) for user in ("held-1", "held-2", "stranger")),
    ]
    kept = [{"event_id": "back", "valid_from": END, "valid_to": None, "kept_quantity": 1}]
    known = campaign_rows(
        {name: rows(spark, name, given) for name, given in silver.items()},
        events=rows(spark, "silver.events", events),
        kept=rows(spark, "gold.kept_purchases", kept),
        links=None,
    )
    pairs = [{"campaign_id": "c", "user_id": user, "probability": 0.5} for user in ("ann", "bob", "held-1", "held-2")]
    planned = [{"campaign_id": "c", "user_id": user, "coupon_id": "k", "probability": 0.5, "cost_minor": 10.0} for user in ("ann", "bob")]
    forecasts = Forecasts(
        people=rows(spark, "gold.campaign_scores", pairs),
        kinds={"c": BACK_TEST},
        days={"c": START},
        errors={"c": 0.0},
        coupons=rows(spark, "gold.coupon_allocation", planned).select("campaign_id", "user_id", "coupon_id", "probability", "cost_minor"),
        coupons_of={"c": PLANNED},
        budgets={"c": Budget(25.0, START)},
    )
    terms = OutcomeTerms(in_holdout, least_holdout=2, draws=200, seed=1)
    (got,) = campaign_outcomes(known, [CAMPAIGN], forecasts, ["c"], terms, known_to=KNOWN_TO)
    assert (got["people"], got["redeemers"], got["redemptions"], got["cost_minor"], got["redeemers_spend_minor"]) == (4, 1, 2, 30.0, 500.0)
    assert (got["expected_redeemers"], got["expected_redeemers_low"], got["expected_redeemers_high"]) == (2.0, 0.0, 4.0)
    assert (got["coupons"], got["redeemed_coupons"], got["expected_redemptions"], got["expected_cost_minor"]) == (2, 1, 1.0, 20.0)
    assert got["coupons_with_discount"] == 1
    assert (got["coupons_cost_minor"], got["charged_minor"], got["within_budget"]) == (30.0, 30.0, False)
    assert (got["holdout_people"], got["holdout_redeemers"], got["holdout_spend_minor"], got["others_spend_minor"]) == (2, 0, 100.0, 325.0)
    assert got["difference_minor_low"] < got["difference_minor"] == 225.0 < got["difference_minor_high"]
    assert (got["no_evidence"], got["forecast"]) == (None, BACK_TEST)
    given = replace(forecasts, coupons_of={"c": GIVEN}, kinds={}, days={}, errors={})
    assert campaign_outcomes(known, [CAMPAIGN], given, [], terms, known_to=KNOWN_TO) == [], (
        "without a forecast the shop's list tells who, and has nobody"
    )
    (got,) = campaign_outcomes(known, [CAMPAIGN], replace(given, kinds={"c": PLAN}), [], terms, known_to=KNOWN_TO)
    assert got["charged_minor"] == 130.0 - 100.0, "of coupons given all lines count, each once"
    assert got["no_evidence"] == "not_contacted"

    factors = probability_factors(0.3, 1, 50, 1)
    priced = forecasts.coupons.crossJoin(spark.range(40).select(F.col("id").cast("string").alias("n")))
    priced = priced.select(
        "campaign_id", "coupon_id", F.concat("user_id", "n").alias("user_id"), "probability", F.lit(0).cast("bigint").alias("budget")
    )
    priced = priced.withColumn("discount_minor", F.lit(1.0))
    shuffled = [priced.repartition(1), priced.orderBy(F.desc("user_id")).repartition(7, "user_id")]
    first, second = (simulated_costs(frame, factors, seed=3) for frame in shuffled)
    assert (first == second).all(), "the order of the rows and their partitions change no draw"


def test_a_forecast_is_of_the_newest_scores_up_to_the_start_and_says_when_it_is_not(spark: SparkSession) -> None:
    late = Campaign("late", "A", START, END)
    campaigns = [{"campaign_id": one.campaign_id, "start_date": one.start, "end_date": one.end} for one in (CAMPAIGN, late)]
    cuts = [("c", date(2026, 2, 1), 0.1), ("c", START, 0.2), ("c", date(2026, 3, 5), 0.3), ("late", date(2026, 3, 5), 0.4)]
    scores = [{"as_of": day, "campaign_id": name, "user_id": "ann", "probability": p, "calibration_error": p} for name, day, p in cuts]
    allocation = [
        {"as_of": day, "campaign_id": name, "user_id": "ann", "coupon_id": k, "probability": 0.5}
        for name, day, k in (("c", date(2026, 2, 1), "old"), ("c", date(2026, 3, 1), "plan"), ("late", date(2026, 3, 5), "given"))
    ]
    budgets = [{"as_of": row["as_of"], "campaign_id": row["campaign_id"], "budget_minor": 7.0, "set_on": row["as_of"]} for row in allocation]
    given = {"gold.campaign_scores": scores, "gold.coupon_allocation": allocation, "gold.contacts": [], "gold.campaign_budgets": budgets}
    frames = [rows(spark, table, of) for table, of in {**given, "silver.campaigns": campaigns}.items()]
    found = forecasts_of([CAMPAIGN, late], *frames, known_to=KNOWN_TO, is_back_test=False)
    assert {row.campaign_id: row.probability for row in found.people.collect()} == {"c": 0.2, "late": 0.4}
    assert (found.kinds, found.errors) == ({"c": PLAN, "late": BACK_TEST}, {"c": 0.2, "late": 0.4})
    assert {row.coupon_id for row in found.coupons.collect()} == {"plan", "given"}
    assert found.coupons_of == {"c": PLANNED, "late": GIVEN}
    assert {name: budget.set_on for name, budget in found.budgets.items()} == {"c": date(2026, 3, 1), "late": date(2026, 3, 5)}
    looked_back = forecasts_of([CAMPAIGN, late], *frames, known_to=KNOWN_TO, is_back_test=True)
    assert (set(looked_back.kinds.values()), looked_back.coupons_of) == ({BACK_TEST}, {"c": PLANNED}), "such plans gave nobody anything"


@pytest.mark.parametrize(
    ("counts", "is_contacted", "reason"),
    [
        ({"holdout_people": 50, "holdout_redeemers": 0, "people": 1000, "redeemers": 0}, True, None),
        ({"holdout_people": 200, "holdout_redeemers": 2, "people": 1000, "redeemers": 42}, True, None),  # 1 % beside 5 %
        ({"holdout_people": 200, "holdout_redeemers": 2, "people": 1000, "redeemers": 41}, True, "holdout_reached"),
        ({"holdout_people": 200, "holdout_redeemers": 1, "people": 1000, "redeemers": 1}, True, "holdout_reached"),
        ({"holdout_people": 49, "holdout_redeemers": 0, "people": 1000, "redeemers": 9}, True, "too_few"),
        ({"holdout_people": 950, "holdout_redeemers": 0, "people": 999, "redeemers": 9}, True, "too_few"),
        ({"holdout_people": 50, "holdout_redeemers": 0, "people": 1000, "redeemers": 9}, False, "not_contacted"),
        ({"holdout_people": 0, "holdout_redeemers": 0, "people": 1000, "redeemers": 9}, True, "no_holdout"),
    ],
)
def test_the_holdout_is_evidence_only_where_the_campaign_was_sent_and_did_not_reach_it(
    counts: Mapping[str, int], is_contacted: bool, reason: str | None
) -> None:
    assert no_evidence(counts, is_contacted, 50) == reason


def test_a_campaign_is_told_of_from_the_day_after_its_last_on() -> None:
    assert ended_between([CAMPAIGN], date(2026, 3, 1), END) == []
    assert ended_between([CAMPAIGN], END, date(2026, 3, 11)) == [CAMPAIGN]
    assert ended_between([CAMPAIGN], date(2026, 3, 11), KNOWN_TO) == []
