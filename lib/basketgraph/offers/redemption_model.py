"""Who redeems a coupon of a campaign: a logistic regression and boosted trees, blended, then calibrated for each type of campaign.

Targeting was not randomised: a probability of redemption says who will redeem among people like those who were targeted, not whom a campaign changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from basketgraph.foundation.trees import Trees, TreeSettings, train_trees
from basketgraph.offers.redemption_features import FEATURES
from basketgraph.offers.regression import fit, predict

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
Texts = NDArray[np.object_]

LEAST, MOST = 1e-4, 1 - 1e-4  # of a probability


class TrainingPairs(NamedTuple):
    """Pairs of a campaign and a person, columns of one length.

    campaign, user, type: text [pairs].   features: float64 [pairs, FEATURES].   redeemed: float64 [pairs], 1 or 0.
    """

    campaign: Texts
    user: Texts
    type: Texts
    features: Floats
    redeemed: Floats

    def of(self, chosen: NDArray[np.bool_]) -> TrainingPairs:
        return TrainingPairs(self.campaign[chosen], self.user[chosen], self.type[chosen], self.features[chosen], self.redeemed[chosen])


@dataclass(frozen=True)
class Blend:
    """A fitted model before calibration: numbers and text alone, so that it can be sent to workers.

    types:        campaign types that it learned from; each has a column of 0 and 1.
    mean, spread: float64 [FEATURES + types], of log1p of the features.
    coefficients: of the logistic regression, the intercept first.
    share:        of the trees in the blend of log odds.
    """

    types: tuple[str, ...]
    mean: Floats
    spread: Floats
    coefficients: Floats
    trees: Trees
    start: float
    share: float

    def log_odds(self, features: Floats, types: Texts) -> Floats:
        """features: float64 [pairs, FEATURES]. returns: [pairs]."""
        columns = columns_of(features, types, self.types)
        chance = predict(self.coefficients, (columns - self.mean) / self.spread, binary=True)
        linear: Floats = logit(np.clip(chance, LEAST, MOST))
        if self.share == 0:
            return linear
        return (1 - self.share) * linear + self.share * (self.start + self.trees.score(columns.astype(np.float32)))


@dataclass(frozen=True)
class Calibration:
    """Probability = sigmoid(intercept + slope x log odds + offset of the campaign's type).

    error:     root mean square of the log of redeemers over expected ones, of campaigns that took no part in the calibration they were judged by.
    campaigns: how many held-out campaigns it was made by.
    """

    intercept: float = 0.0
    slope: float = 1.0
    offsets: Mapping[str, float] = field(default_factory=dict)
    error: float | None = None
    campaigns: int = 0

    def probability(self, log_odds: Floats, types: Texts) -> Floats:
        offsets = np.array([self.offsets.get(one, 0.0) for one in types])
        return np.clip(np.asarray(expit(self.intercept + self.slope * log_odds + offsets)), LEAST, MOST)


@dataclass(frozen=True)
class RedemptionModel:
    """What scores pairs: a calibrated blend, or, without evidence, the base rate of each type.   blend: None where there is no evidence."""

    blend: Blend | None
    calibration: Calibration
    rates: Mapping[str, float]
    rate: float

    @property
    def evidence(self) -> bool:
        return self.blend is not None

    def probability(self, features: Floats, types: Texts) -> Floats:
        """P(the person redeems a coupon of the campaign), [pairs].   features: float64 [pairs, FEATURES]."""
        if self.blend is None:
            return np.array([self.rates.get(one, self.rate) for one in types], dtype=np.float64)
        return self.calibration.probability(self.blend.log_odds(features, types), types)


def columns_of(features: Floats, types: Texts, known: Sequence[str]) -> Floats:
    """log1p of the features, then a column of 0 and 1 for each known type: float64 [pairs, FEATURES + types]. Money below zero counts as none."""
    return np.column_stack([np.log1p(np.maximum(features, 0.0)), *(np.asarray(types == one, dtype=np.float64) for one in known)])


def fit_blend(pairs: TrainingPairs, trees: TreeSettings, *, seed: int) -> Blend:
    """Fit both models; `share` is 0. There must be redeemers and others among the pairs."""
    types = tuple(sorted(set(pairs.type)))
    columns = columns_of(pairs.features, pairs.type, types)
    mean, spread = columns.mean(axis=0), columns.std(axis=0)
    spread[spread == 0] = 1.0
    coefficients = fit((columns - mean) / spread, pairs.redeemed, binary=True)
    start = float(logit(pairs.redeemed.mean()))
    names = (*FEATURES, *(f"type_{number}" for number in range(len(types))))
    grown = train_trees(columns.astype(np.float32), pairs.redeemed.astype(np.int64), np.full(len(columns), start), names, trees, seed=seed)
    return Blend(types, mean, spread, coefficients, grown, start, 0.0)


def training_pairs(rows: pa.Table) -> TrainingPairs:
    """rows: campaign_id, user_id, campaign_type, FEATURES, redeemed (boolean), in any order; the result is in order of campaign and person."""
    ordered = rows.sort_by([("campaign_id", "ascending"), ("user_id", "ascending")])
    campaign, user, kind = (np.asarray(ordered[name].to_pylist(), dtype=object) for name in ("campaign_id", "user_id", "campaign_type"))
    return TrainingPairs(campaign, user, kind, matrix(ordered), np.asarray(ordered["redeemed"].to_pylist(), dtype=np.float64))


def matrix(rows: pa.Table | pa.RecordBatch) -> Floats:
    """FEATURES as float64 [rows, FEATURES]."""
    return np.column_stack([np.asarray(rows.column(name), dtype=np.float64) for name in FEATURES])
