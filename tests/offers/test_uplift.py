"""Uplift models on planted campaigns, what the figures mean, and `basketgraph bench uplift`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from basketgraph.cli.bench import app
from basketgraph.foundation.config import UserError
from basketgraph.offers.experiment import Experiment, feature_matrix, read_experiment
from basketgraph.offers.policies import policy_value, robust_outcomes, rule_policy
from basketgraph.offers.uplift import cross_fitted, split
from basketgraph.offers.uplift_curves import Ranking
from basketgraph.offers.uplift_report import judge_experiment

HILLSTROM = {"treatment": "segment", "control": "No E-Mail"}


def planted(people: int, *, effect: float, seed: int = 0) -> Experiment:
    """Whoever has the first feature above 0 buys more often by `effect` if written to; the second feature alone tells who buys anyway."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(people, 3))
    arm = rng.integers(0, 2, people)
    chance = 0.15 + 0.1 * (features[:, 1] > 0) + effect * arm * (features[:, 0] > 0)
    return Experiment(features, arm, (rng.random(people) < chance).astype(float), ("nothing", "mail"))


def test_a_planted_uplift_is_found_where_a_response_model_misses_it_and_pays_off_at_a_cost() -> None:
    experiment = planted(6_000, effect=0.2)
    found = judge_experiment(experiment, costs={1: 0.1}, seed=1)
    learners = found["arms"]["mail"]["learners"]
    assert found["evidence"] is True
    for learner in ("t_logistic", "s_logistic"):
        assert learners[learner]["qini_low"] > 0
        assert learners[learner]["uplift_top30"] == pytest.approx(0.2, abs=0.05)
        assert learners[learner]["qini"] > learners["response"]["qini"]
    assert learners["random"]["qini_low"] < 0 < learners["random"]["qini_high"]
    assert found["arms"]["mail"]["ate"]["value"] == pytest.approx(0.1, abs=0.03)
    assert found["gains"]["none"]["low"] > 0  # half of the people bring .2 and cost .1
    assert found["gains"]["all:mail"]["low"] > 0
    assert found["policies"]["model"]["value"] == pytest.approx(0.25, abs=0.03)


def test_no_evidence_is_reported_where_nothing_tells_whom_a_campaign_changes() -> None:
    found = [judge_experiment(planted(1_500, effect=0.0, seed=seed), seed=seed) for seed in (0, 1, 25)]
    assert [of["evidence"] for of in found] == [False, False, False]
    assert found[2]["arms"]["mail"]["learners"]["t_logistic"]["qini_low"] > 0  # by chance: the bootstrap alone would be taken in


def test_qini_is_the_area_between_gain_and_diagonal_and_equal_scores_are_one_step() -> None:
    score = np.array([3.0, 3.0, 3.0, 3.0, 1.0, 1.0, 1.0, 1.0])
    treated = np.array([True, False] * 4)
    outcome = np.array([1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    everybody = Ranking(score, treated, outcome).quality(np.ones(8))
    # gain is .5 x 1 at half depth, and .5 at the end: a triangle of height .25 above the diagonal
    assert everybody == pytest.approx((125.0, 1.0))
    order = np.array([5, 0, 7, 2, 4, 1, 6, 3])
    assert Ranking(score[order], treated[order], outcome[order]).quality(np.ones(8)) == everybody
    twice = np.array([2.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0])
    (index,) = np.nonzero(np.repeat(1, 8))
    repeated = np.repeat(index, twice.astype(int))
    weighted = Ranking(score, treated, outcome).quality(twice)
    assert weighted == pytest.approx(Ranking(score[repeated], treated[repeated], outcome[repeated]).quality(np.ones(12)))
    assert Ranking(np.zeros(8), treated, outcome).quality(np.ones(8)).qini == pytest.approx(0.0)


def test_nobody_is_scored_by_a_model_that_saw_them() -> None:
    experiment = planted(400, effect=0.0)
    (first,) = np.flatnonzero(experiment.arm == 0)[:1]
    changed = experiment.outcome.copy()
    changed[first] = 50.0  # an amount, so that its own model would change greatly
    amounts = Experiment(experiment.features, experiment.arm, changed, experiment.arms)
    fold = split(amounts, 5, np.random.default_rng([3, 0]))
    with_it = cross_fitted(amounts, seed=3, repeats=1).outcomes[:, 0]
    changed[first] = 500.0
    without = cross_fitted(amounts, seed=3, repeats=1).outcomes[:, 0]
    same = fold == fold[first]
    assert np.array_equal(with_it[same], without[same])
    assert not np.isclose(with_it[~same], without[~same]).any()


def test_a_rule_chooses_the_arm_of_its_highest_number_and_the_better_arm_where_numbers_are_equal() -> None:
    rules = {1: np.array([5.0, 1.0, 2.0, -np.inf, -np.inf]), 2: np.array([1.0, 5.0, 2.0, 0.0, -np.inf])}
    assert rule_policy(rules, np.array([0.0, 0.1, 0.2])).tolist() == [1, 2, 2, 2, 0]
    assert rule_policy(rules, np.array([0.0, 0.3, 0.2])).tolist() == [1, 2, 1, 2, 0]


def test_the_value_of_a_policy_is_right_however_wrong_the_model_is() -> None:
    experiment = planted(40_000, effect=0.2)
    wrong = np.full((40_000, 2), 0.9)
    target = (experiment.features[:, 0] > 0).astype(int)
    value = policy_value(robust_outcomes(experiment, wrong), target, np.array([0.0, 0.1]))
    assert value.mean() == pytest.approx(0.2 + 0.5 * 0.2 - 0.5 * 0.1, abs=0.015)


def test_columns_become_features_by_their_type() -> None:
    rows = pd.DataFrame({"amount": [1.0, None] * 50, "band": ["low"] * 50 + [None] * 50, "same": [7] * 100, "rare": ["x"] + ["y"] * 99})
    assert feature_matrix(rows).shape == (100, 3 - 1 + 2)  # amount is the same wherever it is known: only its absence tells
    assert feature_matrix(rows[["same"]]).shape == (100, 0)


def campaign(folder: Path, people: int = 900) -> Path:
    """Every row is there three times: they are different people."""
    rng = np.random.default_rng(5)
    one = pd.DataFrame(
        {
            "arm": np.array(["A=1", "B", "None"])[rng.integers(0, 3, people // 3)],
            "womens": rng.integers(0, 2, people // 3),
            "history": rng.gamma(2.0, 50.0, people // 3).round(2),
            "zone": np.array(["Urban", "Rural"])[rng.integers(0, 2, people // 3)],
            "visit": rng.integers(0, 2, people // 3),
        }
    )
    file = folder / "campaign.csv"
    pd.concat([one] * 3).to_csv(file, index=False)
    return file


def test_the_command_prints_the_json_of_the_design_and_takes_rules_in_spark_sql(spark, tmp_path: Path) -> None:
    file = campaign(tmp_path)
    rule = "CASE WHEN womens = 1 AND zone <> 'Rural' THEN history / 3 WHEN womens = 1 THEN NULL ELSE 0 END"
    given = ["uplift", "--data", str(file), "--treatment", "arm", "--control", "None", "--outcome", "visit", "--rule", f"A=1={rule}"]
    result = CliRunner().invoke(app, [*given, "--cost", "B=0.1", "--seed", "3", "--json"], catch_exceptions=False)
    found = json.loads(result.stdout.splitlines()[-1])
    assert (set(found["arms"]), found["people"], found["seed"], found["evidence"]) == ({"A=1", "B"}, 900, 3, False)
    assert set(found["arms"]["A=1"]["learners"]) == {"random", "response", "rule", "t_logistic", "s_logistic"}
    assert set(found["arms"]["B"]["learners"]) == {"random", "response", "t_logistic", "s_logistic"}
    figures = {f"{metric}{bound}" for metric in ("qini", "uplift_top30") for bound in ("", "_low", "_high")}
    assert set(found["arms"]["A=1"]["learners"]["rule"]) == figures
    assert set(found["policies"]) == {"none", "all:A=1", "all:B", "rule", "model"}
    assert {"seconds", "peak_memory_bytes", "gains"} <= set(found)

    rows = pd.read_csv(file, converters={"arm": str})
    wanted = np.where(rows.womens == 0, 0.0, np.where(rows.zone == "Rural", -np.inf, rows.history / 3))
    experiment, _ = read_experiment(file, treatment="arm", control="None", outcome="visit")
    same = judge_experiment(experiment, rules={1: wanted}, costs={2: 0.1}, seed=3)
    assert same["arms"]["A=1"]["learners"]["rule"] == found["arms"]["A=1"]["learners"]["rule"]

    wrong = [*given[:-1], "A=1=no_such_column + 1"]
    with pytest.raises(UserError, match="no_such_column"):
        CliRunner().invoke(app, wrong, catch_exceptions=False)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"control": "Nobody"}, r"want a value of arm, have 'Nobody'"),
        ({"outcome": "zone"}, r"zone: want a number in each row"),
        ({"outcome": "visits", "drop": ["historical"]}, r"--outcome: want a column, have visits; did you mean visit\?\n.*--drop: want a column"),
        ({"treatment": "history", "control": "0.5"}, r"want a value of history"),
    ],
)
def test_a_file_that_cannot_be_judged_is_refused_with_every_fault(tmp_path: Path, changed: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_experiment(campaign(tmp_path), **{"treatment": "arm", "control": "None", "outcome": "visit", **changed})


@pytest.mark.long
def test_hillstroms_half_reaches_what_was_promised(shared_data: Path) -> None:
    file, found = shared_data / "hillstrom" / "hillstrom_half.csv", {}
    for outcome in ("visit", "conversion", "spend"):
        drop = [name for name in ("visit", "conversion", "spend") if name != outcome]
        experiment, _ = read_experiment(file, **HILLSTROM, outcome=outcome, drop=drop)
        found[outcome] = judge_experiment(experiment)
    assert {outcome: of["evidence"] for outcome, of in found.items()} == {"visit": True, "conversion": False, "spend": False}
    womens, mens = (found["visit"]["arms"][arm]["learners"]["t_logistic"] for arm in ("Womens E-Mail", "Mens E-Mail"))
    assert womens["qini"] >= 4.5
    assert womens["qini_low"] > 0
    assert womens["uplift_top30"] >= 0.060
    assert mens["qini"] >= 2.0
    assert found["visit"]["gains"]["all:Mens E-Mail"]["value"] >= 0
