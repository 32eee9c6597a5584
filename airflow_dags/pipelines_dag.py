"""One Airflow DAG per pipeline of conf/pipelines.yaml; each task is the job's own spark-submit line.

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
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Param, chain
from airflow.sdk.exceptions import AirflowException, AirflowFailException

sys.path.insert(0, str(Path(__file__).resolve().parent))  # Airflow does it for the folder it was configured with, not for one it is given
from submit_lines import FINAL_EXIT_CODES, Submission, expanded, pipeline_doc, read_pipelines, submissions

HOME = Path(os.environ.get("BASKETGRAPH_HOME", Path(__file__).resolve().parents[1]))
SCHEDULES = {"all": "0 4 * * *", "maintain": "0 2 * * 0"}  # UTC; the others run when they are called for: they share the warehouse with `all`
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


def task(submission: Submission) -> SubmitJob:
    return SubmitJob(
        task_id=submission.step,
        name=f"basketgraph_{submission.step}",
        application=submission.application,
        properties_file=submission.properties_file,
        py_files=submission.py_files,
        application_args=list(submission.arguments),
        doc_md=submission.doc,
        trigger_rule="all_done" if submission.even_after_failure else "all_success",
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


def pipeline_dag(pipelines: dict[str, Any], pipeline: str) -> DAG:
    with DAG(
        dag_id=f"basketgraph_{pipeline}",
        description=pipelines["pipelines"][pipeline]["help"],
        doc_md=pipeline_doc(pipelines, pipeline),
        schedule=SCHEDULES.get(pipeline),
        start_date=datetime(2000, 1, 1, tzinfo=timezone.utc),  # so that any past day can be run by hand; nothing is caught up
        catchup=False,
        max_active_runs=1,
        params=parameters(),
        default_args={"retries": 1, "retry_delay": RETRY_DELAY, "execution_timeout": LONGEST},
        tags=["basketgraph"],
    ) as dag:
        tasks = [task(submission) for submission in submissions(pipelines, pipeline, str(HOME))]
        # A run is as its last tasks are: the report, which runs whatever stopped the run, would turn a stopped run into a successful one.
        verdict = EmptyOperator(task_id="verdict", doc_md="successful when every step is, the report included")
        chain(*tasks)
        tasks >> verdict
    return dag


for name in (known := read_pipelines(HOME))["pipelines"]:
    globals()[f"basketgraph_{name}"] = pipeline_dag(known, name)
