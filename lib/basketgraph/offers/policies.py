"""What a way of choosing arms would have brought, from an experiment in which arms were drawn at random.

The doubly robust value of a policy is the mean over people of mu_a + [arm = a] (outcome - mu_a) / share_a, a being the policy's arm (Dudík,
Langford and Li 2011, arXiv 1103.4601). The shares are known by design, so it is unbiased whatever mu is; a better mu makes it more precise.
"""

from collections.abc import Mapping

import numpy as np

from basketgraph.offers.experiment import Experiment, Floats, Ints


def robust_outcomes(experiment: Experiment, outcomes: Floats) -> Floats:
    """Each person's doubly robust outcome in each arm, float64 [people, arms]. outcomes: out-of-fold predictions of the same shape."""
    robust = outcomes.copy()
    people = np.arange(len(experiment.arm))
    own = outcomes[people, experiment.arm]
    robust[people, experiment.arm] += (experiment.outcome - own) / experiment.shares[experiment.arm]
    return robust


def model_policy(outcomes: Floats, costs: Floats) -> Ints:
    """The arm with the best predicted outcome less its cost, int64 [people]. outcomes: [people, arms]; costs: [arms], in units of the outcome."""
    return np.asarray(np.argmax(outcomes - costs, axis=1))


def rule_policy(rules: Mapping[int, Floats], effects: Floats) -> Ints:
    """The arm whose rule gives the highest number, int64 [people]; of equal numbers the arm with the greater effect, and the control where no rule
    gives one.

    rules:   by arm, float64 [people], -inf where the rule gives nothing; effects: [arms].
    """
    arms = sorted(rules, key=lambda arm: -effects[arm])  # argmax takes the first of equals
    numbers = np.column_stack([rules[arm] for arm in arms])
    return np.where(np.isneginf(numbers).all(axis=1), 0, np.asarray(arms)[np.argmax(numbers, axis=1)])


def policy_value(robust: Floats, policy: Ints, costs: Floats) -> Floats:
    """What the policy brings with each person, less the cost of their arm: float64 [people], whose mean is the policy's value."""
    return np.asarray(robust[np.arange(len(policy)), policy] - costs[policy])
