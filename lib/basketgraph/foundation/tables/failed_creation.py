"""A Delta table whose creation was killed."""

from __future__ import annotations

import re

from basketgraph.foundation.tables.files import Files

COMMIT = re.compile(r"\d{20}\..*(json|parquet)|_last_checkpoint")  # or a checkpoint


def remove_failed_creation(files: Files, log: str) -> None:
    """Remove a Delta log without a commit, as a killed CREATE TABLE leaves it: Delta finds no table there, and creates none either.

    log:    the path of `_delta_log` of a table that has no version.
    errors: OSError where another writer commits just now; its commit stays.
    """
    names = files.list_names(log)
    if any(COMMIT.fullmatch(name) for name in names):
        return
    for name in names:
        files.delete(f"{log}/{name}")
    files.delete(log, recursive=False)
