"""conf/pipelines.yaml: the steps, what each reads and writes, and the pipelines that they make up."""

from __future__ import annotations

from collections.abc import Sequence

from basketgraph.config import Config, Mistake, Settings, data_yaml, parsed


class Step(Settings):
    """An entry of conf/pipelines.yaml `steps`."""

    help: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    settings: tuple[str, ...]
    source: bool = False
    cuts: bool = False
    always: bool = False
    files: tuple[str, ...] = ()  # keys of its detail that name a file it made


class Pipeline(Settings):
    """An entry of conf/pipelines.yaml `pipelines`."""

    help: str
    steps: tuple[str, ...]


class Pipelines(Settings):
    steps: dict[str, Step]
    pipelines: dict[str, Pipeline]

    def named(self, pipeline: str) -> Pipeline:
        """Raises Mistake where there is none of this name."""
        if pipeline not in self.pipelines:
            raise Mistake("PIPELINE", [f"want one of {', '.join(self.pipelines)}, have {pipeline}"])
        return self.pipelines[pipeline]

    def published_by(self, pipeline: str, tables: Sequence[str]) -> list[str]:
        """Those of `tables` that the pipeline's steps read or write, and those that no step writes, which every run adds to."""
        own = {table for name in self.named(pipeline).steps for table in (*self.steps[name].reads, *self.steps[name].writes)}
        others = {table for step in self.steps.values() for table in step.writes} - own
        return [table for table in tables if table not in others]


def want_events(conf: Config, steps: Sequence[str]) -> None:
    """Raises Mistake where lists are asked for of a shop whose mapping has no purchases; before anything is read."""
    tables = conf.source.get("tables")
    if tables and "silver.events" not in tables and "interactions" in steps:
        fault = f"conf/sources/{conf.source_name}.yaml: want silver.events among tables, have {', '.join(tables)}"
        raise Mistake("lists want purchases: the shop's mapping has none", [fault], "`basketgraph run clean` cleans what the mapping has.")


def pipelines() -> Pipelines:
    """conf/pipelines.yaml. Raises Mistake for unknown keys, and for a pipeline that names a step that is not there."""
    found = parsed(Pipelines, data_yaml("conf/pipelines.yaml"), "conf/pipelines.yaml")
    faults = [f"pipelines.{p}: want a step, have {s}" for p, terms in found.pipelines.items() for s in terms.steps if s not in found.steps]
    if faults:
        raise Mistake("conf/pipelines.yaml", faults, f"Steps: {', '.join(found.steps)}.")
    return found
