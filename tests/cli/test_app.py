"""The command line: exit codes, the JSON object on the last line of stdout, and mistakes without a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from typer.testing import CliRunner, Result

from basketgraph.cli.app import app, main
from basketgraph.cli.runner import Outcome
from basketgraph.cli.status import status_of
from basketgraph.foundation.config import CONF_VARIABLE, UserError, load
from basketgraph.foundation.runs.steps import pipelines
from basketgraph.foundation.tables.reader import TableReader
from basketgraph.foundation.tables.warehouse import LiveRelease, releases
from support.contract_rows import ODD
from support.tiny_shop import TinyShop

MODULE = [sys.executable, "-m", "basketgraph.cli.app"]


@pytest.fixture
def shop(tmp_path: Path) -> TinyShop:
    return TinyShop(tmp_path)


@pytest.fixture(autouse=True)
def conf_dir_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONF_VARIABLE, "")  # --conf-dir sets it; the next test starts without


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def last_json(result: Result) -> dict[str, object]:
    loaded: dict[str, object] = json.loads(result.stdout.splitlines()[-1])
    return loaded


@pytest.mark.slow
def test_run_status_and_rollback_print_one_json_object_last(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # which the JVM was not started in: no relative path reaches it
    shop = TinyShop(Path(ODD))
    day = ["--ds", "2026-03-01"]
    first = call("run", "all", *shop.flags, *day, "--json")
    assert first.exit_code == 0, first.output
    told = last_json(first)
    assert {"run_id", "release", "refused", "as_of", "report", "tensorboard", "peak_memory_bytes", "steps", "rows", "tables"} <= set(told)
    assert {"quality", "metrics", "gains"} <= set(told)
    assert told["steps"][0].keys() == {"name", "status", "seconds", "rows_in", "rows_out"}  # type: ignore[index]
    assert len(first.stdout.splitlines()) == 1, "with --json all that people read goes to stderr"
    warehouse = tmp_path / shop.warehouse
    assert (told["report"], (warehouse / "silver" / "redemptions" / "_delta_log").is_dir()) == (str(warehouse / "page.html"), True)

    state = last_json(call("status", *shop.flags, "--json"))  # by Spark: this path is none for the package deltalake
    assert {key: state[key] for key in ("release", "tables", "report")} == {key: told[key] for key in ("release", "tables", "report")}
    assert call("rollback", *shop.flags).exit_code == 2, "there is nothing before the first release"

    shop.users("ann", "bob", "cat")
    assert call("run", "all", *shop.flags, *day).exit_code == 0
    back = call("rollback", *shop.flags, "--json")
    assert (back.exit_code, last_json(back)["restores"]) == (0, 1)
    users = LiveRelease(spark, str(warehouse)).read("silver.redemptions")
    assert sorted(row.user_id for row in users.collect()) == ["ann", "bob"]
    listed = last_json(call("releases", *shop.flags, "--json"))["releases"]
    assert [(row["release"], row["restores"], row["live"]) for row in listed] == [(3, 1, True), (2, None, False), (1, None, False)]  # type: ignore[attr-defined]
    plan = last_json(call("rollback", "--to", "2", "--dry-run", *shop.flags, "--json"))
    assert (plan["live"], plan["restores"]) == (3, 2)
    assert plan["tables"]["silver.redemptions"]["rows"] == [2, 3]  # type: ignore[index]
    assert len(releases(LiveRelease(spark, str(warehouse)))) == 3, "a dry run writes nothing"
    assert call("rollback", "--to", "9", *shop.flags).exit_code == 2
    assert last_json(call("rollback", "--to", "2", *shop.flags, "--json"))["restores"] == 2


def assert_status_without_spark(spark: SparkSession, shop: TinyShop, told: dict[str, object]) -> None:
    """In a process of its own `status` imports no Spark, and says what the run told and what Spark reads."""
    code = "import sys; from basketgraph.cli.app import main; sys.exit(main())"
    command = [sys.executable, "-X", "importtime", "-c", code, "status", *shop.flags, "--json"]
    alone = subprocess.run(command, capture_output=True, text=True, check=True)
    state = json.loads(alone.stdout)
    imported = {line.rpartition("|")[2].strip() for line in alone.stderr.splitlines()}
    assert imported & {"pyspark", "py4j", "pandas", "numpy", "pyarrow", "torch"} == set()
    assert "deltalake" in imported
    assert {**told, "peak_memory_bytes": 0} == {key: state[key] for key in told}, "the peak is that of runs that judge lists"
    reader = TableReader(spark, str(shop.warehouse))
    read_by_spark = status_of(reader, reader.files, load("local", "tiny", {"warehouse": str(shop.warehouse)}), datetime.now(timezone.utc))
    assert state == json.loads(json.dumps(read_by_spark, default=str))


@pytest.mark.slow
def test_a_run_that_finds_nothing_new_names_the_page_of_before_and_one_whose_page_was_deleted_makes_it_again(
    spark: SparkSession, shop: TinyShop
) -> None:
    command = ["run", "all", *shop.flags, "--ds", "2026-03-01", "--json"]
    told = last_json(call(*command))
    page = Path(str(told["report"]))
    first = page.read_text()
    assert_status_without_spark(spark, shop, told)

    def report_status(told: dict[str, object]) -> str:
        steps: list[dict[str, str]] = told["steps"]  # type: ignore[assignment]
        return steps[-1]["status"]

    again = last_json(call(*command))
    assert (again["report"], report_status(again), page.read_text()) == (str(page), "current", first)
    page.unlink()
    hook = [*hook_of(shop), "--set", "alerts.data_days=null"]
    late = call("status", "--check", *shop.flags, *hook, "--json")
    assert (late.exit_code, last_json(late)["report"]) == (3, None), "a page that is gone is not named"
    assert call("status", "--check", *shop.flags, *hook, "--set", "alerts.lists_days=null").exit_code == 0
    ((what, message),) = alerts_of(shop)
    assert (what, message) == ("data or lists are late", "no lists are live")
    anew = last_json(call(*command))
    assert (anew["report"], report_status(anew), page.read_text() != first) == (str(page), "done", True)


def hook_of(shop: TinyShop) -> list[str]:
    append = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + chr(10))"
    return ["--set", f"alerts.command={json.dumps([sys.executable, '-c', append, str(shop.landing / 'alerts')])}"]


def alerts_of(shop: TinyShop) -> list[tuple[str, str]]:
    """`what` and `message` of the alerts that the hook got; they are forgotten then."""
    place = shop.landing / "alerts"
    told = [json.loads(line) for line in place.read_text().splitlines()] if place.exists() else []
    place.unlink(missing_ok=True)
    return [(alert["what"], alert["message"].splitlines()[0]) for alert in told]


def test_a_mistake_that_is_found_before_spark_starts_is_told_and_one_of_a_dry_run_is_not(shop: TinyShop) -> None:
    for command in (["run", "all"], ["replay"], ["maintain"]):
        wrong = ["--set", "warehouse=/proc/none", *hook_of(shop)]
        assert call(*command, *shop.flags, *wrong).exit_code == 2
        ((what, message),) = alerts_of(shop)
        assert what == "a mistake in mapping, flags or input", message
    assert call("run", "all", *shop.flags, *hook_of(shop), "--from", "fly", "--dry-run").exit_code == 2
    assert call("status", *shop.flags, *hook_of(shop)).exit_code == 2
    assert alerts_of(shop) == []
    assert call("status", "--check", *shop.flags, *hook_of(shop)).exit_code == 2
    assert call("runs", "alert", "scheduled__1", *shop.flags, *hook_of(shop)).exit_code == 0
    assert [what for what, _ in alerts_of(shop)] == ["a mistake in mapping, flags or input", "ended without a word"]
    assert not shop.warehouse.exists()


@pytest.mark.slow
def test_the_exit_code_says_whose_fault_it_was(spark: SparkSession, shop: TinyShop) -> None:
    for word, code in (("mistake", 2), ("quality", 3), ("gate", 4)):
        shop.verdict(word)
        result = call("run", "all", *shop.flags, *hook_of(shop), "--ds", "2026-03-01", "--json")
        assert [message for _, message in alerts_of(shop)] == [f"told to: {word}"], "once, by its step"
        assert result.exit_code == code
        assert f"told to: {word}" in result.stderr
        assert "Traceback" not in result.output
        assert last_json(result)["refused"] == (None if word == "mistake" else f"told to: {word}")
    run_id = str(last_json(result)["run_id"])
    assert last_json(call("runs", "alert", run_id, *shop.flags, *hook_of(shop), "--json"))["failed_step"] == "judge"
    assert alerts_of(shop) == [], "its step told of it already"


def test_mistakes_in_flags_and_conf_end_with_2_and_without_a_traceback(spark: SparkSession, shop: TinyShop) -> None:
    for arguments in (
        ["run", "nothing", *shop.flags],
        ["run", "all", *shop.flags, "--from", "fly"],
        ["run", "all", "--source", "no_such_shop"],
        ["run", "all", "--env", "no_such_environment"],
        ["run", "all", "--conf-dir", "/no/such/folder"],
        ["run", "all", *shop.flags, "--set", "warehouse"],
        ["run", "all", *shop.flags, "--set", "rank=2"],
        ["run", "all", *shop.flags, "--set", "ranks=two"],
        ["run", "all", *shop.flags, "--ds", "yesterday"],
        ["run", "all", *shop.flags, "--accept", "silver.events.no_such_check", "--because", "why"],
        ["run", "all", *shop.flags, "--accept", "silver.events.key_to_be_unique:event_id"],
        ["status", *shop.flags],
        ["run"],
    ):
        result = call(*arguments)
        assert result.exit_code == 2, (arguments, result.output)
        assert "Traceback" not in result.output
        assert result.output.strip(), f"{arguments}: nothing was said"
    assert not shop.warehouse.exists()


def test_the_help_of_run_names_every_pipeline() -> None:
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["run", "--help"]).output
    assert [name for name in pipelines().pipelines if name not in shown] == []


@pytest.mark.parametrize("command", [["run", "all"], ["replay", "--rejected"], ["maintain"]])
def test_an_error_is_told_without_addresses_by_every_command_that_runs_steps(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    stop = UserError("want a header, have ann.lee@example.org")
    monkeypatch.setattr("basketgraph.cli.runner.run_pipeline", lambda *_, **__: Outcome("run-1", error=stop))
    result = call(*command, "--source", "complete_journey")
    assert (result.exit_code, result.stderr.strip()) == (2, "want a header, have •••")
    with pytest.raises(UserError):
        CliRunner().invoke(app, [*command, "--debug"], catch_exceptions=False)


def test_an_error_of_a_command_of_another_kind_is_told_without_addresses(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise UserError("want edges, have ann.lee@example.org")

    monkeypatch.setattr("basketgraph.cli.app.app", fail)
    with pytest.raises(SystemExit, match="2"):
        main()
    assert capsys.readouterr().err.strip() == "want edges, have •••"


def test_a_dry_run_writes_no_table(spark: SparkSession, shop: TinyShop) -> None:
    result = call("run", "all", *shop.flags, "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    plan = last_json(result)["plan"]
    assert [step["step"] for step in plan] == ["load", "copy", "judge", "publish", "report"]  # type: ignore[attr-defined]
    assert not list(shop.warehouse.rglob("_delta_log"))


def killed_run(shop: TinyShop, line: str, delay: float) -> None:
    """A real `basketgraph run`, killed with its whole group `delay` seconds after it said `line`."""
    process = subprocess.Popen(
        [*MODULE, "run", "all", *shop.flags, "--ds", "2026-03-01"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    said = []
    for text in process.stderr:
        said.append(text)
        if line in text:
            break
    else:
        pytest.fail("".join(said))
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stderr.close()


@pytest.mark.long
@pytest.mark.parametrize("delay", [0.0, 0.5, 1.5])
def test_a_run_killed_while_it_publishes_and_run_again_ends_as_an_undisturbed_one(spark: SparkSession, tmp_path: Path, delay: float) -> None:
    killed, undisturbed = TinyShop(tmp_path / "killed"), TinyShop(tmp_path / "undisturbed")
    killed_run(killed, "publish: make it live", delay)
    ends = []
    for shop in (killed, undisturbed):
        done = subprocess.run([*MODULE, "run", "all", *shop.flags, "--ds", "2026-03-01", "--json"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        ends.append(json.loads(done.stdout.splitlines()[-1]))
        assert [step["status"] for step in ends[-1]["steps"]].count("failed") == 0
        live = LiveRelease(spark, str(shop.warehouse))
        ends[-1]["live"] = sorted(row.user_id for row in live.read("silver.redemptions").collect())
        assert [row["release"] for row in releases(live)] == [1], "one release, whether the kill came before or after it"
    same = [{key: end[key] for key in ("release", "as_of", "tables", "live")} for end in ends]
    assert same[0] == same[1]
