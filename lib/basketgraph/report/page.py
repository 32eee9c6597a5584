"""The HTML page: for a manager two lights, what customers bought of their lists, visits and examples; for engineers, folded, all the rest."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from basketgraph.foundation.contracts import contract, contracts
from basketgraph.foundation.cuts import not_judged_in_words
from basketgraph.foundation.privacy.log_masking import masked_row
from basketgraph.foundation.quality.renderers import share_in_words
from basketgraph.foundation.tables.warehouse import Warehouse
from basketgraph.report.campaign_outcomes import outcomes_in_words
from basketgraph.report.changes_in_words import since
from basketgraph.report.environment import environment
from basketgraph.report.figures import check_figures, figures, sales_figure
from basketgraph.report.lights import data_light, lists_light
from basketgraph.report.lists_in_words import coverage_in_words, example_in_words, goal_in_words, judged_in_words, listed_in_words, panels, reach
from basketgraph.report.model_comparison import SETTINGS, measured, not_live_in_words
from basketgraph.report.new_places import new_places_in_words
from basketgraph.report.page_data import PageData
from basketgraph.report.promises import QUIET, checks_with_states, promised_tables, refusals, verdict
from basketgraph.report.segments import segments_in_words
from basketgraph.report.sentences import KINDS, day_in_words, file_name, reason_in_words, step_words, titles_in_words
from basketgraph.report.visits_in_words import exposures_in_words, funnel_in_words, responses_in_words

LISTED_USERS = "ABC"
MOST_FILES = 10


def page(data: PageData, *, shop: str, description: str, made_at: datetime) -> str:
    """The whole HTML page, as one file without anything outside it."""
    checks = checks_with_states(data)
    day = day_in_words(data.lists.as_of) if data.lists else ""
    return (
        environment()
        .get_template("page.html")
        .render(
            shop=shop,
            description=description,
            data=data,
            made_at=made_at,
            title=f"lists as of {day}" if data.lists else f"data of {day_in_words(data.ds)}",
            lights=[data_light(data), lists_light(data)],
            **_about_lists(data),
            groups=segments_in_words(data.segments) if data.segments else None,
            ended=outcomes_in_words(data.outcomes) if data.outcomes and data.outcomes["campaigns"] else None,
            funnel=funnel_in_words(data.visits) if data.visits else None,
            exposures=exposures_in_words(data.exposures) if data.exposures else None,
            responses=responses_in_words(data.responses),
            deliveries=[{**row, "share": share_in_words(row["rejected"], row["about"])} for row in data.files if row["about"]],
            kinds=KINDS,
            sales=sales_figure(data),
            verdict=verdict(data),
            attention=[check for check in checks if check["state"] not in QUIET],
            refused=refusals(data.steps),
            set_aside=[{"name": file_name(file["source_file"]), "problem": file["problem"]} for file in data.quarantined[:MOST_FILES]],
            more_set_aside=max(0, len(data.quarantined) - MOST_FILES),
            since=since(data.changes),
            tables=promised_tables(data),
            files=[{**row, "share": share_in_words(row["rejected"], row["about"])} for row in data.files],
            rejected=rejected(data),
            figures=figures(data),
            check_figures=check_figures(data),
            titles=titles_in_words(data.titles) if data.titles else "",
            settings=[measured(data, setting) for setting in SETTINGS if any(e["setting"] == setting for e in data.evaluations)],
            not_live=not_live_in_words(data),
            not_judged=not_judged_in_words(data.judged_from) if data.judged_from else "",
            steps=[{**step, "words": step_words(step)} for step in data.steps],
            glossary=[contract(name) for name in contracts() if name in data.versions and not name.startswith("ops.")],
        )
    )


def _about_lists(data: PageData) -> dict[str, Any]:
    """What the page says of the lists: the first screen, segments, reach and examples."""
    lists = data.lists
    if lists is None:
        return {"goal": "", "coverage": "", "judged": "", "panels": [], "listed": "", "new_places": "", "reach": [], "examples": []}
    shown = [example_in_words(example, lists.as_of) for example in data.examples]
    return {
        "goal": goal_in_words(data.goal),
        "coverage": coverage_in_words(lists),
        "judged": judged_in_words(lists, data.window_days, data.judged_from),
        "panels": panels(lists),
        "listed": listed_in_words(lists),
        "new_places": new_places_in_words(data.new_places or {}),
        "reach": reach(lists),
        "examples": list(zip(LISTED_USERS, shown, strict=False)),
    }


def write_page(warehouse: Warehouse, run_id: str, html: str) -> str:
    """Write `html` to <warehouse>/reports/<run_id>.html, whole or not at all; returns the path."""
    target = f"{warehouse.root}/reports/{run_id}.html"
    warehouse.files.write(target, html)
    return target


def rejected(data: PageData) -> list[dict[str, Any]]:
    """Each reason with up to two masked rows and its share of the rows that are about the table."""
    about = {row["table_name"]: row["about"] for row in data.files}
    shown = []
    for row in data.rejected:
        payloads = dict.fromkeys(payload for payload in (row["first"], row["last"]) if payload)
        examples = [example for example in map(masked_row, payloads) if example]
        share = share_in_words(row["rows"], about[row["table_name"]]) if about.get(row["table_name"]) else ""
        shown.append({**row, "examples": examples, "share": share, "words": reason_in_words(row["reason"])})
    return shown
