"""The warehouse's lock, between real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest
from pyspark.sql import SparkSession

from basketgraph.foundation.progress import running
from basketgraph.foundation.runs import lock
from basketgraph.foundation.runs.lock import FOLDER, Leases, LockHeld, LockLost, RunLock, is_over, process_tree, was_killed
from basketgraph.foundation.tables.files import Files
from support.contract_rows import mounted

# A run that holds the lock until it is told to go on; with a child that outlives it, as a JVM or a rank does.
HOLDER = """
import subprocess, sys, time
from pathlib import Path
from basketgraph.foundation.tables.files import Files
from basketgraph.foundation.runs.lock import Leases, RunLock
warehouse, name, hold = sys.argv[1], sys.argv[2], float(sys.argv[3])
if len(sys.argv) > 4:
    child = subprocess.Popen(["sleep", sys.argv[4]], start_new_session=True)
with RunLock(Leases(Files(), warehouse), name, wait_seconds=60, say=lambda text: None):
    print("held", flush=True)
    log = Path(warehouse, "log")
    log.write_text((log.read_text() if log.exists() else "") + f"{name} in\\n")
    time.sleep(hold)
    log.write_text(log.read_text() + f"{name} out\\n")
"""


def start(warehouse: Path, name: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", HOLDER, str(warehouse), name, *arguments], stdout=subprocess.PIPE, text=True)


def wait_until_held(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"


def taken(leases: Leases, run_id: str = "mine", wait: float = 0.0, said: list[str] | None = None) -> RunLock:
    return RunLock(leases, run_id, wait_seconds=wait, say=(said if said is not None else []).append)


def test_of_two_processes_one_waits_for_the_other(tmp_path: Path) -> None:
    processes = [start(tmp_path, name, "1") for name in "ab"]
    assert [process.wait(60) for process in processes] == [0, 0]
    first, second = ("a", "b") if (tmp_path / "log").read_text().startswith("a") else ("b", "a")
    assert (tmp_path / "log").read_text().split("\n")[:4] == [f"{first} in", f"{first} out", f"{second} in", f"{second} out"]


def test_a_warehouse_in_use_is_a_mistake_that_names_the_holder(tmp_path: Path) -> None:
    holder = start(tmp_path, "the-other-run", "30")
    try:
        wait_until_held(holder)
        with pytest.raises(LockHeld, match=f"the-other-run.*{holder.pid}"), taken(Leases(Files(), str(tmp_path))):
            pytest.fail("two runs hold one warehouse")
    finally:
        holder.kill()
        holder.wait()


def test_a_killed_runs_left_over_children_are_ended_before_the_warehouse_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "LEFT_OVER_SECONDS", 1)
    holder = start(tmp_path, "killed", "600", "600")
    wait_until_held(holder)
    (child,) = psutil.Process(holder.pid).children()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert child.is_running(), "the child left the process group, so it outlives the run"
    said: list[str] = []
    with taken(Leases(Files(), str(tmp_path)), wait=30, said=said) as ours:
        ours.check()
        assert ours.killed is not None
        assert (ours.killed["run_id"], ours.killed["pid"]) == ("killed", holder.pid)
        assert not psutil.pid_exists(child.pid) or child.status() == psutil.STATUS_ZOMBIE
    assert said == ["waiting for 1 processes that the killed run killed left behind"]


def test_a_number_that_was_given_to_another_process_does_not_keep_a_dead_run_alive(tmp_path: Path) -> None:
    leases = Leases(Files(), str(tmp_path))
    with taken(leases, "dead"):
        pass
    lease = leases.read(1)
    assert lease is not None
    leases.replace(1, {**lease, "released": False, "processes": [[os.getpid(), time.time() - 10_000]]})
    with taken(leases) as ours:
        assert ours.token == 2
    assert psutil.pid_exists(os.getpid())


def test_a_lease_of_another_host_ends_when_it_is_no_longer_renewed(tmp_path: Path) -> None:
    leases = Leases(Files(), str(tmp_path))
    lease = {"run_id": "far", "host": "another-host", "pid": os.getpid(), "processes": [], "released": False}
    leases.create(1, {**lease, "renewed_at": time.time()})
    with pytest.raises(LockHeld, match="another-host"), taken(leases):
        pytest.fail("a lease that is renewed elsewhere was taken")
    leases.replace(1, {**lease, "renewed_at": time.time() - lock.LEASE_SECONDS - 1})
    with taken(leases) as ours:
        assert ours.token == 2


def test_a_lease_that_nobody_can_read_ends_when_it_is_no_longer_renewed(tmp_path: Path) -> None:
    cut_off = tmp_path / FOLDER / "000000000007.json"
    cut_off.parent.mkdir()
    cut_off.write_text("")  # as a kill in the middle of a renewal leaves it on a store that has no rename
    with pytest.raises(LockHeld), taken(Leases(Files(), str(tmp_path))):
        pass  # it may be just being written
    long_ago = time.time() - lock.LEASE_SECONDS - 1
    os.utime(cut_off, (long_ago, long_ago))
    with taken(Leases(Files(), str(tmp_path))) as held:
        assert held.token == 8


def test_a_run_whose_warehouse_was_taken_over_may_not_commit(tmp_path: Path) -> None:
    leases = Leases(Files(), str(tmp_path))
    with taken(leases, "slow") as slow:
        slow.check()
        leases.create(slow.token + 1, slow._lease())
        with pytest.raises(LockLost, match="run slow lost the warehouse"):
            slow.check()
    newest = leases.read(2)
    assert newest is not None
    assert not newest["released"], "a run that lost the lock must not release the one that has it"


def test_of_two_that_find_the_lock_free_only_one_creates_the_lease(tmp_path: Path) -> None:
    leases = Leases(Files(), str(tmp_path))
    assert [leases.create(1, {"n": 1}), leases.create(1, {"n": 2})] == [True, False]
    assert leases.read(1) == {"n": 1}
    assert [file.name for file in (tmp_path / FOLDER).iterdir()] == ["000000000001.json"], "nothing half-written stays behind"


def test_the_lease_of_a_run_that_ended_is_replaced_by_the_next_ones(tmp_path: Path) -> None:
    leases = Leases(Files(), str(tmp_path))
    for expected in (1, 2, 3):
        with taken(leases) as ours:
            assert (ours.token, ours.killed) == (expected, None)
    assert leases.tokens() == [3]


def test_a_lease_names_the_step_and_a_run_that_ctrl_c_ended_was_not_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leases = Leases(Files(), str(tmp_path))
    with running("clean"), taken(leases, "pressed"):
        monkeypatch.setattr(lock, "interrupted", lambda: True)
    monkeypatch.undo()
    lease = leases.read(1)
    assert lease is not None
    assert (lease["step"], lease["released"], lease["interrupted"], was_killed(lease)) == ("clean", False, True, False)
    gone = {**lease, "processes": []}
    assert (is_over(gone), was_killed(gone), was_killed({**gone, "interrupted": False})) == (True, False, True)
    leases.replace(1, gone)
    with taken(leases) as ours:
        assert ours.killed is None


def test_a_renewal_that_fails_once_does_not_end_the_renewals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "RENEW_SECONDS", 0.05)

    class Stumbling(Leases):
        failures = 3

        def replace(self, token: int, lease: Mapping[str, object]) -> None:
            if self.failures:
                self.failures -= 1
                raise RuntimeError("the store did not answer")
            super().replace(token, lease)

    leases = Stumbling(Files(), str(tmp_path))
    with taken(leases):
        began = json.loads((tmp_path / FOLDER / "000000000001.json").read_text())["renewed_at"]
        deadline = time.monotonic() + 20
        while json.loads((tmp_path / FOLDER / "000000000001.json").read_text())["renewed_at"] == began:
            assert time.monotonic() < deadline, "no renewal after the store answered again"
            time.sleep(0.05)


def test_under_spark_submit_the_lease_names_the_jvm_above(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYSPARK_GATEWAY_PORT", raising=False)
    assert os.getppid() not in {pid for pid, _ in process_tree()}
    monkeypatch.setenv("PYSPARK_GATEWAY_PORT", "1")
    assert {os.getpid(), os.getppid()} <= {pid for pid, _ in process_tree()}


def test_leases_on_another_file_system_behave_as_those_on_the_local_disk(spark: SparkSession, tmp_path: Path) -> None:
    leases = Leases(Files(spark), f"{mounted(spark, tmp_path)}/warehouse")
    assert leases.tokens() == []
    with taken(leases) as ours:
        ours.check()
        assert (leases.tokens(), leases.create(1, {})) == ([1], False)
        assert 0 <= leases.age(1) < lock.LEASE_SECONDS
        leases.replace(1, ours._lease())
        with pytest.raises(LockHeld), taken(leases, "other"):
            pytest.fail("two runs hold one warehouse")
    with taken(leases) as ours:
        assert (ours.token, leases.tokens()) == (2, [2])
    assert [file.name for file in (tmp_path / "warehouse" / FOLDER).iterdir()] == ["000000000002.json"]
