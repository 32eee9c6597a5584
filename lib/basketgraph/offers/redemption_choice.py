"""How a redemption model is chosen and calibrated: on the latest finished campaigns, each scored by a model of all other finished ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from basketgraph.offers.campaigns import Campaign
from basketgraph.offers.redemption_model import Calibration, Floats, RedemptionModel, Texts, TrainingPairs, fit_blend
from basketgraph.offers.settings import OfferSettings

SLOPE_PRIOR = 4.0  # weight of a slope of 1, in units of half its squared distance
PRIOR_REDEEMERS = 1.0  # added to redeemers and expected ones before their ratio is taken


class HeldOut(NamedTuple):
    """Pairs of a campaign that took no part in the models: log odds [pairs] by the logistic regression and by the trees."""

    campaign: Campaign
    types: Texts
    linear: Floats
    trees: Floats
    redeemed: Floats

    def log_odds(self, share: float) -> Floats:
        return (1 - share) * self.linear + share * self.trees


def learn(pairs: TrainingPairs, campaigns: Sequence[Campaign], settings: OfferSettings) -> RedemptionModel:
    """The model of all campaigns given, blended and calibrated by the latest of them.

    pairs:     of finished campaigns.   campaigns: those campaigns, in order of start.
    returns:   with fewer than `settings.least_redeemers` redeemers, or none who did not redeem, the base rates ("no evidence").
    """
    rate, rates = _rates(pairs)
    redeemers = int(pairs.redeemed.sum())
    if redeemers < settings.least_redeemers or redeemers == len(pairs.redeemed):
        return RedemptionModel(None, Calibration(), rates, rate)
    blend = fit_blend(pairs, settings.trees, seed=settings.seed)
    held_out = held_out_campaigns(pairs, campaigns, settings)
    if not held_out:  # one campaign alone: nothing says how far its probabilities are off elsewhere
        return RedemptionModel(blend, Calibration(), rates, rate)
    share = min(settings.tree_shares, key=lambda one: round(_loss(held_out, one, settings), 6))
    calibration = replace(calibrate(held_out, share, settings), error=calibration_error(held_out, share, settings), campaigns=len(held_out))
    return RedemptionModel(replace(blend, share=share), calibration, rates, rate)


def _rates(pairs: TrainingPairs) -> tuple[float, dict[str, float]]:
    """The share of redeemers in all, and of each type with a few people's weight of the whole."""
    rate = float((pairs.redeemed.sum() + 1) / (len(pairs.redeemed) + 20)) if len(pairs.redeemed) else 0.05
    rates = {}
    for one in sorted(set(pairs.type)):
        of_type = pairs.redeemed[pairs.type == one]
        rates[one] = float((of_type.sum() + 50 * rate) / (len(of_type) + 50))
    return rate, rates


def held_out_campaigns(pairs: TrainingPairs, campaigns: Sequence[Campaign], settings: OfferSettings) -> list[HeldOut]:
    """The latest campaigns by their end, each scored by a model of all others. A model of only those before it would lack what the final model
    has learned of the present level, which the calibration would then count twice.
    """
    latest = sorted(campaigns, key=lambda one: (one.end, one.campaign_id))[-settings.held_out_campaigns :]
    found = []
    for one in latest:
        is_own = pairs.campaign == one.campaign_id
        train, test = pairs.of(~is_own), pairs.of(is_own)
        if not len(test.redeemed) or not settings.least_redeemers <= train.redeemed.sum() < len(train.redeemed):
            continue
        blend = fit_blend(train, settings.trees, seed=settings.seed)
        linear, trees = (replace(blend, share=share).log_odds(test.features, test.type) for share in (0.0, 1.0))
        found.append(HeldOut(one, test.type, linear, trees, test.redeemed))
    return found


def calibrate(held_out: Sequence[HeldOut], share: float, settings: OfferSettings) -> Calibration:
    """Intercept, slope and an offset for each type, by the held-out campaigns; offsets are drawn to 0, the slope to 1 (ridge)."""
    types = sorted({type_ for one in held_out for type_ in one.types})
    log_odds, redeemed = np.concatenate([one.log_odds(share) for one in held_out]), np.concatenate([one.redeemed for one in held_out])
    of_type = np.concatenate([one.types for one in held_out])
    columns = np.column_stack([np.ones(len(log_odds)), log_odds, *(np.asarray(of_type == one, dtype=np.float64) for one in types)])
    centre = np.array([0.0, 1.0, *(0.0 for _ in types)])
    weight = np.array([0.0, SLOPE_PRIOR, *(settings.type_prior for _ in types)])

    def loss(values: Floats) -> tuple[float, Floats]:
        logits = columns @ values
        away = values - centre
        value = np.logaddexp(0.0, logits).sum() - redeemed @ logits + 0.5 * weight @ away**2
        return float(value), columns.T @ (1 / (1 + np.exp(-logits)) - redeemed) + weight * away

    found = minimize(loss, centre, jac=True, method="L-BFGS-B").x
    return Calibration(float(found[0]), float(found[1]), dict(zip(types, map(float, found[2:]), strict=True)))


def _loss(held_out: Sequence[HeldOut], share: float, settings: OfferSettings) -> float:
    """Mean log loss of the calibrated blend over the held-out pairs."""
    calibration = calibrate(held_out, share, settings)
    losses = []
    for one in held_out:
        chance = calibration.probability(one.log_odds(share), one.types)
        losses.append(-np.where(one.redeemed > 0, np.log(chance), np.log1p(-chance)))
    return float(np.concatenate(losses).mean())


def calibration_error(held_out: Sequence[HeldOut], share: float, settings: OfferSettings) -> float | None:
    """Root mean square of log(redeemers / expected), weighted by expected redeemers: each campaign by the calibration of the others. None of fewer
    than two campaigns."""
    if len(held_out) < 2:
        return None
    errors = []
    for number, one in enumerate(held_out):
        calibration = calibrate([*held_out[:number], *held_out[number + 1 :]], share, settings)
        expected = float(calibration.probability(one.log_odds(share), one.types).sum())
        errors.append((expected, np.log((one.redeemed.sum() + PRIOR_REDEEMERS) / (expected + PRIOR_REDEEMERS)) ** 2))
    weights, squares = np.array(errors).T
    return float(np.sqrt(np.average(squares, weights=weights)))


def as_metrics(model: RedemptionModel) -> Mapping[str, object]:
    """What was chosen, for the run's JSON."""
    blend = model.blend
    return {
        "evidence": model.evidence,
        "held_out_campaigns": model.calibration.campaigns,
        "tree_share": None if blend is None else blend.share,
        "slope": model.calibration.slope,
        "offsets": {name: round(value, 4) for name, value in model.calibration.offsets.items()},
        "calibration_error": model.calibration.error,
        "base_rate": model.rate,
    }
