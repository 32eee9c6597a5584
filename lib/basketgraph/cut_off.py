"""What a kill in the middle of creating a Delta table leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py4j.java_gateway import JavaObject


def forget_cut_off_creation(system: JavaObject, log: JavaObject) -> None:
    """Remove a Delta log without any commit: a creation that was killed leaves it, and Delta finds no table there and makes none either.

    system, log: Hadoop's file system, and the path of `_delta_log` of a table that has no version.
    """
    if system.exists(log) and not any("checkpoint" in str(status.getPath().getName()) for status in system.listStatus(log)):
        system.delete(log, True)
