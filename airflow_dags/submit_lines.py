"""Each job's own spark-submit line, made from conf/pipelines.yaml: templates that Airflow renders for a run. Knows a job by file name and flags."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

DAY = "{{ params.ds or (dag_run.logical_date or dag_run.run_after).strftime('%Y-%m-%d') }}"
RUN_ID = "{{ run_id | replace(':', '') | replace('+', '-') }}"  # it names folders, and Hadoop's paths know no colon
WAREHOUSE = "{{ 'warehouse=' ~ params.warehouse if params.warehouse }}"
LANDING = "{{ 'landing=' ~ params.landing if params.landing }}"
SETS = "{{ params.set | join('\\n') }}"
SET = "--set="
REPORT = "report"  # made even after a stop: it is where people read why
FINAL_EXIT_CODES = {2: "a mistake in mapping, flags or input", 3: "stopped by quality", 4: "refused by the gate"}  # a second try changes nothing


@dataclass(frozen=True)
class Submission:
    """One task: the parts of `spark-submit --properties-file P --py-files Z APPLICATION ARGUMENTS`, as Jinja templates."""

    step: str
    doc: str
    application: str
    properties_file: str
    py_files: str
    arguments: tuple[str, ...]

    @property
    def even_after_failure(self) -> bool:
        return self.step == REPORT


def read_pipelines(home: Path) -> dict[str, Any]:
    """conf/pipelines.yaml of the build at `home`."""
    loaded: dict[str, Any] = yaml.safe_load((home / "conf" / "pipelines.yaml").read_text(encoding="utf-8"))
    return loaded


def submissions(pipelines: Mapping[str, Any], pipeline: str, home: str) -> list[Submission]:
    """The tasks of a pipeline in the order they run; one after the other, since each job takes the warehouse's lock.

    pipelines: conf/pipelines.yaml.
    home:      where dist/, conf/spark/ and jobs/ lie on the machine that submits.
    """
    return [_submission(step, pipelines["steps"][step], pipeline, home) for step in pipelines["pipelines"][pipeline]["steps"]]


def _submission(step: str, terms: Mapping[str, Any], pipeline: str, home: str) -> Submission:
    arguments = ["--env", "{{ params.env }}", "--source", "{{ params.source }}", "--ds", DAY, "--pipeline", pipeline, "--run-id", RUN_ID]
    arguments += [SET + value for value in (WAREHOUSE, LANDING, SETS)]
    if step == REPORT:
        arguments.append("--force")  # a refused run has no new release, yet wants its page
    return Submission(
        step=step,
        doc=f"{terms['help']}\n\n- reads: {_listed(terms['reads'])}\n- writes: {_listed(terms['writes'])}\n",
        application=f"{home}/jobs/{step}.py",
        properties_file=f"{home}/conf/spark/{{{{ params.env }}}}.conf",
        py_files=f"{home}/dist/basketgraph.zip",
        arguments=tuple(arguments),
    )


def check_line() -> list[str]:
    """`basketgraph status --check`, as templates."""
    return ["status", "--check", *_warehouse_flags()]


def alert_line() -> list[str]:
    """`basketgraph runs alert RUN`, which alerts of a run whose job could not do so itself; as templates."""
    return ["runs", "alert", RUN_ID, *_warehouse_flags()]


def _warehouse_flags() -> list[str]:
    return ["--env", "{{ params.env }}", "--source", "{{ params.source }}", SET + WAREHOUSE, SET + SETS]


def _listed(tables: Sequence[str]) -> str:
    return ", ".join(f"`{table}`" for table in tables) or "nothing"


def pipeline_doc(pipelines: Mapping[str, Any], pipeline: str, lateness: str) -> str:
    """The DAG's page in Airflow: what the pipeline does, what lateness costs, and each of its steps, in Markdown."""
    terms = pipelines["pipelines"][pipeline]
    steps = "\n".join(f"{number}. `{step}`: {pipelines['steps'][step]['help']}" for number, step in enumerate(terms["steps"], 1))
    return f"**{terms['help']}**\n\n{lateness}\n\n{steps}\n\nThe same steps on one machine: `basketgraph run {pipeline}`.\n"


def expanded(rendered: Sequence[str]) -> list[str]:
    """Rendered arguments with `--set=` split at its lines, one flag each; an empty one is none."""
    found: list[str] = []
    for argument in rendered:
        if argument.startswith(SET):
            found += [SET + line for line in argument.removeprefix(SET).splitlines() if line.strip()]
        else:
            found.append(argument)
    return found


def submit_line(submission: Submission, arguments: Sequence[str]) -> str:
    """The line as an operator would type it; `arguments` are the rendered ones."""
    head = ["spark-submit", "--properties-file", submission.properties_file, "--py-files", submission.py_files, submission.application]
    return shlex.join([*head, *arguments])
