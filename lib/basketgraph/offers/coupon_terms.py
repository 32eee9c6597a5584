"""What an allocation of coupons has to keep, and what one pass over people computes at given prices; plain arrays, no Spark."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from basketgraph.foundation.config import UserError

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]


class Duals(NamedTuple):
    """Shadow prices. budgets: value that one more unit of each budget would bring; floors: value that one coupon of each floor costs. Both >= 0."""

    budgets: Floats
    floors: Floats

    @property
    def vector(self) -> Floats:
        return np.concatenate([self.budgets, self.floors])


@dataclass(frozen=True)
class Terms:
    """Every coupon draws on one budget and counts for one category.

    budget_of, category_of: int64 [coupons], places in `budgets` and `floors`.
    budgets:                float64 [budgets], the most that may be spent, in the unit of the pairs' costs.
    floors:                 float64 [categories], the fewest coupons that people get in all; 0 for none.
    """

    budget_of: Ints
    category_of: Ints
    budgets: Floats
    floors: Floats

    def __post_init__(self) -> None:
        faults = []
        for name, places, limits in (("budget", self.budget_of, self.budgets), ("category", self.category_of, self.floors)):
            if len(places) and not 0 <= places.min() <= places.max() < len(limits):
                faults.append(f"{name} of a coupon: want a place from 0 to {len(limits) - 1}, have {places.min()} to {places.max()}")
            if not (np.isfinite(limits).all() and (limits >= 0).all()):
                faults.append(f"limits of each {name}: want numbers of 0 or more, have {limits.tolist()}")
        if len(self.budget_of) != len(self.category_of):
            faults.append(f"want a budget and a category of each coupon, have {len(self.budget_of)} and {len(self.category_of)}")
        if faults:
            raise UserError("budgets and floors cannot be used", faults)

    @property
    def coupons(self) -> int:
        return len(self.budget_of)

    def duals(self, vector: Floats) -> Duals:
        return Duals(vector[: len(self.budgets)], vector[len(self.budgets) :])

    def scaled(self, budgets: float, floors: float) -> "Terms":
        return replace(self, budgets=self.budgets * budgets, floors=self.floors * floors)


class Block(NamedTuple):
    """Some people's pairs.

    values: float64 [people, coupons], -inf where the person may not have the coupon.
    costs:  float64 [people, coupons].
    caps:   int64 [people], the most coupons that each may have.
    """

    values: Floats
    costs: Floats
    caps: Ints


class Totals(NamedTuple):
    """Sums over people, by coupon: value, cost and count of the pairs that were chosen, float64 [3, coupons] in this order."""

    by_coupon: Floats

    @property
    def value(self) -> float:
        return float(self.by_coupon[0].sum())

    def spend(self, terms: Terms) -> Floats:
        """[budgets]"""
        return np.asarray(np.bincount(terms.budget_of, weights=self.by_coupon[1], minlength=len(terms.budgets)), dtype=np.float64)

    def counts(self, terms: Terms) -> Floats:
        """[categories]"""
        return np.asarray(np.bincount(terms.category_of, weights=self.by_coupon[2], minlength=len(terms.floors)), dtype=np.float64)


def reduced_values(block: Block, terms: Terms, duals: Duals) -> Floats:
    """What each pair adds to the Lagrangian, [people, coupons]: value - price of its budget x cost + price of its floor."""
    reduced = block.costs * -duals.budgets[terms.budget_of]
    reduced += block.values
    reduced += duals.floors[terms.category_of]
    return reduced


def best_coupons(reduced: Floats, caps: Ints) -> tuple[Ints, Ints]:
    """(person, coupon) of the pairs that maximise the Lagrangian: each person's best ones above 0, up to their cap.

    reduced: [people, coupons]; it is used up. returns: two int64 arrays of one length.
    """
    rows = np.arange(len(reduced))
    persons, coupons = [rows[:0]], [rows[:0]]
    for given in range(min(int(caps.max(initial=0)), reduced.shape[1])):
        best = reduced.argmax(axis=1)
        good = (reduced[rows, best] > 0) & (caps > given)
        if not good.any():
            break
        persons.append(rows[good])
        coupons.append(best[good])
        reduced[rows, best] = -np.inf
    return np.concatenate(persons), np.concatenate(coupons)


def totals(block: Block, persons: Ints, coupons: Ints) -> Totals:
    """Sums over the chosen pairs."""
    width = block.values.shape[1]
    chosen_values, chosen_costs = block.values[persons, coupons], block.costs[persons, coupons]
    sums = [np.bincount(coupons, weights=weights, minlength=width) for weights in (chosen_values, chosen_costs, np.ones(len(coupons)))]
    return Totals(np.stack(sums))


def lagrangian_totals(block: Block, terms: Terms, duals: Duals) -> Totals:
    """One pass over a block: sums over the pairs that are best at these prices."""
    return totals(block, *best_coupons(reduced_values(block, terms, duals), block.caps))
