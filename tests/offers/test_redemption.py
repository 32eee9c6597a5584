"""Who redeems, and which coupon: measures worked by hand, planted structure that must be found again, and what is said without evidence."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from basketgraph.foundation.classification import auc
from basketgraph.foundation.config import load
from basketgraph.offers.budget_reserve import planned_budgets, probability_factors, within
from basketgraph.offers.campaigns import Campaign
from basketgraph.offers.coupon_ranking import FIXED, Options, choice_quality, learn_choice, places
from basketgraph.offers.redemption_choice import HeldOut, calibrate, calibration_error, learn
from basketgraph.offers.redemption_features import FEATURES
from basketgraph.offers.redemption_model import Calibration, TrainingPairs
from basketgraph.offers.redemption_quality import average_precision, recall_in_top, redemption_quality, with_interval
from basketgraph.offers.settings import OfferSettings

SETTINGS = load("local", "complete_journey").section("offers", OfferSettings)
DRIVER = FEATURES.index("coupon_lines_90d")


def campaigns(number: int, types: str) -> list[Campaign]:
    start = date(2026, 1, 1)
    return [
        Campaign(f"c{place:02d}", types[place % len(types)], start + timedelta(days=20 * place), start + timedelta(days=20 * place + 14))
        for place in range(number)
    ]


def planted(of: list[Campaign], *, people: int = 150, late: float = 0.0, seed: int = 0) -> TrainingPairs:
    """People whose coupon lines alone say whether they redeem; `late` is added to the log odds in the second half of the campaigns."""
    rng = np.random.default_rng(seed)
    columns: list[list[object]] = [[], [], []]
    features, redeemed = [], []
    for place, one in enumerate(of):
        lines = rng.poisson(3.0, people)
        x = rng.gamma(1.0, 1.0, (people, len(FEATURES)))
        x[:, DRIVER] = lines
        odds = -3.0 + 1.6 * np.log1p(lines) + (late if place >= len(of) / 2 else 0.0) - (1.0 if one.campaign_type == "B" else 0.0)
        features.append(x)
        redeemed.append(rng.random(people) < 1 / (1 + np.exp(-odds)))
        for column, values in zip(columns, ([one.campaign_id] * people, [f"u{n}" for n in range(people)], [one.campaign_type] * people), strict=True):
            column.extend(values)
    texts = (np.array(column, dtype=object) for column in columns)
    return TrainingPairs(*texts, np.concatenate(features), np.concatenate(redeemed).astype(np.float64))


def test_measures_of_a_ranking_by_hand_equal_scores_together() -> None:
    score, outcome, ones = np.array([3.0, 2.0, 2.0, 1.0, 0.0]), np.array([1.0, 1.0, 0.0, 0.0, 1.0]), np.ones(5)
    assert auc(score, outcome, ones) == pytest.approx((2 + 1.5 + 0) / 6)
    assert average_precision(score, outcome, ones) == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)
    assert recall_in_top(score, outcome, ones, top=0.2) == pytest.approx(1 / 3)
    assert recall_in_top(score, outcome, ones, top=0.4) == pytest.approx(1.5 / 3), "of two people with one score half are within"
    twice = np.repeat(np.arange(5), 2)
    weights = np.array([2.0, 1.0, 3.0, 1.0, 1.0])
    alike = np.repeat(np.arange(5), weights.astype(int))
    for measure in (auc, average_precision):
        assert measure(score, outcome, weights) == pytest.approx(measure(score[alike], outcome[alike], np.ones(8))), "a weight is so many people"
        assert measure(score[twice], outcome[twice], np.ones(10)) == pytest.approx(measure(score, outcome, ones))
    assert np.isnan(auc(score, np.zeros(5), ones))


def test_intervals_draw_people_and_not_rows() -> None:
    rng = np.random.default_rng(1)
    outcome = np.repeat(rng.random(60) < 0.5, 20).astype(np.float64)
    by_person = with_interval(lambda w: float((w * outcome).sum() / w.sum()), np.repeat(np.arange(60), 20).astype(object), draws=200, seed=0)
    by_row = with_interval(lambda w: float((w * outcome).sum() / w.sum()), np.arange(1200).astype(object), draws=200, seed=0)
    assert by_person["value"] == by_row["value"]
    assert by_person["high"] - by_person["low"] > 3 * (by_row["high"] - by_row["low"])  # type: ignore[operator]


def test_who_redeems_is_found() -> None:
    earlier = campaigns(10, "AB")
    model = learn(planted(earlier, people=500, late=-1.0), earlier, SETTINGS)
    assert model.evidence
    assert model.calibration.campaigns == SETTINGS.held_out_campaigns
    later = campaigns(12, "AB")[10:]
    test = planted(later, people=3000, late=-1.0, seed=5)  # of the second
    test = test.of(test.campaign == later[1].campaign_id)
    chance = model.probability(test.features, test.type)
    truth = -4.0 + 1.6 * np.log1p(test.features[:, DRIVER]) - 1.0
    assert auc(chance, test.redeemed, np.ones(len(chance))) > auc(truth, test.redeemed, np.ones(len(chance))) - 0.03
    quality = redemption_quality(
        {"model": chance}, test.campaign, test.user, test.redeemed, {later[1].campaign_id: 0.5}, model="model", draws=20, seed=0
    )
    assert quality["all"]["redeemers"] == int(test.redeemed.sum())
    assert quality["all"]["expected"] == pytest.approx(chance.sum() / 2, abs=0.01)


def test_the_latest_campaigns_set_the_level_of_each_type() -> None:
    rng = np.random.default_rng(3)
    held_out = []
    for one, away in zip(campaigns(2, "AB"), (0.7, -1.5), strict=True):
        odds = rng.normal(-1.0, 1.0, 2000)
        redeemed = (rng.random(2000) < 1 / (1 + np.exp(-odds - away))).astype(np.float64)
        held_out.append(HeldOut(one, np.full(2000, one.campaign_type, dtype=object), odds, odds, redeemed))
    calibration = calibrate(held_out, 0.5, SETTINGS)
    for one in held_out:
        assert Calibration().probability(one.linear, one.types).sum() != pytest.approx(one.redeemed.sum(), rel=0.2)
        assert calibration.probability(one.linear, one.types).sum() == pytest.approx(one.redeemed.sum(), rel=0.1)
    assert calibration.slope == pytest.approx(1.0, abs=0.1)
    assert calibration_error(held_out, 0.5, SETTINGS) > 0.5, "what one type tells of the other is wrong"  # type: ignore[operator]


def test_with_few_redeemers_there_is_no_evidence_and_everybody_has_the_rate_of_the_type() -> None:
    earlier = campaigns(4, "AB")
    pairs = planted(earlier, people=60)
    few = pairs._replace(redeemed=pairs.redeemed * (np.cumsum(pairs.redeemed) < SETTINGS.least_redeemers))
    model = learn(few, earlier, SETTINGS)
    assert not model.evidence
    chance = model.probability(pairs.features, pairs.type)
    assert {kind: len(set(chance[pairs.type == kind])) for kind in "AB"} == {"A": 1, "B": 1}
    assert chance.sum() == pytest.approx(few.redeemed.sum(), rel=0.3)
    assert model.probability(pairs.features[:1], np.array(["new"], dtype=object)) == pytest.approx([model.rate])


def choices(weight: float, *, redeemers: int, coupons: int = 12, seed: int = 0) -> Options:
    rng = np.random.default_rng(seed)
    affinity, popularity = rng.normal(0, 1, redeemers * coupons), rng.random(redeemers * coupons)
    group = np.repeat(np.arange(redeemers), coupons)
    utility = (weight * affinity).reshape(redeemers, coupons) + rng.gumbel(size=(redeemers, coupons))
    taken = (utility == utility.max(axis=1, keepdims=True)).ravel().astype(np.float64)
    return Options(group, group.astype(object), affinity, popularity, np.ones(len(group)), taken)


def test_the_weight_of_a_choice_is_found_and_few_redeemers_leave_it_fixed() -> None:
    model = learn_choice(choices(1.7, redeemers=800), least=30)
    assert (model.learned, model.coupons, model.weight) == (True, 1.0, pytest.approx(1.7, abs=0.15))
    few = learn_choice(choices(1.7, redeemers=29), least=30)
    assert (few.learned, few.weight) == (False, FIXED)
    test = choices(1.7, redeemers=500, seed=3)
    quality = choice_quality(test, draws=50, seed=0)["scores"]
    assert quality["model"]["top_5"]["low"] > quality["popularity"]["top_5"]["high"]
    assert quality["random"]["top_5"]["value"] == pytest.approx(5 / 12, abs=1e-4)
    assert places(np.array([1.0, 3.0, 3.0, 9.0]), np.array([0, 0, 0, 1])).tolist() == [3, 1, 2, 1]


def test_each_redeemer_counts_once_however_many_coupons_they_redeemed() -> None:
    group, users = np.repeat([0, 1], 20), np.repeat(np.array(["a", "b"], dtype=object), 20)
    affinity = np.tile(np.arange(20.0), 2)
    redeemed = np.zeros(40)
    redeemed[[19, 20, 21, 22, 23]] = 1  # one redeems the first coupon of the order, the other the four last
    quality = choice_quality(Options(group, users, affinity, affinity, affinity, redeemed), draws=5, seed=0)
    assert (quality["redeemed"], quality["scores"]["model"]["top_5"]["value"]) == (5, 0.5)


def test_a_reserve_is_as_large_as_the_draws_want() -> None:
    factors = probability_factors(0.3, 2, 4000, 1)
    assert np.log(factors).std() == pytest.approx(0.3, rel=0.05)
    costs, budgets = factors * np.array([100.0, 50.0]), np.array([100.0, 500.0])
    planned = planned_budgets(costs, np.array([100.0, 50.0]), budgets, level=0.95)
    assert within(costs * planned / np.array([100.0, 50.0]), budgets)[0] == pytest.approx(0.95, abs=0.001)
    assert planned[0] == pytest.approx(100 / np.exp(1.645 * 0.3), rel=0.03)
    assert planned[1] == pytest.approx(500 / np.exp(1.645 * 0.3), rel=0.03)
    assert planned_budgets(costs * 100, budgets, budgets, level=0.95)[0] == 50, "half at the most at once"
