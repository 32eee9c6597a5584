"""Ctrl-C: one line, no traceback, exit code 130. Processes that the command started end first.

The JVM ignores the keystroke, so it is ended here. Only then the stack is unwound: nothing is written by then, and Python still removes temporary
folders. What a step had begun is mended by the next run, as after a kill.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import NoReturn

import psutil

from basketgraph.foundation.progress import current

INTERRUPTED = 130  # as shells have it: 128 and the signal's number
CHILD_SECONDS = 10.0  # how long the JVM and ranks may take to end by themselves
UNWIND_SECONDS = 10.0
_pressed = threading.Event()


def interrupted() -> bool:
    """Whether Ctrl-C was pressed; later errors are its consequences."""
    return _pressed.is_set()


def last_line() -> str:
    """The line that an interrupt prints: where it came, and what to do."""
    running = current()
    place = "" if running is None else f" in {running.name}" + (f" ({running.place})" if running.place else "")
    return f"interrupted{place}: run the same command again to go on"


@contextmanager
def exits_on_interrupt() -> Iterator[None]:
    """Within the block, Ctrl-C ends the process with one line and code 130; pressed twice, at once.

    Does nothing in threads, and where SIGINT is ignored, as it is for what a script has started in the background.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before == signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, partial(_interrupt, os.getpid()))
    try:
        yield
    finally:
        if interrupted():  # whatever came of it: threads that wait for the JVM are not waited for
            os._exit(INTERRUPTED)
        signal.signal(signal.SIGINT, before)


@contextmanager
def kept_interrupt() -> Iterator[None]:
    """Restores the handler of SIGINT after the block: a SparkContext replaces it."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread() and before is not None:
            signal.signal(signal.SIGINT, before)


def _interrupt(owner: int, number: int, frame: FrameType | None) -> NoReturn:
    if os.getpid() != owner:  # a fork that has not become another program yet
        os._exit(INTERRUPTED)
    children = _children(recursive=True)
    if interrupted():
        _kill(children)
        os._exit(INTERRUPTED)
    _pressed.set()
    # Not by print: what was interrupted may be a print.
    os.write(2, f"{chr(10) if os.isatty(2) else ''}{last_line()}\n".encode())
    logging.disable(logging.CRITICAL)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # of what fails now, because the JVM is gone, there is nothing to tell
    _end(children)
    last = threading.Timer(UNWIND_SECONDS, os._exit, (INTERRUPTED,))
    last.daemon = True
    last.start()
    raise KeyboardInterrupt


def _children(*, recursive: bool) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return psutil.Process().children(recursive=recursive)
    return []


def _end(children: list[psutil.Process]) -> None:
    """End those below this process: the ones it started are asked to, and end theirs; who is left then is killed."""
    own = _children(recursive=False)
    for child in own:
        with contextlib.suppress(psutil.Error):
            child.terminate()
    psutil.wait_procs(own, timeout=CHILD_SECONDS)
    _kill(children)


def _kill(children: list[psutil.Process]) -> None:
    for child in children:
        with contextlib.suppress(psutil.Error):
            child.kill()
