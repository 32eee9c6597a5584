"""How well scores order people by uplift: Qini and the uplift in the top share, on weighted rows.

The gain at depth d is d x (mean outcome of the treated in the top d - the same of the control): what treating the best d of all people brings, per
person (Radcliffe 2007; Gutierrez and Gérardy 2017). Qini is the area between it and the diagonal, what random order brings.
"""

from typing import NamedTuple

import numpy as np

from basketgraph.offers.experiment import Floats, Ints

TOP = 0.3
PER = 1000.0  # Qini is told per 1,000 people


class Quality(NamedTuple):
    """qini: extra outcome per 1,000 people, averaged over depth; top: uplift per person in the top share."""

    qini: float
    top: float


class Ranking:
    """Two arms' people in the order of a score; people of equal scores come together.

    score, outcome: float64 [people]; treated: bool [people].
    """

    def __init__(self, score: Floats, treated: Ints, outcome: Floats) -> None:
        self.order = np.argsort(-score, kind="stable")
        ordered = score[self.order]
        self._ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)  # of groups of equal scores
        self._treated, self._outcome = treated[self.order].astype(np.float64), outcome[self.order]

    def quality(self, weights: Floats) -> Quality:
        """weights: [people] in the order in which the scores were given."""
        weights = weights[self.order]
        of_treated = weights * self._treated
        people, treated = self._totals(weights), self._totals(of_treated)
        outcome, treated_outcome = self._totals(weights * self._outcome), self._totals(of_treated * self._outcome)
        control = people - treated
        both = (treated > 0) & (control > 0)
        people, treated, control = people[both], treated[both], control[both]
        uplift = treated_outcome[both] / treated - (outcome - treated_outcome)[both] / control
        depth = np.append(0.0, people / people[-1])
        gain = depth * np.append(0.0, uplift)
        qini = np.trapz(gain, depth)
        return Quality(PER * float(qini - uplift[-1] / 2), float(np.interp(TOP, depth, gain) / TOP))

    def _totals(self, values: Floats) -> Floats:
        totals: Floats = np.cumsum(values)[self._ends]
        return totals
