"""The warehouse's lock: a lease with a growing token, so that two runs, or what a killed one left behind, never mix writes.

Each lease is a file `_lock/<token>.json` that only one run can create; the highest token holds the warehouse. On one machine a lease ends with
the processes that it names; elsewhere it ends when it was not renewed for LEASE_SECONDS.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

import psutil

from basketgraph.config import Mistake
from basketgraph.failures import at_the_end, handling
from basketgraph.interrupt import interrupted
from basketgraph.paths import local_folder
from basketgraph.progress import at

if TYPE_CHECKING:
    from basketgraph.tables import Warehouse

LEASE_SECONDS = 60
RENEW_SECONDS = 5
LEFT_OVER_SECONDS = 15  # how long the JVM and ranks of a killed run may take to end by themselves
FOLDER = "_lock"


class LockLost(Exception):
    """Another run took the warehouse over: this one may not write any more."""


class LockHeld(Mistake):
    """Another run holds the warehouse."""


class LeaseFiles(Protocol):
    """Where leases lie. `create` is atomic: of two callers with one token, one gets False."""

    def tokens(self) -> list[int]: ...
    def read(self, token: int) -> dict[str, Any] | None: ...
    def age(self, token: int) -> float: ...  # seconds since it was written; 0 where it is gone
    def create(self, token: int, lease: dict[str, Any]) -> bool: ...
    def replace(self, token: int, lease: dict[str, Any]) -> None: ...
    def remove(self, token: int) -> None: ...


class LocalLeases:
    """Leases on a local disk."""

    def __init__(self, root: str | Path) -> None:
        self.folder = Path(root) / FOLDER

    def _file(self, token: int) -> Path:
        return self.folder / f"{token:012d}.json"

    def tokens(self) -> list[int]:
        return sorted(int(file.stem) for file in self.folder.glob("*.json")) if self.folder.is_dir() else []

    def read(self, token: int) -> dict[str, Any] | None:
        try:
            lease: dict[str, Any] = json.loads(self._file(token).read_text())
        except (OSError, ValueError):
            return None
        return lease

    def age(self, token: int) -> float:
        try:
            return time.time() - self._file(token).stat().st_mtime
        except OSError:
            return 0.0

    def create(self, token: int, lease: dict[str, Any]) -> bool:
        self.folder.mkdir(parents=True, exist_ok=True)
        written = self.folder / f".{token}.{os.getpid()}.{threading.get_ident()}"
        with at_the_end("a half-written lease is left", lambda: written.unlink(missing_ok=True)):
            written.write_text(json.dumps(lease))
            try:
                os.link(written, self._file(token))  # appears whole, and only once
            except FileExistsError:
                return False
        return True

    def replace(self, token: int, lease: dict[str, Any]) -> None:
        written = self.folder / f".{token}.{os.getpid()}.renewal"
        written.write_text(json.dumps(lease))
        os.replace(written, self._file(token))

    def remove(self, token: int) -> None:
        self._file(token).unlink(missing_ok=True)


class HadoopLeases:
    """Leases on any file system that Hadoop knows; `create` is as atomic as its exclusive create (HDFS: yes)."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse

    def _place(self, token: int) -> tuple[Any, Any]:
        return self.warehouse.hadoop_path(f"{self.warehouse.root}/{FOLDER}/{token:012d}.json")

    def tokens(self) -> list[int]:
        system, folder = self.warehouse.hadoop_path(f"{self.warehouse.root}/{FOLDER}")
        if not system.exists(folder):
            return []
        names = [status.getPath().getName() for status in system.listStatus(folder)]
        return sorted(int(name.removesuffix(".json")) for name in names if name.endswith(".json") and not name.startswith("."))

    def read(self, token: int) -> dict[str, Any] | None:
        system, place = self._place(token)
        try:
            stream = system.open(place)
            with at_the_end("a lease is left open", stream.close):
                lease: dict[str, Any] = json.loads(bytes(stream.readAllBytes()))
        except Exception:  # py4j wraps whatever the file system throws; a half-written lease reads as none and is looked at again
            return None
        return lease

    def age(self, token: int) -> float:
        system, place = self._place(token)
        try:
            return time.time() - float(system.getFileStatus(place).getModificationTime()) / 1000
        except Exception:  # as above
            return 0.0

    def _write(self, token: int, lease: dict[str, Any], *, overwrite: bool) -> None:
        system, place = self._place(token)
        stream = system.create(place, overwrite)
        with at_the_end("a lease is left open", stream.close):
            stream.write(json.dumps(lease).encode())

    def create(self, token: int, lease: dict[str, Any]) -> bool:
        try:
            self._write(token, lease, overwrite=False)
        except Exception as error:
            if "AlreadyExists" in str(error):
                return False
            raise
        return True

    def replace(self, token: int, lease: dict[str, Any]) -> None:
        self._write(token, lease, overwrite=True)

    def remove(self, token: int) -> None:
        system, place = self._place(token)
        system.delete(place, False)


def lease_files(warehouse: Warehouse) -> LeaseFiles:
    folder = local_folder(warehouse.root)
    return HadoopLeases(warehouse) if folder is None else LocalLeases(folder)


def process_tree() -> list[tuple[int, float]]:
    """(pid, start time) of this process and all below it: the JVM, Python workers, ranks. Under spark-submit the JVM, which commits, is above."""
    me = psutil.Process()
    above = [psutil.Process(os.getppid())] if "PYSPARK_GATEWAY_PORT" in os.environ else []
    found = []
    for process in [me, *above, *me.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            found.append((process.pid, process.create_time()))
    return found


def alive(processes: list[tuple[int, float]]) -> list[psutil.Process]:
    """Those of (pid, start time) that still run; a pid that was given to another process does not count."""
    running = []
    for pid, started in processes:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            if abs(process.create_time() - started) < 1 and process.status() != psutil.STATUS_ZOMBIE:
                running.append(process)
    return running


class RunLock:
    """Holds the warehouse for one run, in a `with` block. `check` is called before every commit."""

    def __init__(self, leases: LeaseFiles, run_id: str, *, wait_seconds: float, say: Callable[[str], None]) -> None:
        self.leases, self.run_id, self.wait_seconds, self.say = leases, run_id, wait_seconds, say
        self.token = 0
        self._renewed = 0.0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def _lease(self, *, released: bool = False) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "processes": process_tree(),
            "renewed_at": time.time(),
            "released": released,
        }

    def _free(self, lease: dict[str, Any] | None) -> bool:
        """Whether the lease's run is over. Left-over processes of a killed run are waited for, then ended."""
        if lease is None or lease["released"]:
            return lease is not None
        if lease["host"] != socket.gethostname():
            return bool(time.time() - lease["renewed_at"] > LEASE_SECONDS)
        processes = [(int(pid), float(started)) for pid, started in lease["processes"]]
        running = alive(processes)
        if any(process.pid == lease["pid"] for process in running):
            return False
        if running:
            self.say(f"waiting for {len(running)} processes that the killed run {lease['run_id']} left behind")
            _, running = psutil.wait_procs(running, timeout=LEFT_OVER_SECONDS)
            for process in running:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(running, timeout=LEFT_OVER_SECONDS)
        return not alive(processes)

    def __enter__(self) -> RunLock:
        started, told = time.monotonic(), False
        while True:
            newest = max(self.leases.tokens(), default=0)
            holder = self.leases.read(newest) if newest else None
            # A run that was killed, or a machine that lost its power, while the lease was written leaves one that nobody can read.
            unreadable = bool(newest) and holder is None and self.leases.age(newest) > LEASE_SECONDS
            if (newest == 0 or unreadable or self._free(holder)) and self.leases.create(newest + 1, self._lease()):
                self.token, self._renewed = newest + 1, time.monotonic()
                break
            who = f"run {holder['run_id']} (process {holder['pid']} on {holder['host']})" if holder else "another run"
            if time.monotonic() - started > self.wait_seconds:
                raise LockHeld("the warehouse is in use", [f"want no other run, have {who}"], "Wait for it to end, or stop it.")
            if not told:
                self.say(f"waiting for {who}, which holds the warehouse")
                at(f"waiting for {who}")
                told = True
            time.sleep(1)
        for old in self.leases.tokens():
            if old < self.token:
                self.leases.remove(old)
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._thread.start()
        return self

    def _renew(self) -> None:
        while not self._stop.wait(RENEW_SECONDS):
            # A store that stumbles, in whatever words its driver has for it, must not end the renewals: the next one may get through.
            with contextlib.suppress(Exception):
                if max(self.leases.tokens(), default=0) != self.token:
                    return
                self.leases.replace(self.token, self._lease())
                self._renewed = time.monotonic()

    def check(self) -> None:
        """Raises LockLost unless this run still holds the warehouse."""
        newest = max(self.leases.tokens(), default=0)
        if newest != self.token:
            raise LockLost(f"run {self.run_id} lost the warehouse: token {newest} was taken, ours is {self.token}")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if interrupted():
            return  # what this run had the JVM do may not be over: the lease ends with its processes
        with handling(error, "the warehouse's lock is not released, it ends with this run's processes"):
            if max(self.leases.tokens(), default=0) == self.token:
                self.leases.replace(self.token, self._lease(released=True))
