"""Which tables have a suite, and who holds them against it."""

from __future__ import annotations

import re

from basketgraph.config import data_files
from basketgraph.steps import pipelines
from basketgraph.suites import suites


def test_every_silver_table_and_what_is_published_has_a_suite() -> None:
    silver = {f"silver.{stem}" for stem, _ in data_files("schemas/silver")}
    assert silver | {"gold.user_profiles", "gold.interactions", "gold.recommendations"} <= set(suites())


def test_every_suite_is_held_against_its_table_by_the_job_that_writes_it() -> None:
    checked = set(pipelines().steps["clean"].writes)  # jobs/clean.py checks all of them
    for _, job in data_files("jobs", ".py"):
        for call in re.findall(r"release\.check\(([^)]*)\)", job.read_text()):
            checked |= set(re.findall(r'"([\w.]+)"', call))
    assert set(suites()) == checked
