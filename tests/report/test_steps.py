"""A step that was killed leaves no row: the page misses it, and does not miss those that are up to date or that a failure explains."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from basketgraph.foundation.runs.job import RunLog
from basketgraph.report.promises import verdict
from basketgraph.report.steps import unfinished
from support.report_data import DS, FACTS

CLEAN = ("clean", "kept_purchases", "publish")  # the steps of the pipeline `clean` before its report


def missed(done: dict[str, str], *, up_to_date: tuple[str, ...] = (), pipeline: str = "clean") -> tuple[list[str], list[str]]:
    """The steps that are missed, and those that were asked whether they are up to date."""
    asked: list[str] = []

    def why(name: str, *_: Any) -> str | None:
        asked.append(name)
        return None if name in up_to_date else "never succeeded"

    runs = cast(RunLog, SimpleNamespace(conf=SimpleNamespace(pipeline=pipeline), why=why))
    return unfinished([{"step": step, "status": status} for step, status in done.items()], runs, DS), asked


def test_a_step_without_a_row_is_missed_unless_it_is_up_to_date() -> None:
    assert missed({}) == (list(CLEAN), list(CLEAN))
    assert missed({"clean": "current", "publish": "done"}, up_to_date=("kept_purchases",)) == ([], ["kept_purchases"])
    assert missed({}, up_to_date=("kept_purchases",))[0] == ["clean", "publish"]
    assert missed(dict.fromkeys(CLEAN, "done")) == ([], []), "a step with a row need not be asked"


def test_after_a_failed_step_the_others_are_not_missed() -> None:
    assert missed({"clean": "failed"}) == ([], [])


def test_a_job_of_no_known_pipeline_misses_nothing() -> None:
    assert missed({}, pipeline="by hand") == ([], [])


def test_a_day_on_which_nothing_ran_is_not_known_to_be_well() -> None:
    told = verdict(replace(FACTS, steps=[], unfinished=list(CLEAN)))
    assert (told.level, told.title) == ("warning", "Not known to be well: the step “clean” did not finish")
    assert "These steps did not finish in this run, and left no word why: “clean”, “kept purchases” and “publish”." in told.sentences[0]
    assert told.sentences[-1] == "Release 7 is live."
    assert verdict(replace(FACTS, checks=[], steps=[], unfinished=["clean"])).title.startswith("Not known to be well")


@pytest.mark.parametrize(("steps", "named"), [(3, "“s2”."), (4, "“s2” and 1 more."), (14, "“s2” and 11 more.")])
def test_of_many_missed_steps_three_are_named(steps: int, named: str) -> None:
    assert named in verdict(replace(FACTS, unfinished=[f"s{number}" for number in range(steps)])).sentences[0]
