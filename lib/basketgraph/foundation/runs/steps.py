"""conf/pipelines.yaml: the steps, what each reads and writes, and the pipelines that they make up."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from basketgraph.foundation.config import Config, Settings, UserError, data_yaml, did_you_mean, parsed
from basketgraph.foundation.goals import LEAST_RATING, PURCHASE, REVIEWS, goal_of

RUNS = "ops.runs"


class Step(Settings):
    """An entry of conf/pipelines.yaml `steps`. settings: sections of conf/settings.yaml, or `section.key` where it uses this key alone."""

    help: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    settings: tuple[str, ...]
    source: bool = False
    cuts: bool = False
    day: bool = False  # whether its result depends on the day of the run, also where the cuts do not
    always: bool = False
    files: tuple[str, ...] = ()  # keys of its detail that name a file it made
    conf_files: tuple[str, ...] = ()  # files of conf/ that it reads beside its settings
    live: tuple[str, ...] = ()  # tables that it reads as the live release has them: their newest version does not go live with its own

    @property
    def sections(self) -> set[str]:
        """The sections of `settings`."""
        return {name.partition(".")[0] for name in self.settings}

    def used(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """What the step uses of conf/settings.yaml, by the names in `settings`; null for what is not there."""
        found = {name: name.partition(".")[::2] for name in self.settings}
        return {name: (settings.get(section) or {}).get(key) if key else settings.get(section) for name, (section, key) in found.items()}


@dataclass(frozen=True)
class StepResult:
    """A finished step of this run. status: done, current (was up to date) or failed."""

    name: str
    status: str
    seconds: float
    rows_in: int | None
    rows_out: int | None
    detail: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "status": self.status,
            "seconds": round(self.seconds, 1),
            "rows_in": self.rows_in or 0,
            "rows_out": self.rows_out or 0,
        }


class Pipeline(Settings):
    """An entry of conf/pipelines.yaml `pipelines`."""

    help: str
    steps: tuple[str, ...]


class Pipelines(Settings):
    steps: dict[str, Step]
    pipelines: dict[str, Pipeline]

    def named(self, pipeline: str) -> Pipeline:
        """Raises UserError where there is none of this name."""
        if pipeline not in self.pipelines:
            raise UserError("PIPELINE", [f"want one of {', '.join(self.pipelines)}, have {pipeline}{did_you_mean(pipeline, self.pipelines)}"])
        return self.pipelines[pipeline]

    def published_by(self, pipeline: str, tables: Sequence[str], unmapped: Collection[str] = ()) -> list[str]:
        """Those of `tables` of which the pipeline makes the newest version live: all but those that only steps of other pipelines write.

        unmapped: tables that the shop's mapping no longer has, which stay as they are.
        """
        own = {table for name in self.named(pipeline).steps for table in (*self.steps[name].reads, *self.steps[name].writes)}
        others = {table for step in self.steps.values() for table in step.writes} - own
        return [table for table in tables if table not in others and table not in unmapped]


def want_events(conf: Config, steps: Sequence[str]) -> None:
    """Raises UserError where profiles or lists are asked for of a shop whose mapping lacks the table of its goal; before anything is read."""
    tables, goal = conf.source.get("tables"), goal_of(conf.source)
    if tables and goal.table not in tables and {"interactions", "user_days"} & set(steps):
        fault = f"conf/sources/{conf.source_name}.yaml: want {goal.table} among tables, have {', '.join(tables)}"
        cure = "`basketgraph run clean` cleans what the mapping has."
        if REVIEWS in tables and goal == PURCHASE:
            cure += f" Where ratings are what lists are for, write `goal: {{{LEAST_RATING}: 4}}`."
        raise UserError(f"profiles and lists want {goal.words.noun}: the shop's mapping has none", [fault], cure)


def pipelines() -> Pipelines:
    """conf/pipelines.yaml. Raises UserError for unknown keys, and for a pipeline that names a step that is not there."""
    found = parsed(Pipelines, data_yaml("conf/pipelines.yaml"), "conf/pipelines.yaml")
    named = [(p, s) for p, terms in found.pipelines.items() for s in terms.steps]
    faults = [f"pipelines.{p}: want a step, have {s}{did_you_mean(s, found.steps)}" for p, s in named if s not in found.steps]
    if faults:
        raise UserError("conf/pipelines.yaml", faults, f"Steps: {', '.join(found.steps)}.")
    return found


def chosen_steps(known: Pipelines, pipeline: str, start: str | None) -> list[str]:
    """The pipeline's step names. Raises UserError for an unknown pipeline or `--from` step."""
    steps = list(known.named(pipeline).steps)
    if start is not None and start not in steps:
        raise UserError("--from", [f"want a step of {pipeline}, have {start}{did_you_mean(start, steps)}"], f"Steps: {', '.join(steps)}.")
    return steps
