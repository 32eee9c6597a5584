"""Where the log of a start of Spark lies, and how many stay."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from basketgraph.foundation.runs.spark_log import KEPT, last_lines, log_place, opened_log

NOW = datetime(2026, 3, 1, tzinfo=timezone.utc)


def started(warehouse: str, second: int) -> Path:
    place = log_place(warehouse, make_warehouse=True, now=NOW + timedelta(seconds=second))
    opened_log(place).close()
    return place


def test_the_newest_logs_of_a_warehouse_stay_and_nothing_else_is_touched(tmp_path: Path) -> None:
    logs = [started(f"file://{tmp_path}/w", second) for second in range(KEPT)]
    other = logs[0].with_name("notes.txt")
    other.touch()
    logs += [started(str(tmp_path / "w"), second) for second in range(KEPT, KEPT + 3)]
    assert {log.parent for log in logs} == {tmp_path / "w" / "logs"}
    assert [log.exists() for log in logs] == [False] * 3 + [True] * KEPT
    assert other.exists()


@pytest.mark.parametrize("warehouse", ["not made yet", "a file", "a file/below it", "hdfs:///shop"])
def test_what_has_no_warehouse_folder_is_logged_in_the_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warehouse: str) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "a file").touch()
    place = warehouse if ":" in warehouse else str(tmp_path / warehouse)
    log = log_place(place, make_warehouse=warehouse != "not made yet", now=NOW)
    assert log.parent == tmp_path / "state" / "basketgraph" / "logs"
    assert {file.name for file in tmp_path.iterdir()} == {"a file"}, "the place is only chosen"


def test_without_a_state_folder_the_log_is_among_the_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "a file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    assert log_place("s3a://bucket/shop", make_warehouse=True).is_relative_to(tmp_path / "temporary")


def test_the_last_lines_are_told_of_a_log_that_is_no_text(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"".join(b"%d\n" % number for number in range(100)) + b"\xff the end\n\n")
    assert last_lines(log).splitlines()[-1] == "\ufffd the end"
    assert last_lines(log).splitlines()[0] == "87"
