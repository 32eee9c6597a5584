"""How much memory a run takes, all its processes together."""

from __future__ import annotations

import contextlib
import threading

import psutil


class PeakMemory:
    """Samples the proportional set size of this process and all below it; `peak` in bytes."""

    def __init__(self, seconds: float = 2.0) -> None:
        self.peak, self._seconds, self._stop = 0, seconds, threading.Event()
        self._thread = threading.Thread(target=self._sample, name="peak-memory", daemon=True)

    def _sample(self) -> None:
        while not self._stop.is_set():
            self.peak = max(self.peak, tree_memory())
            self._stop.wait(self._seconds)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def tree_memory() -> int:
    """Proportional set size, in bytes, of this process and all below it (resident size where the system has no smaps)."""
    me, total = psutil.Process(), 0
    for process in [me, *me.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            memory = process.memory_full_info()
            total += getattr(memory, "pss", memory.rss)
    return total
