"""Which coupons each person gets under budgets, floors and caps: Lagrangian dual on Spark, then whole coupons.

Maximise the value of the pairs given, where each budget holds, each category has its floor and nobody has more coupons than their cap. At prices for
budgets and floors everybody's best choice is their own, so a pass is an argmax in each partition and one small sum. The dual value at any prices is an
upper bound, and `gap` tells how far below it the whole coupons are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from basketgraph.offers.coupon_terms import Block, Duals, Floats, Terms, Totals, lagrangian_totals
from basketgraph.offers.cutting_plane import Plane, Planes, minimise_dual
from basketgraph.offers.pairs import Changes, Pairs
from basketgraph.offers.rounding import AT_LEAST, BUDGET_MARGIN, FLOOR_MARGIN, mend, wanted_shares

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SAMPLE = 20_000  # people whose prices are the start
BOUND_PASSES, MARGIN_PASSES = 24, 12  # at most
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


def allocate(pairs: Pairs, terms: Terms, *, start: Duals | None = None, seed: int = 0) -> Allocation:
    """Allocate coupons.

    start: prices to begin at, say yesterday's; without, those of a sample of SAMPLE people, drawn by seed, whose budgets and floors are scaled down.
    """
    sample = pairs.sample(SAMPLE, seed)
    price, scale = floor_price(sample), _scale(sample, terms)
    share = len(sample.caps) / pairs.people
    of_sample = Planes(terms, price)

    def passed(duals: Duals) -> Totals:
        return pairs.evaluate(terms, duals)

    def passed_sample(duals: Duals) -> Totals:
        return lagrangian_totals(sample, terms, duals)

    begin = start.vector if start is not None else 0 * scale
    if start is None:
        small = terms.scaled(share, share)
        begin = minimise_dual(of_sample, small, passed_sample, start=begin, scale=scale, radius=1.0, most=SAMPLE_PASSES)[1].point
    sizes = np.maximum(begin, 0.05 * scale)
    planes, search = Planes(terms, price), {"scale": sizes, "radius": NEAR}
    guess = SampleGuess(of_sample, passed_sample, terms, share=share, scale=sizes)
    dual, bound = minimise_dual(planes, terms, passed, start=begin, most=BOUND_PASSES, guess=guess, **search)
    narrow = terms.scaled(BUDGET_MARGIN, FLOOR_MARGIN)
    guess = SampleGuess(of_sample, passed_sample, narrow, share=share, scale=sizes)
    _, best = minimise_dual(planes, narrow, passed, start=bound.point, most=MARGIN_PASSES, guess=guess, **search)
    changes = _mended(pairs, terms, best)
    prices = terms.duals(best.point)
    whole = pairs.chosen(terms, prices, changes)
    spend, counts = whole.totals.spend(terms), whole.totals.counts(terms)
    shortfall = np.maximum(terms.floors - counts, 0.0)
    net = whole.totals.value - price * float(shortfall.sum())
    return Allocation(
        coupons=pairs.allocation(terms, prices, changes),
        dual=dual,
        value=whole.totals.value,
        gap=(dual - net) / max(abs(dual), 1e-300),
        duals=terms.duals(bound.point),
        passes=planes.passes + 2,  # for moves, and for the sums at the end
        spend=spend,
        counts=counts,
        shortfall=shortfall,
        violations=int((spend > terms.budgets).sum()) + whole.breaches,
    )


def _mended(pairs: Pairs, terms: Terms, best: Plane) -> dict[int, Changes]:
    """The moves that make the best pairs of a pass keep the limits, by block."""
    spend, counts = -best.slope[: len(terms.budgets)], best.slope[len(terms.budgets) :]
    moves = pairs.moves(terms, terms.duals(best.point), wanted_shares(terms, spend, counts, pairs.people), AT_LEAST)
    made = mend(terms, spend, counts, moves)
    block = moves.block[made]
    return {int(one): Changes(*(column[made][block == one] for column in (moves.person, moves.out, moves.in_))) for one in np.unique(block)}


def floor_price(people: Block) -> float:
    """What one coupon short of a floor costs."""
    return FLOOR_PRICE * max(float(people.values.max(initial=0.0)), 1e-9)


def _scale(people: Block, terms: Terms) -> Floats:
    """The size of each price: a mean value per cost, and a mean value."""
    value = float(people.values[np.isfinite(people.values)].mean())
    cost = float(people.costs.mean())
    return np.concatenate([np.full(len(terms.budgets), value / cost), np.full(len(terms.floors), value)])


def _sample_prices(sample: Block, terms: Terms, people: int, price: float, scale: Floats) -> Floats:
    share = len(sample.caps) / people
    small = terms.scaled(share, share)

    def passed(duals: Duals) -> Totals:
        return lagrangian_totals(sample, small, duals)

    _, best = minimise_dual(Planes(small, price), small, passed, start=0 * scale, scale=scale, radius=FAR, most=SAMPLE_PASSES, name="sample")
    return best.point
