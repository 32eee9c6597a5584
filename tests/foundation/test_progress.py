"""Where a running step says it is, and when."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.foundation import progress
from basketgraph.foundation.progress import Running, Tasks, at, current, each, in_words, running


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def made(tasks: Callable[[], Tasks | None] = lambda: None, **more: Any) -> tuple[Running, Clock]:
    clock = Clock()
    return Running("clean", clock=clock, tasks=tasks, **more), clock


def test_a_line_tells_what_is_done_and_how_long_the_rest_takes_at_this_speed() -> None:
    step, clock = made(seconds_before=95.0)
    clock.now = 20
    assert step.line() == "clean: 20 s so far (last time 95 s in all)"
    step.at("listing the landing folder", 0, 0)
    assert step.line() == "clean: 20 s so far (last time 95 s in all); listing the landing folder"
    step.at("files read", 100, 1100)  # of a run before this one
    assert step.line().endswith("; 100 of 1,100 files read"), "nothing was read since: no speed is known"
    clock.now = 30
    step.at("files read", 200, 1100)
    assert step.line().endswith("; 200 of 1,100 files read, about 90 s left"), "100 in 10 s, 900 are left"
    clock.now = 40
    assert step.line().endswith("; 200 of 1,100 files read, about 80 s left")
    clock.now = 1000
    assert step.line().endswith("; 200 of 1,100 files read"), "longer than it should have taken: nothing is foretold"
    step.at("tables checked", 0, 3)
    assert step.line().endswith("; 0 of 3 tables checked"), "another count begins"


def test_sparks_tasks_are_told_and_tell_the_time_left_where_the_step_does_not() -> None:
    tasks: list[Tasks | None] = [Tasks((4,), 10, 100), Tasks((4,), 30, 100), Tasks((4,), 50, 100), Tasks((5,), 0, 8), None]
    step, clock = made(lambda: tasks.pop(0))
    assert step.line() == "clean: 0 s so far; Spark: 10 of 100 tasks"
    clock.now = 20
    assert step.line() == "clean: 20 s so far; Spark: 30 of 100 tasks, about 70 s left"
    step.at("cuts done", 1, 3)
    clock.now = 40
    step.at("cuts done", 2, 3)
    clock.now = 41
    assert step.line() == "clean: 41 s so far; 2 of 3 cuts done, about 19 s left; Spark: 50 of 100 tasks"
    clock.now = 70
    assert step.line() == "clean: 70 s so far; 2 of 3 cuts done; Spark: 0 of 8 tasks", "another stage has a speed of its own"
    assert "Spark" not in step.line()


def test_lengths_of_time_are_told_as_people_say_them() -> None:
    lengths = {0.4: "0 s", 119: "119 s", 120: "2 min", 3600: "60 min", 7199: "2 h 0 min", 7200: "2 h 0 min", 12_000: "3 h 20 min"}
    assert {seconds: in_words(seconds) for seconds in lengths} == lengths


def test_a_step_that_is_over_soon_says_nothing_and_a_long_one_says_so_again_and_again() -> None:
    said: list[str] = []
    with running("short", say=said.append, beat_seconds=30):
        at("rows", 1, 2)
    assert said == []
    with running("long", say=said.append, beat_seconds=0.02):
        thread = threading.Thread(target=lambda: at("files read", 1, 3))  # told from wherever the work is done
        thread.start()
        thread.join()
        deadline = time.monotonic() + 20
        while len(said) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert len(said) >= 3
    assert said[-1].startswith("long: ")
    assert "1 of 3 files read" in said[-1]
    told = len(said)
    time.sleep(0.1)
    assert len(said) == told, "a step that is over says nothing"


def test_what_runs_within_another_speaks_alone_and_is_forgotten_at_its_end_also_where_it_fails() -> None:
    said: list[str] = []

    def fail() -> None:
        with running("step", say=said.append, beat_seconds=0.02):
            for number in each([1, 2], "cuts done"):
                assert current() is not None
                assert current().place == f"{number - 1} of 2 cuts done"  # type: ignore[union-attr]
            deadline = time.monotonic() + 20
            while not any(line.startswith("step:") for line in said) and time.monotonic() < deadline:
                time.sleep(0.01)  # a last line of what runs outside may still come
            raise ValueError("over")

    with running("run", say=said.append, beat_seconds=0.001) as outer:
        time.sleep(0.05)
        said.clear()
        with pytest.raises(ValueError, match="over"):
            fail()
        assert {line.split(":")[0] for line in said} <= {"step", "run"}
        assert any(line.startswith("step:") and "2 of 2 cuts done" in line for line in said)
        assert current() is outer
    assert current() is None
    at("nowhere")  # nothing runs, so nobody is told


def test_spark_tells_how_far_its_tasks_are(spark: SparkSession) -> None:
    assert progress.spark_tasks() is None, "nothing runs"
    slow = spark.range(0, 4, 1, 4).selectExpr("java_method('java.lang.Thread', 'sleep', 400L + id * 0)")
    thread = threading.Thread(target=slow.collect)
    thread.start()
    seen = []
    while thread.is_alive():
        seen.append(progress.spark_tasks())
        time.sleep(0.05)
    thread.join()
    told = [tasks for tasks in seen if tasks is not None]
    assert told, "nothing was told while it ran"
    assert {tasks.total for tasks in told} == {4}
    assert [tasks.done for tasks in told] == sorted(tasks.done for tasks in told)
