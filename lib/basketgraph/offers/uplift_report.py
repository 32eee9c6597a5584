"""An experiment judged: uplift models beside random, a response model and a business rule; policies; and whether the data supports targeting."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from basketgraph.foundation.progress import at
from basketgraph.offers.experiment import Experiment, Floats, Ints
from basketgraph.offers.policies import model_policy, policy_value, robust_outcomes, rule_policy
from basketgraph.offers.uplift import FOLDS, cross_fitted
from basketgraph.offers.uplift_curves import Quality, Ranking

DEFAULT = "t_logistic"
DRAWS, LEVEL = 200, 0.9
CROSS_FITTING = (1 + FOLDS / (FOLDS - 1)) ** 0.5  # of a standard error over folds that learn from each other (Nadeau and Bengio 2003)


def judge_experiment(
    experiment: Experiment, *, rules: Mapping[int, Floats] | None = None, costs: Mapping[int, float] | None = None, seed: int = 0
) -> dict[str, Any]:
    """The figures of `basketgraph bench uplift`, with LEVEL intervals by Poisson bootstrap over people (the same draws for every figure).

    rules: by arm, a business rule's number of each person, float64 [people], -inf for none: higher first.
    costs: by arm, of treating a person, in units of the outcome; 0 where none is named.
    returns: arms, policies, gains (of the model's policy over the others) and evidence (see `has_evidence`).
    """
    rules = rules or {}
    per_person = np.array([(costs or {}).get(arm, 0.0) for arm in range(len(experiment.arms))])
    predictions = cross_fitted(experiment, seed=seed)
    scores = {"t_logistic": predictions.t_uplift, "s_logistic": predictions.s_uplift, "response": predictions.outcomes}
    people = {arm: np.flatnonzero(np.isin(experiment.arm, (0, arm))) for arm in range(1, len(experiment.arms))}
    random = np.random.default_rng([seed, 1]).random(len(experiment.arm))
    rankings = {}
    for arm, rows in people.items():
        of_arm = {"random": random, "response": scores["response"][:, arm], **({"rule": rules[arm]} if arm in rules else {})}
        of_arm |= {name: scores[name][:, arm] for name in ("t_logistic", "s_logistic")}
        treated, outcome = experiment.arm[rows] == arm, experiment.outcome[rows]
        rankings[arm] = {name: Ranking(score[rows], treated, outcome) for name, score in of_arm.items()}
    values = _policies(experiment, predictions.outcomes, rules, per_person)
    draws: dict[tuple[Any, ...], list[float]] = {}
    for number in range(DRAWS + 1):
        at("bootstrap draws", number, DRAWS)
        weights = _weights(len(experiment.arm), number, seed)
        for arm, rows in people.items():
            draws.setdefault((arm, "ate"), []).append(_effect(experiment, arm, weights))
            for name, ranking in rankings[arm].items():
                qini, top = ranking.quality(weights[rows])
                draws.setdefault((arm, name, "qini"), []).append(qini)
                draws.setdefault((arm, name, "uplift_top30"), []).append(top)
        for name, value in values.items():
            draws.setdefault(("policy", name), []).append(float(np.average(value, weights=weights)))
    return _as_json(experiment, {arm: tuple(of_arm) for arm, of_arm in rankings.items()}, tuple(values), draws)


def _weights(people: int, number: int, seed: int) -> Floats:
    """The first weighs everybody once; each other is one draw of the Poisson bootstrap."""
    if number == 0:
        return np.ones(people)
    return np.random.default_rng([seed, 2, number]).poisson(1.0, people).astype(np.float64)


def _effect(experiment: Experiment, arm: int, weights: Floats) -> float:
    treated, control = experiment.arm == arm, experiment.arm == 0
    return float(
        np.average(experiment.outcome[treated], weights=weights[treated]) - np.average(experiment.outcome[control], weights=weights[control])
    )


def _policies(experiment: Experiment, outcomes: Floats, rules: Mapping[int, Floats], costs: Floats) -> dict[str, Floats]:
    """Every policy's value with each person, float64 [people]."""
    chosen: dict[str, Ints] = {"none": np.zeros(len(experiment.arm), dtype=np.int64)}
    chosen |= {f"all:{name}": np.full(len(experiment.arm), arm) for arm, name in enumerate(experiment.arms) if arm > 0}
    if rules:
        everybody = np.ones(len(experiment.arm))
        effects = np.array([0.0, *(_effect(experiment, arm, everybody) for arm in range(1, len(experiment.arms)))])
        chosen["rule"] = rule_policy(rules, effects - costs)
    chosen["model"] = model_policy(outcomes, costs)
    robust = robust_outcomes(experiment, outcomes)
    return {name: policy_value(robust, policy, costs) for name, policy in chosen.items()}


def bounds(drawn: Sequence[float], level: float) -> tuple[float, float]:
    """Percentile bounds of the draws; the first of `drawn` is the figure itself and no draw."""
    low, high = np.quantile(drawn[1:], [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def has_evidence(qini_draws: Sequence[Sequence[float]]) -> bool:
    """Whether the data supports targeting: the Qini of the default learner is above 0 for at least one arm, beyond chance.

    Its lower bound is that of the bootstrap, moved away by CROSS_FITTING, since the bootstrap holds the scores fixed: people who look alike score
    each other, so their noise enters twice. The level is shared out among the arms (Bonferroni). So an outcome whose uplift no feature tells passes
    in some 5 % of experiments, however many arms there are. Where it does not pass, treat everybody or nobody, or follow a rule.

    qini_draws: for each arm, the figure and its bootstrap draws.
    """
    level = 1 - (1 - LEVEL) / len(qini_draws)
    lows = [(drawn[0], bounds(drawn, level)[0]) for drawn in qini_draws]
    return any(value - CROSS_FITTING * (value - low) > 0 for value, low in lows)


def _as_json(
    experiment: Experiment, learners: Mapping[int, tuple[str, ...]], policies: tuple[str, ...], draws: Mapping[tuple[Any, ...], Sequence[float]]
) -> dict[str, Any]:
    arms = {}
    for arm, names in learners.items():
        of_arm: dict[str, dict[str, float]] = {}
        for name in names:
            of_arm[name] = {}
            for metric in Quality._fields:
                key = {"qini": "qini", "top": "uplift_top30"}[metric]
                drawn = draws[arm, name, key]
                of_arm[name] |= dict(zip((key, f"{key}_low", f"{key}_high"), (drawn[0], *bounds(drawn, LEVEL)), strict=True))
        people = int((experiment.arm == arm).sum())
        arms[experiment.arms[arm]] = {"people": people, "ate": _interval(draws[arm, "ate"]), "default": DEFAULT, "learners": of_arm}
    model = np.asarray(draws["policy", "model"])
    return {
        "arms": arms,
        "policies": {name: _interval(draws["policy", name]) for name in policies},
        "gains": {name: _interval(model - np.asarray(draws["policy", name])) for name in policies if name != "model"},
        "evidence": has_evidence([draws[arm, DEFAULT, "qini"] for arm in learners]),
    }


def _interval(drawn: Sequence[float] | Floats) -> dict[str, float]:
    low, high = bounds(list(drawn), LEVEL)
    return {"value": float(drawn[0]), "low": low, "high": high}
