"""A promise that nothing could be held against yet is neither kept nor broken: it is counted apart wherever the page counts."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from basketgraph.report.promises import promised_tables, verdict
from basketgraph.report.sentences import since_in_words
from support.report_data import DS, FACTS, check, made, of_days

FIRST = check(check_name="a", outcome="not_compared", observed="not compared yet: no previous rows", element_count=None)
ABSENT = check(check_name="b", outcome="no_rows", observed="nothing to look at", element_count=None)
BROKEN = check(check_name="c", success=False, severity="warning", observed="not true of 1 row of 10")
LOST = check(check_name="d", success=False, severity="critical", observed="there is no row to look at")


def test_all_is_well_with_what_could_be_compared() -> None:
    told = verdict(replace(FACTS, checks=[check(), FIRST, ABSENT]))
    assert (told.level, told.title) == ("good", "All is well")
    assert told.sentences[0] == "1 of 3 promises about the data were kept; 2 could not be compared yet."
    told = verdict(replace(FACTS, checks=[check(**of_days(2)), FIRST]))
    assert told.sentences[0] == "1 of 2 promises about the data were kept in the rows that were looked at; 1 could not be compared yet."


def test_where_nothing_could_be_compared_nothing_is_said_to_be_well() -> None:
    told = verdict(replace(FACTS, checks=[FIRST, ABSENT]))
    assert (told.level, told.title, told.sentences[0]) == ("warning", "Nothing could be compared yet", "None of 2 promises could be compared yet.")


def test_beside_a_warning_they_are_not_among_the_kept() -> None:
    told = verdict(replace(FACTS, checks=[check(), FIRST, BROKEN]))
    assert told.sentences[:2] == (
        "1 of 3 promises are kept and 1 could not be compared yet; none that is critical is broken.",
        "To look at: 1 warning.",
    )


def test_what_is_broken_is_broken_whatever_was_found() -> None:
    assert "0 of 1 promise is kept." in verdict(replace(FACTS, checks=[{**LOST, "run_id": "run-0"}])).sentences


@pytest.mark.parametrize(
    ("checks", "words", "level"),
    [
        ([check(), FIRST], "✓ 1 kept, 1 not compared of 2", "good"),
        ([FIRST, ABSENT], "– 2 not compared of 2", "not_compared"),
        ([check(), FIRST, BROKEN], "✗ 1 broken, 1 not compared of 3", "warning"),
        ([check()], "✓ all 1 kept", "good"),
    ],
)
def test_a_tables_line_counts_them_apart_and_only_what_needs_a_look_is_open(checks: list[dict[str, object]], words: str, level: str) -> None:
    (table,) = promised_tables(replace(FACTS, checks=checks))
    assert (table["words"], table["level"]) == (words, level)
    html = made(replace(FACTS, checks=checks))
    assert f'<span class="mark {level}">{words}</span>' in html
    assert bool(re.search(r"<details open>\s*<summary><h4>silver.events", html)) is (level == "warning")


@pytest.mark.parametrize("scope", [{}, {"scope_kind": "log"}, of_days(1), {**of_days(1), "repeated_from": DS}])
def test_all_is_well_in_the_rows_that_were_looked_at(scope: dict[str, Any]) -> None:
    told = verdict(replace(FACTS, checks=[check(), check(**scope)])).sentences[0]
    assert told == f"All 2 promises about the data were kept{' in the rows that were looked at' if 'scope_days' in scope else ''}."


def test_what_was_not_compared_since_a_failure_is_said_in_its_own_words() -> None:
    assert since_in_words(FIRST) == "not compared yet: no previous rows"
    assert since_in_words(check(**of_days(1), repeated_from=DS)) == "looked at since: rows of 1 day that changed since the last check: 2026-03-01"


def test_the_page_names_them_with_a_mark_and_words_of_their_own_and_lists_none_as_something_to_look_at() -> None:
    html = made(replace(FACTS, checks=[check(), FIRST]))
    assert '<span class="mark not_compared">– not compared</span>' in html
    assert "1 of 2 promises about them are kept; 1 could not be compared yet." in html
    assert 'id="attention"' not in html
    assert "could not be compared" not in made(FACTS)
