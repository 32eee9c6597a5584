"""One Airflow DAG per pipeline of conf/pipelines.yaml; each task is the job's own spark-submit line. And one that looks whether the lists are new.

BASKETGRAPH_HOME says where the build lies (dist/, conf/, jobs/); BASKETGRAPH_ENV, _SOURCE, _WAREHOUSE and _LANDING are what a run takes where its
parameters say nothing. The Spark master is that of Airflow's connection `spark_default`.
"""

from __future__ import annotations

import os
import re
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset, BaseOperator, Param, chain
from airflow.sdk.exceptions import AirflowException, AirflowFailException

sys.path.insert(0, str(Path(__file__).resolve().parent))  # Airflow does it for the folder it was configured with, not for one it is given
from submit_lines import FINAL_EXIT_CODES, Submission, alert_line, check_line, expanded, pipeline_doc, read_pipelines, submissions
from timetable import CHECK_CRON, CHECK_DOC, TIMETABLE

HOME = Path(os.environ.get("BASKETGRAPH_HOME", Path(__file__).resolve().parents[1]))
COMMAND = "basketgraph"  # of the jobs' environment, beside spark-submit
PUBLISH = "publish"
RETRY_DELAY = timedelta(minutes=5)
LONGEST = timedelta(hours=12)


class SubmitJob(SparkSubmitOperator):
    """SparkSubmitOperator that drops empty `--set` flags and tries no second time what a second try cannot mend."""

    def render_template_fields(self, *args: Any, **kwargs: Any) -> None:
        super().render_template_fields(*args, **kwargs)
        self.application_args = expanded(self.application_args or [])

    def execute(self, context: Any) -> None:
        try:
            super().execute(context)
        except AirflowException as error:
            code = re.search(r"Error code is: (\d+)", str(error))
            why = FINAL_EXIT_CODES.get(int(code[1])) if code else None
            if why is None:
                raise
            raise AirflowFailException(f"{self.task_id}: {why}; the reason is in the log above") from error


class CommandLine(BaseOperator):
    """Runs the command line of the jobs' environment; its output is the task's log."""

    template_fields = ("arguments",)

    def __init__(self, *, arguments: list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.arguments = arguments

    def execute(self, context: Any) -> None:
        code = SubprocessHook().run_command([COMMAND, *expanded(self.arguments)], cwd=os.getcwd()).exit_code
        if code:
            kind = AirflowFailException if code in FINAL_EXIT_CODES else AirflowException
            raise kind(f"{self.task_id}: {COMMAND} ended with {code}; the reason is in the log above")


def task(submission: Submission, outlets: list[Asset]) -> SubmitJob:
    return SubmitJob(
        task_id=submission.step,
        name=f"basketgraph_{submission.step}",
        application=submission.application,
        properties_file=submission.properties_file,
        py_files=submission.py_files,
        application_args=list(submission.arguments),
        doc_md=submission.doc,
        trigger_rule="all_done" if submission.even_after_failure else "all_success",
        outlets=outlets if submission.step == PUBLISH else [],
    )


def parameters() -> dict[str, Param]:
    given = os.environ.get
    return {
        "env": Param(given("BASKETGRAPH_ENV", "cluster"), type="string", description="conf/environments/<env>.yaml and conf/spark/<env>.conf"),
        "source": Param(given("BASKETGRAPH_SOURCE", "complete_journey"), type="string", description="the shop: conf/sources/<source>.yaml"),
        "warehouse": Param(given("BASKETGRAPH_WAREHOUSE", ""), type="string", description="where the tables are; empty: as the environment says"),
        "landing": Param(given("BASKETGRAPH_LANDING", ""), type="string", description="where the shop's files land; empty: as its mapping says"),
        "ds": Param("", type="string", pattern=r"^(\d{4}-\d{2}-\d{2})?$", description="the UTC day of the run; empty: the run's own"),
        "set": Param([], type="array", items={"type": "string", "pattern": ".+=.+"}, description="further settings, key=value"),
    }


def dag_of(name: str, *, schedule: str | list[Asset] | None, description: str, doc: str) -> DAG:
    return DAG(
        dag_id=f"basketgraph_{name}",
        description=description,
        doc_md=doc,
        schedule=schedule,
        start_date=datetime(2000, 1, 1, tzinfo=timezone.utc),  # so that any past day can be run by hand; nothing is caught up
        catchup=False,
        max_active_runs=1,
        params=parameters(),
        default_args={"retries": 1, "retry_delay": RETRY_DELAY, "execution_timeout": LONGEST},
        tags=["basketgraph"],
    )


def pipeline_dag(pipelines: dict[str, Any], pipeline: str) -> DAG:
    timing, description = TIMETABLE[pipeline], pipelines["pipelines"][pipeline]["help"]
    schedule = [Asset(timing.after)] if timing.after else timing.cron
    with dag_of(pipeline, schedule=schedule, description=description, doc=pipeline_doc(pipelines, pipeline, timing.lateness)) as dag:
        outlets = [Asset(timing.makes)] if timing.makes else []
        tasks = [task(submission, outlets) for submission in submissions(pipelines, pipeline, str(HOME))]
        # A run is as its last tasks are: the report, which runs whatever stopped the run, would turn a stopped run into a successful one.
        verdict = EmptyOperator(task_id="verdict", doc_md="successful when every step is, the report included")
        # A job calls the hooks itself, unless it never started or was killed.
        alert = CommandLine(
            task_id="alert", arguments=alert_line(), trigger_rule="one_failed", doc_md="the hooks of conf for a job that never started"
        )
        chain(*tasks)
        tasks >> verdict
        tasks >> alert
    return dag


def check_dag() -> DAG:
    with dag_of("check", schedule=CHECK_CRON, description="whether data and lists are as new as conf allows", doc=CHECK_DOC) as dag:
        CommandLine(task_id="check", arguments=check_line(), doc_md=CHECK_DOC)
    return dag


for name in (known := read_pipelines(HOME))["pipelines"]:
    globals()[f"basketgraph_{name}"] = pipeline_dag(known, name)
basketgraph_check = check_dag()
