"""The DAGs in Airflow itself (`.venv-airflow`): import, rendered lines, a run that fails, and the main pipeline once on real data."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.foundation.runs.arguments import job_parser
from basketgraph.foundation.runs.steps import pipelines
from basketgraph.foundation.tables.releases import publish
from basketgraph.foundation.tables.warehouse import RunTables
from support.contract_rows import rows

REPOSITORY = Path(__file__).resolve().parents[2]
AIRFLOW = REPOSITORY / ".venv-airflow" / "bin"
MONTHS = ("2010-12", "2011-01", "2011-02")
DAY = "2011-03-01"
DAY_AFTER = "2011-03-02"  # of which there is no run

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not (AIRFLOW / "airflow").exists(), reason="no .venv-airflow: run `make airflow-test` or `make airflow-setup`"),
]


class Deployment:
    """What a scheduler's machine has: the build (zip, jobs, conf), the DAG folder, an Airflow home; and a shop's folders."""

    def __init__(self, root: Path) -> None:
        self.home, self.warehouse, self.landing = root / "home", root / "warehouse", root / "landing"
        self.landing.mkdir()
        for folder in ("jobs", "conf", "airflow_dags"):
            shutil.copytree(REPOSITORY / folder, self.home / folder, ignore=shutil.ignore_patterns("__pycache__"))
        subprocess.run([sys.executable, str(REPOSITORY / "scripts" / "package.py"), str(self.home / "dist")], check=True, capture_output=True)
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("BASKETGRAPH_", "AIRFLOW_", "PYSPARK_", "SPARK_", "PYTHONPATH"))
        }
        self.environment = {
            **kept,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # spark-submit comes from the jobs' environment
            "XDG_STATE_HOME": str(root / "state"),
            "AIRFLOW_HOME": str(root / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.home / "airflow_dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW_CONN_SPARK_DEFAULT": json.dumps({"conn_type": "spark", "host": "local[2]"}),
            "BASKETGRAPH_ENV": "local",
            "BASKETGRAPH_SOURCE": "online_retail",
            "BASKETGRAPH_WAREHOUSE": str(self.warehouse),
            "BASKETGRAPH_LANDING": str(self.landing),
        }
        self.call("airflow", "db", "migrate")

    def call(self, command: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(AIRFLOW / command), *arguments],
            env=self.environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert not check or done.returncode == 0, (done.stdout + done.stderr)[-8000:]
        return done

    def rendered(self, run_id: str, **params: Any) -> dict[str, Any]:
        script = REPOSITORY / "tests" / "support" / "rendered_dags.py"
        done = self.call("python", str(script), str(self.home / "airflow_dags"), run_id, json.dumps(params))
        loaded: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return loaded

    def hook(self) -> str:
        """The setting of a command that adds alerts to a file."""
        append = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + chr(10))"
        return f"alerts.command={json.dumps([sys.executable, '-c', append, str(self.landing.parent / 'alerts')])}"

    def alerts(self) -> list[dict[str, Any]]:
        """What that command got since it was asked last."""
        place = self.landing.parent / "alerts"
        told = [json.loads(line) for line in place.read_text().splitlines()] if place.exists() else []
        place.unlink(missing_ok=True)
        return told

    def task_states(self, dag: str) -> dict[str, str]:
        """State of each task of the DAG's last run."""
        runs = json.loads(self.call("airflow", "dags", "list-runs", dag, "--output", "json").stdout.splitlines()[-1])
        states = self.call("airflow", "tasks", "states-for-dag-run", dag, runs[0]["run_id"], "--output", "json").stdout.splitlines()[-1]
        return {row["task_id"]: row["state"] for row in json.loads(states)}


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return Deployment(tmp_path_factory.mktemp("airflow"))


def test_airflows_own_submit_commands_are_read_by_the_jobs(deployment: Deployment) -> None:
    found = deployment.rendered("manual__2026-03-01T00:00:00+00:00", warehouse="/data/shop", set=["ranks=3"])
    assert found["errors"] == {}
    known = pipelines().pipelines
    assert set(found["dags"]) == {f"basketgraph_{pipeline}" for pipeline in (*known, "check")}
    assert found["dags"]["basketgraph_check"]["commands"]["check"][:2] == ["status", "--check"]
    updated = {dag.removeprefix("basketgraph_"): terms["outlets"] for dag, terms in found["dags"].items() if terms["outlets"]}
    silver = {"publish": ["basketgraph_silver"]}
    assert updated == {"clean": silver, "all": silver, "replay": silver, "recommend": {"publish": ["basketgraph_lists"]}}
    assert {dag.removeprefix("basketgraph_"): terms["schedule"] for dag, terms in found["dags"].items() if terms["schedule"]} == {
        "clean": "0 4 * * 0-5",
        "all": "0 4 * * 6",
        "recommend": ["basketgraph_silver"],
        "maintain": "0 2 * * 0",
        "check": "0 12 * * *",
    }
    for pipeline, terms in known.items():
        dag = found["dags"][f"basketgraph_{pipeline}"]
        assert list(dag["lines"]) == list(terms.steps)
        assert (dag["catchup"], dag["max_active_runs"]) == (False, 1)
        assert terms.help in dag["doc"]
        for step, line in dag["lines"].items():
            application = str(deployment.home / "jobs" / f"{step}.py")
            spark, job = line[: line.index(application)], line[line.index(application) + 1 :]
            assert spark[:3] == ["spark-submit", "--master", "local[2]"]
            assert spark[3:7] == [
                "--properties-file",
                f"{deployment.home}/conf/spark/local.conf",
                "--py-files",
                f"{deployment.home}/dist/basketgraph.zip",
            ]
            given = job_parser("").parse_args(job)
            assert (given.env, given.source, given.ds, given.pipeline) == ("local", "online_retail", date(2026, 3, 1), pipeline)
            assert given.set == ["warehouse=/data/shop", f"landing={deployment.landing}", "ranks=3"]
            assert dag["docs"][step].strip(), "an empty page helps nobody"
        for before, after in zip(terms.steps, [*terms.steps[1:], "verdict"], strict=True):
            assert {after, "alert"} <= set(dag["downstream"][before])


def test_a_mistake_fails_the_run_at_once_and_the_report_is_tried_all_the_same(deployment: Deployment) -> None:
    done = deployment.call("airflow", "dags", "test", "basketgraph_clean", DAY, check=False)
    output = done.stdout + done.stderr
    assert done.returncode != 0, output[-4000:]
    assert "want files like *.csv, have none" in output
    assert "clean: a mistake in mapping, flags or input" in output
    states = deployment.task_states("basketgraph_clean")
    assert (states["clean"], states["publish"]) == ("failed", "upstream_failed"), "no retry: a second try changes nothing"
    assert states["report"] == "success", "the report is made whatever stopped the run"
    assert (states["verdict"], states["alert"]) == ("upstream_failed", "success")
    assert "failed in clean, which was told already" in output, "the job has called the hooks itself"
    assert list((deployment.warehouse / "reports").glob("*.html"))


def test_a_job_that_never_started_is_told_by_its_dag(deployment: Deployment) -> None:
    hook = deployment.hook()
    deployment.call("airflow", "tasks", "test", "basketgraph_clean", "alert", DAY_AFTER, "--task-params", json.dumps({"set": [hook]}))
    (alert,) = deployment.alerts()
    assert (alert["what"], alert["shop"]) == ("ended without a word", "online_retail")
    assert "it has no step in ops.runs" in alert["message"]


def test_stale_lists_fail_the_check_and_call_the_hook(deployment: Deployment, spark: SparkSession, tmp_path: Path) -> None:
    tables, day, moment = RunTables(spark, str(tmp_path), "run-1"), date(2011, 2, 28), datetime(2011, 3, 1, 4, tzinfo=timezone.utc)
    for table, row in (
        ("silver.events", {"event_date": day}),
        ("gold.recommendations", {"as_of": day, "setting": "rebuy"}),
        ("ops.runs", {"run_id": "run-1", "step": "publish", "status": "done", "started_at": moment, "finished_at": moment}),
    ):
        tables.append(rows(spark, table, [row]), table)
    publish(tables, as_of=day, now=moment)

    def states(*sets: str) -> dict[str, str]:
        given = {"warehouse": str(tmp_path), "set": [deployment.hook(), *sets]}
        deployment.call("airflow", "dags", "test", "basketgraph_check", DAY, "--conf", json.dumps(given), check=False)
        return deployment.task_states("basketgraph_check")

    assert states() == {"check": "failed"}, "without a retry"
    (alert,) = deployment.alerts()
    assert (alert["what"], alert["exit_code"]) == ("data or lists are late", 3)
    assert [sentence.split(", ")[0] for sentence in alert["failures"]] == ["the data are of 2011-02-28", "the lists are of 2011-02-28"]
    assert states("alerts.data_days=100000", "alerts.lists_days=100000") == {"check": "success"}
    assert deployment.alerts() == []


def test_the_main_pipeline_runs_once_on_three_months_of_a_real_shop(deployment: Deployment, shared_data: Path) -> None:
    files = [file for month in MONTHS for file in sorted((shared_data / "online_retail").glob(f"{month}-*.csv"))]
    if not files:
        pytest.skip(f"no Online Retail files in {shared_data}")
    for file in files:
        shutil.copy(file, deployment.landing)
    done = deployment.call("airflow", "dags", "test", "basketgraph_all", DAY, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-12000:]
    steps = pipelines().pipelines["all"].steps
    assert deployment.task_states("basketgraph_all") == {**dict.fromkeys([*steps, "verdict"], "success"), "alert": "skipped"}

    flags = ["--source", "online_retail", "--set", f"warehouse={deployment.warehouse}", "--json"]
    told = subprocess.run(
        [sys.executable, "-m", "basketgraph.cli.app", "status", *flags], env=deployment.environment, capture_output=True, text=True, check=True
    )
    state = json.loads(told.stdout.splitlines()[-1])
    assert (state["release"], state["as_of"]) == (1, "2011-02-01")
    assert {row["step"]: row["status"] for row in state["last_steps"]} == dict.fromkeys(steps, "done")
    assert len({row["run_id"] for row in state["last_steps"]}) == 1, "the tasks of one DAG run share its run id"
    assert state["tables"]["silver.events"]["rows"] > 50_000
    assert state["tables"]["gold.recommendations"]["rows"] > 0
    assert Path(state["report"]).is_file()
