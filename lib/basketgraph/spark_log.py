"""Where what the JVM prints goes: a file for each start of Spark, below the warehouse or, where that cannot be, in the user's state folder."""

from __future__ import annotations

import os
import tempfile
from collections import deque
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from basketgraph.config import local_folder, state_folder

FOLDER = "logs"
KEPT = 20  # starts whose logs stay
LAST_LINES = 15


def new_log(warehouse: str, *, make_warehouse: bool, now: datetime | None = None) -> Path:
    """An empty file for the next start; of older starts in the same folder the newest KEPT - 1 stay.

    make_warehouse: whether the caller is going to write into the warehouse, so that its folder may be made.
    errors:         OSError where nothing can be written, not even below the folder for temporary files.
    """
    name = f"spark-{now or datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{os.getpid()}.log"
    problem = None
    for folder in _folders(warehouse, make_warehouse):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            log = folder / name
            log.touch()
            _forget(folder)
        except OSError as error:
            problem = error
        else:
            return log.absolute()
    assert problem is not None  # there is always a folder to try
    raise problem


def _folders(warehouse: str, make_warehouse: bool) -> Iterator[Path]:
    root = local_folder(warehouse)
    if root is not None and (make_warehouse or root.is_dir()):
        yield root / FOLDER
    yield state_folder(os.environ) / FOLDER
    yield Path(tempfile.gettempdir()) / f"basketgraph-{os.getuid()}" / FOLDER


def _forget(folder: Path) -> None:
    for old in sorted(folder.glob("spark-*.log"))[:-KEPT]:
        old.unlink(missing_ok=True)


def last_lines(log: Path) -> str:
    with log.open(errors="replace") as lines:
        return "".join(deque(lines, maxlen=LAST_LINES)).rstrip()
