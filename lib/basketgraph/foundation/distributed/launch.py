"""Starting Horovod ranks: as local processes by `horovodrun`, or inside Spark's executors by `horovod.spark.run`.

A rank is `python -m MODULE ARGUMENTS`, or MODULE's `main(ARGUMENTS)` in an executor. Ranks report progress in files, not in their output: that
works alike for both launchers and outlives the launcher.
"""

import importlib
import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Literal

import psutil

from basketgraph.foundation.config import UserError
from basketgraph.foundation.progress import at

Launcher = Literal["processes", "spark"]

LAUNCHER_PID = "BASKETGRAPH_LAUNCHER_PID"
START_SECONDS = 120
SECRETS = ("KEY", "SECRET", "TOKEN", "PASSWORD")  # horovodrun puts the environment on command lines, which everybody can read
LAST_LINES = 30
LOOK_SECONDS = 0.3


class RanksFailed(RuntimeError):
    """A rank ended with an error; the message holds what it wrote last."""


def free_threads(ranks: int) -> int:
    """Threads for each of `ranks` on this machine, at least 1: OMP_NUM_THREADS where it is set, else an even part of the cores that are idle.

    Two threads of which one must wait for a core are several times slower than one: each matrix product waits for its last part.
    """
    if os.environ.get("OMP_NUM_THREADS", "").isdecimal():
        return max(1, int(os.environ["OMP_NUM_THREADS"]))
    idle = 1 - psutil.cpu_percent(interval=LOOK_SECONDS) / 100
    return max(1, round(len(os.sched_getaffinity(0)) * idle) // ranks)


def run_ranks(module: str, arguments: Sequence[str], ranks: int, *, launcher: Launcher = "processes", threads: int = 0) -> None:
    """Run `ranks` ranks of a module to their end; one rank of the launcher "processes" needs no Horovod.

    threads: of each rank; 0 shares the cores evenly.
    errors:  UserError where Horovod is wanted and not installed; RanksFailed where a rank fails.
    """
    if ranks < 1:
        raise UserError("ranks cannot be started", [f"ranks: want at least 1, have {ranks}"], "Set ranks to 1 or more.")
    at(f"starting {ranks} ranks")
    if (ranks > 1 or launcher == "spark") and importlib.util.find_spec("horovod") is None:
        cure = "Set up the environment (make setup), or train with one rank (--set ranks=1)."
        raise UserError("several ranks cannot be started", ["horovod: want the package, have none in this environment"], cure)
    if launcher == "spark":
        _run_in_executors(module, arguments, ranks, threads or 1)
    else:
        _run_processes(module, arguments, ranks, threads or free_threads(ranks))


def watch_launcher(seconds: float = 1.0) -> None:
    """In a rank: end when the launcher is gone. Ranks leave its process group, so killing the group alone would leave them training."""
    launcher = int(os.environ.get(LAUNCHER_PID, "0"))
    if not launcher:
        return

    def watch() -> None:
        while psutil.pid_exists(launcher):
            time.sleep(seconds)
        os._exit(128 + signal.SIGTERM)

    threading.Thread(target=watch, name="launcher-watch", daemon=True).start()


def rank_environment(threads: int) -> dict[str, str]:
    """The environment of local ranks: this one's without its secrets, with the threads of each and who started them."""
    kept = {name: value for name, value in os.environ.items() if not any(secret in name.upper() for secret in SECRETS)}
    counts = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")}
    folders = [folder for folder in sys.path if folder]
    return {**kept, **counts, "PYTHONPATH": os.pathsep.join(folders), LAUNCHER_PID: str(os.getpid())}


def _run_processes(module: str, arguments: Sequence[str], ranks: int, threads: int) -> None:
    command = [sys.executable, "-m", module, *arguments]
    if ranks > 1:
        horovod = [sys.executable, "-m", "horovod.runner.launch", "-np", str(ranks), "--gloo", "--start-timeout", str(START_SECONDS)]
        command = [*horovod, *command]
    with subprocess.Popen(
        command,
        env=rank_environment(threads),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        try:
            last = deque(process.stdout, maxlen=LAST_LINES)
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise RanksFailed(f"{module}: {ranks} ranks ended with code {process.returncode}; their last lines:\n{''.join(last)}")


def _run_in_executors(module: str, arguments: Sequence[str], ranks: int, threads: int) -> None:
    import horovod.spark
    from pyspark import SparkContext

    context = SparkContext._active_spark_context
    if context is None:
        raise UserError("ranks cannot be started in Spark", ["launcher: want a running Spark session, have none"], "Set launcher=processes.")
    wanted = {"spark.dynamicAllocation.enabled": "false", "spark.task.maxFailures": "1"}
    have = {name: context.getConf().get(name, "") for name in wanted}
    faults = [f"{name}: want {value}, have {have[name] or 'nothing'}" for name, value in wanted.items() if (have[name] or "false") != value]
    if context.defaultParallelism < ranks:
        faults.append(f"cores: want {ranks} for as many ranks at once, have {context.defaultParallelism}")
    if faults and not str(context.master).startswith("local"):
        raise UserError("ranks cannot be started in Spark", faults, "Set them in conf/spark/<env>.conf, or use launcher=processes.")
    horovod.spark.run(
        _rank_in_executor,
        args=(module, list(arguments)),
        num_proc=ranks,
        start_timeout=START_SECONDS,
        env={name: value for name, value in rank_environment(threads).items() if name != LAUNCHER_PID},
        use_gloo=True,
        use_mpi=False,
        verbose=0,
    )


def _rank_in_executor(module: str, arguments: list[str]) -> None:
    importlib.import_module(module).main(arguments)
