"""From prices to whole coupons: the best pairs at the prices, mended by single moves until every budget and floor holds, then filled up.

A move changes one person: it takes one coupon away, gives one, or replaces one. Blocks of people hand in their cheapest moves only, so that what
the driver looks at grows with what has to be mended, not with people. Only the driver decides, so limits hold exactly.
"""

from typing import NamedTuple

import numpy as np

from basketgraph.offers.coupon_terms import Block, Bools, Duals, Floats, Ints, Terms, best_coupons, reduced_values

NONE = -1  # no coupon
BUDGET_MARGIN, FLOOR_MARGIN = 0.999, 1.01  # of the limits that the prices are for: rounding then has room on both sides
AT_LEAST = 2_000  # moves of each kind and limit from all blocks together
SPARE = 2.0  # times as many moves as are wanted
TAKE, GIVE, FLOOR = 0, 1, 2  # kinds of moves: to keep a budget, to use one up, to reach a floor


class Moves(NamedTuple):
    """Single changes, columns of one length. out, in_: the coupon taken and given, or NONE; rate: what is lost, by the unit of the move's kind."""

    kind: Ints
    block: Ints
    person: Ints
    out: Ints
    in_: Ints
    cost_out: Floats
    cost_in: Floats
    rate: Floats


class Shares(NamedTuple):
    """How large a share of a block's spend and people its moves have to cover. take, give: [budgets]; reach: [categories]."""

    take: Floats
    give: Floats
    reach: Floats


def wanted_shares(terms: Terms, spend: Floats, counts: Floats, people: int) -> Shares:
    """From how far the best pairs at the prices are from the limits."""
    with np.errstate(divide="ignore", invalid="ignore"):
        over = np.nan_to_num(np.maximum(spend - terms.budgets, 0) / spend)
        under = np.nan_to_num(np.maximum(terms.budgets - spend, 0) / terms.budgets)
    missing = np.maximum(terms.floors - counts, 0) / max(people, 1)
    return Shares(SPARE * over + 0.001, SPARE * np.minimum(under, 0.01) + 0.001, SPARE * missing)


def block_moves(block: Block, terms: Terms, duals: Duals, number: int, shares: Shares, at_least: int) -> Moves:
    """The cheapest moves of a block's people at these prices. number: of the block."""
    reduced = reduced_values(block, terms, duals)
    persons, coupons = best_coupons(reduced.copy(), block.caps)
    chosen = np.zeros(reduced.shape, dtype=bool)
    chosen[persons, coupons] = True
    free = np.bincount(persons, minlength=len(reduced)) < block.caps
    addable = free[:, None] & ~chosen & (block.values > 0)
    worst = np.where(chosen, reduced, np.inf).argmin(axis=1)  # what a full person gives up for another coupon
    found = []
    for budget in range(len(terms.budgets)):
        own = terms.budget_of == budget
        spent = float(block.costs[persons, coupons][own[coupons]].sum())
        person, coupon, rate = _cheapest_pairs(block, reduced, chosen & own, spent * shares.take[budget], at_least)
        found.append((np.full(len(person), TAKE), person, coupon, np.full(len(person), NONE), rate))
        person, coupon, rate = _cheapest_pairs(block, -reduced, addable & own, spent * shares.give[budget], at_least)
        found.append((np.full(len(person), GIVE), person, np.full(len(person), NONE), coupon, rate))
    for category in np.flatnonzero(terms.floors > 0):
        own = terms.category_of == category
        wanted = int(np.ceil(shares.reach[category] * len(reduced))) + at_least
        found.append(_cheapest_reaches(block, reduced, chosen, own, free, worst, wanted))
    kind, person, out, in_, rate = (np.concatenate(columns) for columns in zip(*found, strict=True))
    return Moves(kind, np.full(len(kind), number), person, out, in_, _of(block.costs, person, out), _of(block.costs, person, in_), rate)


_Found = tuple[Ints, Ints, Ints, Ints, Floats]  # kind, person, out, in_, rate


def _of(amounts: Floats, person: Ints, coupon: Ints) -> Floats:
    return np.where(coupon == NONE, 0.0, amounts[person, coupon])


def _cheapest_pairs(block: Block, loss: Floats, pairs: Bools, cost: float, at_least: int) -> tuple[Ints, Ints, Floats]:
    """(person, coupon, loss per cost) of the pairs that lose least per cost, until they have `cost`. loss: [people, coupons]."""
    person, coupon = np.nonzero(pairs)
    costs = block.costs[person, coupon]
    with np.errstate(divide="ignore"):
        rate = loss[person, coupon] / costs
    kept = np.argsort(rate, kind="stable")
    enough = int(np.searchsorted(np.cumsum(costs[kept]), cost)) + 1
    kept = kept[: max(enough, at_least)]
    return person[kept], coupon[kept], rate[kept]


def _cheapest_reaches(block: Block, reduced: Floats, chosen: Bools, own: Bools, free: Bools, worst: Ints, wanted: int) -> _Found:
    """Each person's best further coupon of a category, in place of their worst one where they have no room; the `wanted` that lose least."""
    rows = np.arange(len(reduced))
    of_category = np.where(chosen | ~own, -np.inf, reduced)
    best = of_category.argmax(axis=1)
    out = np.where(free, NONE, worst)
    possible = np.isfinite(of_category[rows, best]) & (block.caps > 0) & (free | ~own[worst])
    with np.errstate(invalid="ignore"):
        loss = np.where(free, 0.0, reduced[rows, worst]) - of_category[rows, best]
    person = np.flatnonzero(possible)
    person = person[np.argsort(loss[person], kind="stable")[:wanted]]
    return np.full(len(person), FLOOR), person, out[person], best[person], loss[person]


def mend(terms: Terms, spend: Floats, counts: Floats, moves: Moves) -> Ints:
    """Choose moves until floors and budgets hold, then use up what is left of the budgets. Budgets come before floors where both cannot be.

    spend, counts: of the best pairs at the prices, before any move: [budgets], [categories].
    returns: places of the moves to make, at most one of each person.
    """
    state = _State(terms, spend, counts, moves)
    for category in range(len(terms.floors)):
        state.reach_floor(category)
    for keep_floors in (True, False):
        for budget in range(len(terms.budgets)):
            state.make_room(budget, 0.0, keep_floors=keep_floors)
    state.use_up()
    return np.array(state.made, dtype=np.int64)


class _State:
    def __init__(self, terms: Terms, spend: Floats, counts: Floats, moves: Moves) -> None:
        self.terms, self.moves = terms, moves
        self.spend, self.counts = spend.copy(), counts.copy()
        self.made: list[int] = []
        self.moved: set[tuple[int, int]] = set()  # (block, person): one move each, so that no cap can break
        self.order = np.argsort(moves.rate, kind="stable")
        budgets = range(len(terms.budgets))
        self.takes = {budget: iter(self._cheapest(TAKE, moves.out, terms.budget_of, budget)) for budget in budgets}

    def _cheapest(self, kind: int, coupons: Ints, limits: Ints, limit: int) -> Ints:
        of_limit = (self.moves.kind == kind) & (coupons != NONE) & (limits[coupons] == limit)
        cheapest: Ints = self.order[of_limit[self.order]]
        return cheapest

    def reach_floor(self, category: int) -> None:
        for move in self._cheapest(FLOOR, self.moves.in_, self.terms.category_of, category):
            if self.counts[category] >= self.terms.floors[category]:
                return
            budget = int(self.terms.budget_of[self.moves.in_[move]])
            if self._may_go(self.moves.out[move]) and self.make_room(budget, self.moves.cost_in[move], keep_floors=True):
                self._make(move)

    def make_room(self, budget: int, cost: float, *, keep_floors: bool) -> bool:
        """Take coupons away until `cost` fits into the budget; whether it does."""
        takes = self.takes[budget] if keep_floors else iter(self._cheapest(TAKE, self.moves.out, self.terms.budget_of, budget))
        while self.spend[budget] + cost > self.terms.budgets[budget]:
            move = next(takes, None)
            if move is None:
                return False
            if not keep_floors or self._may_go(self.moves.out[move]):
                self._make(move)
        return True

    def use_up(self) -> None:
        for move in self.order[self.moves.kind[self.order] == GIVE]:
            budget = self.terms.budget_of[self.moves.in_[move]]
            if self.spend[budget] + self.moves.cost_in[move] <= self.terms.budgets[budget]:
                self._make(move)

    def _may_go(self, coupon: int) -> bool:
        """Whether the coupon's category has more than its floor, so that one may be taken away."""
        category = self.terms.category_of[coupon]
        return coupon == NONE or bool(self.counts[category] - 1 >= self.terms.floors[category])

    def _make(self, move: int) -> None:
        person = (int(self.moves.block[move]), int(self.moves.person[move]))
        if person in self.moved:
            return
        self.moved.add(person)
        self.made.append(move)
        for coupon, cost, sign in ((self.moves.out[move], self.moves.cost_out[move], -1), (self.moves.in_[move], self.moves.cost_in[move], 1)):
            if coupon != NONE:
                self.spend[self.terms.budget_of[coupon]] += sign * cost
                self.counts[self.terms.category_of[coupon]] += sign
