"""What came of campaigns that have ended, beside what was expected, in the words of a shop's manager."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from markupsafe import Markup

from basketgraph.foundation.money import number_in_words as money_in_words
from basketgraph.report.charts import outcomes_chart
from basketgraph.report.sentences import day_in_words

STEP, TABLE = "campaign_outcomes", "gold.campaign_outcomes"
NOT_UPLIFT = "Redeemed is not gained: some of these people would have bought the same without a coupon."
COLUMNS = ("people", "expected to redeem", "redeemed", "all its coupons cost", "spent on its products", "budget")
BACK_TEST = "The forecast was made afterwards, from what was known when the campaign began: it is a test of the forecast, not the plan of the time."
NO_EVIDENCE = {
    "no_holdout": "no customers were held out of it",
    "not_contacted": "it was not sent by these plans, so nobody was held out of it",
    "holdout_reached": "customers who were held out got coupons all the same",
    "too_few": "too few customers were held out of it",
}


class Expectation(NamedTuple):
    """What was expected and what came: of people who redeem, or of coupons given."""

    expected: float
    low: float
    high: float
    came: int
    what: str

    @property
    def words(self) -> str:
        if self.came < self.low:
            return "fewer than expected"
        return "more than expected" if self.came > self.high else "as expected"

    @property
    def sentence(self) -> str:
        """Expected 53 (40 to 66 in 90 of 100 cases), redeemed 52."""
        return f"Expected {self.expected:,.0f} {self.what} ({self.low:,.0f} to {self.high:,.0f} in 90 of 100 cases), redeemed {self.came:,}"


def expectation(outcome: Mapping[str, Any]) -> Expectation | None:
    """Of coupons that people got by the plans, those; else the people; None where nothing was expected.

    outcome: a row of gold.campaign_outcomes, as all here.
    """
    if outcome.get("coupons_of") == "given":
        names, what, came = "expected_redemptions", f"of {outcome['coupons']:,} coupons", outcome["redeemed_coupons"]
    elif outcome.get("expected_redeemers") is not None:
        names, what, came = "expected_redeemers", "people who redeem something", outcome["redeemers"]
    else:
        return None
    return Expectation(outcome[names], outcome[f"{names}_low"], outcome[f"{names}_high"], came, what)


def outcome_light(outcome: Mapping[str, Any]) -> dict[str, str]:
    """The light of a campaign's own page."""
    came = expectation(outcome)
    if came is None:
        sentence = f"{outcome['redeemers']:,} of {outcome['people']:,} people redeemed something. There was no forecast."
        return {"subject": "What came of it", "level": "warning", "words": "nothing to compare with", "sentence": sentence}
    level = "good" if came.words == "as expected" else "warning"
    return {"subject": "What came of it", "level": level, "words": came.words, "sentence": f"{came.sentence}. {NOT_UPLIFT}"}


def charged_light(outcome: Mapping[str, Any], currency: str) -> dict[str, str] | None:
    """Whether the budget was kept; None where there was none."""
    if outcome.get("within_budget") is None:
        return None
    charged, budget = (f"{money_in_words(round(outcome[name]), currency)} {currency}" for name in ("charged_minor", "budget_minor"))
    level, words = ("good", "kept") if outcome["within_budget"] else ("critical", "exceeded")
    if outcome["coupons_of"] == "given":
        return {"subject": "Budget", "level": level, "words": words, "sentence": f"Redeemed coupons cost {charged}, of {budget}."}
    redeemed = f"Its people redeemed {outcome['redeemed_coupons']:,} of its coupons, which cost {charged}, of {budget}."
    sentence = f"This plan was not carried out. {redeemed}"
    return {"subject": "Budget of this plan", "level": level, "words": words, "sentence": sentence}


def outcome_facts(outcome: Mapping[str, Any], currency: str) -> list[tuple[str, str]]:
    """Names and values of the table of a campaign's own page."""

    def money(name: str) -> str:
        return f"{money_in_words(round(outcome[name]), currency)} {currency}"

    told = [
        ("People who redeemed something", f"{outcome['redeemers']:,} of {outcome['people']:,}{_range(outcome, 'expected_redeemers')}"),
        ("Coupons that they redeemed", f"{outcome['redemptions']:,}, which took off {money('cost_minor')}"),
        ("What redeemers spent on its products, with or without a coupon", money("redeemers_spend_minor")),
    ]
    if outcome.get("coupons_of") is not None:
        which = "given" if outcome["coupons_of"] == "given" else "of the plan, which was not carried out"
        redeemed = f"{outcome['redeemed_coupons']:,} of {outcome['coupons']:,}{_range(outcome, 'expected_redemptions')}"
        told.append((f"Coupons {which}, that were redeemed", redeemed))
        costs = " to ".join(money_in_words(round(outcome[f"expected_cost_minor_{end}"]), currency) for end in ("low", "high"))
        shown = f"{outcome['coupons_with_discount']:,} of them show a discount in sales"
        told.append(("What these did cost", f"{money('coupons_cost_minor')}: {shown}; expected {money('expected_cost_minor')} ({costs})"))
    if outcome.get("within_budget") is not None:
        which = "Budget" if outcome["coupons_of"] == "given" else "Budget of the plan"
        told.append((which, f"{money('charged_minor')} of {money('budget_minor')}: {'kept' if outcome['within_budget'] else 'exceeded'}"))
    return told


def holdout_in_words(outcome: Mapping[str, Any], currency: str) -> str:
    """What the holdout, which no campaign touches, tells of what contacts changed, or why it tells nothing."""
    asked = "What being contacted at all changed, on this campaign's products: "
    reason = outcome.get("no_evidence")
    if reason is not None:
        return f"{asked}no evidence, since {NO_EVIDENCE[reason]}."
    names = ("difference_minor_low", "difference_minor", "difference_minor_high")
    low, difference, high = (f"{money_in_words(round(outcome[name]), currency)} {currency}" for name in names)
    others = outcome["people"] - outcome["holdout_people"]
    means = [f"{money_in_words(round(outcome[f'{name}_spend_minor']), currency)} {currency}" for name in ("others", "holdout")]
    spent = f"{others:,} people who could be contacted spent {means[0]} each; {outcome['holdout_people']:,} whom no campaign contacts, {means[1]}"
    told = f"{asked}{spent}. The difference is {difference} ({low} to {high} in 90 of 100 cases)"
    return f"{told}{'' if outcome['difference_minor_low'] > 0 or outcome['difference_minor_high'] < 0 else ', which may be chance'}."


def _range(outcome: Mapping[str, Any], name: str) -> str:
    if outcome.get(name) is None:
        return "; there was no forecast"
    return f"; expected {outcome[name]:,.0f} ({outcome[f'{name}_low']:,.0f} to {outcome[f'{name}_high']:,.0f})"


def outcomes_chart_of(outcomes: Sequence[Mapping[str, Any]]) -> Markup | None:
    """What was expected and what came of each campaign, as a drawing; None where nothing was expected."""
    bars = []
    for one in outcomes:
        came = expectation(one)
        if came is not None:
            bars.append({"name": str(one["campaign_id"]), "low": came.low, "expected": came.expected, "high": came.high, "came": came.came})
    if not bars:
        return None
    told = "; ".join(f"campaign {bar['name']}: expected {bar['expected']:.0f}, redeemed {bar['came']}" for bar in bars)
    return outcomes_chart(bars, f"What was expected and what was redeemed. {told}", "outcomes")


def outcomes_in_words(found: Mapping[str, Any]) -> dict[str, Any]:
    """A sentence, a drawing and a table.   found: `metrics.outcomes` of the step's detail."""
    outcomes, currency = found["campaigns"], found["currency"]
    known = [came for one in outcomes if (came := expectation(one)) is not None]
    held = sum(came.words == "as expected" for came in known)
    sentence = f"Of {len(known)} with a forecast, {held} came out within the range that was expected." if known else "There was no forecast of any."
    has_back_test = any(one.get("forecast") == "back_test" for one in outcomes)
    day = day_in_words(date.fromisoformat(found["as_of"]))
    return {
        "sentence": f"{len(outcomes)} campaigns ended lately, as known on {day}. {sentence}{f' {BACK_TEST}' if has_back_test else ''}",
        "not_uplift": NOT_UPLIFT,
        "svg": outcomes_chart_of(outcomes),
        "columns": COLUMNS,
        "rows": [_row(one, currency) for one in outcomes],
    }


def _row(outcome: Mapping[str, Any], currency: str) -> dict[str, Any]:
    came = expectation(outcome)
    money = [f"{money_in_words(round(outcome[name]), currency)} {currency}" for name in ("cost_minor", "redeemers_spend_minor")]
    budget = ""
    if outcome.get("within_budget") is not None:
        by = "" if outcome["coupons_of"] == "given" else " by a plan that was not carried out"
        kept = f"{'kept' if outcome['within_budget'] else 'exceeded'}{by}"
        budget = f"{money_in_words(round(outcome['charged_minor']), currency)} of {money_in_words(round(outcome['budget_minor']), currency)}: {kept}"
    expected = "no forecast" if came is None else f"{came.expected:,.0f} ({came.low:,.0f} to {came.high:,.0f})"
    redeemed = f"{outcome['redeemers']:,}" if came is None else f"{came.came:,}, {came.words}"
    days = [day_in_words(day if isinstance(day, date) else date.fromisoformat(day)) for day in (outcome["start_date"], outcome["end_date"])]
    cells = [f"{outcome['people']:,}", expected, redeemed, *money, budget]
    return {"name": outcome["campaign_id"], "about": f"{outcome['campaign_type']}, {days[0]} to {days[1]}", "cells": cells}
