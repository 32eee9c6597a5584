"""The two lights: the data and the lists are judged apart, each in one sentence that a manager understands."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from basketgraph.report.lights import Light, data_light, lists_light
from basketgraph.report.page_data import PageData
from basketgraph.report.promises import verdict
from support.report_data import FACTS, LISTS, check, failed_step, outcome

BROKEN = check(success=False)
NO_ROWS = check(success=False, check_name="table_row_count_to_be_between", observed="it is 0")
NO_PRODUCTS, NO_LISTS = ({**NO_ROWS, "table_name": table} for table in ("silver.items", "gold.recommendations"))
STAY = "Customers still see those as of 3 January 2026."


def told(light: Light) -> tuple[str, str]:
    return light.level, light.sentence


@pytest.mark.parametrize(
    ("changed", "level", "sentence"),
    [
        ({}, "good", "1 of 1 promise about them is kept."),
        ({"checks": []}, "none", "Nothing was checked yet."),
        ({"checks": [{**BROKEN, "severity": "warning"}]}, "warning", "They can be used; to look at: 1 warning."),
        (
            {"quarantined": [{"source_file": "a", "problem": "b"}] * 2},
            "warning",
            "They can be used; to look at: 2 files that could not be used.",
        ),
        (
            {"checks": [BROKEN], "steps": [failed_step(exit_code=3)]},
            "critical",
            "1 promise about the new data is broken; customers still see what they saw before.",
        ),
        (
            {"steps": [failed_step(exit_code=2, error="corner: wrong separator.\n  want ;")]},
            "critical",
            "The new data could not be read: corner: wrong separator; customers still see what they saw before.",
        ),
        ({"checks": [NO_PRODUCTS], "steps": [failed_step(exit_code=3)]}, "warning", "There are no products yet."),
        ({"steps": [failed_step("train_graph")]}, "good", "1 of 1 promise about them is kept."),
    ],
)
def test_the_light_of_the_data(changed: dict[str, Any], level: str, sentence: str) -> None:
    assert told(data_light(replace(FACTS, **changed))) == (level, sentence)


def with_lists(**changed: Any) -> PageData:
    return replace(FACTS, lists=replace(LISTS, **changed))


EARLIER = [{**row, "as_of": date(2025, 12, 1)} for row in LISTS.outcomes]
WEAK = [outcome("rebuy", "published", places_share=0.03), outcome("rebuy", "popularity", places_share=0.04)]


@pytest.mark.parametrize(
    ("found", "level", "sentence"),
    [
        (
            FACTS,
            "good",
            "They are live: 75 of 100 customers who shopped bought something from their list; a bestseller list would have reached 50.",
        ),
        (with_lists(outcomes=WEAK), "warning", "would have reached 75."),
        (with_lists(outcomes=EARLIER), "good", "They are live. What customers buy from these lists can be counted from 31 January 2026 on."),
        (with_lists(outcomes=[]), "warning", "They are live. What customers buy from these lists can be counted from 31 January 2026 on."),
        (with_lists(live=False), "warning", "The newest lists, as of 3 January 2026, are not live: no release names them yet."),
        (replace(FACTS, lists=None), "none", "There are no lists yet."),
        (
            replace(FACTS, steps=[failed_step("gate", exit_code=4, reasons=["worse"])]),
            "critical",
            f"The new lists were refused: they are not good enough to be shown. {STAY}",
        ),
        (
            replace(FACTS, steps=[failed_step("train_graph")]),
            "critical",
            f"There are no new lists: the run ended early, in its step “train graph”. {STAY}",
        ),
        (
            replace(FACTS, steps=[failed_step("interactions", exit_code=2, error="lists want items")], lists=None),
            "warning",
            "There are no new lists: lists want items. No lists are live yet.",
        ),
        (
            replace(FACTS, checks=[check(), NO_LISTS], steps=[failed_step("recommendations", exit_code=3)], lists=None),
            "warning",
            "There are no new lists: there is not enough data to make them of yet. No lists are live yet.",
        ),
        (
            replace(FACTS, checks=[{**BROKEN, "table_name": "gold.candidates"}], steps=[failed_step("candidates", exit_code=3)]),
            "critical",
            f"There are no new lists: 1 promise about them is broken. {STAY}",
        ),
        (
            replace(FACTS, steps=[failed_step("clean", pipeline="clean")]),
            "good",
            "They are live: 75 of 100 customers who shopped bought something from their list; a bestseller list would have reached 50.",
        ),
    ],
)
def test_the_light_of_the_lists(found: PageData, level: str, sentence: str) -> None:
    light = lists_light(found)
    assert light.level == level
    assert light.sentence.endswith(sentence)


@pytest.mark.parametrize(
    ("broken", "title"),
    [
        ([BROKEN], "Stopped: the data broke its promises"),
        ([{**BROKEN, "table_name": "gold.candidates"}], "Stopped: what was made of the data broke its promises"),
        ([NO_LISTS], "Stopped: there is not enough data yet, gold.recommendations has no rows"),
        ([NO_LISTS, NO_PRODUCTS], "Stopped: there is not enough data yet, gold.recommendations and silver.items have no rows"),
        ([NO_LISTS, BROKEN], "Stopped: the data broke its promises"),
    ],
)
def test_a_young_shop_or_one_without_products_broke_no_promise(broken: list[dict[str, Any]], title: str) -> None:
    assert verdict(replace(FACTS, checks=broken, steps=[failed_step(exit_code=3)])).title == title
