"""The page of a planned campaign: for a manager whether the budget holds and what to expect; who gets coupons and why; what is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from basketgraph.foundation.money import number_in_words as money_in_words
from basketgraph.report.campaign_outcomes import (
    BACK_TEST,
    NOT_UPLIFT,
    charged_light,
    holdout_in_words,
    outcome_facts,
    outcome_light,
    outcomes_chart_of,
)
from basketgraph.report.environment import environment
from basketgraph.report.sentences import day_in_words

LIFECYCLES = {"prospect": "bought nothing yet", "new": "new", "active": "active", "at_risk": "at risk", "lapsed": "lapsed", "no profile": "unknown"}
WIDE_ERROR = 0.5  # of the log of redeemers over expected ones: e^.5 is two thirds more


@dataclass(frozen=True)
class CampaignFacts:
    """What the page tells; money in minor units, `low` and `high` the bounds of 90 % of the draws.

    audience:   the condition in the file's words; None for the shop's own list of people.
    metrics:    as of `CouponAllocation.metrics` of the room `offers`.
    intervals:  redemptions and cost_minor, each (low, high).
    segments, coupons, beside: as `campaign_summary` has them.
    learned:    {"campaigns", "people", "redeemers"} of the finished campaigns.   evidence, error: of the redemption model.
    outcome:    a row of gold.campaign_outcomes, where the campaign has ended; of those whom the shop had listed for it.
    unpriced:   coupons that nobody gets, since no discount is known for them.
    """

    campaign_id: str
    campaign_type: str
    start: date
    end: date
    audience: str | None
    people: int
    currency: str
    metrics: Mapping[str, Any]
    intervals: Mapping[str, tuple[float, float]]
    segments: Sequence[Mapping[str, Any]]
    coupons: Sequence[Mapping[str, Any]]
    beside: Mapping[str, float]
    learned: Mapping[str, int]
    evidence: bool
    error: float | None
    unpriced: int
    profiles_as_of: date | None
    level: float
    holdout_share: float = 0.0
    outcome: Mapping[str, Any] | None = None


def campaign_page(facts: CampaignFacts, *, shop: str, made_at: datetime) -> str:
    """The whole HTML page, as one file without anything outside it."""
    (budget,) = facts.metrics["budgets"].values()
    return (
        environment()
        .get_template("campaign.html")
        .render(
            shop=shop,
            made_at=made_at,
            title=f"campaign {facts.campaign_id}",
            dates=f"{day_in_words(facts.start)} to {day_in_words(facts.end)}",
            facts=facts,
            lights=lights(facts),
            after=after_in_words(facts),
            tiles=tiles(facts, budget),
            why=why_in_words(facts),
            segments=[{**row, "name": LIFECYCLES.get(row["lifecycle"], row["lifecycle"])} for row in facts.segments],
            coupons=[{**row, **{name: money(facts, row[f"{name}_minor"]) for name in ("discount", "cost", "value")}} for row in facts.coupons],
            costs=costs_in_words(facts, budget),
            floors=facts.metrics["floors"],
            unknown=unknown_in_words(facts),
        )
    )


def lights(facts: CampaignFacts) -> list[dict[str, str]]:
    """What the first screen says: before the end whether the budget holds, after it what came of the campaign and whether it held."""
    (budget,) = facts.metrics["budgets"].values()
    if facts.outcome is None:
        return [budget_light(facts, budget), evidence_light(facts)]
    charged = charged_light(facts.outcome, facts.currency) or budget_light(facts, budget)
    return [outcome_light(facts.outcome), charged, evidence_light(facts)]


def after_in_words(facts: CampaignFacts) -> dict[str, Any] | None:
    """What came of the campaign; None before its end."""
    if facts.outcome is None:
        return None
    return {
        "svg": outcomes_chart_of([facts.outcome]),
        "rows": outcome_facts(facts.outcome, facts.currency),
        "holdout": holdout_in_words(facts.outcome, facts.currency),
        "about": BACK_TEST if facts.outcome.get("forecast") == "back_test" else "",
        "not_uplift": NOT_UPLIFT,
    }


def money(facts: CampaignFacts, minor: float) -> str:
    return f"{money_in_words(round(minor), facts.currency)} {facts.currency}"


def budget_light(facts: CampaignFacts, budget: Mapping[str, Any]) -> dict[str, str]:
    held, expected, limit = budget["within_budget"], money(facts, budget["expected_cost"]), money(facts, budget["budget"])
    short = sum(of["short"] for of in facts.metrics["floors"].values())
    told = f"Redeemed coupons are expected to cost {expected}, of {limit}."
    if held is None:
        return {"subject": "Budget", "level": "warning", "words": "kept on average", "sentence": f"{told} No reserve was asked for."}
    draws = f"In {held * 100:.0f} of 100 simulated campaigns the cost stays within the budget."
    if held < facts.level or facts.metrics["violations"]:
        return {"subject": "Budget", "level": "critical", "words": "at risk", "sentence": f"{told} {draws}"}
    if short:
        return {"subject": "Budget", "level": "warning", "words": "kept, and too small for all that was asked", "sentence": f"{told} {draws}"}
    return {"subject": "Budget", "level": "good", "words": "kept", "sentence": f"{told} {draws}"}


def evidence_light(facts: CampaignFacts) -> dict[str, str]:
    learned = facts.learned
    told = f"Learned from {learned['campaigns']} finished campaigns with {learned['redeemers']:,} redeemers among {learned['people']:,} people."
    if not facts.evidence:
        sentence = f"{told} That is too few to tell people apart: everybody has the usual rate."
        return {"subject": "Forecast", "level": "warning", "words": "no evidence", "sentence": sentence}
    if facts.error is None:
        return {"subject": "Forecast", "level": "warning", "words": "never tested", "sentence": f"{told} None could be held out."}
    off = f"Totals of earlier campaigns were off by a factor of about {2.718281828**facts.error:.2f}."
    level, words = ("good", "tested") if facts.error <= WIDE_ERROR else ("warning", "rough")
    return {"subject": "Forecast", "level": level, "words": words, "sentence": f"{told} {off}"}


def tiles(facts: CampaignFacts, budget: Mapping[str, Any]) -> list[dict[str, Any]]:
    low, high = facts.intervals["redemptions"]
    cost_low, cost_high = facts.intervals["cost_minor"]
    metrics = facts.metrics
    return [
        {
            "value": f"{metrics['people']:,}",
            "unit": f"of {facts.people:,} people",
            "text": "get coupons",
            "beside": [("coupons given", f"{metrics['coupons']:,}"), ("of the audience, left out", f"{facts.people - metrics['people']:,}")],
        },
        {
            "value": f"{metrics['expected_redemptions']:,.0f}",
            "unit": "redemptions",
            "text": "are expected",
            "beside": [
                ("in 90 of 100 cases", f"{low:,.0f} to {high:,.0f}"),
                ("of 100 coupons given", share(metrics["expected_redemptions"], metrics["coupons"])),
            ],
        },
        {
            "value": money(facts, metrics["value"]),
            "unit": "",
            "text": "is what redeemers are expected to spend on these products; not what the campaign adds",
            "beside": [
                ("cost of redeemed coupons", money(facts, budget["expected_cost"])),
                ("in 90 of 100 cases", f"{money_in_words(round(cost_low), facts.currency)} to {money(facts, cost_high)}"),
            ],
        },
    ]


def share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f}" if whole else "0"


def why_in_words(facts: CampaignFacts) -> str:
    beside = facts.beside
    return (
        f"A person gets a coupon where expected spend with it is worth its expected cost at the budget's price. Of 100 people who get coupons, "
        f"{100 * beside['chosen']:.0f} are expected to redeem something; of 100 others, {100 * beside['others']:.0f}. "
        f"{100 * beside['own_share']:.0f} of 100 coupons given are for products that the person bought in the year before."
    )


def costs_in_words(facts: CampaignFacts, budget: Mapping[str, Any]) -> list[tuple[str, str]]:
    metrics, gives = facts.metrics, f"{money(facts, 100 * budget['shadow_price'])}"
    held = "no reserve was asked for" if budget["within_budget"] is None else f"{budget['within_budget']:.0%} of the draws; wanted {facts.level:.0%}"
    return [
        ("Budget for redeemed coupons", money(facts, budget["budget"])),
        ("Planned, so that a reserve is left", money(facts, budget["planned"])),
        ("Expected cost", money(facts, budget["expected_cost"])),
        ("Cost stays within the budget in", held),
        ("What the reserve gives up in expected spend", money(facts, metrics["reserve_price"])),
        (f"Expected spend that {money(facts, 100)} more of budget would bring", gives),
        ("At most below the best possible", f"{metrics['gap']:.2%}"),
    ]


def without_campaign(share: float) -> str:
    told = "What happens without the campaign:"
    if share <= 0:
        return f"{told} no people were held out. Keep a random part of the audience without coupons to find out."
    return f"{told} {share:.0%} of all customers, drawn at random, get no campaign at all. Comparing them with the others afterwards will tell."


def unknown_in_words(facts: CampaignFacts) -> list[str]:
    told = [
        "What the campaign changes: who was addressed before was not drawn at random, so the figures say who redeems. Some would buy anyway.",
        without_campaign(facts.holdout_share),
    ]
    if not facts.evidence:
        told.append("Who redeems more than others: too few redeemed anything before.")
    if facts.error is None:
        told.append("How far the forecast may be off: it was taken to be off by a factor of 1.6 up or down in most cases.")
    if facts.unpriced:
        told.append(f"What {facts.unpriced:,} coupons cost: nothing like them was redeemed before, and the file names no discount. Nobody gets them.")
    if facts.profiles_as_of is not None and facts.profiles_as_of < facts.start:
        told.append(f"The audience is chosen by what was known on {day_in_words(facts.profiles_as_of)}; what they bought until the start counts.")
    return told
