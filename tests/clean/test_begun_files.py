"""What a killed run leaves behind costs the next one no more than Spark's own work, however many files and rows it is."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from basketgraph.clean.batch import Preparation
from basketgraph.clean.ledger import Ledger
from clean.shop import KEY, Shop
from clean.test_transform import NOW
from support import rows

EVENTS, REJECTED = "silver.events", "silver.rejected_rows"


def holding(frame: DataFrame) -> Any:
    """A release with no table but this one of rejected rows."""
    return SimpleNamespace(run_id="run", root="nowhere", exists=lambda table: table == REJECTED, read=lambda _: frame)


def rejected(number: int, path: str, *reasons: str, content: str = "hash") -> dict[str, Any]:
    return {"rejected_id": f"{number}", "table_name": EVENTS, "source_file": path, "file_hash": content, "reasons": list(reasons)}


def test_rows_that_a_killed_run_refused_of_many_files_are_told_apart_by_one_join(spark: SparkSession, tmp_path: Path) -> None:
    there = [rejected(1, "7.csv", "free"), rejected(2, "7.csv", "free", content="before"), rejected(3, "other.csv", "free")]
    release = holding(rows(spark, REJECTED, there))
    begun = [{"table_name": EVENTS, "source_file": f"{number}.csv", "file_hash": "hash"} for number in range(40)]
    begun.append({"table_name": "silver.items", "source_file": "other.csv", "file_hash": "hash"})
    preparation = Preparation(release, Shop(spark, tmp_path).cleaning()._rules(EVENTS), [], "batch", begun, NOW)
    found, counts = preparation._rejected(rows(spark, REJECTED, [rejected(number, "7.csv", "free") for number in (1, 2, 3, 4)]))
    assert found is not None
    assert sorted(row.rejected_id for row in found.collect()) == ["1", "4"]
    assert counts == {"7.csv": {"rows": 2, "reasons": {"free": 2}}}
    plan = found._jdf.queryExecution().analyzed().toString()  # type: ignore[attr-defined]
    assert plan.count("Filter ") < 5, "thousands of conditions on top of each other would be too deep for Spark"


def test_the_refused_rows_of_a_file_that_is_gone_are_counted_where_they_are(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    there = [rejected(number, "a.csv", "free", *(["late"] if number < 3 else [])) for number in range(9)]
    release = holding(rows(spark, REJECTED, [*there, rejected(10, "a.csv", "free", content="other"), rejected(11, "b.csv", "free")]))
    taken: list[int] = []
    kind = type(release.read(REJECTED))
    collect = kind.collect

    def counted(self: DataFrame) -> list[Any]:
        found = collect(self)
        taken.append(len(found))
        return found

    monkeypatch.setattr(kind, "collect", counted)
    found = Ledger(release, KEY, NOW)._left_behind({"table_name": EVENTS, "source_file": "a.csv", "file_hash": "hash"})
    assert (found["rows_read"], found["rows_rejected"], found["rows_accepted"]) == (9, 9, 0)
    assert found["rejected_by_reason"] == [{"reason": "free", "rows": 9}, {"reason": "late", "rows": 3}]
    assert max(taken) == 2, "as many rows come to the driver as there are reasons"


def test_a_file_that_was_booked_as_a_copy_is_not_said_to_be_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing: Any = SimpleNamespace(run_id="run", root="nowhere", exists=lambda table: False)
    ledger = Ledger(nothing, KEY, NOW)
    begun = [{"table_name": EVENTS, "source_file": path, "file_hash": "hash", "batch_id": "b"} for path in ("copy.csv", "gone.csv")]
    copy = {**begun[0], "status": "done", "batch_id": None, "rows_read": 3, "rows_accepted": 0, "rows_rejected": 0}
    ledger.begun, ledger.entries[EVENTS, "copy.csv", "hash"] = begun, copy
    written: list[Any] = []
    monkeypatch.setattr(ledger, "write", written.extend)
    monkeypatch.setattr(ledger.announcements, "clear", lambda: None)
    ledger.close(set())
    assert [(entry["source_file"], entry["status"]) for entry in written] == [("gone.csv", "quarantined")]
