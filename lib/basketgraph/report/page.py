"""The page: verdict first, then what was promised and found, what was turned away, how good the lists are, and what the words mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from basketgraph.contracts import contract, contracts
from basketgraph.report.charts import days_chart, deliveries_chart, models_chart, runs_chart
from basketgraph.report.facts import Facts
from basketgraph.report.masking import masked, masked_row
from basketgraph.wording import number_in_words, share_in_words

MODELS = {
    "published": "published list",
    "personal_frequency": "own frequency",
    "ease": "EASE",
    "item_cosine": "item cosine",
    "als": "ALS",
    "graph": "graph alone",
    "popularity": "popularity",
}
SETTINGS = {
    "rebuy": ("Everything may be listed", "lists that may name what the customer bought before: this shop's published lists"),
    "discovery": ("New to the customer", "lists that name only what the customer never bought before"),
}
LISTED_USERS = "ABC"


@dataclass(frozen=True)
class Verdict:
    """level: good, warning or critical."""

    level: str
    title: str
    sentences: tuple[str, ...]


def page(found: Facts, *, shop: str, description: str, made_at: datetime) -> str:
    """The whole HTML page, as one file without anything outside it."""
    environment = Environment(
        loader=PackageLoader("basketgraph.report"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number_in_words,
        "masked": lambda text: masked(str(text), longest=400),
        "words": lambda name: str(name).replace("_", " "),
    }
    tables = promised_tables(found)
    return environment.get_template("page.html").render(
        shop=shop,
        description=description,
        found=found,
        made_at=made_at,
        verdict=verdict(found),
        broken=[check for check in sorted(found.checks, key=lambda c: c["severity"]) if not check["success"]],
        kept=sum(1 for check in found.checks if check["success"]),
        tables=tables,
        files=[{**row, "share": share_in_words(row["rejected"], row["read"])} for row in found.files],
        rejected=rejected(found),
        settings=[measured(found, setting) for setting in SETTINGS if any(e["setting"] == setting for e in found.evaluations)],
        charts=trends(found),
        examples=list(zip(LISTED_USERS, found.examples, strict=False)),
        steps=[{**step, "words": step_words(step)} for step in found.steps],
        share=share_in_words,
        glossary=[contract(name) for name in contracts() if name in found.versions and not name.startswith("ops.")],
    )


def verdict(found: Facts) -> Verdict:
    """What the reader must know first: whether something stopped the run, what needs a look, and which lists are live."""
    critical = [check for check in found.checks if not check["success"] and check["severity"] == "critical"]
    warnings = [check for check in found.checks if not check["success"] and check["severity"] == "warning"]
    failed = [step for step in found.steps if step["status"] == "failed"]
    live = f"Release {found.release['release']} is live." if found.release else "Nothing has been released yet."
    promises = number_in_words(len(found.checks), "promise")
    look = f"{number_in_words(len(warnings), 'warning')} should be looked at."
    if critical:
        broken = f"{number_in_words(len(critical), 'critical promise')} of {number_in_words(len(found.checks))}"
        what = f"{broken} {'is' if len(critical) == 1 else 'are'} broken."
        stays = "Nothing of this run was published; " + (
            f"release {found.release['release']} stays live." if found.release else "nothing is live yet."
        )
        return Verdict("critical", "Stopped: the data broke its promises", (what, stays, *((look,) if warnings else ())))
    if failed:
        step = failed[-1]["step"].replace("_", " ")
        return Verdict("critical", f"Not published: the step “{step}” ended the run", (f"Of {promises} none that is critical is broken.", live))
    if warnings:
        return Verdict("warning", "The data can be used, with something to look at", (f"No critical promise of {promises} is broken; {look}", live))
    if not found.checks:
        return Verdict("warning", "Nothing was checked yet", (live,))
    return Verdict("good", "All is well", (f"All {promises} about the data were kept.", live))


def promised_tables(found: Facts) -> list[dict[str, Any]]:
    """Each checked table with its promises, tables with broken ones first."""
    tables = []
    for name, rows in groupby(found.checks, key=lambda check: check["table_name"]):
        checks = list(rows)
        counts = [check["element_count"] for check in checks if check["element_count"] is not None]
        tables.append(
            {
                "name": name,
                "description": contract(name).description,
                "rows": max(counts, default=0),
                "version": checks[0]["table_version"],
                "checks": checks,
                "critical": sum(1 for check in checks if not check["success"] and check["severity"] == "critical"),
                "broken": sum(1 for check in checks if not check["success"]),
            }
        )
    return sorted(tables, key=lambda table: (-table["critical"], -table["broken"]))


def rejected(found: Facts) -> list[dict[str, Any]]:
    """Each reason with up to two masked rows and its share of what was read for the table."""
    read = {row["table_name"]: row["read"] for row in found.files}
    shown = []
    for row in found.rejected:
        payloads = dict.fromkeys(payload for payload in (row["first"], row["last"]) if payload)
        examples = [example for example in map(masked_row, payloads) if example]
        share = share_in_words(row["rows"], read[row["table_name"]]) if read.get(row["table_name"]) else ""
        shown.append({**row, "examples": examples, "share": share, "words": reason_in_words(row["reason"])})
    return shown


def reason_in_words(reason: str) -> str:
    """unreadable:quantity -> quantity could not be read."""
    kind, _, column = reason.partition(":")
    told = {"unreadable": "could not be read", "missing": "is missing", "required": "is missing"}.get(kind)
    return f"{column} {told}".replace("_", " ") if told and column else reason.replace("_", " ").replace(":", ": ")


def measured(found: Facts, setting: str) -> dict[str, Any]:
    """The models of one setting, best NDCG first, with the published list's gain over each, and the two in words."""
    rows = [row for row in found.evaluations if row["setting"] == setting]
    plain = {(row["model"], row["metric"]): row for row in rows if not row["versus"]}
    gains = {row["versus"]: row for row in rows if row["versus"] and row["metric"] == "ndcg@20" and row["model"] == "published"}
    names = sorted({row["model"] for row in rows}, key=lambda model: -plain[model, "ndcg@20"]["value"] if (model, "ndcg@20") in plain else 0)
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


def _published_in_words(plain: Mapping[tuple[str, str], Mapping[str, Any]], gains: Mapping[str, Mapping[str, Any]]) -> str:
    told = plain.get(("published", "recall@20"))
    if told is None:
        return ""
    rivals = [MODELS.get(model, model) for model, gain in gains.items() if gain["low"] > 0]
    unclear = [MODELS.get(model, model) for model, gain in gains.items() if gain["low"] <= 0]
    sentence = f"Of what a customer went on to buy, the published list of 20 names {100 * told['value']:.1f} %."
    if rivals:
        sentence += f" It is better than {_listed(rivals)} beyond chance."
    if unclear:
        sentence += f" Against {_listed(unclear)} the difference may be chance, or against it."
    return sentence


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def trends(found: Facts) -> list[dict[str, Any]]:
    """Charts over history; one that would have a single point is left out."""
    charts = []
    if len(found.days) > 1:
        lines = [day["lines"] for day in found.days]
        mean, days = number_in_words(round(sum(lines) / len(lines))), number_in_words(len(lines), "day")
        told = f"{mean} purchase lines a day on average over {days}; the last day has {number_in_words(lines[-1])}."
        charts.append({"title": "Purchase lines a day", "told": told, "svg": days_chart(found.days, told)})
    if len(found.deliveries) > 1:
        last = found.deliveries[-1]
        told = f"Of the rows of the last delivery {share_in_words(last['rejected'], last['read'])} were rejected."
        charts.append({"title": "Share of rows rejected", "told": told, "svg": deliveries_chart(found.deliveries, told)})
    if len(found.runs) > 1:
        clean = sum(1 for run in found.runs if run["critical"] + run["warnings"] == 0)
        told = f"Of the last {number_in_words(len(found.runs), 'run')} {number_in_words(clean)} kept every promise."
        charts.append({"title": "Broken promises a run", "told": told, "svg": runs_chart(found.runs, told)})
    return charts


def step_words(step: Mapping[str, Any]) -> str:
    """Its rows and state, in words."""
    state = {"done": "done", "current": "was up to date", "failed": "failed"}.get(step["status"], step["status"])
    counts = [f"{number_in_words(step[key], 'row')} {word}" for key, word in (("rows_in", "in"), ("rows_out", "out")) if step.get(key)]
    return ", ".join([state, *counts])
