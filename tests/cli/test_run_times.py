"""Where the time of a run went, from a run log and, once, from an event log that Spark wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from basketgraph.cli.run_history import last_error, last_runs, zoned
from basketgraph.cli.run_times import run_times
from basketgraph.foundation.config import UserError
from support.tiny_shop import TinyShop

FOUR = datetime(2026, 3, 1, 4)  # local, as readers hand instants out


def row(run: str, step: str, second: float, seconds: float, status: str = "done", **told: Any) -> dict[str, Any]:
    began = FOUR + timedelta(seconds=second)
    empty = {"pipeline": "all", "rows_in": None, "rows_out": 3, "detail": None, "exit_code": None, "error_type": None, "error": None}
    times = {"started_at": began, "finished_at": began + timedelta(seconds=seconds), "seconds": seconds, "peak_memory_bytes": 5}
    return {"run_id": run, "step": step, "status": status, **empty, **times, **told}


CHECKED = json.dumps({"quality": {"silver.events": {"seconds": 1.5}, "silver.items": {"seconds": 0.5}}})
LOGGED = [
    row("r1", "clean", 0, 4, detail=CHECKED),
    row("r1", "judge", 5, 1, "failed", exit_code=1, error_type="RuntimeError", error="no"),
    row("r2", "clean", 20, 2, "current"),
    row("r2", "judge", 22, 2, peak_memory_bytes=9),
]


def test_a_run_is_told_with_its_steps_their_checks_and_the_time_between_them(tmp_path: Path) -> None:
    times = run_times(LOGGED, "r1", str(tmp_path))
    assert (times["seconds"], times["between_seconds"], times["failed_step"], times["exit_code"], times["profile"]) == (6.0, 1.0, "judge", 1, None)
    assert [(step["step"], step["seconds"], step["check_seconds"], step["spark"]) for step in times["steps"]] == [
        ("clean", 4, 2.0, None), ("judge", 1, 0, None)
    ]  # fmt: skip
    assert run_times(LOGGED, None, str(tmp_path))["run_id"] == "r2"
    with pytest.raises(UserError, match=r"(?s)have r3.*newest runs: r2, r1"):
        run_times(LOGGED, "r3", str(tmp_path))
    with pytest.raises(UserError, match="newest runs: none"):
        run_times([], None, str(tmp_path))


def test_runs_are_told_newest_first_and_an_error_is_over_once_its_step_went_well() -> None:
    assert [(run["run_id"], run["status"], run["failed_step"], run["peak_memory_bytes"]) for run in last_runs(LOGGED)] == [
        ("r2", "done", None, 9), ("r1", "failed", "judge", 5)
    ]  # fmt: skip
    assert [run["run_id"] for run in last_runs(LOGGED, 1)] == ["r2"]
    error, mended = last_error(LOGGED[:3]), last_error(LOGGED)
    assert error is not None
    assert mended is not None
    assert (error["run_id"], error["error"], error["is_over"], mended["is_over"]) == ("r1", "no", False, True)
    assert last_error(LOGGED[2:]) is None
    killed = last_error([row("r1", "run", 0, 4, "failed"), *LOGGED[2:]])
    assert killed is not None
    assert killed["is_over"], "it was killed in no step, and a run of the pipeline went well since"
    assert zoned(FOUR).endswith("+00:00")


@pytest.mark.long
def test_a_profiled_run_shows_what_spark_did_in_each_step(tmp_path: Path) -> None:
    shop = TinyShop(tmp_path)
    command = [sys.executable, "-m", "basketgraph.cli.app"]
    told = subprocess.run(
        [*command, "run", "all", *shop.flags, "--ds", "2026-03-01", "--profile", "--json"], capture_output=True, text=True, check=True
    )
    shown = subprocess.run([*command, "runs", "show", *shop.flags, "--json"], capture_output=True, text=True, check=True)
    times = json.loads(shown.stdout.splitlines()[-1])
    assert times["run_id"] == json.loads(told.stdout.splitlines()[-1])["run_id"]
    assert Path(times["profile"]).is_relative_to(shop.warehouse / "logs" / "profiles" / times["run_id"])
    by_step = {step["step"]: step["spark"] for step in times["steps"]}
    assert by_step["load"]["tasks"] >= by_step["load"]["stages"] >= by_step["load"]["jobs"] > 0
    assert 0 < by_step["load"]["task_seconds"] < 2 * times["seconds"]
    assert 0 < by_step["load"]["busy_seconds"] <= times["seconds"]
    assert by_step["judge"]["jobs"] == 0
    assert by_step["load"]["python_seconds"] == 0, "its rows are read by Spark"
