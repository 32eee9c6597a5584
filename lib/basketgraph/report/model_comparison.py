"""The comparison of models by NDCG and recall, for each setting: ranked, drawn, and in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from basketgraph.foundation.quality.renderers import listed
from basketgraph.foundation.recommenders import RECOMMENDERS
from basketgraph.foundation.tables.warehouse import LISTS
from basketgraph.report.charts import models_chart
from basketgraph.report.page_data import PageData
from basketgraph.report.promises import refusals

MODELS = {"published": "published list", **{recommender.name: recommender.label for recommender in RECOMMENDERS}}
SETTINGS = {
    "rebuy": ("Everything may be listed", "lists that may name what the customer bought before: this shop's published lists"),
    "discovery": ("New to the customer", "lists that name only what the customer never bought before"),
}


def measured(data: PageData, setting: str) -> dict[str, Any]:
    """The models of one setting, best NDCG first, with the published list's gain over each; as rows, as a chart and as a sentence."""
    rows = [row for row in data.evaluations if row["setting"] == setting]
    plain = {(row["model"], row["metric"]): row for row in rows if not row["versus"]}
    gains = {row["versus"]: row for row in rows if row["versus"] and row["metric"] == "ndcg@20" and row["model"] == "published"}
    names = sorted({row["model"] for row in rows}, key=lambda model: -plain.get((model, "ndcg@20"), {"value": 0})["value"])
    models = [
        {
            "name": MODELS.get(model, model.replace("_", " ")),
            "published": model == "published",
            "metrics": [plain.get((model, metric)) for metric in ("ndcg@20", "recall@20")],
            "gain": gains.get(model),
        }
        for model in names
    ]
    dots = [{**model, **{key: model["metrics"][0][key] for key in ("value", "low", "high")}} for model in models if model["metrics"][0]]
    alternative = "NDCG at 20 with 95 % intervals: " + "; ".join(f"{d['name']} {d['value']:.3f} ({d['low']:.3f} to {d['high']:.3f})" for d in dots)
    return {
        "title": SETTINGS[setting][0],
        "about": SETTINGS[setting][1],
        "users": max(row["users"] for row in rows),
        "as_of": rows[0]["as_of"],
        "models": models,
        "sentence": _published_in_words(plain, gains),
        "chart": models_chart(dots, alternative, f"models-{setting}"),
    }


def not_live_in_words(data: PageData) -> str:
    """A sentence that the judged lists are not the live ones; empty where they are, or where that is not known."""
    release = data.release or {}
    live = release.get("versions", {}).get(LISTS)
    if data.evaluated in (None, live):
        return ""
    which = "The lists that were judged here are not live"
    if refusals(data.steps) and data.evaluated == data.versions.get(LISTS):
        which = "The gate refused the lists that were judged here, so they were not published"
    as_of = f", as of {release['as_of']}," if release.get("as_of") else ""
    return f"{which}; {'no lists are live yet' if live is None else f'others{as_of} are live'}."


def _published_in_words(plain: Mapping[tuple[str, str], Mapping[str, Any]], gains: Mapping[str, Mapping[str, Any]]) -> str:
    recall = plain.get(("published", "recall@20"))
    if recall is None:
        return ""
    worse, unclear = ([MODELS.get(model, model) for model, gain in gains.items() if (gain["low"] > 0) is clear] for clear in (True, False))
    sentence = f"Of what a customer went on to buy, the published list of 20 names {100 * recall['value']:.1f} %."
    sentence += f" It is better than {listed(worse)} beyond chance." if worse else ""
    return sentence + (f" Against {listed(unclear)} the difference may be chance, or against it." if unclear else "")
