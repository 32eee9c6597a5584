"""gold.campaign_scores and gold.coupon_scores: who will redeem something of which campaign, and which of its coupons.

Everything is as of each campaign's own start. Learned from campaigns that ended before the cut; open campaigns are scored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyspark.sql import Window
from pyspark.sql import functions as F

from basketgraph.foundation.progress import at
from basketgraph.offers.campaigns import Campaign, CampaignRows, finished_before, frame_of, pairs_of, redeemers
from basketgraph.offers.coupon_features import affinity_log, coupon_discounts, coupon_options, coupon_popularity, own_purchases
from basketgraph.offers.coupon_ranking import (
    CouponModel,
    Options,
    choice_quality,
    coupon_probabilities,
    learn_choice,
    options_of,
)
from basketgraph.offers.redemption_choice import as_metrics, learn
from basketgraph.offers.redemption_features import purchases_before, redemption_features
from basketgraph.offers.redemption_model import RedemptionModel, matrix, training_pairs
from basketgraph.offers.redemption_quality import redemption_quality
from basketgraph.offers.settings import OfferSettings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SCORED = "campaign_id string, user_id string, start_date date, campaign_type string, past_rate double, campaign_probability double"
REDEEMERS = 5_000  # at most, whose choices among coupons the driver holds: each is one row for every coupon of the campaign
NOT_UPLIFT = "Targeting was not randomised: a probability of redemption is not what a campaign changes."


@dataclass(frozen=True)
class CampaignScores:
    """Scores of campaigns, and what they were made with.

    pairs:      SCORED columns, one row for each campaign scored and person who got it.
    popularity, own: rows of `coupon_features`, of the campaigns learned from, too.
    learned_people, learned_redeemers: pairs that the model was learned from, and those of them who redeemed.
    """

    rows: CampaignRows
    model: RedemptionModel
    choice: CouponModel
    pairs: DataFrame
    popularity: DataFrame
    own: DataFrame
    learned_people: int
    learned_redeemers: int


def score_campaigns(rows: CampaignRows, scored: Sequence[Campaign], *, cut: date, settings: OfferSettings) -> CampaignScores:
    """Learn from the campaigns that ended before `cut`, and score others as of their own start."""
    learned = finished_before(rows.campaigns, cut)
    pairs = pairs_of(rows, [*learned, *scored]).localCheckpoint()
    at("purchases before each campaign")
    past = purchases_before(rows, pairs, days=settings.history_days).localCheckpoint()
    features = redemption_features(rows, pairs, past).localCheckpoint()
    redeemed = redeemers(rows, cut).withColumn("redeemed", F.lit(True))
    labelled = of_campaigns(features, learned).join(redeemed, ["campaign_id", "user_id"], how="left").fillna(False, ["redeemed"])
    at("learning who redeems")
    training = training_pairs(sampled(labelled, settings.training_pairs, settings.seed).toArrow())
    model = learn(training, learned, settings)
    at("learning which coupons are redeemed")
    popularity = coupon_popularity(rows, [*learned, *scored]).localCheckpoint()
    own = own_purchases(rows, past, recent_days=settings.recent_days).localCheckpoint()
    choice = learn_choice(redeemed_options(rows, learned, popularity, own, known_to=cut, seed=settings.seed), least=settings.least_redeemers)
    at("scoring campaigns")
    found = of_campaigns(features, scored).mapInArrow(partial(_scored, model=model), SCORED).localCheckpoint()
    return CampaignScores(rows, model, choice, found, popularity, own, len(training.redeemed), int(training.redeemed.sum()))


def of_campaigns(rows: DataFrame, campaigns: Sequence[Campaign]) -> DataFrame:
    return rows.where(F.col("campaign_id").isin([one.campaign_id for one in campaigns]))


def sampled(rows: DataFrame, most: int, seed: int) -> DataFrame:
    """At most so many rows: those of a fixed sample of the people, by hash."""
    return rows.orderBy(F.xxhash64("user_id", F.lit(seed)), "user_id", "campaign_id").limit(most)


def redeemed_options(
    rows: CampaignRows, campaigns: Sequence[Campaign], popularity: DataFrame, own: DataFrame, *, known_to: date, seed: int
) -> Options:
    """Every coupon of these campaigns for each person who got the campaign and redeemed something of it before `known_to`."""
    used = of_campaigns(rows.redemptions, campaigns).where(F.col("redemption_date") < F.lit(known_to))
    taken = used.join(rows.targets, ["campaign_id", "user_id"], how="left_semi").select("campaign_id", "user_id", "coupon_id").distinct()
    offered = taken.join(F.broadcast(popularity), ["campaign_id", "coupon_id"], how="left_semi")  # a coupon that is none of the campaign says nothing
    who = sampled(offered.select("campaign_id", "user_id").distinct(), REDEEMERS, seed)
    every = coupon_options(who, popularity, own).withColumn("affinity", affinity_log())
    marked = every.join(offered.withColumn("redeemed", F.lit(True)), ["campaign_id", "user_id", "coupon_id"], how="left")
    return options_of(marked.fillna(False, ["redeemed"]).toArrow())


def _scored(batches: Iterable[pa.RecordBatch], *, model: RedemptionModel) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        types = np.asarray(batch.column("campaign_type").to_pylist(), dtype=object)
        names = ["campaign_id", "user_id", "start_date", "campaign_type", "past_rate"]
        columns = [*(batch.column(name) for name in names), pa.array(model.probability(matrix(batch), types))]
        yield pa.RecordBatch.from_arrays(columns, names=[*names, "campaign_probability"])


def campaign_score_rows(scores: CampaignScores, *, as_of: date) -> DataFrame:
    """Rows of gold.campaign_scores."""
    best_first = Window.partitionBy("user_id").orderBy(F.desc("campaign_probability"), F.asc("campaign_id"))
    error = F.lit(scores.model.calibration.error).cast("double")
    return scores.pairs.select(
        F.lit(as_of).alias("as_of"),
        "campaign_id",
        "user_id",
        F.row_number().over(best_first).alias("rank"),
        F.col("campaign_probability").alias("probability"),
        F.col("start_date").alias("features_as_of"),
        F.lit(scores.model.evidence).alias("evidence"),
        error.alias("calibration_error"),
    )


def coupon_score_rows(scores: CampaignScores, scored: Sequence[Campaign], *, as_of: date, known_before: date, settings: OfferSettings) -> DataFrame:
    """Rows of gold.coupon_scores: each person's best `coupons_kept` coupons of each campaign.

    Expected spend is the person's spend on the coupon's items in the last `recent_days` days, for as many days as the campaign has; at least the mean
    amount of a line of these items, since a coupon is redeemed on one.
    known_before: redemptions before it tell what coupons cost.
    """
    discounts = coupon_discounts(scores.rows, scored, before=known_before, least_lines=settings.least_discount_lines)
    days = frame_of(scores.pairs, scored).select("campaign_id", "campaign_days")
    options = coupon_options(scores.pairs.drop("past_rate", "campaign_type", "start_date"), of_campaigns(scores.popularity, scored), scores.own)
    best = coupon_probabilities(options, scores.choice, kept=settings.coupons_kept)
    priced = best.join(F.broadcast(discounts), ["campaign_id", "coupon_id"], how="left").join(F.broadcast(days), "campaign_id", how="inner")
    own = F.col("own_recent_minor") * F.col("campaign_days") / F.lit(float(settings.recent_days))
    return priced.select(
        F.lit(as_of).alias("as_of"),
        "campaign_id",
        "user_id",
        "coupon_id",
        "rank",
        "probability",
        F.col("own_lines").cast("bigint").alias("own_lines"),
        F.greatest(own, F.coalesce("line_minor", F.lit(0.0))).alias("expected_spend_minor"),
        F.col("discount_minor").cast("double").alias("discount_minor"),
    )


def reached_shares(scores: CampaignScores, campaigns: Sequence[Campaign], *, cut: date, known_to: date) -> dict[str, float]:
    """The share of its redeemers that each campaign has had before `known_to`: 1 of a finished one, else what finished campaigns had by then.

    By the first redemption of each redeemer of campaigns that ended before `cut`, at the same share of a campaign's days.
    """
    finished = frame_of(scores.rows.targets, finished_before(scores.rows.campaigns, cut))
    first = scores.rows.redemptions.groupBy("campaign_id", "user_id").agg(F.min("redemption_date").alias("first"))
    passed = (F.datediff("first", "start_date") + 1) / F.col("campaign_days")
    moments = first.join(F.broadcast(finished), "campaign_id", how="inner").select(passed.alias("passed"))
    shares = {}
    for one in campaigns:
        now = (known_to - one.start).days / ((one.end - one.start).days + 1)
        counted = moments.agg(F.avg((F.col("passed") <= now).cast("double"))).collect()[0][0] if now < 1 else 1.0
        shares[one.campaign_id] = 1.0 if counted is None else float(counted)
    return shares


def judged_scores(scores: CampaignScores, judged: Sequence[Campaign], *, cut: date, known_to: date, settings: OfferSettings) -> dict[str, Any]:
    """{"redemption": ..., "coupons": ...}: how the scores fit what was redeemed of these campaigns before `known_to`, beside simple baselines.

    returns: as of `redemption_quality` and `choice_quality`, each with the note that it is not uplift; without campaigns to judge the choices alone.
    """
    chosen = {"chosen": as_metrics(scores.model), "note": NOT_UPLIFT}
    learned = {"learned": scores.choice.learned, "weight": scores.choice.weight, "coupons_a_redeemer": scores.choice.coupons, "note": NOT_UPLIFT}
    if not judged:
        return {"redemption": chosen, "coupons": learned}
    redeemed = redeemers(scores.rows, known_to).withColumn("redeemed", F.lit(True))
    labelled = of_campaigns(scores.pairs, judged).join(redeemed, ["campaign_id", "user_id"], how="left").fillna(False, ["redeemed"])
    rows = sampled(labelled, settings.judged_pairs, settings.seed).toArrow()
    campaign, users, types = (np.asarray(rows[name].to_pylist(), dtype=object) for name in ("campaign_id", "user_id", "campaign_type"))
    outcome = np.asarray(rows["redeemed"].to_pylist(), dtype=np.float64)
    base = np.array([scores.model.rates.get(one, scores.model.rate) for one in types], dtype=np.float64)
    by_score = {"model": np.asarray(rows["campaign_probability"]), "past_rate": np.asarray(rows["past_rate"]), "base_rate": base}
    reached = reached_shares(scores, judged, cut=cut, known_to=known_to)
    quality = redemption_quality(by_score, campaign, users, outcome, reached, model="model", draws=settings.draws, seed=settings.seed)
    options = redeemed_options(scores.rows, judged, scores.popularity, scores.own, known_to=known_to, seed=settings.seed)
    choices = choice_quality(options, draws=settings.draws, seed=settings.seed) if len(options.group) else {}
    return {"redemption": {**chosen, "level": 0.9, **quality}, "coupons": {**learned, "level": 0.9, **choices}}
