"""Uplift models: what a campaign changes for a person, from an experiment whose arms were drawn at random.

T-learner: a regression in each arm; uplift is the difference of their predictions. S-learner: one regression on features, treatment and their
products (Künzel et al. 2019, arXiv 1706.03461). Scores are out-of-fold: nobody's own outcome is in the models that score them.
"""

from typing import NamedTuple

import numpy as np

from basketgraph.offers.experiment import Experiment, Floats, Ints
from basketgraph.offers.regression import fit, is_binary, predict

FOLDS, REPEATS = 5, 3


class Predictions(NamedTuple):
    """Out-of-fold predictions, means over the repeats.

    outcomes: float64 [people, arms], the expected outcome in each arm, by the T-learner.
    s_uplift: float64 [people, arms], the uplift of each arm over the control, by the S-learner; 0 for the control.
    """

    outcomes: Floats
    s_uplift: Floats

    @property
    def t_uplift(self) -> Floats:
        return self.outcomes - self.outcomes[:, :1]


def cross_fitted(experiment: Experiment, *, seed: int, folds: int = FOLDS, repeats: int = REPEATS) -> Predictions:
    """Fit T- and S-learner on all folds but one and predict that one, for each fold of each repeat's own split."""
    shape = (len(experiment.arm), len(experiment.arms))
    outcomes, s_uplift = np.zeros(shape), np.zeros(shape)
    for repeat in range(repeats):
        fold = split(experiment, folds, np.random.default_rng([seed, repeat]))
        for number in range(folds):
            held_out = fold == number
            outcomes[held_out] += t_learner(experiment, ~held_out, held_out) / repeats
            s_uplift[held_out] += s_learner(experiment, ~held_out, held_out) / repeats
    return Predictions(outcomes, s_uplift)


def split(experiment: Experiment, folds: int, rng: np.random.Generator) -> Ints:
    """The fold of each person, int64 [people]. Every fold has the same share of each arm, and in it of people with an outcome above 0: a fold with
    more of them than the rest would be scored by models that expect fewer.
    """
    fold = np.empty(len(experiment.arm), dtype=np.int64)
    stratum = experiment.arm * 2 + (experiment.outcome > 0)
    for value in np.unique(stratum):
        people = np.flatnonzero(stratum == value)
        fold[rng.permutation(people)] = np.arange(len(people)) % folds
    return fold


def t_learner(experiment: Experiment, train: Ints, test: Ints) -> Floats:
    """Expected outcomes [test people, arms] by one regression in each arm. train, test: bool [people]."""
    binary = is_binary(experiment.outcome)
    predicted = []
    for arm in range(len(experiment.arms)):
        rows = train & (experiment.arm == arm)
        coefficients = fit(experiment.features[rows], experiment.outcome[rows], binary=binary)
        predicted.append(predict(coefficients, experiment.features[test], binary=binary))
    return np.column_stack(predicted)


def s_learner(experiment: Experiment, train: Ints, test: Ints) -> Floats:
    """Uplift over the control [test people, arms] by one regression for each arm and the control. train, test: bool [people]."""
    binary = is_binary(experiment.outcome)
    uplift = np.zeros((int(test.sum()), len(experiment.arms)))
    for arm in range(1, len(experiment.arms)):
        rows = train & np.isin(experiment.arm, (0, arm))
        treated = (experiment.arm[rows] == arm).astype(np.float64)
        coefficients = fit(_with_treatment(experiment.features[rows], treated), experiment.outcome[rows], binary=binary)
        of_test = experiment.features[test]
        with_it, without = (predict(coefficients, _with_treatment(of_test, np.full(len(of_test), value)), binary=binary) for value in (1.0, 0.0))
        uplift[:, arm] = with_it - without
    return uplift


def _with_treatment(features: Floats, treated: Floats) -> Floats:
    """[rows, 2 features + 1]: the features, the treatment, and their products."""
    return np.column_stack([features, treated, features * treated[:, None]])
