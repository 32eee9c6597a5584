"""Reading records without Spark gives what Spark gives, deletion vectors, older tables and odd paths included."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from basketgraph.cli.status import quality_verdict
from basketgraph.foundation.quality.renderers import scope_in_words
from basketgraph.foundation.tables.deltalake_reader import DeltaFolder, Unreadable
from basketgraph.foundation.tables.warehouse import RunTables
from basketgraph.report.newest import newest_checks
from basketgraph.report.promises import state
from support.contract_rows import rows

RESULTS = "ops.quality_results"
FIRST = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=timezone.utc)


def result(run: int, check: str, **values: Any) -> dict[str, Any]:
    at = FIRST + timedelta(days=run)
    row = {"run_id": f"run-{run}", "table_name": "silver.events", "check_name": check, "ds": at.date(), "checked_at": at, "severity": "warning"}
    return {**row, "success": True, "outcome": "kept", "scope_kind": "table", **values}


@pytest.mark.slow
def test_newest_checks_are_the_same_by_spark_and_without_it(spark: SparkSession, tmp_path: Path) -> None:
    root = tmp_path / "w é %+[a]{b}#1?*;&'"
    release = RunTables(spark, str(root), "run-3")
    some_days = {"scope_kind": "days", "scope_days": [date(2026, 2, 1)]}
    told = [
        result(0, "open", success=False, outcome="broken"),
        result(1, "open", **some_days),
        result(1, "closed", success=False, outcome="broken", **some_days),
        result(2, "closed"),
        result(2, "open", **{**some_days, "outcome": "not_compared"}),
        result(2, "open", **some_days, checked_at=FIRST + timedelta(days=2, hours=1), value=0.25),
        result(2, "key", severity="critical", success=False, accepted_because="known"),
        result(2, "gone"),
        result(1, "rows", table_name="silver.items", severity="critical", success=False),
    ]
    release.append(rows(spark, RESULTS, told).coalesce(1), RESULTS)
    spark.sql(f"ALTER TABLE {release.identifier(RESULTS)} ADD COLUMNS (later string)")  # a newer version of this package wrote it
    release.delete(RESULTS, "check_name = 'gone'")
    log = root / "ops" / "quality_results" / "_delta_log"
    assert any("deletionVector" in file.read_text() for file in log.glob("*.json"))

    folder = DeltaFolder(root)
    checks = newest_checks(release)
    assert [(check["check_name"], check["success"], check["open"] is not None) for check in checks] == [
        ("key", False, False), ("closed", True, False), ("open", True, True), ("rows", False, False)
    ]  # fmt: skip
    assert newest_checks(folder) == checks
    assert checks[2]["value"] == 0.25, "of a check that a run did twice the later one counts"
    assert quality_verdict(folder, "run-2") == quality_verdict(release, "run-2")
    until = FIRST + timedelta(days=1, minutes=1)
    before = newest_checks(release, until)
    assert [(check["table_name"], check["check_name"]) for check in before] == [
        ("silver.events", "closed"), ("silver.events", "open"), ("silver.items", "rows")
    ]  # fmt: skip
    assert newest_checks(folder, until) == before


@pytest.mark.slow
def test_results_of_an_older_version_are_read_without_what_it_did_not_write_and_its_table_takes_new_ones(spark: SparkSession, tmp_path: Path) -> None:
    release, folder = RunTables(spark, str(tmp_path), "run-2"), DeltaFolder(tmp_path)
    typed = ["outcome", "scope_kind", "scope_days", "scope_reason", "repeated_from", "judged_day"]
    old = [result(0, "open", success=False), result(1, "open"), result(1, "empty")]
    sentences = {"observed": F.lit("there is no row to look at"), "scope": F.lit("rows of 1 day that changed since the last check: 2026-02-01")}
    written = rows(spark, RESULTS, old).drop(*typed).withColumns(sentences)
    written.write.format("delta").save(release.path(RESULTS))
    for reader in (release, folder):
        checks = newest_checks(reader)
        assert [(check["check_name"], state(check), check["open"]) for check in checks] == [("empty", "kept", None), ("open", "kept", None)]
        assert scope_in_words(checks[0]) == "", "sentences are not parsed"
    release.append(rows(spark, RESULTS, [result(2, "open", scope_kind="days", scope_days=[date(2026, 2, 1)])]), RESULTS)
    for reader in (release, folder):
        (check,) = newest_checks(reader)
        assert (check["outcome"], check["scope_days"], check["open"]) == ("kept", [date(2026, 2, 1)], None)


def stored(folder: Path, columns: dict[str, str], features: list[str]) -> None:
    """An empty table of ops.runs as another writer would leave it."""
    fields = [{"name": name, "type": kind, "nullable": True, "metadata": {}} for name, kind in columns.items()]
    actions = [
        {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features, "writerFeatures": features}},
        {"metaData": {"id": "x", "format": {"provider": "parquet", "options": {}}, "partitionColumns": [], "configuration": {},
                      "schemaString": json.dumps({"type": "struct", "fields": fields})}},
    ]  # fmt: skip
    log = folder / "ops" / "runs" / "_delta_log"
    log.mkdir(parents=True)
    (log / "00000000000000000000.json").write_text("\n".join(map(json.dumps, actions)))


def test_a_table_that_lacks_columns_reads_as_null_and_one_that_was_never_written_as_no_rows(tmp_path: Path) -> None:
    stored(tmp_path, {"run_id": "string"}, ["deletionVectors"])
    folder = DeltaFolder(tmp_path)
    assert folder.rows("ops.runs", "SELECT run_id, detail, rows_in FROM {rows}") == []
    assert folder.rows("ops.runs", "SELECT max(detail) AS detail, count(rows_in) AS counted FROM {rows}") == [{"detail": None, "counted": 0}]
    (tmp_path / "ops" / "releases" / "_delta_log").mkdir(parents=True)  # a creation that was cut off
    assert (folder.exists("ops.releases"), folder.rows("ops.releases", "no SQL at all")) == (False, [])


def test_a_table_that_is_newer_than_the_package_is_told_by_name(tmp_path: Path) -> None:
    stored(tmp_path, {"run_id": "string"}, ["invented"])
    with pytest.raises(Unreadable, match=r"^ops\.runs: .*invented"):
        DeltaFolder(tmp_path).rows("ops.runs", "SELECT run_id FROM {rows}")


@pytest.mark.parametrize("name", ["a%20b", "a\\b"])
def test_a_path_that_the_package_would_take_for_another_is_not_read_by_it(tmp_path: Path, name: str) -> None:
    for folder in (name, "a b", "a/b"):
        stored(tmp_path / folder, {"run_id": "string"}, [])
    with pytest.raises(Unreadable, match="takes no path"):
        DeltaFolder(tmp_path / name).rows("ops.runs", "SELECT run_id FROM {rows}")


def test_days_and_instants_are_told_as_spark_tells_them(spark: SparkSession, tmp_path: Path) -> None:
    release = RunTables(spark, str(tmp_path), "run-0")
    row = {"release": 3, "published_at": FIRST, "as_of": date(2026, 3, 1), "versions": {"b": 2, "a": 1}, "rows": {}}
    release.append(rows(spark, "ops.releases", [row]), "ops.releases")
    query = "SELECT * FROM {rows}"
    assert DeltaFolder(tmp_path).rows("ops.releases", query) == release.rows("ops.releases", query)
    assert (release.is_file(str(tmp_path)), DeltaFolder(tmp_path).is_file(f"file://{tmp_path}")) == (True, True)
    assert not DeltaFolder(tmp_path).is_file(f"{tmp_path}/page.html")
