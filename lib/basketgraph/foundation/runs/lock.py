"""The warehouse's lock: one run writes at a time, and no process of a killed run writes beside it.

A lease is a file `_lock/<token>.json` that only one run can create; the highest token holds the warehouse. The lease of a run on this machine
ends with its processes; that of a run elsewhere ends when it was not renewed for LEASE_SECONDS.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import psutil

from basketgraph.foundation.config import UserError
from basketgraph.foundation.failures import handling
from basketgraph.foundation.interrupt import interrupted
from basketgraph.foundation.progress import at, current
from basketgraph.foundation.tables.files import Files

LEASE_SECONDS = 60
RENEW_SECONDS = 5
LEFT_OVER_SECONDS = 15  # how long the JVM and the workers of a killed run may take to end by themselves
FOLDER = "_lock"


class LockLost(Exception):
    """Another run took the warehouse over: this one may not write any more."""


class LockHeld(UserError):
    """Another run holds the warehouse."""


class Leases:
    """The leases of a warehouse, as files. `create` is as exclusive as the file system's: local disks and HDFS are."""

    def __init__(self, files: Files, root: str) -> None:
        self.files, self.folder = files, f"{root}/{FOLDER}"

    def _file(self, token: int) -> str:
        return f"{self.folder}/{token:012d}.json"

    def tokens(self) -> list[int]:
        names = self.files.list_names(self.folder)
        return [int(name.removesuffix(".json")) for name in names if name.endswith(".json") and not name.startswith(".")]

    def read(self, token: int) -> dict[str, Any] | None:
        """None where there is none, or one that is still being written."""
        try:
            lease: dict[str, Any] = json.loads(self.files.read(self._file(token)))
        except (OSError, ValueError):
            return None
        return lease

    def age(self, token: int) -> float:
        """Seconds since a lease was written; 0 where there is none."""
        info = self.files.info(self._file(token))
        return 0.0 if info is None else time.time() - info.modified_at.timestamp()

    def create(self, token: int, lease: Mapping[str, Any]) -> bool:
        """Write a new lease; of two runs that create one token, one gets False."""
        return self.files.create(self._file(token), json.dumps(lease))

    def replace(self, token: int, lease: Mapping[str, Any]) -> None:
        """Renew a lease, without a moment in which there is none."""
        self.files.overwrite(self._file(token), json.dumps(lease))

    def remove(self, token: int) -> None:
        self.files.delete(self._file(token))


def process_tree() -> list[tuple[int, float]]:
    """(pid, start time) of this process and all below it: the JVM, Python workers, ranks. Under spark-submit the JVM, which commits, is above."""
    me = psutil.Process()
    above = [psutil.Process(os.getppid())] if "PYSPARK_GATEWAY_PORT" in os.environ else []
    processes = []
    for process in [me, *above, *me.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            processes.append((process.pid, process.create_time()))
    return processes


def alive(processes: list[tuple[int, float]]) -> list[psutil.Process]:
    """Those of (pid, start time) that still run; a pid that was given to another process does not count."""
    running = []
    for pid, started in processes:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            if abs(process.create_time() - started) < 1 and process.status() != psutil.STATUS_ZOMBIE:
                running.append(process)
    return running


def is_over(lease: Mapping[str, Any]) -> bool:
    """Whether the lease's run has ended; processes that it left may go on."""
    if lease["released"]:
        return True
    if lease["host"] != socket.gethostname():
        return bool(time.time() - lease["renewed_at"] > LEASE_SECONDS)
    return not any(process.pid == lease["pid"] for process in alive(_processes(lease)))


def was_killed(lease: Mapping[str, Any]) -> bool:
    """Whether the lease's run has ended without a word: it neither released the lease nor noted that Ctrl-C ended it."""
    return is_over(lease) and not lease["released"] and not lease.get("interrupted")


def newest_lease(leases: Leases) -> dict[str, Any] | None:
    """The lease of the run that holds the warehouse, or held it last; None where there was none, or it cannot be read."""
    newest = max(leases.tokens(), default=0)
    return leases.read(newest) if newest else None


def _processes(lease: Mapping[str, Any]) -> list[tuple[int, float]]:
    return [(int(pid), float(started)) for pid, started in lease["processes"]]


class RunLock:
    """Holds the warehouse for one run, in a `with` block. `check` is called before every commit.

    killed: the last lease of the run before, where that one was killed.
    """

    def __init__(self, leases: Leases, run_id: str, *, wait_seconds: float, say: Callable[[str], None], pipeline: str = "all") -> None:
        self.leases, self.run_id, self.wait_seconds, self.say, self.pipeline = leases, run_id, wait_seconds, say, pipeline
        self.token = 0
        self.killed: dict[str, Any] | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def _lease(self, *, released: bool = False) -> dict[str, Any]:
        running = current()
        return {
            "run_id": self.run_id,
            "pipeline": self.pipeline,
            "step": running and running.name,
            "step_seconds": running and round(running.seconds, 1),
            "interrupted": interrupted(),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "processes": process_tree(),
            "renewed_at": time.time(),
            "released": released,
        }

    def _free(self, lease: dict[str, Any] | None) -> bool:
        """Whether the lease's run has ended. Processes that a killed run left are waited for, then killed."""
        if lease is None or not is_over(lease):
            return False
        if lease["released"] or lease["host"] != socket.gethostname():
            return True
        processes = _processes(lease)
        running = alive(processes)
        if running:
            self.say(f"waiting for {len(running)} processes that the killed run {lease['run_id']} left behind")
            _, running = psutil.wait_procs(running, timeout=LEFT_OVER_SECONDS)
            for process in running:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(running, timeout=LEFT_OVER_SECONDS)
        return not alive(processes)

    def __enter__(self) -> RunLock:
        started, announced = time.monotonic(), False
        while True:
            newest = max(self.leases.tokens(), default=0)
            holder = self.leases.read(newest) if newest else None
            # A run that was killed while it wrote its lease leaves an unreadable one.
            unreadable = bool(newest) and holder is None and self.leases.age(newest) > LEASE_SECONDS
            if (newest == 0 or unreadable or self._free(holder)) and self.leases.create(newest + 1, self._lease()):
                self.token = newest + 1
                self.killed = holder if holder is not None and was_killed(holder) else None
                break
            who = f"run {holder['run_id']} (process {holder['pid']} on {holder['host']})" if holder else "another run"
            if time.monotonic() - started > self.wait_seconds:
                raise LockHeld("the warehouse is in use", [f"want no other run, have {who}"], "Wait for it to end, or stop it.")
            if not announced:
                self.say(f"waiting for {who}, which holds the warehouse")
                at(f"waiting for {who}")
                announced = True
            time.sleep(1)
        for old in self.leases.tokens():
            if old < self.token:
                self.leases.remove(old)
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._thread.start()
        return self

    def _renew(self) -> None:
        while not self._stop.wait(RENEW_SECONDS):
            # A renewal that fails, with whatever error the store has, must not end the renewals: the next one may succeed.
            with contextlib.suppress(Exception):
                if max(self.leases.tokens(), default=0) != self.token:
                    return
                self.leases.replace(self.token, self._lease())

    def check(self) -> None:
        """Raises LockLost unless this run still holds the warehouse."""
        newest = max(self.leases.tokens(), default=0)
        if newest != self.token:
            raise LockLost(f"run {self.run_id} lost the warehouse: token {newest} was taken, ours is {self.token}")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        # After Ctrl-C the JVM may still be writing: the lease ends with its processes. A store that is reached through the JVM is gone with it.
        done = not interrupted()
        with handling(error, "the warehouse's lock is not released, it ends with this run's processes") if done else contextlib.suppress(Exception):
            if max(self.leases.tokens(), default=0) == self.token:
                self.leases.replace(self.token, self._lease(released=done))
