"""Read every contract, suite, mapping and pipeline of the checkout, and say all that is wrong with them at once. No Spark session."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence

from basketgraph.clean.mapping import read_source
from basketgraph.foundation.config import UserError, data_files, data_text, data_yaml, load
from basketgraph.foundation.contracts import contract, contracts, reference_faults
from basketgraph.foundation.quality.build import refuse_unusable
from basketgraph.foundation.quality.suites import QualitySettings, suite
from basketgraph.foundation.recommenders import RECOMMENDERS, Recommender
from basketgraph.foundation.runs.steps import Pipelines, Step, pipelines

LAYERS = ("silver", "gold", "ops")
SECTION = re.compile(r'section\(\s*"(\w+)"')
TABLE = re.compile(r'"((?:silver|gold|ops)\.\w+)"')


def sources() -> Iterator[str]:
    for source, _ in data_files("conf/sources"):
        given = data_yaml(f"conf/sources/{source}.yaml")
        _, faults = read_source(given, f"conf/sources/{source}.yaml")
        yield from (f"conf/sources/{source}.yaml: {fault}" for fault in faults)
        for environment, _ in data_files("conf/environments"):
            yield from faults_of(lambda env=environment, shop=source: load(env, shop))  # type: ignore[misc]


def faults_of(read: Callable[[], object]) -> Iterator[str]:
    try:
        read()
    except UserError as mistake:
        yield str(mistake)


def steps() -> Iterator[str]:
    """Every step has its job, and reads and writes tables that have a contract; every job has its step."""
    known = pipelines()
    jobs = {stem for stem, _ in data_files("jobs", ".py")}
    yield from (f"jobs/{step}.py: want a job for the step, have none" for step in sorted(set(known.steps) - jobs))
    yield from (f"jobs/{job}.py: want a step in conf/pipelines.yaml, have none" for job in sorted(jobs - set(known.steps)))
    for table in sorted({table for step in known.steps.values() for table in (*step.reads, *step.live, *step.writes)}):
        yield from (f"conf/pipelines.yaml: {fault}" for fault in faults_of(lambda table=table: contract(table)))  # type: ignore[misc]


def declarations() -> Iterator[str]:
    """What a job reads by name stands in its step: else the step would be held to be up to date when that changes."""
    settings = data_yaml("conf/settings.yaml")
    for name, step in pipelines().steps.items():
        if name in {stem for stem, _ in data_files("jobs", ".py")}:
            yield from (f"steps.{name}: {fault}" for fault in declared(name, step, settings))


def declared(name: str, step: Step, settings: Mapping[str, object]) -> Iterator[str]:
    body = data_text(f"jobs/{name}.py").split('"""', 2)[2]
    sections, tables = set(SECTION.findall(body)), set(TABLE.findall(body))
    yield from (f"settings: want {section}, which jobs/{name}.py takes" for section in sorted(sections - step.sections))
    unknown = (used for used, value in step.used(settings).items() if value is None)
    yield from (f"settings: want a section of conf/settings.yaml, or section.key, have {used}" for used in unknown)
    if not step.always:
        yield from (f"reads: want {table}, which jobs/{name}.py names" for table in sorted(tables - {*step.reads, *step.live, *step.writes}))
        if "cuts(" in body and not step.cuts:
            yield f"cuts: want true, since jobs/{name}.py takes the cuts"


def recommenders(entries: Sequence[Recommender], known: Pipelines, settings: Mapping[str, object]) -> Iterator[str]:
    """The list of recommenders names sections of conf/settings.yaml, and tables that a step writes by that section and `candidates` reads."""
    writers = {table: (name, step) for name, step in known.steps.items() for table in step.writes}
    for entry in entries:
        if entry.settings not in settings:
            yield f"recommender {entry.name}: want a section of conf/settings.yaml, have {entry.settings}"
        for table in entry.vectors[:2] if entry.vectors else ():
            name, step = writers.get(table, (None, None))
            if step is None:
                yield f"recommender {entry.name}: want a step in conf/pipelines.yaml that writes {table}, have none"
            elif entry.settings not in step.settings:
                yield f"steps.{name}: settings: want {entry.settings}, which recommender {entry.name} has its numbers in"
            if table not in known.steps["candidates"].reads:
                yield f"steps.candidates: reads: want {table}, which has the vectors of recommender {entry.name}"


def main() -> int:
    faults: list[str] = []
    settings = QualitySettings.model_validate(data_yaml("conf/settings.yaml")["quality"])
    for layer in LAYERS:
        for stem, _ in data_files(f"schemas/{layer}"):
            faults += faults_of(lambda name=f"{layer}.{stem}": contract(name))  # type: ignore[misc]
        for stem, _ in data_files(f"expectations/{layer}"):
            faults += faults_of(lambda name=f"{layer}.{stem}": refuse_unusable([suite(name)], settings))  # type: ignore[misc]
    if not faults:  # all can be read, then
        faults += reference_faults(contracts())
    faults += [*sources(), *steps(), *declarations(), *recommenders(RECOMMENDERS, pipelines(), data_yaml("conf/settings.yaml"))]
    for fault in faults:
        print(fault, file=sys.stderr)
    counts = [f"{sum(1 for layer in LAYERS for _ in data_files(f'{folder}/{layer}'))} {folder}" for folder in ("schemas", "expectations")]
    print(f"{', '.join(counts)}, {sum(1 for _ in data_files('conf/sources'))} sources: {len(faults)} faults")
    return 2 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
