"""The run log: what is up to date, why not, and what a failure leaves behind."""

from __future__ import annotations

import json
import logging
import time
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from basketgraph.foundation import code_hash
from basketgraph.foundation.config import CONF_VARIABLE, UserError, load
from basketgraph.foundation.contracts import contract
from basketgraph.foundation.progress import each
from basketgraph.foundation.quality.suites import QualitySettings
from basketgraph.foundation.runs.arguments import job_parser, set_pairs
from basketgraph.foundation.runs.job import RUNS, RunLog, StepReport, job_main, new_run_id, quality_checker, run_step
from basketgraph.foundation.runs.memory import PeakMemory, tree_memory
from basketgraph.foundation.runs.steps import Step, pipelines
from basketgraph.foundation.tables.releases import publish, utc_now
from basketgraph.foundation.tables.warehouse import RunTables
from support.contract_rows import rows

DAY, NEXT_DAY = date(2026, 3, 1), date(2026, 3, 2)
IN, OUT = "silver.campaign_targets", "silver.redemptions"
STEP = Step(help="", reads=(IN,), writes=(OUT,), settings=("interactions",))
ALWAYS = Step(help="", reads=(), writes=(OUT,), settings=(), always=True)


class Run:
    """One run of the step `copy` after another in one warehouse; each sees what the ones before it logged."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.spark, self.folder, self.memory = spark, folder, PeakMemory()
        (folder / "jobs").mkdir()
        (folder / "jobs" / "copy.py").write_text("one = 1\n")
        self.sets: dict[str, str] = {}

    def log(self) -> RunLog:
        conf = load("local", "complete_journey", {"warehouse": str(self.folder / "warehouse"), **self.sets})
        return RunLog(RunTables(self.spark, conf.warehouse, new_run_id()), conf)

    def write(self, user: str) -> None:
        runs = self.log()
        runs.tables.overwrite(rows(self.spark, IN, [{"campaign_id": "1", "user_id": user}]), IN)

    def job(self, spark: SparkSession, conf: object, ds: date, tables: RunTables) -> StepReport:
        columns = ["user_id as redemption_id", "user_id", "'c' as coupon_id", "campaign_id", "date'2026-01-01' as redemption_date"]
        tables.overwrite(tables.read(IN).selectExpr(*columns, *contract(OUT).lineage_columns), OUT)
        return StepReport(rows_in=1, rows_out=1, detail={"told": "something"})

    def status(self, step: Step = STEP, ds: date = DAY) -> str:
        runs = self.log()
        return run_step("copy", step, self.job, runs.conf, ds, runs, self.memory).status

    def why(self, step: Step = STEP, ds: date = DAY) -> str | None:
        return self.log().why("copy", step, ds)


@pytest.fixture
def run(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv(CONF_VARIABLE, str(tmp_path))
    made = Run(spark, tmp_path)
    made.write("ann")
    return made


def test_a_step_is_skipped_until_something_that_it_depends_on_changes(run: Run) -> None:
    assert run.why() == "never succeeded in this warehouse"
    assert run.status() == "done"
    versions = run.log().tables.versions([IN, OUT, RUNS])
    assert (run.status(), run.why()) == ("current", None)
    assert run.log().tables.versions([IN, OUT, RUNS]) == versions, "a step that is up to date writes nothing, not even a log row"

    run.sets = {"interactions.half_life_days": "7"}
    assert run.why() == "settings, cuts or code changed"
    run.sets = {"quality.history_days": "1"}
    assert run.why() is None, "a setting of another stage is none of its business"
    run.sets = {}
    (run.folder / "jobs" / "copy.py").write_text("one = 2\n")
    assert run.why() == "settings, cuts or code changed"
    (run.folder / "jobs" / "copy.py").write_text("one = 1\n")
    assert run.why() is None

    run.write("bob")
    assert run.why() == f"new versions of {IN}"
    assert (run.status(), run.status()) == ("done", "current")
    tables = run.log().tables
    tables.overwrite(tables.read(OUT).limit(0), OUT)
    assert run.why() == "a table it writes was changed since"


def test_a_step_that_depends_on_the_cuts_runs_again_when_they_move(run: Run) -> None:
    with_cuts = STEP.model_copy(update={"cuts": True, "source": True})
    shop = run.folder / "conf" / "sources"
    shop.mkdir(parents=True)
    (shop / "complete_journey.yaml").write_text("shop: x\nlanding: /x\ntime_zone: UTC\ncurrency: EUR\n")
    assert run.status(with_cuts) == "done"
    assert run.why(with_cuts) is None
    assert run.why(with_cuts, NEXT_DAY) == "settings, cuts or code changed"
    (shop / "complete_journey.yaml").write_text(
        "shop: x\nlanding: /x\ntime_zone: UTC\ncurrency: EUR\ncuts: {validation: 2026-01-01, test: 2026-01-02}\n"
    )
    assert run.status(with_cuts) == "done"
    assert run.why(with_cuts, NEXT_DAY) is None, "the cuts are named"
    with_day = with_cuts.model_copy(update={"day": True})
    assert run.status(with_day) == "done"
    assert (run.why(with_day), run.why(with_day, NEXT_DAY)) == (None, "settings, cuts or code changed"), "it tells of the day, too"
    run.sets = {"landing": "in"}
    assert run.why(with_day) is None, "where the landing files lie changes nothing that was made of them"


def test_a_step_runs_again_when_a_file_of_conf_that_it_reads_or_the_release_that_it_reads_changes(run: Run) -> None:
    rules = run.folder / "conf" / "rules.yaml"
    rules.parent.mkdir()
    rules.write_text("one: 1\n")
    step = STEP.model_copy(update={"conf_files": ("conf/rules.yaml",), "live": ("silver.users",)})
    assert (run.status(step), run.why(step)) == ("done", None)
    rules.write_text("one: 2\n")
    assert run.why(step) == "settings, cuts or code changed"
    rules.write_text("one: 1\n")
    tables = run.log().tables
    tables.create("silver.users")
    assert run.why(step) is None, "what is not live yet is not read"
    publish(tables, as_of=DAY, now=utc_now())
    assert run.why(step) == "settings, cuts or code changed"


def test_a_step_runs_again_when_a_module_that_its_job_imports_changed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    package = run.folder / "basketgraph"
    for name in ("__init__", "used", "unused"):
        package.mkdir(exist_ok=True)
        (package / f"{name}.py").write_text("one = 1\n")
    (run.folder / "jobs" / "copy.py").write_text("from basketgraph.used import one\n")
    monkeypatch.setattr(code_hash, "installed_code", lambda: code_hash.PackageCode(package))
    assert run.status() == "done"
    (package / "unused.py").write_text("one = 2\n")
    assert run.why() is None
    (package / "used.py").write_text("one = 2\n")
    assert run.why() == "settings, cuts or code changed"


def test_what_a_step_told_is_told_again_when_it_is_up_to_date(run: Run) -> None:
    run.status()
    runs = run.log()
    again = run_step("copy", STEP, run.job, runs.conf, DAY, runs, run.memory)
    assert (again.status, again.rows_in, again.rows_out, again.detail) == ("current", 1, 1, {"told": "something"})


def test_a_failed_step_is_logged_with_its_error_but_no_address_and_tried_again(run: Run) -> None:
    class Full(Exception):
        exit_code, reasons, run_detail = 3, ("for ann.lee@example.org none",), {"faults": 1}

    def full(*_: object) -> StepReport:
        raise Full("no space left for ann.lee@example.org")

    runs = run.log()
    with pytest.raises(Full):
        run_step("copy", STEP, full, runs.conf, DAY, runs, run.memory)
    (row,) = runs.tables.read(RUNS).collect()
    assert (row.step, row.status, row.error_type, row.error, row.exit_code, row.ds) == ("copy", "failed", "Full", "no space left for •••", 3, DAY)
    assert (row.reasons, row.detail) == (["for ••• none"], '{"faults": 1}')
    assert run.why() == "never succeeded in this warehouse"
    assert run.status() == "done"


def test_a_step_that_always_runs_is_current_when_it_wrote_nothing_new(run: Run) -> None:
    def nothing(*_: object) -> StepReport:
        return StepReport(rows_in=0)

    assert run.status(ALWAYS) == "done"
    runs = run.log()
    assert run_step("copy", ALWAYS, nothing, runs.conf, DAY, runs, run.memory).status == "current"
    logged = [row.status for row in runs.tables.read(RUNS).orderBy("finished_at").collect()]
    assert logged == ["done", "current"], "without its row nobody could tell it from a step that was killed"


def test_a_long_step_says_where_it_is_and_how_long_it_took_before(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    def slow(*_: object) -> StepReport:
        for _number in each([1, 2], "cuts done"):
            time.sleep(0.3)
        return StepReport()

    run.status()
    runs, log = run.log(), logging.getLogger("basketgraph")
    log.addHandler(caplog.handler)
    try:
        with caplog.at_level(logging.INFO, "basketgraph"):
            run_step("copy", STEP, slow, runs.conf, DAY, runs, run.memory, forced=True)
            assert caplog.messages == [], "it was over soon"
            run_step("copy", STEP, slow, runs.conf, DAY, runs, run.memory, forced=True, beat_seconds=0.1)
    finally:
        log.removeHandler(caplog.handler)
    told = [line for line in caplog.messages if line.startswith("copy: ")]
    assert len(told) >= 3
    assert all("so far (last time " in line for line in told)
    assert [any(f"{done} of 2 cuts done" in line for line in told) for done in (0, 1)] == [True, True]


def test_the_memory_of_a_child_counts(run: Run) -> None:
    assert tree_memory() > 50 << 20, "at least this Python and the JVM below it"
    with PeakMemory(seconds=0.01) as memory:
        before = memory.peak
    assert memory.peak >= before >= 0
    assert memory.peak > 50 << 20


def test_a_set_flag_without_an_equals_sign_is_a_mistake() -> None:
    assert set_pairs(["a=b=c", "d="]) == {"a": "b=c", "d": ""}
    with pytest.raises(UserError) as caught:
        set_pairs(["a=b", "warehouse", "landing"])
    assert caught.value.faults == ("have 'warehouse'", "have 'landing'")


def test_a_job_guesses_no_abbreviated_flag() -> None:
    with pytest.raises(SystemExit):
        job_parser("doc").parse_args(["--env", "local", "--sour", "x"])


def test_a_pipeline_that_names_an_unknown_step_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONF_VARIABLE, str(tmp_path))
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "pipelines.yaml").write_text("steps: {}\npipelines: {all: {help: x, steps: [clean, fly]}}\n")
    with pytest.raises(UserError, match=r"(?s)pipelines.all: want a step, have clean.*have fly"):
        pipelines()


def test_what_the_checks_of_a_step_cost_is_in_the_log_of_that_step_only(run: Run) -> None:
    def checking(*arguments: object) -> StepReport:
        runs.tables.checked["silver.items"] = {"scope": "the whole table", "seconds": 1.5, "spark_jobs": 4}
        return StepReport(detail={"told": "something"})

    runs = run.log()
    first = run_step("copy", STEP, checking, runs.conf, DAY, runs, run.memory)
    assert first.detail == {"told": "something", "quality": {"silver.items": {"scope": "the whole table", "seconds": 1.5, "spark_jobs": 4}}}
    runs = run.log()
    run_step("copy", STEP, run.job, runs.conf, DAY, runs, run.memory, forced=True)
    details = [json.loads(row.detail) for row in runs.tables.read(RUNS).orderBy("finished_at").collect()]
    assert [sorted(detail) for detail in details] == [["quality", "told"], ["told"]]


def test_tables_are_checked_with_the_shops_own_limits_and_hours(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[QualitySettings] = []
    monkeypatch.setattr("basketgraph.foundation.quality.check.check_all", lambda release, tables, ds, settings, accepted: given.append(settings))
    conf = load("local", "online_retail", {"warehouse": str(tmp_path), "quality.judged_days": "3"})
    quality_checker(conf, {})(RunTables(spark, str(tmp_path), "run-1"), [IN], DAY)
    assert [(settings.time_zone, settings.judged_days) for settings in given] == [("Europe/London", 3)]


def test_a_job_of_an_unknown_pipeline_ends_with_2_before_spark_starts(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        job_main(lambda *_: None, "a job", "jobs/publish.py", ["--pipeline", "fly", "--source", "complete_journey", "--env", "local"])
    assert ended.value.code == 2
    assert "have fly" in capsys.readouterr().err
