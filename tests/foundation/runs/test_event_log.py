"""Spark's event log: what is between two instants, and what one task says. A log that Spark itself wrote is read in tests/cli/test_run_times.py."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa

from basketgraph.foundation.runs.event_log import EventLog, Task, read_event_log, spark_cost

BEGAN = datetime(2026, 3, 1, 4, tzinfo=timezone.utc)
ZERO = BEGAN.timestamp()


def task(started: float, ended: float, **told: Any) -> Task:
    values = {"python_seconds": 0.0, "gc_seconds": 0.0, "shuffle_wait_seconds": 0.0, "shuffle_bytes": 0, "spilled_bytes": 0, **told}
    return Task(ZERO + started, ZERO + ended, **values)


def test_what_started_between_two_instants_counts_and_jobs_side_by_side_count_once() -> None:
    events = EventLog(cores=2)
    events.jobs = {0: (ZERO - 5, ZERO - 1), 1: (ZERO, ZERO + 4), 2: (ZERO + 2, ZERO + 5), 3: (ZERO + 8, ZERO + 30), 4: (ZERO + 10, ZERO + 11)}
    events.stages = [ZERO - 1, ZERO, ZERO + 9.9, ZERO + 10]
    events.tasks = [task(-1, 3), task(0, 3, python_seconds=1.5, shuffle_bytes=10), task(9.5, 10.5, python_seconds=0.5, gc_seconds=0.2), task(10, 11)]
    cost = spark_cost(events, BEGAN, BEGAN.replace(second=10))
    assert (cost["jobs"], cost["stages"], cost["tasks"]) == (3, 2, 2)
    assert cost["busy_seconds"] == 7.0, "0 to 5 and 8 to 10"
    assert (cost["task_seconds"], cost["python_seconds"], cost["gc_seconds"], cost["shuffle_bytes"]) == (4.0, 2.0, 0.2, 10)
    assert cost["idle_seconds"] == 16.0, "of two cores in ten seconds"


def test_a_log_that_a_kill_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    def line(name: str, **told: Any) -> str:
        return json.dumps({"Event": f"SparkListener{name}", **told}, separators=(",", ":"))

    jobs = [line("JobStart", **{"Job ID": number, "Submission Time": 1000}) for number in range(50_000)]
    file = tmp_path / "local-1.zstd.inprogress"
    with pa.output_stream(str(file), compression="zstd") as stream:
        stream.write("\n".join([line("ExecutorAdded", **{"Executor Info": {"Total Cores": 2}}), line("LogStart"), *jobs]).encode())
    events = read_event_log(file)
    assert (events.cores, len(events.jobs), events.jobs[0]) == (2, 49_999, (1.0, float("inf"))), "the last line has no end"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert 0 < len(read_event_log(file).jobs) < 49_999
