"""Ctrl-C, pressed in real processes: one line, exit code 130, nothing left running."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from support.tiny_shop import TinyShop

MODULE = [sys.executable, "-m", "basketgraph.cli.app"]

# A command with a child that ignores Ctrl-C, as the JVM does, and ends when asked; and one that does not end even then.
COMMAND = """
import os, subprocess, sys, tempfile, threading, time
from pathlib import Path
from basketgraph.foundation import interrupt, progress
interrupt.CHILD_SECONDS, interrupt.UNWIND_SECONDS = 1.0, 600.0
place = Path(sys.argv[1])
child = "import signal, sys, time; signal.signal(signal.SIGINT, signal.SIG_IGN); {}; print('up', flush=True); time.sleep(600)"
with interrupt.exits_on_interrupt(), progress.running("copy"):
    progress.at("files read", 3, 8)
    for more in ("pass", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"):
        process = subprocess.Popen([sys.executable, "-c", child.format(more)], stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "up\\n"
    if os.fork() == 0:
        time.sleep(600)  # a fork that is about to become another program gets the signal, too
    with tempfile.TemporaryDirectory(dir=place):
        threading.Thread(target=time.sleep, args=(600,)).start()  # Python waits for such a thread at its end
        try:
            print("ready", flush=True)
            time.sleep(600)
        finally:
            print("noise", file=sys.stderr, flush=True)
            raise RuntimeError("what fails because the JVM is gone")
"""


@contextmanager
def started(command: list[str], **more: Any) -> Iterator[subprocess.Popen[str]]:
    """A process in a group of its own, as a terminal's; it does not outlive a test that fails."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **more)
    try:
        yield process
    finally:
        for child in [*psutil.Process(process.pid).children(recursive=True), process] if process.poll() is None else []:
            child.kill()
        process.communicate()


def interrupted(process: subprocess.Popen[str]) -> tuple[int, list[psutil.Process]]:
    """Ctrl-C goes to all processes of the terminal's group. (exit code, processes below it that still run)."""
    below = psutil.Process(process.pid).children(recursive=True)
    assert below, "it has started nothing: there is nothing to end"
    os.killpg(process.pid, signal.SIGINT)
    code = process.wait(60)
    return code, [child for child in below if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


def test_ctrl_c_prints_one_line_ends_what_was_started_and_cleans_up(tmp_path: Path) -> None:
    with started([sys.executable, "-c", COMMAND, str(tmp_path)]) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "ready\n"
        assert list(tmp_path.iterdir())
        code, left = interrupted(process)
        assert process.stderr.read() == "interrupted in copy (3 of 8 files read): run the same command again to go on\n"
        assert (code, left, list(tmp_path.iterdir())) == (130, [], [])


IGNORED = """
import os, signal
from basketgraph.foundation.interrupt import exits_on_interrupt, kept_interrupt
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
def test_ranks_that_train_are_ended_with_the_command(tmp_path: Path) -> None:
    edges = tmp_path / "edges"
    edges.write_text("".join(f"{user} {' '.join(str((user * 7 + k * k) % 90) for k in range(9))}\n" for user in range(300)))
    command = [*MODULE, "bench", "graph", "--train", str(edges), "--test", str(edges), "--ranks", "2", "--epochs", "100000"]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with started(command, env={**os.environ, "TMPDIR": str(temporary)}) as process:
        assert process.stderr is not None
        assert any(line.startswith("epoch 2") for line in process.stderr)
        assert list(temporary.iterdir())
        code, left = interrupted(process)
        (told,) = [line for line in process.stderr if not line.startswith("epoch")]
        assert re.fullmatch(r"interrupted in bench graph \(\d+ of 100,000 epochs done\): run the same command again to go on\n", told)
        assert (code, left, list(temporary.iterdir())) == (130, [], [])


def lines(told: str) -> list[str]:
    """Our own of a command's lines: beside them the JVM may say something."""
    return [line for line in told.splitlines() if "interrupted" in line]


@pytest.mark.long
def test_a_run_that_is_interrupted_in_a_step_or_while_spark_starts_goes_on_when_it_is_run_again(tmp_path: Path) -> None:
    shop = TinyShop(tmp_path)
    shop.write_job("copy", SLOW)
    (shop.landing / "slow").touch()
    command = [*MODULE, "run", "all", *shop.flags, "--ds", "2026-03-01"]

    with started(command) as process:
        assert process.stderr is not None
        while not psutil.Process(process.pid).children():
            time.sleep(0.05)
        code, left = interrupted(process)
        told = process.stderr.read()
        assert (code, left, lines(told)) == (130, [], ["interrupted in run (starting Spark): run the same command again to go on"])
        assert "Traceback" not in told

    with started(command) as process:
        assert process.stderr is not None
        assert any("copy: one row a user" in line for line in process.stderr)
        time.sleep(2)
        code, left = interrupted(process)
        told = process.stderr.read()
        assert (code, left, lines(told)) == (130, [], ["interrupted in copy: run the same command again to go on"])
        assert "Traceback" not in told

    (shop.landing / "slow").unlink()
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert "load: up to date" in again.stderr
    assert "copy: done" in again.stderr
    assert "waiting for" not in again.stderr, "the lock is free"
