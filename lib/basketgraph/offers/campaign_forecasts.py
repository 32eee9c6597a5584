"""What was expected of a campaign when it began: who redeems, which coupons, at what cost; from the rows that the jobs wrote then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from basketgraph.offers.budget_reserve import KEY
from basketgraph.offers.campaigns import Campaign
from basketgraph.offers.earlier_coupons import Budget, given_coupons, set_budgets

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyspark.sql import Column, DataFrame

PLAN, BACK_TEST = "plan", "back_test"  # forecasts: made before the campaign began; made later, with what was known of people then
GIVEN, PLANNED = "given", "planned"  # coupons: that people got by plans of its days; of a plan made before it, which nobody carried out


@dataclass(frozen=True)
class Forecasts:
    """What was expected of campaigns.

    people:   campaign_id, user_id, probability: of those whom the forecast is of, one row a pair.
    kinds:    campaign -> PLAN or BACK_TEST.   days: campaign -> the cut of the forecast.
    errors:   campaign -> `Calibration.error` of the forecast; None where it is not known.
    coupons:  KEY, probability, cost_minor of coupons, one row a KEY.   coupons_of: campaign -> GIVEN or PLANNED.
    budgets:  campaign -> budget.
    """

    people: DataFrame
    kinds: Mapping[str, str]
    days: Mapping[str, date]
    errors: Mapping[str, float | None]
    coupons: DataFrame
    coupons_of: Mapping[str, str]
    budgets: Mapping[str, Budget]


def forecasts_of(
    ended: Sequence[Campaign],
    scores: DataFrame,
    allocation: DataFrame,
    contacts: DataFrame,
    budgets: DataFrame,
    campaigns: DataFrame,
    *,
    known_to: date,
    is_back_test: bool,
) -> Forecasts:
    """The forecasts of campaigns that have ended before `known_to`.

    scores:       gold.campaign_scores rows: of the newest cut up to the start, else of the first one after it, which makes it a BACK_TEST.
    allocation, contacts, budgets: gold.coupon_allocation, gold.contacts and gold.campaign_budgets rows.   campaigns: silver.campaigns rows.
    is_back_test: whether the run looks back at a named cut, so that later days were known when scores were made; such plans gave nobody anything.
    """
    of_ended = F.col("campaign_id").isin([one.campaign_id for one in ended])
    keys = scores.where(of_ended).groupBy("campaign_id", "as_of").agg(F.max("calibration_error").alias("error")).collect()
    errors = {(row.campaign_id, row.as_of): row.error for row in keys}
    days = {one.campaign_id: day for one in ended if (day := _day(one.start, (of for name, of in errors if name == one.campaign_id))) is not None}
    starts = {one.campaign_id: one.start for one in ended}
    kinds = {name: BACK_TEST if is_back_test or day > starts[name] else PLAN for name, day in days.items()}
    people = scores.where(_is_of(days)).groupBy("campaign_id", "user_id").agg(F.max("probability").alias("probability"))

    own = allocation.where(of_ended)
    given = given_coupons(own.limit(0) if is_back_test else own, contacts, campaigns, before=known_to).select(*KEY, "probability", "cost_minor")
    coupons_of = {row.campaign_id: GIVEN for row in given.select("campaign_id").distinct().collect()}
    plans = own.join(F.broadcast(campaigns.select("campaign_id", "start_date")), "campaign_id", how="inner")
    before = plans.where(F.col("as_of") <= F.col("start_date")).groupBy("campaign_id").agg(F.max("as_of").alias("as_of")).collect()
    planned = {row.campaign_id: row.as_of for row in before if row.campaign_id not in coupons_of}
    of_plan = allocation.where(_is_of(planned)).groupBy(*KEY).agg(F.max("probability").alias("probability"), F.max("cost_minor").alias("cost_minor"))
    of_budget = budgets.where(_is_of(planned)).select("campaign_id", "budget_minor", "set_on").collect()
    set_later = {name: of for name, of in set_budgets(budgets, campaigns, before=known_to).items() if name in coupons_of}
    return Forecasts(
        people=people,
        kinds=kinds,
        days=days,
        errors={name: errors[name, day] for name, day in days.items()},
        coupons=given.unionByName(of_plan),
        coupons_of=coupons_of | dict.fromkeys(planned, PLANNED),
        budgets={row.campaign_id: Budget(row.budget_minor, row.set_on) for row in of_budget} | set_later,
    )


def _day(start: date, days: Iterable[date]) -> date | None:
    """The newest day up to the start, else the first after it; None of no day."""
    known = sorted(days)
    return max((day for day in known if day <= start), default=known[0] if known else None)


def _is_of(days: Mapping[str, date]) -> Column:
    """Whether a row is of its campaign's day."""
    found = F.lit(False)
    for name, day in sorted(days.items()):
        found = found | ((F.col("campaign_id") == name) & (F.col("as_of") == F.lit(day)))
    return found
