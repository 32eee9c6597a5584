"""How much memory a run takes, all its processes together."""

from __future__ import annotations

import threading
from pathlib import Path

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
        try:
            rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
            total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) * 1024
        except (OSError, StopIteration):
            try:
                total += process.memory_info().rss
            except psutil.Error:
                continue
    return total
