"""gold.campaign_outcomes: what came of campaigns that have ended, beside what was expected. What was redeemed is not what a campaign changed.

What being contacted at all changed is told by the global holdout alone, where the campaign did not reach it: people on the shop's list who are in
the holdout, beside the others on the list. A hash drew both, so they differ by chance alone. The holdout gets no campaign at all, so the difference
is that of all contacts, on this campaign's products, and not of this campaign. Those who got coupons were chosen: to compare them tells nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark.sql import Column
from pyspark.sql import functions as F

from basketgraph.foundation.config import Config
from basketgraph.foundation.point_in_time import kept_before
from basketgraph.offers.budget_reserve import KEY, UNKNOWN_ERROR, probability_factors, simulated_costs
from basketgraph.offers.campaign_forecasts import GIVEN, Forecasts
from basketgraph.offers.campaigns import Campaign, CampaignRows, frame_of, pairs_of
from basketgraph.offers.contact_policy import shop_holdout
from basketgraph.offers.coupon_features import redeemed_lines
from basketgraph.offers.coupon_terms import Floats
from basketgraph.offers.earlier_coupons import spent_since
from basketgraph.offers.settings import OfferSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import DataFrame

BOUNDS = (0.05, 0.95)
NORMAL_90 = 1.6449  # quantile .95 of the standard normal distribution
REACHED_SHARE = 0.2  # of the share of the others who redeemed something: where more than that of the holdout did, the campaign reached it
NO_HOLDOUT, NOT_CONTACTED, HOLDOUT_REACHED, TOO_FEW = "no_holdout", "not_contacted", "holdout_reached", "too_few"  # why there is no evidence


@dataclass(frozen=True)
class OutcomeTerms:
    """draws, seed: of the intervals.   least_holdout: people of the holdout, with fewer there is no evidence.   in_holdout: as of `holdout`."""

    in_holdout: Callable[[Column], Column]
    least_holdout: int
    draws: int
    seed: int


def outcome_terms(conf: Config, settings: OfferSettings) -> OutcomeTerms:
    return OutcomeTerms(shop_holdout(conf), settings.least_holdout, settings.reserve_draws, settings.seed)


def campaign_outcomes(
    rows: CampaignRows, ended: Sequence[Campaign], forecasts: Forecasts, contacted: Collection[str], terms: OutcomeTerms, *, known_to: date
) -> list[dict[str, Any]]:
    """Rows of gold.campaign_outcomes without as_of, one a campaign of `ended` with people, in order of the campaigns.

    contacted: campaigns of which contacts were sent under the contact policy, which keeps the holdout out.
    known_to:  the first day that is not known; redemptions and purchases of days before it count.
    """
    if not ended:
        return []
    people = _people(rows, ended, forecasts)
    counts = {row["campaign_id"]: row for row in _counted(rows, people, ended, terms, known_to=known_to)}
    whole = [one for one in ended if one.campaign_id in counts]
    names = [one.campaign_id for one in whole]
    factors = _factors(names, forecasts, terms)
    of_people = people.where("probability IS NOT NULL").withColumns({"coupon_id": F.lit(""), "discount_minor": F.lit(1.0)})
    redeemers = _expected(of_people, names, factors, terms.seed)
    coupons = _coupons(rows, forecasts, names, known_to=known_to)
    counted = coupons.withColumn("discount_minor", F.lit(1.0))
    priced = coupons.where("probability > 0").withColumn("discount_minor", F.col("cost_minor") / F.col("probability"))
    redemptions, costs = _expected(counted, names, factors, terms.seed), _expected(priced, names, factors, terms.seed)
    found = {row.campaign_id: row for row in coupons.groupBy("campaign_id").agg(*_sums()).collect()}
    charged = spent_since(rows, forecasts.budgets, before=known_to)
    made = []
    for one in whole:
        name, of = one.campaign_id, found.get(one.campaign_id)
        budget = forecasts.budgets.get(name)
        told = {**counts[name], "campaign_type": one.campaign_type, "start_date": one.start, "end_date": one.end}
        told |= {"forecast": forecasts.kinds.get(name), "forecast_as_of": forecasts.days.get(name)}
        told |= _interval("expected_redeemers", redeemers.get(name))
        told |= {"no_evidence": no_evidence(counts[name], name in contacted, terms.least_holdout)}
        if of is not None:
            coupons_of = forecasts.coupons_of[name]
            told |= {"coupons_of": coupons_of, "coupons": of.coupons, "redeemed_coupons": of.redeemed}
            told |= {"coupons_with_discount": of.with_cost, "coupons_cost_minor": float(of.cost)}
            told |= _interval("expected_redemptions", redemptions.get(name)) | _interval("expected_cost_minor", costs.get(name))
            if budget is not None:
                spent = charged.get(name, 0.0) if coupons_of == GIVEN else float(of.cost)
                told |= {"budget_minor": budget.budget_minor, "charged_minor": spent, "within_budget": spent <= budget.budget_minor}
        made.append(told)
    return made


def no_evidence(counts: Mapping[str, Any], is_contacted: bool, least: int) -> str | None:
    """Why the holdout tells nothing of a campaign; None where it does.   counts: people, redeemers, and of them in the holdout."""
    if not counts["holdout_people"]:
        return NO_HOLDOUT
    if not is_contacted:
        return NOT_CONTACTED
    others, redeemers = counts["people"] - counts["holdout_people"], counts["redeemers"] - counts["holdout_redeemers"]
    if counts["holdout_redeemers"] * others > REACHED_SHARE * redeemers * counts["holdout_people"]:
        return HOLDOUT_REACHED
    return TOO_FEW if counts["holdout_people"] < least or others < least else None


def _people(rows: CampaignRows, ended: Sequence[Campaign], forecasts: Forecasts) -> DataFrame:
    """campaign_id, user_id, probability: those of the forecast, where there is one; else those on the shop's list, without a probability."""
    listed = pairs_of(rows, [one for one in ended if one.campaign_id not in forecasts.kinds]).select("campaign_id", "user_id")
    names = [one.campaign_id for one in ended if one.campaign_id in forecasts.kinds]
    scored = forecasts.people.where(F.col("campaign_id").isin(names)).select("campaign_id", "user_id", "probability")
    return scored.unionByName(listed, allowMissingColumns=True).localCheckpoint()


def _counted(rows: CampaignRows, people: DataFrame, ended: Sequence[Campaign], terms: OutcomeTerms, *, known_to: date) -> list[dict[str, Any]]:
    """What these people did: one dict a campaign, without those of nobody."""
    campaigns = F.broadcast(frame_of(people, ended).select("campaign_id", "start_date", "campaign_days"))
    used = rows.redemptions.where(F.col("redemption_date") < F.lit(known_to)).groupBy("campaign_id", "user_id")
    redeemed = used.agg(F.countDistinct("coupon_id").alias("redemptions"))
    paid = redeemed_lines(rows, before=known_to).select("campaign_id", "user_id", "event_id", "coupon_minor").distinct()
    cost = paid.groupBy("campaign_id", "user_id").agg(F.sum("coupon_minor").alias("cost"))
    ran = F.datediff("event_date", "start_date").between(0, F.col("campaign_days") - 1)
    products = rows.coupons.select("campaign_id", "item_id").distinct().join(campaigns, "campaign_id", how="inner")  # one campaign of an id
    bought = kept_before(rows.purchases, rows.kept, as_of=known_to).select("user_id", "item_id", "event_date", "amount_minor")
    spend = bought.join(products, "item_id", how="inner").where(ran).groupBy("campaign_id", "user_id").agg(F.sum("amount_minor").alias("spend"))
    each = people.withColumn("in_holdout", terms.in_holdout(F.col("user_id")))
    for of_person in (redeemed, cost, spend):
        each = each.join(of_person, ["campaign_id", "user_id"], how="left")  # at most one row a pair
    each = each.fillna(0, ["redemptions", "cost", "spend"])
    is_redeemer, held, others = F.col("redemptions") > 0, F.col("in_holdout"), ~F.col("in_holdout")
    sums = [
        F.count("*").alias("people"),
        F.count_if(is_redeemer).alias("redeemers"),
        F.sum("redemptions").alias("redemptions"),
        F.sum("cost").cast("double").alias("cost_minor"),
        F.sum(F.when(is_redeemer, F.col("spend")).otherwise(0)).cast("double").alias("redeemers_spend_minor"),
        F.count_if(held).alias("holdout_people"),
        F.count_if(held & is_redeemer).alias("holdout_redeemers"),
    ]
    for name, which in (("holdout", held), ("others", others)):
        spent = F.when(which, F.col("spend"))
        sums += [F.avg(spent).alias(f"{name}_mean"), F.var_samp(spent).alias(f"{name}_variance")]
    return [_with_difference(row.asDict()) for row in each.groupBy("campaign_id").agg(*sums).collect()]


def _with_difference(row: dict[str, Any]) -> dict[str, Any]:
    """Means of spend in place of the sums' names, and their difference with its 90 % interval (Welch); null with fewer than two people a side."""
    means, variances = ([row.pop(f"{name}_{what}") for name in ("holdout", "others")] for what in ("mean", "variance"))
    sizes = [row["holdout_people"], row["people"] - row["holdout_people"]]
    told = {**row, "holdout_spend_minor": means[0], "others_spend_minor": means[1]}
    if None in (*means, *variances) or min(sizes) < 2:
        return told
    difference = means[1] - means[0]
    wide = NORMAL_90 * float(np.sqrt(variances[0] / sizes[0] + variances[1] / sizes[1]))
    return told | {"difference_minor": difference, "difference_minor_low": difference - wide, "difference_minor_high": difference + wide}


def _factors(names: Sequence[str], forecasts: Forecasts, terms: OutcomeTerms) -> Floats:
    """As of `probability_factors`, each campaign by its own error: [draws, campaigns]."""
    known = [forecasts.errors.get(name) for name in names]
    errors = np.array([UNKNOWN_ERROR if error is None else error for error in known], dtype=np.float64)
    factors: Floats = probability_factors(1.0, len(names), terms.draws, terms.seed) ** errors
    return factors


def _expected(given: DataFrame, names: Sequence[str], factors: Floats, seed: int) -> dict[str, tuple[float, float, float]]:
    """campaign -> sum of probability x discount_minor, and bounds of 90 % of the draws; of campaigns with rows.   given: KEY and these two."""
    sums = given.groupBy("campaign_id").agg(F.sum(F.col("probability") * F.col("discount_minor")).alias("expected")).collect()
    if not sums:
        return {}
    places = F.create_map(*(F.lit(part) for place, name in enumerate(names) for part in (name, place)))[F.col("campaign_id")]
    draws = simulated_costs(given.withColumn("budget", places.cast("bigint")), factors, seed=seed)
    low, high = np.quantile(draws, BOUNDS, axis=0)
    return {row.campaign_id: (row.expected, float(low[names.index(row.campaign_id)]), float(high[names.index(row.campaign_id)])) for row in sums}


def _interval(name: str, of: tuple[float, float, float] | None) -> dict[str, float]:
    return {} if of is None else dict(zip((name, f"{name}_low", f"{name}_high"), of, strict=True))


def _coupons(rows: CampaignRows, forecasts: Forecasts, names: Sequence[str], *, known_to: date) -> DataFrame:
    """The forecast's coupons with is_redeemed, and cost: what each took off its lines, null where none shows it. Two coupons of a line share it."""
    own = forecasts.coupons.where(F.col("campaign_id").isin(list(names)))
    used = rows.redemptions.where(F.col("redemption_date") < F.lit(known_to)).select(*KEY).distinct().withColumn("is_redeemed", F.lit(True))
    lines = redeemed_lines(rows, before=known_to).join(own.select(*KEY), list(KEY), how="left_semi")
    lines = lines.groupBy(*KEY, "event_id").agg(F.max("coupon_minor").alias("coupon_minor"))
    shared = lines.groupBy("campaign_id", "event_id").agg(F.count("*").alias("shared"))
    parts = lines.join(shared, ["campaign_id", "event_id"], how="inner")  # one row a line
    cost = parts.groupBy(*KEY).agg(F.sum(F.col("coupon_minor") / F.col("shared")).alias("cost"))
    joined = own.join(used, list(KEY), how="left").join(cost, list(KEY), how="left")  # at most one row a KEY
    return joined.fillna(False, ["is_redeemed"]).localCheckpoint()


def _sums() -> tuple[Column, ...]:
    cost, with_cost = F.coalesce(F.sum("cost"), F.lit(0.0)).alias("cost"), F.count("cost").alias("with_cost")
    return F.count("*").alias("coupons"), F.count_if(F.col("is_redeemed")).alias("redeemed"), cost, with_cost


def as_metrics(outcomes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of `campaign_outcomes` as JSON: days as text, numbers to hundredths."""

    def plain(value: Any) -> Any:
        if isinstance(value, date):
            return value.isoformat()
        return round(value, 2) if isinstance(value, float) else value

    return [{name: plain(value) for name, value in one.items()} for one in outcomes]
