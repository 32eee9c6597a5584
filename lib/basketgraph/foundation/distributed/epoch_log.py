"""The epochs of a training as lines of a file: rank 0 appends them, and the process that started the ranks reports them."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from basketgraph.foundation.failures import at_the_end

POLL_SECONDS = 0.5


def append_epoch(path: Path, epoch: Mapping[str, Any]) -> None:
    """Add the line of an epoch."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(epoch) + "\n")


@contextmanager
def reported_epochs(paths: Sequence[Path], on_epoch: Callable[[int, dict[str, Any]], None]) -> Iterator[None]:
    """While the block runs, call `on_epoch` with a file's place in `paths` and an epoch for each new line of the files, in order."""
    lines_read = [0] * len(paths)
    ended = threading.Event()

    def read() -> None:
        for number, path in enumerate(paths):
            # a line without its end is still being written
            lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.is_file() else []
            for epoch in map(json.loads, lines[lines_read[number] :]):
                on_epoch(number, epoch)
            lines_read[number] = len(lines)

    def poll() -> None:
        while not ended.wait(POLL_SECONDS):
            read()

    thread = threading.Thread(target=poll, name="epochs", daemon=True)

    def finish() -> None:
        ended.set()
        thread.join()
        read()

    thread.start()
    with at_the_end("epochs: not read to their end", finish):
        yield
