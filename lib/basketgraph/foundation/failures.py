"""Errors while another error is handled: the first one is raised, later ones are logged as warnings."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from basketgraph.foundation.privacy.log_masking import without_addresses

log = logging.getLogger("basketgraph")
LONGEST = 300


def in_a_line(error: BaseException) -> str:
    """The error's type and the first line of what it says, without addresses."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # an error of Java's asks the JVM for its text, which may be gone
        lines = []
    return without_addresses(f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__)[:LONGEST]


@contextmanager
def handling(first: BaseException | None, what: str) -> Iterator[None]:
    """A block that reports `first` or cleans up after it. An error in the block is logged as a warning; where `first` is None it is raised."""
    try:
        yield
    except Exception as second:
        if first is None:
            raise
        log.warning("%s: %s", what, in_a_line(second))


@contextmanager
def at_the_end(what: str, clean_up: Callable[[], object]) -> Iterator[None]:
    """Calls `clean_up` after the block, as `finally` does; but where both fail, the block's error is raised."""
    try:
        yield
    except BaseException as first:
        with handling(first, what):
            clean_up()
        raise
    clean_up()
