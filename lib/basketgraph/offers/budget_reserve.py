"""How much of a budget is planned so that what coupons cost in the end stays within it: draws of who redeems, with probabilities that may be off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from basketgraph.offers.coupon_terms import Floats
from basketgraph.offers.pairs import partition

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

CHUNK = 2_000  # coupons drawn at once
KEY = ("campaign_id", "coupon_id", "user_id")  # of a coupon given
PARTS = 4  # of the coupons, by hash of the person: as many on every machine, so that each coupon meets the same draws
SUMS = "sums binary"
UNKNOWN_ERROR = 0.5  # of probabilities, where no earlier campaign tells: e^.5 is two thirds more than expected
LARGEST_CUT = 0.5


def probability_factors(error: float, budgets: int, draws: int, seed: int) -> Floats:
    """By how much all probabilities of a budget's coupons are off together: lognormal with median 1, float64 [draws, budgets].

    error: standard deviation of the log, as of `redemption_model.Calibration.error`.
    """
    factors: Floats = np.exp(error * np.random.default_rng([seed, 1]).standard_normal((draws, budgets)))
    return factors


def simulated_costs(given: DataFrame, factors: Floats, *, seed: int) -> Floats:
    """What the coupons given cost in each draw: float64 [draws, budgets].

    given:   KEY, budget (its place), probability, discount_minor of each coupon given. The order of the rows and how they lie in partitions do not
             matter.
    factors: of `probability_factors`. Each coupon is redeemed, or not, by itself, with its probability times the draw's factor, at most 1.
    """

    def drawn(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rng = np.random.default_rng([seed, 2, partition()])
        costs = np.zeros(factors.shape)
        for batch in batches:
            budget, probability, discount = (np.asarray(batch.column(name)) for name in ("budget", "probability", "discount_minor"))
            for start in range(0, len(budget), CHUNK):
                part = slice(start, start + CHUNK)
                chance = probability[part][None, :] * factors[:, budget[part]]  # [draws, coupons]
                cost = (rng.random(chance.shape) < chance) * discount[part][None, :]
                for place in np.unique(budget[part]):
                    costs[:, place] += cost[:, budget[part] == place].sum(axis=1)
        yield pa.record_batch([pa.array([costs.tobytes()])], names=["sums"])

    in_order = given.select(*KEY, "budget", "probability", "discount_minor").repartition(PARTS, "user_id").sortWithinPartitions(*KEY)
    rows = in_order.mapInArrow(drawn, SUMS).collect()
    total: Floats = np.sum([np.frombuffer(row.sums).reshape(factors.shape) for row in rows], axis=0) if rows else np.zeros(factors.shape)
    return total


def within(costs: Floats, budgets: Floats) -> Floats:
    """The share of draws in which each budget holds: [budgets].   costs: [draws, budgets]."""
    shares: Floats = (costs <= budgets * (1 + 1e-9)).mean(axis=0)
    return shares


def planned_budgets(costs: Floats, planned: Floats, budgets: Floats, *, level: float) -> Floats:
    """The expected cost to plan next so that a share `level` of draws stays within each budget, [budgets].

    costs: [draws, budgets] of an allocation that was made for `planned` [budgets]. The ratio of the two is taken to stay. A budget of about one
    coupon is cut to half at the most at once, since its costs come in steps.
    """
    high = np.quantile(costs, level, axis=0, method="higher")
    ratio = np.divide(budgets, high, out=np.ones_like(budgets), where=high > 0)
    return np.minimum(budgets, planned * np.maximum(ratio, LARGEST_CUT))
