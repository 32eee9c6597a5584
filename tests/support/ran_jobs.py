"""What jobs return, raise and leave behind when each runs once, in the pipeline's order, on a dozen sales."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from pyspark.sql import DataFrame

from basketgraph.foundation.config import Config
from basketgraph.foundation.runs.steps import StepResult, pipelines
from basketgraph.foundation.tables.warehouse import RunTables
from support.young_shop import OPENED, Sale

BESIDE = [step for name in ("offer", "content") for step in pipelines().named(name).steps if step not in pipelines().named("all").steps]
ORDER = ["clean", "replay", "maintain", *pipelines().named("all").steps[1:], *BESIDE]  # early: each table's vacuum takes half a second
VISITS = {0: ("tea", "tea", "tea"), 7: ("jam", "jam", "jam"), 14: ("honey", "tea", "jam"), 18: ("tea", "honey", "honey")}  # day -> one item a user
DS = OPENED + timedelta(days=21)  # so that three weeks are judged at the cut of the 16th day, with a window of five


def sales() -> list[Sale]:
    return [(f"u{user}", item, OPENED + timedelta(days=day)) for day, items in VISITS.items() for user, item in enumerate(items)]


@dataclass
class RanJobs:
    """What the jobs returned or raised, and the tables that they left."""

    conf: Config
    release: RunTables
    results: dict[str, StepResult | Exception] = field(default_factory=dict)

    def result(self, job: str) -> StepResult:
        result = self.results[job]
        if isinstance(result, Exception):
            raise result
        return result

    def table(self, name: str) -> DataFrame:
        return self.release.read(name)
