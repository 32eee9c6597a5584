"""`basketgraph bench allocation`: an instance by seed, allocated and judged."""

from __future__ import annotations

import time
from typing import Any

from basketgraph.foundation.config import UserError
from basketgraph.foundation.progress import at
from basketgraph.foundation.runs.memory import PeakMemory
from basketgraph.foundation.runs.session import session_without_shop
from basketgraph.offers.allocation import allocate, floor_price
from basketgraph.offers.allocation_instance import CATEGORIES, made_pairs, made_terms
from basketgraph.offers.exact_allocation import exact_value

EXACT_PEOPLE = 10_000  # the exact program of 5,000 x 40 takes some 20 s, of 20,000 x 40 more than 400 s
ROUNDS = 4  # partitions for each core


def bench(*, people: int, coupons: int, exact: bool = False, seed: int = 0) -> dict[str, Any]:
    """dual, value, gap, passes, seconds (of the solve alone: pairs cached, Spark started), violations, shortfall (coupons by category, where a
    floor is not met), exact (of the linear program; None where it was not asked for), exact_difference (share of it that the dual is above),
    people, coupons, spend_of_budgets (shares), total_seconds, peak_memory_bytes (all processes together), seed.

    errors: UserError for fewer coupons than categories, and for an exact program of too many people.
    """
    if coupons < CATEGORIES:
        raise UserError(f"--coupons: want one for each of the {CATEGORIES} categories, have {coupons}")
    if exact and people > EXACT_PEOPLE:
        raise UserError(
            f"--exact: want {EXACT_PEOPLE:,} people or fewer, have {people:,}", cure="Leave it out: the dual is a bound, and gap is told."
        )
    began = time.monotonic()
    with PeakMemory(seconds=1.0) as memory:
        spark = session_without_shop("basketgraph bench allocation")
        partitions = min(spark.sparkContext.defaultParallelism * ROUNDS, -(-people // 1_000))
        at("drawing the instance")
        pairs = made_pairs(spark, people=people, coupons=coupons, seed=seed, partitions=partitions)
        terms = made_terms(pairs, seed)
        started = time.monotonic()
        found = allocate(pairs, terms, seed=seed)
        seconds = time.monotonic() - started
        optimum = None
        if exact:
            at("the exact linear program")
            optimum = exact_value(pairs.sample(people, seed), terms, floor_price=floor_price(pairs.most))
        pairs.blocks.unpersist()
    return {
        "dual": found.dual,
        "value": found.value,
        "gap": found.gap,
        "passes": found.passes,
        "seconds": round(seconds, 2),
        "violations": found.violations,
        "shortfall": {str(category): int(short) for category, short in enumerate(found.shortfall) if short > 0},
        "exact": optimum,
        "exact_difference": None if optimum is None else (found.dual - optimum) / abs(optimum),
        "spend_of_budgets": [round(float(share), 6) for share in found.spend / terms.budgets],
        "people": people,
        "coupons": coupons,
        "total_seconds": round(time.monotonic() - began, 2),
        "peak_memory_bytes": memory.peak,
        "seed": seed,
    }
