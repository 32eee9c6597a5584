"""ops.evaluations: means with intervals, and paired differences between the published lists and each model."""

from collections.abc import Mapping, Set
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from basketgraph.evaluate.settings import PUBLISHED, EvaluateSettings
from basketgraph.foundation.cuts import Cuts, not_judged_in_words
from basketgraph.foundation.ranking import Interval, interval, paired_difference
from basketgraph.foundation.recommenders import LIST_SETTINGS

Values = Mapping[tuple[str, str], Mapping[str, NDArray[np.float64]]]  # (setting, metric) -> model -> [users], the same user at the same place


def by_model(judged: pa.Table, k: int, present: Set[tuple[str, str]]) -> Values:
    """Rows of `judge.judged`, in any order, as an array of users per model, the users in the same order.

    present: the (setting, model) that list anything; others, such as `graph` before the first training, are left out.
    """
    ordered = judged.sort_by([("setting", "ascending"), ("model", "ascending"), ("user_id", "ascending")])
    settings, models = (np.asarray(ordered[name].to_pylist(), dtype=object) for name in ("setting", "model"))
    arrays: dict[tuple[str, str], dict[str, NDArray[np.float64]]] = {}
    for setting in dict.fromkeys(settings):
        for column in ("recall", "ndcg"):
            values = ordered[column].to_numpy()
            here = settings == setting
            arrays[setting, f"{column}@{k}"] = {
                model: values[here & (models == model)] for model in dict.fromkeys(models[here]) if (setting, model) in present
            }
    return arrays


def models_present(lists: pa.Table) -> set[tuple[str, str]]:
    """(setting, model) of the models that list anything; the published lists are always judged. lists: setting, model."""
    return {*zip(lists["setting"].to_pylist(), lists["model"].to_pylist(), strict=True), *((setting, PUBLISHED) for setting in LIST_SETTINGS)}


def evaluation_rows(values: Values, as_of: date, settings: EvaluateSettings) -> list[dict[str, Any]]:
    """Rows of ops.evaluations: each model's mean, and the mean of published less each other model, user by user."""
    rows = []
    for (setting, metric), models in values.items():
        for model, numbers in models.items():
            common = {"as_of": as_of, "setting": setting, "metric": metric, "users": len(numbers)}
            rows.append({**common, "model": model, "versus": "", **_interval(interval(numbers, settings.seed, settings.draws))})
            if model != PUBLISHED and PUBLISHED in models:
                gain = paired_difference(models[PUBLISHED], numbers, settings.seed, settings.draws)
                rows.append({**common, "model": PUBLISHED, "versus": model, **_interval(gain)})
    return rows


def _interval(values: Interval) -> dict[str, float]:
    return {"value": values.mean, "low": values.low, "high": values.high}


def why_nothing_is_judged(cuts: Cuts) -> str:
    """Why ops.evaluations has no row of the cut: the shop is too young, or no user with a history bought again."""
    if cuts.judged_from is not None:
        return not_judged_in_words(cuts.judged_from)
    return f"nobody with a purchase before {cuts.test} bought in the {cuts.window_days} days from it on"


def as_json(rows: list[dict[str, Any]], gain_metric: str) -> dict[str, Any]:
    """Rows of ops.evaluations as the objects `metrics` and `gains` of the run's JSON."""
    metrics: dict[str, dict[str, dict[str, float]]] = {}
    gains: dict[str, dict[str, dict[str, float]]] = {}
    for row in rows:
        metric = row["metric"]
        if not row["versus"]:
            into = metrics.setdefault(row["setting"], {}).setdefault(row["model"], {})
            into |= {metric: row["value"], f"{metric}_low": row["low"], f"{metric}_high": row["high"]}
        elif metric == gain_metric:
            gains.setdefault(row["setting"], {})[row["versus"]] = {metric: row["value"], "low": row["low"], "high": row["high"]}
    return {"metrics": metrics, "gains": gains}
