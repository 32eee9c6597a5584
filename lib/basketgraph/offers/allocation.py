"""Which coupons each person gets under budgets, floors and caps: Lagrangian dual on Spark, then whole coupons.

Maximise the value of the pairs given, where each budget holds, each category has its floor and nobody has more coupons than their cap. At prices for
budgets and floors everybody's best choice is their own, so a pass is an argmax in each partition and one small sum. The dual value at any prices is
an upper bound, and `gap` tells how far below it the whole coupons are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from basketgraph.offers.coupon_terms import Block, Duals, Floats, Terms, Totals, lagrangian_totals
from basketgraph.offers.cutting_plane import NEAR, SAMPLE_PASSES, Plane, Planes, SampleGuess, minimise_dual
from basketgraph.offers.pairs import Changes, Pairs
from basketgraph.offers.rounding import AT_LEAST, BUDGET_MARGIN, FLOOR_MARGIN, mend, wanted_shares

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SAMPLE = 20_000  # people
BOUND_PASSES, MARGIN_PASSES = 24, 12  # at most
ROUND_OFF = 1e-9  # of a budget: sums in another order differ in their last digits
LEAST_SIZE = 0.05  # of a mean price, where the first one is 0
FLOOR_PRICE = 10.0  # of the largest value: what one coupon short of a floor costs, far above what any coupon brings


@dataclass(frozen=True)
class Allocation:
    """Whole coupons for people, and what is known of them.

    coupons:   rows user_id, coupon (its place), value, cost; computed when it is read.
    dual:      an upper bound of the value, at the best prices found; less the price of floors that cannot be met.
    value:     of the coupons given; gap: share of the dual that the value, less the same price, is below it.
    duals:     the prices; tomorrow's start.
    passes:    over everybody's pairs.
    spend:     [budgets]; counts: [categories].
    shortfall: [categories], coupons that each floor is short of.
    violations: budgets that are exceeded, and people over their cap or with a coupon twice.
    """

    coupons: DataFrame
    dual: float
    value: float
    gap: float
    duals: Duals
    passes: int
    spend: Floats
    counts: Floats
    shortfall: Floats
    violations: int


def allocate(pairs: Pairs, terms: Terms, *, start: Duals | None = None, seed: int = 0, sample_people: int = SAMPLE) -> Allocation:
    """Allocate coupons.

    start:         prices to begin at, say yesterday's; without, those of a sample of people whose budgets and floors are scaled down.
    sample_people: how many people are drawn, by seed; the driver holds their pairs and searches them between passes.
    """
    sample = pairs.sample(sample_people, seed)
    share, price, size = len(sample.caps) / pairs.people, floor_price(pairs.most), price_sizes(sample, terms)
    of_sample, planes = Planes(terms, price), Planes(terms, price)

    def passed_sample(duals: Duals) -> Totals:
        return lagrangian_totals(sample, terms, duals)

    def least(limits: Terms, begin: Floats, most: int) -> tuple[float, Plane]:
        near = np.maximum(begin, LEAST_SIZE * size)
        guess = SampleGuess(of_sample, passed_sample, limits, share=share, scale=near)
        return minimise_dual(planes, limits, lambda duals: pairs.evaluate(terms, duals), start=begin, scale=near, radius=NEAR, most=most, guess=guess)

    begin = np.zeros(len(size)) if start is None else start.vector
    if start is None:
        small = terms.scaled(share, share)
        begin = minimise_dual(of_sample, small, passed_sample, start=begin, scale=size, radius=1.0, most=SAMPLE_PASSES)[1].point
    dual, bound = least(terms, begin, BOUND_PASSES)
    _, best = least(terms.scaled(BUDGET_MARGIN, FLOOR_MARGIN), bound.point, MARGIN_PASSES)
    changes = _mended(pairs, terms, best)
    found = pairs.chosen(terms, terms.duals(best.point), changes)
    spend, counts = found.totals.spend(terms), found.totals.counts(terms)
    shortfall = np.maximum(terms.floors - counts, 0.0)
    net = found.totals.value - price * float(shortfall.sum())
    return Allocation(
        coupons=pairs.allocation(terms, terms.duals(best.point), changes),
        dual=dual,
        value=found.totals.value,
        gap=(dual - net) / max(abs(dual), 1e-300),
        duals=terms.duals(bound.point),
        passes=planes.passes + 2,  # for the moves, and for the sums at the end
        spend=spend,
        counts=counts,
        shortfall=shortfall,
        violations=int((spend > terms.budgets * (1 + ROUND_OFF)).sum()) + found.breaches,
    )


def _mended(pairs: Pairs, terms: Terms, best: Plane) -> dict[int, Changes]:
    """The moves that make the best pairs of a pass keep the limits, by block."""
    spend, counts = -best.slope[: len(terms.budgets)], best.slope[len(terms.budgets) :]
    moves = pairs.moves(terms, terms.duals(best.point), wanted_shares(terms, spend, counts, pairs.people), AT_LEAST)
    made = mend(terms, spend, counts, moves)
    block = moves.block[made]
    return {int(one): Changes(*(column[made][block == one] for column in (moves.person, moves.out, moves.in_))) for one in np.unique(block)}


def floor_price(most: float) -> float:
    """What one coupon short of a floor costs. most: the largest value of a pair."""
    return FLOOR_PRICE * max(most, 1e-9)


def price_sizes(people: Block, terms: Terms) -> Floats:
    """The size of a price of each budget and floor: a mean value per cost, and a mean value."""
    value = float(people.values[np.isfinite(people.values)].mean())
    cost = float(people.costs.mean())
    return np.concatenate([np.full(len(terms.budgets), value / cost), np.full(len(terms.floors), value)])
