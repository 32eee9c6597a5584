"""What a kill in the middle of creating a Delta table leaves behind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py4j.java_gateway import JavaObject

COMMIT = re.compile(r"\d{20}\..*(json|parquet)|_last_checkpoint")  # or a checkpoint


def forget_cut_off_creation(system: JavaObject, log: JavaObject) -> None:
    """Remove a Delta log without any commit: a creation that was killed leaves it, and Delta finds no table there and makes none either.

    system, log: Hadoop's file system, and the path of `_delta_log` of a table that has no version.
    errors: Java's IOException where another writer commits just now; its commit stays.
    """
    left = list(system.listStatus(log)) if system.exists(log) else None
    if left is None or any(COMMIT.fullmatch(str(status.getPath().getName())) for status in left):
        return
    for status in left:
        system.delete(status.getPath(), True)
    system.delete(log, False)  # refused for a folder that is not empty any more
