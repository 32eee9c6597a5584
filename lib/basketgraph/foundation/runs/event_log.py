"""Spark's event log: what the jobs, stages and tasks between two instants took.

Format: https://spark.apache.org/docs/4.0.0/monitoring.html (JSON lines, as JsonProtocol writes them), in one zstd file (session.event_log).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

log = logging.getLogger("basketgraph")
READ = ("JobStart", "JobEnd", "StageCompleted", "TaskEnd", "ExecutorAdded")
PREFIXES = tuple(f'{{"Event":"SparkListener{name}"'.encode() for name in READ)  # the others, as plans, are long
PYTHON_TIME = ("time to start Python workers", "time to initialize Python workers", "time to run Python workers")  # PythonSQLMetrics


class Task(NamedTuple):
    """Seconds since 1970 of start and end, seconds of its time, and bytes."""

    started: float
    ended: float
    python_seconds: float
    gc_seconds: float
    shuffle_wait_seconds: float
    shuffle_bytes: int
    spilled_bytes: int


@dataclass
class EventLog:
    """jobs: start and end of each; stages: the end of each; cores: of all executors. Instants are seconds since 1970."""

    cores: int = 0
    jobs: dict[int, tuple[float, float]] = field(default_factory=dict)
    stages: list[float] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)

    def add(self, event: Mapping[str, Any]) -> None:
        kind = event["Event"].removeprefix("SparkListener")
        if kind == "ExecutorAdded":
            self.cores += int(event["Executor Info"]["Total Cores"])
        elif kind == "JobStart":
            self.jobs[event["Job ID"]] = (event["Submission Time"] / 1000, float("inf"))  # of a run that was killed in it
        elif kind == "JobEnd":
            self.jobs[event["Job ID"]] = (self.jobs[event["Job ID"]][0], event["Completion Time"] / 1000)
        elif kind == "StageCompleted":
            self.stages.append(event["Stage Info"].get("Completion Time", 0) / 1000)
        elif event.get("Task Metrics"):
            self.tasks.append(_task(event["Task Info"], event["Task Metrics"]))


def _task(info: Mapping[str, Any], metrics: Mapping[str, Any]) -> Task:
    read, written = metrics["Shuffle Read Metrics"], metrics["Shuffle Write Metrics"]
    return Task(
        started=info["Launch Time"] / 1000,
        ended=info["Finish Time"] / 1000,
        python_seconds=sum(float(one.get("Update", 0)) for one in info["Accumulables"] if one.get("Name") in PYTHON_TIME) / 1000,
        gc_seconds=metrics["JVM GC Time"] / 1000,
        shuffle_wait_seconds=read["Fetch Wait Time"] / 1000 + written["Shuffle Write Time"] / 1e9,
        shuffle_bytes=read["Remote Bytes Read"] + read["Local Bytes Read"] + written["Shuffle Bytes Written"],
        spilled_bytes=metrics["Disk Bytes Spilled"],
    )


def read_event_log(file: Path) -> EventLog:
    """The log of a run; of a killed one as far as it was written."""
    found = EventLog()
    for line in _lines(file):
        if line.startswith(PREFIXES):
            found.add(json.loads(line))
    return found


def _lines(file: Path) -> Iterator[bytes]:
    import pyarrow as pa

    with pa.input_stream(str(file), compression="zstd") as stream:
        try:
            yield from (line for line in BufferedReader(stream) if line.endswith(b"\n"))
        except OSError as error:
            log.warning("%s ends in the middle: %s", file, error)


def spark_cost(events: EventLog, began: datetime, ended: datetime) -> dict[str, Any]:
    """What Spark did between two instants.

    returns: jobs, stages, tasks; busy_seconds: wall clock in which a job ran; task_seconds: of all tasks together, and of these python_seconds (in
             Python workers), gc_seconds, shuffle_wait_seconds; shuffle_bytes (read and written), spilled_bytes; idle_seconds: of all cores together
             in which no task ran, be it that Spark waited for the driver or that a stage had fewer tasks than cores.
    """
    first, last = began.timestamp(), ended.timestamp()
    jobs = [(start, min(end, last)) for start, end in events.jobs.values() if first <= start < last]
    tasks = [task for task in events.tasks if first <= task.started < last]
    task_seconds = sum(task.ended - task.started for task in tasks)
    sums = {name: sum(getattr(task, name) for task in tasks) for name in Task._fields[2:]}
    return {
        "jobs": len(jobs),
        "stages": sum(first <= end < last for end in events.stages),
        "tasks": len(tasks),
        "busy_seconds": round(_covered(jobs), 1),
        "task_seconds": round(task_seconds, 1),
        **{name: round(value, 1) for name, value in sums.items()},
        "idle_seconds": round(max(0.0, events.cores * (last - first) - task_seconds), 1),
    }


def _covered(spans: Iterable[tuple[float, float]]) -> float:
    """The length of what the spans cover together."""
    covered, until = 0.0, float("-inf")
    for start, end in sorted(spans):
        covered += max(0.0, end - max(start, until))
        until = max(until, end)
    return covered
