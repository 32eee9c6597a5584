"""Progress lines of a running step: its own counts, Spark's tasks, and the time left.

There is one running step per process, as there is one log: `at` reports from any function or thread, without an argument for it.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

log = logging.getLogger("basketgraph")
BEAT_SECONDS = 18.0  # a line at least every 20 seconds, also where the machine is busy
Item = TypeVar("Item")


class Tasks(NamedTuple):
    """The tasks of Spark's active stages."""

    stages: tuple[int, ...]
    done: int
    total: int


@dataclass(frozen=True)
class Mark:
    """The last report: `done` of `total` of something, at a moment; and where counting began. total: 0 where nothing is counted."""

    what: str
    done: int
    total: int
    moment: float
    first_done: int
    first_moment: float

    def seconds_left(self, now: float) -> float | None:
        """At the speed since counting began; None where that is unknown."""
        new = self.done - self.first_done
        if new <= 0 or self.done >= self.total:
            return None
        left = (self.moment - self.first_moment) / new * (self.total - self.done) - (now - self.moment)
        return left if left > 0 else None


def marked(before: Mark | None, what: str, done: int, total: int, now: float) -> Mark:
    """The mark that follows `before`: counting begins anew with other words, another total or a smaller number."""
    goes_on = before is not None and (before.what, before.total) == (what, total) and before.done <= done
    begun = (before.first_done, before.first_moment) if before is not None and goes_on else (done, now)
    return Mark(what, done, total, now, *begun)


class Running:
    """A step or a command that runs. clock: seconds, growing; tasks: those of Spark, None where it is idle."""

    def __init__(
        self,
        name: str,
        *,
        seconds_before: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        tasks: Callable[[], Tasks | None] | None = None,
    ) -> None:
        self.name, self.seconds_before = name, seconds_before
        self._clock, self._tasks, self._began = clock, tasks or spark_tasks, clock()
        self._mark: Mark | None = None
        self._stage: Mark | None = None

    def at(self, what: str, done: int, total: int) -> None:
        self._mark = marked(self._mark, what, done, total, self._clock())

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return self._clock() - self._began

    @property
    def place(self) -> str | None:
        """The last report in words; None before the first."""
        mark = self._mark
        if mark is None:
            return None
        return f"{mark.done:,} of {mark.total:,} {mark.what}" if mark.total else mark.what

    def line(self) -> str:
        """The progress line: time so far, the last report, and the time left at the present speed."""
        now = self._clock()
        before = f" (last time {in_words(self.seconds_before)} in all)" if self.seconds_before else ""
        parts = [f"{self.name}: {in_words(now - self._began)} so far{before}"]
        left = self._mark.seconds_left(now) if self._mark is not None else None
        if self.place is not None:
            parts.append(self.place + _about(left))
        tasks = self._tasks()
        if tasks is not None and tasks.total:
            self._stage = marked(self._stage, str(tasks.stages), tasks.done, tasks.total, now)
            parts.append(f"Spark: {tasks.done:,} of {tasks.total:,} tasks" + (_about(self._stage.seconds_left(now)) if left is None else ""))
        return "; ".join(parts)


def _about(left: float | None) -> str:
    return "" if left is None else f", about {in_words(left)} left"


def in_words(seconds: float) -> str:
    """A length of time as people say it: 40 s, 12 min, 3 h 20 min."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def spark_tasks() -> Tasks | None:
    """Spark's tasks, where this process has a session that is busy."""
    context = getattr(getattr(sys.modules.get("pyspark"), "SparkContext", None), "_active_spark_context", None)
    if context is None:
        return None
    with contextlib.suppress(Exception):  # Spark may be about to end, or gone
        tracker = context.statusTracker()
        stages = [stage for number in tracker.getActiveStageIds() if (stage := tracker.getStageInfo(number)) is not None]
        numbers = tuple(sorted(stage.stageId for stage in stages))
        return Tasks(numbers, sum(stage.numCompletedTasks for stage in stages), sum(stage.numTasks for stage in stages)) if stages else None
    return None


_current: Running | None = None


def current() -> Running | None:
    """What runs in this process; None outside of `running`."""
    return _current


def at(what: str, done: int = 0, total: int = 0) -> None:
    """Report progress: `done` of `total` `what` ("files read"), or only `what`. Cheap, and from any thread."""
    running = _current
    if running is not None:
        running.at(what, done, total)


def each(items: Sequence[Item], what: str) -> Iterator[Item]:
    """The items in order; reports before each how many are done."""
    for number, item in enumerate(items):
        at(what, number, len(items))
        yield item
    at(what, len(items), len(items))


@contextmanager
def running(
    name: str,
    *,
    beat_seconds: float = BEAT_SECONDS,
    say: Callable[[str], None] = log.info,
    seconds_before: float | None = None,
    tasks: Callable[[], Tasks | None] | None = None,
) -> Iterator[Running]:
    """The block is a running step: every `beat_seconds` a progress line is logged. Blocks may be nested.

    seconds_before: how long it took the last time.
    """
    global _current
    mine, outer, ended = Running(name, seconds_before=seconds_before, tasks=tasks), _current, threading.Event()

    def beat() -> None:
        while not ended.wait(beat_seconds):
            if _current is mine:
                line = mine.line()
                if not ended.is_set():
                    say(line)

    thread = threading.Thread(target=beat, name="progress", daemon=True)
    _current = mine
    thread.start()
    try:
        yield mine
    finally:
        _current = outer
        ended.set()
        thread.join(timeout=1)  # it may be waiting for a JVM that is gone
