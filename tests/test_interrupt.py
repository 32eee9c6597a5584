"""Ctrl-C, pressed in real processes: one line, exit code 130, nothing left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tiny import TinyShop

MODULE = [sys.executable, "-m", "basketgraph.cli"]

# A command with a child that ignores Ctrl-C, as the JVM does, and ends when asked; and one that does not end even then.
COMMAND = """
import subprocess, sys, tempfile, threading, time
from pathlib import Path
from basketgraph import interrupt, progress
interrupt.CHILD_SECONDS = 1.0
place = Path(sys.argv[1])
child = "import signal, sys, time; signal.signal(signal.SIGINT, signal.SIG_IGN); {}; print('up', flush=True); time.sleep(600)"
with interrupt.exits_on_interrupt(), progress.running("copy"):
    progress.at("files read", 3, 8)
    for more in ("pass", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"):
        process = subprocess.Popen([sys.executable, "-c", child.format(more)], stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "up\\n"
    with tempfile.TemporaryDirectory(dir=place):
        threading.Thread(target=time.sleep, args=(600,)).start()  # Python waits for such a thread at its end
        print("ready", flush=True)
        try:
            time.sleep(600)
        finally:
            raise RuntimeError("what fails because the JVM is gone")
"""


def interrupted(process: subprocess.Popen[str]) -> tuple[int, list[psutil.Process]]:
    """Ctrl-C goes to all processes of the terminal's group. (exit code, processes below it that still run)."""
    below = psutil.Process(process.pid).children(recursive=True)
    assert below, "it has started nothing: there is nothing to end"
    os.killpg(process.pid, signal.SIGINT)
    code = process.wait(60)
    return code, [child for child in below if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


def test_ctrl_c_prints_one_line_ends_what_was_started_and_cleans_up(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "ready\n"
    assert list(tmp_path.iterdir())
    code, left = interrupted(process)
    assert process.stderr.read() == "interrupted in copy (3 of 8 files read): run the same command again to go on\n"
    assert (code, left, list(tmp_path.iterdir())) == (130, [], [])


IGNORED = """
import os, signal
from basketgraph.interrupt import exits_on_interrupt, kept_interrupt
signal.signal(signal.SIGINT, signal.SIG_IGN)
with exits_on_interrupt():
    with kept_interrupt():
        signal.signal(signal.SIGINT, signal.default_int_handler)  # as a SparkContext does
    os.kill(os.getpid(), signal.SIGINT)
    print("went on")
"""


def test_what_a_script_has_started_in_the_background_is_not_interrupted() -> None:
    assert subprocess.run([sys.executable, "-c", IGNORED], capture_output=True, text=True, check=True).stdout == "went on\n"


SLOW = """
def run(spark, conf, ds, release):
    if Path(conf.source["landing"], "slow").exists():
        spark.range(0, 2, 1, 2).selectExpr("java_method('java.lang.Thread', 'sleep', 600000L + id * 0)").collect()
    users = release.read("silver.campaign_targets")
    columns = ["user_id as redemption_id", "user_id", "'c' as coupon_id", "campaign_id", "date'2026-01-01' as redemption_date"]
    release.overwrite(users.selectExpr(*columns, *LINEAGE.split(", ")), "silver.redemptions")
"""


@pytest.mark.long
def test_a_run_that_is_interrupted_in_a_step_or_while_spark_starts_goes_on_when_it_is_run_again(tmp_path: Path) -> None:
    shop = TinyShop(tmp_path)
    shop.write_job("copy", SLOW)
    (shop.landing / "slow").touch()
    command = [*MODULE, "run", "all", *shop.flags, "--ds", "2026-03-01"]

    def started() -> subprocess.Popen[str]:
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)

    starting = started()
    while not psutil.Process(starting.pid).children():
        time.sleep(0.05)
    code, left = interrupted(starting)
    assert starting.stderr is not None
    told = starting.stderr.read()
    assert (code, left) == (130, []), told
    assert told.splitlines()[-1] == "interrupted in run (starting Spark): run the same command again to go on"
    assert "Traceback" not in told

    running = started()
    assert running.stderr is not None
    for line in running.stderr:
        if "copy: one row a user" in line:
            break
    time.sleep(2)
    code, left = interrupted(running)
    assert (code, left) == (130, [])
    assert running.stderr.read() == "interrupted in copy: run the same command again to go on\n"

    (shop.landing / "slow").unlink()
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert "load: up to date" in again.stderr
    assert "copy: done" in again.stderr
    assert "waiting for" not in again.stderr, "the lock is free"
