"""An instance of coupon allocation, made by seed: people with tastes, coupons of categories, budgets and floors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from basketgraph.offers.coupon_terms import Duals, Floats, Terms
from basketgraph.offers.pairs import PAIRS, Pairs, cached_pairs

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CATEGORIES, BUDGETS, CAP = 8, 5, 2
CHUNK = 1_000  # people drawn by one generator, so that partitions do not matter
CONCENTRATION = 0.5  # of the Dirichlet draw of tastes: most people like a few categories
MOST_LIKELY = 0.6  # P(redeem) at the most
BUDGET_SHARES, FLOOR_SHARES = (0.15, 0.45), (0.02, 0.12)


def made_pairs(spark: SparkSession, *, people: int, coupons: int, seed: int, partitions: int) -> Pairs:
    """`people` people and `coupons` coupons, cached. Coupon k is of category k mod 8 and draws on budget k mod 5."""
    chunks = spark.range(0, -(-people // CHUNK), 1, partitions)

    def drawn(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for chunk in batch["id"].to_pylist():
                size = min(CHUNK, people - chunk * CHUNK)
                values, costs = drawn_people(chunk, size, coupons, seed)
                ends = pa.array(np.arange(size + 1) * coupons, pa.int32())
                lists = [pa.ListArray.from_arrays(ends, pa.array(numbers.ravel())) for numbers in (values, costs)]
                users = pa.array([f"user-{chunk * CHUNK + place:08d}" for place in range(size)])
                yield pa.record_batch([users, *lists, pa.array(np.full(size, CAP), pa.int32())], names=["user_id", "values", "costs", "cap"])

    return cached_pairs(chunks.mapInArrow(drawn, PAIRS))


def drawn_people(chunk: int, size: int, coupons: int, seed: int) -> tuple[Floats, Floats]:
    """values and costs, float64 [size, coupons] each: value = P(redeem) x a lognormal spend, cost lognormal."""
    of_coupons, rng = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1, chunk])
    attraction = of_coupons.uniform(0.3, 1.0, coupons)
    discount = of_coupons.lognormal(0.0, 0.4, coupons)
    basket = of_coupons.lognormal(2.0, 1.0, CATEGORIES)  # what people spend on a category differs so much that some floors bind
    category = np.arange(coupons) % CATEGORIES
    tastes = rng.dirichlet(np.full(CATEGORIES, CONCENTRATION), size)
    redeemed = np.minimum(attraction * tastes[:, category], MOST_LIKELY)
    spend = basket[category] * rng.lognormal(0.0, 0.6, (size, coupons))
    return redeemed * spend, discount * rng.lognormal(0.0, 0.5, (size, coupons))


def made_terms(pairs: Pairs, seed: int) -> Terms:
    """Budgets at BUDGET_SHARES of what everybody's best coupons would cost, and floors at FLOOR_SHARES of the people, both drawn by seed."""
    rng, places = np.random.default_rng([seed, 2]), np.arange(pairs.coupons)
    without = Terms(places % BUDGETS, places % CATEGORIES, np.zeros(BUDGETS), np.zeros(CATEGORIES))
    cost = pairs.evaluate(without, Duals(np.zeros(BUDGETS), np.zeros(CATEGORIES))).spend(without)
    floors = np.floor(rng.uniform(*FLOOR_SHARES, CATEGORIES) * pairs.people)
    return Terms(without.budget_of, without.category_of, rng.uniform(*BUDGET_SHARES, BUDGETS) * cost, floors)
