"""The local runner, through real jobs of a tiny shop: order, skipping, stops, and what a run says at its end."""

from __future__ import annotations

import json
import sys
from datetime import date, datetime, timezone
from pathlib import Path
from socket import gethostname

import pytest
from pyspark.sql import SparkSession

from basketgraph.cli.runner import Outcome, dry_run, run_pipeline
from basketgraph.cli.status import status
from basketgraph.foundation.config import CONF_VARIABLE, Config, UserError, load
from basketgraph.foundation.runs.lock import Leases
from basketgraph.foundation.runs.steps import RUNS, pipelines
from basketgraph.foundation.tables.files import Files
from basketgraph.foundation.tables.warehouse import LiveRelease, RunTables
from support.tiny_shop import TinyShop

DAY, NOW = date(2026, 3, 1), datetime(2026, 3, 2, 12, tzinfo=timezone.utc)


@pytest.fixture
def shop(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TinyShop:
    made = TinyShop(tmp_path)
    monkeypatch.setenv(CONF_VARIABLE, str(made.conf))
    return made


def conf(shop: TinyShop, **sets: str) -> Config:
    return load("local", "tiny", {"warehouse": str(shop.warehouse), **sets})


def run(shop: TinyShop, start: str | None = None) -> Outcome:
    return run_pipeline(conf(shop), "all", ds=DAY, start=start)


def statuses(outcome: Outcome) -> dict[str, str]:
    return {step.name: step.status for step in outcome.steps}


def live_users(spark: SparkSession, shop: TinyShop) -> list[str]:
    return sorted(row.user_id for row in LiveRelease(spark, str(shop.warehouse)).read("silver.redemptions").collect())


@pytest.mark.long
def test_a_second_run_skips_what_is_up_to_date_and_new_files_go_through(spark: SparkSession, shop: TinyShop) -> None:
    first = run(shop)
    assert statuses(first) == dict.fromkeys(["load", "copy", "judge", "publish", "report"], "done")
    told = first.as_json()
    assert (told["release"], told["refused"], told["as_of"]) == (1, None, "2026-02-01")
    assert told["tables"]["silver.redemptions"]["rows"] == 2
    assert Path(told["report"]).is_file()
    assert told["peak_memory_bytes"] > 0

    second = run(shop)
    assert statuses(second) == dict.fromkeys(["load", "copy", "judge", "publish", "report"], "current")
    same = {key: value for key, value in second.as_json().items() if key not in ("run_id", "steps", "peak_memory_bytes")}
    assert same == {key: value for key, value in told.items() if key not in ("run_id", "steps", "peak_memory_bytes")}

    assert [(plan["step"], plan["runs"]) for plan in dry_run(conf(shop), "all", ds=DAY, start="copy")][:3] == [
        ("load", "depends"),
        ("copy", "yes"),
        ("judge", "yes"),
    ]
    shop.users("ann", "bob", "cat")
    third = run(shop)
    assert set(statuses(third).values()) == {"done"}
    assert live_users(spark, shop) == ["ann", "bob", "cat"]
    forced = run(shop, start="judge")
    assert statuses(forced) == {"load": "current", "copy": "current", "judge": "done", "publish": "current", "report": "done"}


@pytest.mark.slow
@pytest.mark.parametrize(("word", "code"), [pytest.param("quality", 3, marks=pytest.mark.long), ("gate", 4)])
def test_a_stop_leaves_the_live_release_and_the_report_is_made_all_the_same(
    spark: SparkSession, shop: TinyShop, word: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(shop)
    shop.users("ann", "bob", "mallory")
    shop.verdict(word)
    told = shop.landing / "alert.json"
    hook = [sys.executable, "-c", "import sys; open(sys.argv[1], 'w').write(sys.stdin.read())", str(told)]
    stopped = run_pipeline(conf(shop, **{"alerts.command": json.dumps(hook)}), "all", ds=DAY)
    assert stopped.error is not None
    assert getattr(stopped.error, "exit_code", None) == code
    assert stopped.as_json()["refused"] == f"told to: {word}"
    assert statuses(stopped) == {"load": "done", "copy": "done", "judge": "failed", "report": "done"}
    assert Path(stopped.as_json()["report"]).read_text() == f"run {stopped.run_id}"
    assert (stopped.as_json()["release"], live_users(spark, shop)) == (1, ["ann", "bob"])
    seen = status(conf(shop), now=NOW)
    assert (seen["run_id"], seen["refused"]) == (stopped.run_id, f"told to: {word}")
    assert {step["name"]: step["status"] for step in seen["steps"]} == statuses(stopped)
    assert seen["steps"][0].keys() == stopped.as_json()["steps"][0].keys()
    with monkeypatch.context() as patched:
        patched.setattr("basketgraph.foundation.tables.deltalake_reader.QueryBuilder", lambda: 1 / 0)
        assert status(conf(shop), now=NOW) == seen, "what cannot be read without Spark is read by it"
    alert = json.loads(told.read_text())
    assert {key: alert[key] for key in ("shop", "ds", "run_id", "step", "message")} == {
        "shop": "tiny", "ds": DAY.isoformat(), "run_id": stopped.run_id, "step": "judge", "message": f"told to: {word}"
    }  # fmt: skip
    again = run_pipeline(conf(shop, **{"alerts.command": json.dumps(["false"])}), "all", ds=DAY)
    assert again.refused == f"told to: {word}", "a hook that fails does not hide why the run was stopped"
    run_pipeline(conf(shop, **{"alerts.command": json.dumps(hook)}), "all", ds=DAY)
    assert json.loads(told.read_text())["since"]["run_id"] == stopped.run_id, "since the first of three failures in a row"
    shop.verdict("fine")
    mended = run(shop)
    assert statuses(mended) == {"load": "current", "copy": "current", "judge": "done", "publish": "done", "report": "done"}
    assert live_users(spark, shop) == ["ann", "bob", "mallory"]
    assert status(conf(shop), now=NOW)["refused"] is None


@pytest.mark.slow
def test_a_crash_ends_the_run_at_its_step_and_a_report_that_fails_does_not_hide_a_stop(spark: SparkSession, shop: TinyShop) -> None:
    shop.verdict("crash")
    append = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + chr(10))"
    hooked = conf(shop, **{"alerts.command": json.dumps([sys.executable, "-c", append, str(shop.landing / "alerts")])})
    crashed = run_pipeline(hooked, "all", ds=DAY)
    assert statuses(crashed) == {"load": "done", "copy": "done", "judge": "failed"}
    assert (crashed.refused, str(crashed.error)) == (None, "told to: crash")
    release = RunTables(spark, str(shop.warehouse), "look")
    assert {(row.step, row.status) for row in release.read(RUNS).collect()} == {("load", "done"), ("copy", "done"), ("judge", "failed")}
    assert not release.exists("ops.releases")

    leases = Leases(Files(), str(shop.warehouse))  # as a run that was killed in `copy` leaves it
    killed = {"run_id": "gone", "pipeline": "all", "step": "copy", "step_seconds": 5.0, "host": gethostname(), "pid": 1, "processes": []}
    leases.create(leases.tokens()[0] + 1, {**killed, "renewed_at": NOW.timestamp(), "released": False})
    seen = status(hooked, now=NOW)
    assert (seen["holder"]["state"], seen["last_error"]["error_type"], seen["runs"][0]["failed_step"]) == ("killed", "RuntimeError", "judge")

    shop.verdict("gate")
    shop.write_job("report", "def run(spark, conf, ds, release):\n    raise RuntimeError('no paper')\n")
    stopped = run_pipeline(hooked, "all", ds=DAY)
    assert (stopped.refused, getattr(stopped.error, "exit_code", None)) == ("told to: gate", 4)
    assert statuses(stopped)["report"] == "failed"
    alerts = [json.loads(line) for line in (shop.landing / "alerts").read_text().splitlines()]
    assert [(told["what"], told["exit_code"], told["run_id"], told["step"]) for told in alerts] == [
        ("crashed", 1, crashed.run_id, "judge"),
        ("killed", None, "gone", "copy"),
        ("refused by the gate", 4, stopped.run_id, "judge"),
        ("crashed", 1, stopped.run_id, "report"),
    ]
    assert (alerts[0]["message"], alerts[2]["since"]["run_id"]) == ("RuntimeError: told to: crash", crashed.run_id)
    seen = status(hooked, now=NOW)
    assert (seen["holder"]["state"], seen["last_error"]["step"], {run["run_id"]: run["failed_step"] for run in seen["runs"]}["gone"]) == (
        "ended", "report", "copy"
    )  # fmt: skip


def test_an_unknown_step_or_pipeline_is_told_before_spark_starts_a_run(shop: TinyShop) -> None:
    with pytest.raises(UserError, match="want a step of all, have fly"):
        run(shop, start="fly")
    with pytest.raises(UserError, match="want one of all, have everything"):
        run_pipeline(conf(shop), "everything")
    assert not shop.warehouse.exists()


def test_status_of_an_empty_warehouse_is_a_mistake(shop: TinyShop) -> None:
    with pytest.raises(UserError, match="want a warehouse with runs"):
        status(conf(shop), now=NOW)


def test_the_report_step_says_which_file_it_makes_so_that_a_deleted_page_is_made_again() -> None:
    assert pipelines().steps["report"].files == ("report",)


def test_a_dry_run_tells_an_unknown_step_or_pipeline_before_spark_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = TinyShop(tmp_path)
    monkeypatch.setenv(CONF_VARIABLE, str(tiny.conf))
    monkeypatch.setattr("basketgraph.cli.runner.opened", lambda *_: pytest.fail("Spark was started and the lock taken"))
    with pytest.raises(UserError, match="want a step of all, have fly"):
        dry_run(conf(tiny), "all", start="fly")
    with pytest.raises(UserError, match="want one of all, have everything"):
        dry_run(conf(tiny), "everything")
