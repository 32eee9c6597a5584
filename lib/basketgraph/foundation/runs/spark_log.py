"""The log files of Spark's JVM: one for each start, below the warehouse or, where that is not possible, in the user's state folder.

Event logs of `run --profile` lie beside them, in a folder for each run.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import deque
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import BinaryIO

from basketgraph.foundation.config import state_folder
from basketgraph.foundation.paths import local_folder

FOLDER = "logs"
PROFILES = "profiles"
KEPT_PROFILES = 5  # they are large
KEPT = 20  # starts whose logs stay
LAST_LINES = 15


def log_place(warehouse: str, *, make_warehouse: bool, now: datetime | None = None) -> Path:
    """The path of the next start's log; nothing is made yet.

    make_warehouse: whether the caller is going to write into the warehouse, so that its folder may be made.
    """
    folder = next(one for one in _folders(warehouse, make_warehouse) if _can_be_written(one))
    return folder.absolute() / f"spark-{now or datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{os.getpid()}.log"


def opened_log(place: Path) -> BinaryIO:
    """The log file, opened for writing. Of older logs in its folder the newest KEPT - 1 stay."""
    place.parent.mkdir(parents=True, exist_ok=True)
    stream = place.open("ab")
    for old in sorted(place.parent.glob("spark-*.log"))[:-KEPT]:
        old.unlink(missing_ok=True)
    return stream


def new_profile(logs: Path, run_id: str) -> Path:
    """A new folder for the event log of a run. Of older ones the newest KEPT_PROFILES - 1 stay. logs: the folder of Spark's log."""
    folder = logs / PROFILES / run_id
    folder.mkdir(parents=True, exist_ok=True)
    for old in sorted(folder.parent.iterdir())[:-KEPT_PROFILES]:
        shutil.rmtree(old, ignore_errors=True)
    return folder


def profile_of(warehouse: str, run_id: str) -> Path | None:
    """The event log of a run; None where none was kept."""
    folders = (folder / PROFILES / run_id for folder in _folders(warehouse, False))
    return next((file for folder in folders if folder.is_dir() for file in sorted(folder.iterdir())), None)


def _folders(warehouse: str, make_warehouse: bool) -> Iterator[Path]:
    root = local_folder(warehouse)
    if root is not None and (make_warehouse or root.is_dir()):
        yield root / FOLDER
    yield state_folder(os.environ) / FOLDER
    yield Path(tempfile.gettempdir()) / f"basketgraph-{os.getuid()}" / FOLDER  # which Python has made sure of


def _can_be_written(folder: Path) -> bool:
    there = next(one for one in (folder, *folder.absolute().parents) if os.path.exists(one))  # False, too, where that may not be asked
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def last_lines(log: Path) -> str:
    with log.open(errors="replace") as lines:
        return "".join(deque(lines, maxlen=LAST_LINES)).rstrip()
