"""Every line that Airflow submits is one that the job itself can read; no Airflow needed."""

from __future__ import annotations

import ast
import sys
from datetime import date, datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jinja2 import Environment, StrictUndefined
from typer.main import get_command

from basketgraph.cli.app import app
from basketgraph.foundation.config import load
from basketgraph.foundation.runs.arguments import job_parser, set_pairs
from basketgraph.foundation.runs.steps import pipelines

REPOSITORY = Path(__file__).resolve().parents[2]
DAGS = REPOSITORY / "airflow_dags"
sys.path.insert(0, str(DAGS))

from submit_lines import Submission, alert_line, check_line, expanded, pipeline_doc, read_pipelines, submissions, submit_line  # noqa: E402
from timetable import SILVER, TIMETABLE  # noqa: E402

KNOWN = read_pipelines(REPOSITORY)
TASKS = [(pipeline, submission) for pipeline in KNOWN["pipelines"] for submission in submissions(KNOWN, pipeline, "/opt/basketgraph")]
PARAMETERS: dict[str, Any] = {"env": "local", "source": "online_retail", "warehouse": "", "landing": "", "ds": "", "set": []}


def render(texts: tuple[str, ...], *, scheduled: bool = True, run_id: str = "scheduled__2026-03-01T04:00:00+00:00", **params: Any) -> list[str]:
    """What Airflow makes of these templates: the same Jinja, undefined names refused."""
    dag_run = SimpleNamespace(
        logical_date=datetime(2026, 3, 1, 4, tzinfo=timezone.utc) if scheduled else None, run_after=datetime(2026, 3, 2, 9, tzinfo=timezone.utc)
    )
    environment = Environment(undefined=StrictUndefined, autoescape=False)
    given = {"params": {**PARAMETERS, **params}, "dag_run": dag_run, "run_id": run_id}
    return expanded([environment.from_string(text).render(given) for text in texts])


@pytest.mark.parametrize(("pipeline", "submission"), TASKS, ids=[f"{pipeline}-{submission.step}" for pipeline, submission in TASKS])
def test_the_job_reads_its_line(pipeline: str, submission: Submission) -> None:
    arguments = render(submission.arguments, warehouse="s3a://bucket/shop a", landing="/landing", set=["ranks=3", "interactions.window_days=14"])
    given = job_parser("").parse_args(arguments)
    assert (given.env, given.source, given.ds, given.pipeline) == ("local", "online_retail", date(2026, 3, 1), pipeline)
    assert given.run_id == "scheduled__2026-03-01T040000-0000", "a run id names folders, and Hadoop's paths know no colon"
    assert given.force == (submission.step == "report")
    conf = load(given.env, given.source, set_pairs(given.set), pipeline=given.pipeline)
    assert (conf.warehouse, conf.source["landing"], conf.environment.ranks) == ("s3a://bucket/shop a", "/landing", 3)


def test_a_job_submitted_alone_lets_failures_pass_as_the_local_runner_does() -> None:
    (_, submission), *_ = TASKS
    pairs = ["--accept", "silver.events.a", "--because", "a trial", "--accept", "silver.items.b", "--because", "known", "--data-docs"]
    given = job_parser("").parse_args([*render(submission.arguments), *pairs])
    assert (given.accept, given.because, given.data_docs) == (["silver.events.a", "silver.items.b"], ["a trial", "known"], True)
    assert job_parser("").parse_args(render(submission.arguments)).accept == []


def test_parameters_that_say_nothing_leave_no_flag() -> None:
    (_, submission), *_ = TASKS
    given = job_parser("").parse_args(render(submission.arguments))
    assert given.set == []


def test_a_run_that_was_triggered_by_hand_has_a_day_and_a_day_that_is_named_wins() -> None:
    (_, submission), *_ = TASKS
    assert job_parser("").parse_args(render(submission.arguments, scheduled=False)).ds == date(2026, 3, 2)
    assert job_parser("").parse_args(render(submission.arguments, scheduled=False, ds="2011-03-01")).ds == date(2011, 3, 1)


def test_every_pipeline_is_submitted_step_by_step_in_its_order() -> None:
    known = pipelines()
    assert set(KNOWN["pipelines"]) == set(known.pipelines)
    for pipeline, terms in known.pipelines.items():
        assert [submission.step for submission in submissions(KNOWN, pipeline, "/x")] == list(terms.steps)


def test_a_line_names_the_zip_the_properties_and_the_job_of_the_build() -> None:
    submission = next(submission for pipeline, submission in TASKS if (pipeline, submission.step) == ("all", "clean"))
    assert submit_line(submission, ["--env", "local", "--set=landing=/a b"]) == (
        "spark-submit --properties-file '/opt/basketgraph/conf/spark/{{ params.env }}.conf' --py-files /opt/basketgraph/dist/basketgraph.zip "
        "/opt/basketgraph/jobs/clean.py --env local '--set=landing=/a b'"
    )


@pytest.mark.parametrize("environment", ["local", "cluster"])
def test_the_properties_file_of_a_line_is_the_one_its_environment_names(environment: str) -> None:
    assert load(environment, "online_retail").environment.spark_conf == f"conf/spark/{environment}.conf"
    assert (REPOSITORY / "conf" / "spark" / f"{environment}.conf").is_file()


def test_every_step_has_the_job_that_its_line_names() -> None:
    missing = {submission.step for _, submission in TASKS if not (REPOSITORY / "jobs" / f"{submission.step}.py").is_file()}
    assert not missing


def test_the_pages_say_what_is_done() -> None:
    doc = pipeline_doc(KNOWN, "all", "what lateness costs")
    assert "what lateness costs" in doc
    for submission in submissions(KNOWN, "all", "/x"):
        assert f"`{submission.step}`: {KNOWN['steps'][submission.step]['help']}" in doc
        assert KNOWN["steps"][submission.step]["help"] in submission.doc


@pytest.mark.parametrize("line", [check_line(), alert_line()], ids=["check", "alert"])
def test_the_command_line_reads_what_the_dags_give_it(line: list[str]) -> None:
    arguments = render(tuple(line), warehouse="/data/shop a", set=["alerts.data_days=9"])
    group: Any = get_command(app)
    while hasattr(group, "commands"):
        group = group.commands[arguments.pop(0)]
    given = group.make_context("", arguments).params
    assert (given["env"], given["source"], list(given["sets"])) == ("local", "online_retail", ["warehouse=/data/shop a", "alerts.data_days=9"])
    assert given.get("check", True)
    assert given.get("run") in (None, "scheduled__2026-03-01T040000-0000")


def test_each_pipeline_has_its_place_in_the_timetable_and_each_day_one_that_cleans() -> None:
    assert TIMETABLE.keys() == KNOWN["pipelines"].keys()
    cleaning = [timing for timing in TIMETABLE.values() if timing.cron and timing.makes == SILVER]
    days = [str(day) for timing in cleaning for day in days_of(str(timing.cron))]
    assert sorted(days) == list("0123456"), "two of them on one day would write the same tables at once"
    assert TIMETABLE["recommend"].after == SILVER
    for pipeline, timing in TIMETABLE.items():
        assert "publish" in KNOWN["pipelines"][pipeline]["steps"] or timing.makes is None, "the step that updates the asset"


def days_of(cron: str) -> list[int]:
    first, _, last = cron.split()[4].partition("-")
    return list(range(int(first), int(last or first) + 1))


def test_the_dags_import_neither_the_package_nor_its_jobs() -> None:
    for file in DAGS.glob("*.py"):
        tree = ast.parse(file.read_text())
        names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        assert not [name for name in names if name.split(".")[0] in ("basketgraph", "jobs", "pyspark")], file.name
