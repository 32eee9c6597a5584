"""The first error is the one that is shown; what fails while it is handled is a warning."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from datetime import date
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from basketgraph.clean.cleaning import Cleaning
from basketgraph.clean.replay.replay import Replay, ReplayOutcome
from basketgraph.cli import runner
from basketgraph.cli.runner import run_pipeline
from basketgraph.foundation.config import Config, UserError, load
from basketgraph.foundation.distributed.epoch_log import reported_epochs
from basketgraph.foundation.failures import at_the_end, handling, in_a_line
from basketgraph.foundation.quality.build import suites_of
from basketgraph.foundation.quality.check import QualityStop
from basketgraph.foundation.quality.check_scope import Finding, Look
from basketgraph.foundation.quality.history import CheckHistory
from basketgraph.foundation.quality.suites import QualitySettings
from basketgraph.foundation.runs import job
from basketgraph.foundation.runs.lock import Leases, RunLock
from basketgraph.foundation.runs.memory import PeakMemory
from basketgraph.foundation.runs.steps import Step
from basketgraph.foundation.tables.files import Files

check = import_module("basketgraph.foundation.quality.check")  # the package has a function of this name
DAY = date(2026, 3, 1)
STEP = Step(help="", reads=(), writes=(), settings=())
FULL = OSError("no space left on device, told to ann.lee@example.org\nand more lines")
FULL_TOLD = "OSError: no space left on device, told to •••"


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Messages of warnings that the test logs, as they come."""
    told: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            assert record.levelno == logging.WARNING
            told.append(record.getMessage())

    keeper, log = Keeper(logging.WARNING), logging.getLogger("basketgraph")
    log.addHandler(keeper)
    yield told
    log.removeHandler(keeper)


def fail(error: BaseException) -> None:
    raise error


def test_an_error_is_told_in_a_line_without_addresses_whatever_its_text_does() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("the JVM that knows the text is gone")

    assert [in_a_line(error) for error in (FULL, ValueError(), Mute())] == [FULL_TOLD, "ValueError", "Mute"]


def test_what_fails_while_an_error_is_handled_is_a_warning_and_without_one_it_is_raised(warnings: list[str]) -> None:
    with handling(ValueError("first"), "report"):
        fail(FULL)
    assert warnings == [f"report: {FULL_TOLD}"]
    with pytest.raises(OSError, match="no space"), handling(None, "report"):
        fail(FULL)
    with pytest.raises(KeyboardInterrupt), handling(ValueError("first"), "report"):
        fail(KeyboardInterrupt())
    assert len(warnings) == 1


def test_a_clean_up_that_fails_after_a_failure_does_not_hide_it_and_after_success_it_is_raised(warnings: list[str]) -> None:
    with pytest.raises(ValueError, match="first"), at_the_end("stream", lambda: fail(FULL)):
        fail(ValueError("first"))
    assert warnings == [f"stream: {FULL_TOLD}"]
    with pytest.raises(KeyboardInterrupt), at_the_end("stream", lambda: fail(FULL)):
        fail(KeyboardInterrupt())
    with pytest.raises(OSError, match="no space"), at_the_end("stream", lambda: fail(FULL)):
        pass


def test_a_lock_that_cannot_be_released_does_not_hide_why_the_run_failed(tmp_path: Path, warnings: list[str]) -> None:
    class Full(Leases):
        def replace(self, token: int, lease: Mapping[str, Any]) -> None:
            raise FULL

    def lock() -> RunLock:
        return RunLock(Full(Files(), str(tmp_path)), "mine", wait_seconds=0, say=lambda text: None)

    with pytest.raises(ValueError, match="first"), lock():
        fail(ValueError("first"))
    (told,) = warnings
    assert told.startswith("the warehouse's lock is not released")
    assert told.endswith(FULL_TOLD)


def test_a_progress_file_that_cannot_be_read_does_not_hide_why_the_ranks_failed(tmp_path: Path, warnings: list[str]) -> None:
    (tmp_path / "progress.jsonl").write_text("{cut off\n")
    with pytest.raises(ValueError, match="first"), reported_epochs([tmp_path / "progress.jsonl"], lambda number, epoch: None):
        fail(ValueError("first"))
    assert "JSONDecodeError" in warnings[-1]


class Log:
    """A run log whose warehouse takes nothing any more."""

    def __init__(self, conf: Config | None = None) -> None:
        self.conf = conf
        self.tables = SimpleNamespace(spark=None, run_id="run-1", checked={}, versions=lambda tables: {}, newest=lambda table: fail(FULL))
        self.last: dict[str, Any] = {}

    def why(self, *_: object) -> str:
        return "never succeeded"

    def fingerprint(self, *_: object) -> str:
        return "f"

    def add(self, *_: object, **__: object) -> None:
        raise FULL


def conf(tmp_path: Path, **sets: str) -> Config:
    return load("local", "complete_journey", {"warehouse": str(tmp_path), **sets})


@pytest.mark.parametrize("first", [QualityStop("first"), UserError("first"), RuntimeError("first")], ids=["stopped", "mistake", "crash"])
def test_a_run_log_that_cannot_be_written_does_not_hide_why_a_step_failed(first: Exception, tmp_path: Path, warnings: list[str]) -> None:
    log: Any = Log()
    sent = tmp_path / "alert.json"
    alerting = conf(tmp_path, **{"alerts.command": json.dumps(["sh", "-c", f"cat > {sent}"])})
    with pytest.raises(type(first), match="first") as caught:
        job.run_step("copy", STEP, lambda *_: fail(first), alerting, DAY, log, PeakMemory())
    assert caught.value is first
    assert f"copy: its failure is not in ops.runs: {FULL_TOLD}" in warnings
    if isinstance(first, QualityStop):
        assert f"alert: since when it fails is not known: {FULL_TOLD}" in warnings
        assert sent.is_file(), "who is to be told is told all the same"
    with pytest.raises(OSError, match="no space"):  # a step that succeeded is not done before the log says so
        job.run_step("copy", STEP, lambda *_: None, conf(tmp_path), DAY, log, PeakMemory())


@pytest.mark.parametrize("code", [1, 3])
def test_what_fails_after_a_failed_step_does_not_hide_it(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warnings: list[str]) -> None:
    """Its report, what is told at the end, and the lock, whose folder is full as well."""
    first = QualityStop("first") if code == 3 else RuntimeError("first")

    def step(name: str, *_: object, **__: object) -> None:
        fail(first if name == "clean" else FULL)

    class Opened:
        def __enter__(self) -> tuple[Any, PeakMemory]:
            return SimpleNamespace(), PeakMemory()

        def __exit__(self, *_: object) -> None:
            raise OSError("the lock cannot be released")

    monkeypatch.setattr(runner, "opened", lambda *_: Opened())
    monkeypatch.setattr(runner, "RunLog", lambda _, conf: Log(conf))
    monkeypatch.setattr(runner, "run_step", step)
    monkeypatch.setattr(runner, "run_log", lambda *_: fail(FULL))
    outcome = run_pipeline(conf(tmp_path), "clean", ds=DAY)
    assert outcome.error is first
    assert [(one.name, one.status) for one in outcome.steps] == [("clean", "failed"), ("report", "failed")][: 2 if code == 3 else 1]
    wanted = ["what the warehouse holds now cannot be told", "after the failed step"]
    assert [told.split(":")[0] for told in warnings] == (["report"] if code == 3 else []) + wanted

    monkeypatch.setattr(runner, "_run_steps", lambda *_: None)
    with pytest.raises(OSError, match="the lock cannot be released"):  # no step failed: then this is the first error
        run_pipeline(conf(tmp_path), "clean", ds=DAY)


def test_results_that_cannot_be_kept_do_not_hide_a_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warnings: list[str]) -> None:
    broken = Finding("unique", "critical", False, "broken", "two", "one", "", 2, 1)
    nothing: Any = None
    found = check.TableCheck(suites_of(["silver.items"])["silver.items"], 1, Look(nothing, nothing), check.Cost(), [broken])
    monkeypatch.setattr(check, "_versions", lambda *_: {"silver.items": 1})
    monkeypatch.setattr(check, "check_history", lambda *_: CheckHistory())
    monkeypatch.setattr(check, "_planned", lambda *_: None)
    monkeypatch.setattr(check, "_examined", lambda *_: ([found], []))
    monkeypatch.setattr(check, "_keep", lambda *_: fail(FULL))
    monkeypatch.setattr(check, "build_data_docs", lambda *_: fail(FULL))
    release: Any = SimpleNamespace(run_id="run-1", checked={})
    settings = conf(tmp_path).section("quality", QualitySettings).model_copy(update={"data_docs": True})
    with pytest.raises(QualityStop, match="unique: want one, have two"):
        check.check_all(release, ["silver.items"], DAY, settings)
    assert warnings == [f"the run's results are not in ops.quality_results: {FULL_TOLD}", f"data docs: not made: {FULL_TOLD}"]


@pytest.mark.parametrize("which", [Cleaning, Replay])
def test_files_that_cannot_be_looked_at_again_do_not_hide_why_reading_them_failed(
    which: type, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = RuntimeError("first")
    shared = {"checked": None, "landing": None, "ledger": None, "settings": SimpleNamespace(parallel_tables=1)}
    steps = {name: lambda *_: fail(first) for name in ("_tasks", "entries")}
    spoilt = {name: lambda *_: fail(FULL) for name in ("_spoilt", "_refuse_changed")}
    monkeypatch.setattr("basketgraph.clean.replay.replay.RereadableFiles", lambda *_: None)
    me: Any = SimpleNamespace(**shared, **steps, **spoilt, _blamed=lambda *given: Cleaning._blamed(me, *given))
    calls = {
        Cleaning: lambda: Cleaning._judged(me, "batch", {}),
        Replay: lambda: Replay._judged(me, {"silver.events": set()}, ReplayOutcome()),
    }
    with pytest.raises(RuntimeError, match="first"):
        calls[which]()
    assert warnings[-1].endswith(FULL_TOLD)
