"""Minimise the Lagrangian dual of an allocation by cutting planes in a trust region; knows nothing of where the people are.

The dual at prices (l, m) is D = h(l, m) + l . budgets - m . floors, where h is the sum over people of the best they can have at these prices. h is
convex, and each pass gives its value and a subgradient (-spend, counts): a plane below it. Each step minimises the highest plane within the trust
region by a linear program of a few variables (HiGHS), and asks for a pass there (Kelley 1960; Lemaréchal, Nemirovskii and Nesterov 1995).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog

from basketgraph.foundation.progress import at
from basketgraph.offers.coupon_terms import Duals, Floats, Terms, Totals

TOLERANCE = 1e-5  # of the dual's value, between the best dual and what the planes allow
ENOUGH = 0.1  # of a decrease that was promised
NEAR, WIDEST = 0.05, 1e6  # radius of the trust region, in units of the prices: around a good start, and at the most
SAMPLE_PASSES = 300  # over a sample, which is in memory
Evaluate = Callable[[Duals], Totals]


class Plane(NamedTuple):
    """A pass at the prices `point`: h is `height` there, and nowhere below height + slope . (prices - point). slope: -spend, then counts."""

    point: Floats
    height: float
    slope: Floats


class Planes:
    """What is known of h. It holds for any budgets and floors, so a search with other ones starts from it.

    floor_price: the highest price of a floor, which is what one coupon short of it costs. A floor that cannot be met has this price.
    """

    def __init__(self, terms: Terms, floor_price: float) -> None:
        self.planes: list[Plane] = []
        self.upper = np.concatenate([np.full(len(terms.budgets), np.inf), np.full(len(terms.floors), floor_price)])

    @property
    def passes(self) -> int:
        return len(self.planes)

    def add(self, terms: Terms, point: Floats, evaluate: Evaluate) -> Plane:
        """Ask for a pass at these prices."""
        found = evaluate(terms.duals(point))
        slope = np.concatenate([-found.spend(terms), found.counts(terms)])
        self.planes.append(Plane(point, found.value + float(slope @ point), slope))
        at("passes", self.passes)
        return self.planes[-1]

    def value(self, terms: Terms, plane: Plane) -> float:
        """The dual at a pass's prices, for these budgets and floors."""
        return plane.height + float(_linear(terms) @ plane.point)

    def best(self, terms: Terms) -> tuple[float, Plane]:
        """The lowest dual value among the passes, and its pass."""
        return min(((self.value(terms, plane), plane) for plane in self.planes), key=lambda pair: pair[0])

    def lowest(self, terms: Terms, low: Floats, high: Floats, scale: Floats) -> tuple[float, Floats]:
        """The least value that the planes allow between the prices `low` and `high`, and where it is. scale: of each price, for the solver."""
        linear, size = _linear(terms), max(abs(plane.height) for plane in self.planes) or 1.0
        slopes = np.stack([plane.slope for plane in self.planes])
        heights = np.array([plane.height - plane.slope @ plane.point for plane in self.planes])
        rows = np.column_stack([slopes * scale / size, np.full(len(slopes), -1.0)])
        bounds = [*zip(low / scale, high / scale, strict=True), (None, None)]
        solved = linprog(np.append(linear * scale / size, 1.0), A_ub=rows, b_ub=-heights / size, bounds=bounds, method="highs")
        if not solved.success:
            raise RuntimeError(f"the linear program of the prices has no solution: {solved.message}")
        return float(solved.fun) * size, np.clip(solved.x[:-1] * scale, low, high)


def _linear(terms: Terms) -> Floats:
    return np.concatenate([terms.budgets, -terms.floors])


Guess = Callable[[Plane], tuple[float, Floats]]


def minimise_dual(
    planes: Planes,
    terms: Terms,
    evaluate: Evaluate,
    *,
    start: Floats,
    scale: Floats,
    radius: float,
    most: int,
    guess: Guess | None = None,
) -> tuple[float, Plane]:
    """The lowest dual value found and its pass: at most TOLERANCE above the least, or after `most` passes.

    start:  prices to begin at, [budgets + floors]; scale: the size of each price; radius: of the trust region, in units of scale.
    guess:  from the best pass so far, by how much the dual can still fall and where it is least, as something cheaper than a pass sees it. It is
    followed
            while it keeps ENOUGH of what it promises; then the planes take over.
    """
    first = planes.passes
    planes.add(terms, start, evaluate)
    while planes.passes - first < most:
        value, best = planes.best(terms)
        if guess is None:
            low, high = np.maximum(best.point - radius * scale, 0.0), np.minimum(best.point + radius * scale, planes.upper)
            allowed, point = planes.lowest(terms, low, high, scale)
            promised = value - allowed
        else:
            promised, point = guess(best)
        if promised <= TOLERANCE * abs(value):
            at_border = guess is None and bool((((point <= low) & (low > 0)) | ((point >= high) & (high < planes.upper))).any())
            if not at_border or radius > WIDEST:
                break  # what is least in the region is least anywhere: the planes are convex
            radius *= 4
            continue
        now = planes.add(terms, point, evaluate)
        kept = value - planes.value(terms, now) >= ENOUGH * promised
        if guess is None:
            radius = radius * 2 if kept else radius / 2
        elif not kept:
            guess = None
    return planes.best(terms)


class SampleGuess:
    """The dual of a sample of people, moved so that it has everybody's slope at a pass (Shamir, Srebro and Zhang 2014, arXiv 1312.7853).

    The sample knows how spend and counts change with prices; a pass knows what they are. Each guess is a search on the sample alone.
    """

    def __init__(self, planes: Planes, evaluate: Evaluate, terms: Terms, *, share: float, scale: Floats) -> None:
        """share: of the people who are in the sample; terms: everybody's."""
        self._planes, self._evaluate, self._terms, self._share, self._scale = planes, evaluate, terms, share, scale

    def __call__(self, best: Plane) -> tuple[float, Floats]:
        terms = self._terms
        own = self._planes.add(terms, best.point, self._evaluate)
        moved = own.slope - best.slope * self._share  # of which the first are -spend, and the others counts
        budgets = np.maximum(terms.budgets * self._share - moved[: len(terms.budgets)], 0.0)
        floors = np.maximum(terms.floors * self._share + moved[len(terms.budgets) :], 0.0)
        small = replace(terms, budgets=budgets, floors=floors)
        value, least = minimise_dual(self._planes, small, self._evaluate, start=best.point, scale=self._scale, radius=NEAR, most=SAMPLE_PASSES)
        return (self._planes.value(small, own) - value) / self._share, least.point
