"""Means, intervals and paired gains from per-user metrics, and the JSON that a run prints."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from basketgraph.evaluate.evaluations import as_json, by_model, evaluation_rows
from basketgraph.evaluate.settings import GAIN_METRIC, JUDGED_AT, EvaluateSettings
from basketgraph.foundation.config import UserError, load

SETTINGS = EvaluateSettings(seed=1, draws=500, max_users=100)
PRESENT = {("rebuy", "als"), ("rebuy", "published"), ("discovery", "published")}


def judged_rows() -> pa.Table:
    rng = np.random.default_rng(0)
    base = rng.random(200)
    rows = []
    for n, value in enumerate(base):
        user = f"u{n:03d}"
        rows.append(("rebuy", "als", user, value / 2, value))
        rows.append(("rebuy", "published", user, value / 2, value + 0.1))
        rows.append(("rebuy", "graph", user, 0.0, 0.0))
        rows.append(("discovery", "published", user, 0.25, 0.5))
    shuffled = [rows[i] for i in rng.permutation(len(rows))]
    return pa.table(dict(zip(("setting", "model", "user_id", "recall", "ndcg"), map(list, zip(*shuffled, strict=True)), strict=True)))


def test_pairs_are_kept_together_whatever_the_order_of_rows() -> None:
    rows = evaluation_rows(by_model(judged_rows(), 20, PRESENT), date(2026, 3, 1), SETTINGS)
    (gain,) = [row for row in rows if row["versus"] == "als" and row["metric"] == "ndcg@20"]
    assert (gain["value"], gain["low"], gain["high"]) == pytest.approx((0.1, 0.1, 0.1))
    (als,) = [row for row in rows if row["model"] == "als" and row["metric"] == "ndcg@20"]
    assert als["high"] - als["low"] > 0.05
    assert als["users"] == 200


def test_a_model_that_lists_nothing_in_this_shop_is_left_out() -> None:
    found = as_json(evaluation_rows(by_model(judged_rows(), 20, PRESENT), date(2026, 3, 1), SETTINGS), "ndcg@20")
    assert set(found["metrics"]["rebuy"]) == {"als", "published"}
    assert set(found["metrics"]["discovery"]) == {"published"}
    assert set(found["gains"]) == {"rebuy"}
    assert set(found["metrics"]["rebuy"]["als"]) == {"recall@20", "recall@20_low", "recall@20_high", "ndcg@20", "ndcg@20_low", "ndcg@20_high"}
    assert found["gains"]["rebuy"]["als"] == pytest.approx({"ndcg@20": 0.1, "low": 0.1, "high": 0.1})


def test_nobody_to_judge_gives_no_rows() -> None:
    assert evaluation_rows(by_model(judged_rows().slice(0, 0), 20, PRESENT), date(2026, 3, 1), SETTINGS) == []


def test_the_names_of_the_metrics_are_not_for_a_shop_to_change() -> None:
    assert (JUDGED_AT, GAIN_METRIC) == (20, "ndcg@20")
    with pytest.raises(UserError, match=r"evaluate\.k"):
        load("local", "complete_journey", {"evaluate.k": "10"})
