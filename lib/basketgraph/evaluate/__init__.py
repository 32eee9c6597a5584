"""Evaluation on Spark: every model against what users bought after the cut, with intervals; and the gate before a release."""

from basketgraph.evaluate.evaluations import as_json, by_model, evaluation_rows, models_present, why_nothing_is_judged
from basketgraph.evaluate.gate import GateRefusal
from basketgraph.evaluate.judge import judged, published_lists, recommender_lists, relevant_items
from basketgraph.evaluate.settings import EvaluateSettings, GateSettings

__all__ = [
    "EvaluateSettings",
    "GateRefusal",
    "GateSettings",
    "as_json",
    "by_model",
    "evaluation_rows",
    "judged",
    "models_present",
    "published_lists",
    "recommender_lists",
    "relevant_items",
    "why_nothing_is_judged",
]
