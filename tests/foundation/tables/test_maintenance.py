"""Housekeeping: what is old goes, and nothing that a kept release shows."""

from __future__ import annotations

import json
import os
import time
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from basketgraph.foundation.config import UserError, load
from basketgraph.foundation.contracts import Retention, contract, contracts
from basketgraph.foundation.tables import maintenance
from basketgraph.foundation.tables.maintenance import first_published, maintain, retain_hours
from basketgraph.foundation.tables.reader import LISTING
from basketgraph.foundation.tables.releases import publish, rollback, utc_now
from basketgraph.foundation.tables.retention import StoredFile, needed_trainings, old_files, old_rows, remove_files, stored_files, used_cuts
from basketgraph.foundation.tables.settings import MaintainSettings
from basketgraph.foundation.tables.warehouse import LiveRelease, RunTables
from support.contract_rows import rows

NOW = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
PAIRS, EDGES = "silver.campaign_targets", "gold.interactions"


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def test_a_file_is_kept_as_long_as_the_oldest_kept_release_needs_it() -> None:
    assert retain_hours([days_ago(1), days_ago(20)], keep_days=7, now=NOW) == 20 * 24 + 1
    assert retain_hours([days_ago(1)], keep_days=9, now=NOW) == 9 * 24
    assert retain_hours([], keep_days=1, now=NOW) == maintenance.DELTA_LEAST_HOURS


@pytest.mark.parametrize("given", [{"maintain.keep_releases": "0"}, {"maintain.keep_days": "-1"}, {"maintain.report_days": "0"}])
def test_the_live_release_is_kept_whatever_is_set(given: dict[str, str]) -> None:
    with pytest.raises(UserError, match=next(iter(given)).partition(".")[2]):
        load("local", "complete_journey", given).section("maintain", MaintainSettings)


def test_what_a_release_names_was_the_newest_when_the_first_one_named_it() -> None:
    told = [(4, 1, {PAIRS: 2, EDGES: 1}), (3, 9, {PAIRS: 3, EDGES: 1}), (2, 20, {PAIRS: 2, EDGES: 1}), (1, 30, {PAIRS: 1, EDGES: 1})]  # 4 rolls back
    published = [{"release": number, "published_at": days_ago(days), "versions": versions} for number, days, versions in told]
    found = first_published(published)
    assert (found[PAIRS, 2], found[PAIRS, 3], found[EDGES, 1]) == (days_ago(20), days_ago(9), days_ago(30))


def test_rows_go_when_they_are_older_than_their_contract_says_counted_from_the_newest(spark: SparkSession) -> None:
    newest = datetime(2026, 6, 1)
    given = [
        {"run_id": "a", "step": "clean", "status": "done", "finished_at": newest - timedelta(days=10, seconds=1)},  # a second too old
        {"run_id": "b", "step": "clean", "status": "done", "finished_at": newest - timedelta(days=10)},  # just young enough
        {"run_id": "c", "step": "gate", "status": "done", "finished_at": newest - timedelta(days=99)},  # the step's last success
        {"run_id": "d", "step": "gate", "status": "failed", "finished_at": newest - timedelta(days=99)},
        {"run_id": "e", "step": "gate", "status": "failed", "finished_at": newest},
    ]
    frame = rows(spark, "ops.runs", given)
    going = old_rows(frame, Retention(column="finished_at", days=10, newestBy=("step", "status")), newest)
    assert {row.run_id for row in going.collect()} == {"a", "d"}
    going = old_rows(frame, Retention(column="finished_at", days=10, where="status = 'failed'"), newest)
    assert {row.run_id for row in going.collect()} == {"d"}


def test_what_is_promised_of_the_ledger_and_of_rejected_rows() -> None:
    files, rejected = contract("ops.files").custom.retention, contract("silver.rejected_rows").custom.retention
    assert files is not None
    assert files.where == "status = 'quarantined' AND rows_read = 0", (
        "a file that was read and is forgotten would be read again; one that left rejected rows would leave them to nobody"
    )
    assert rejected is not None
    assert rejected.clear == ("payload",), "a rejected row that is forgotten would count again when it is delivered again"
    forever = {name for name, terms in contracts().items() if terms.custom.retention is None}
    assert {"silver.events", "ops.releases", "gold.user_days"} <= forever


def test_hours_are_rounded_up_since_delta_rounds_them_down_too() -> None:
    assert retain_hours([days_ago(20) - timedelta(minutes=6)], keep_days=0, now=NOW) == 20 * 24 + 2


def training(finished_at: datetime, *cuts: str, status: str = "done") -> dict[str, Any]:
    days = [date.fromisoformat(cut) for cut in cuts]
    return {"run_id": "r", "step": "train_graph", "status": status, "finished_at": finished_at, "cuts": days}


def test_cuts_stay_that_a_kept_release_was_trained_with_or_a_recent_run() -> None:
    runs = [
        training(days_ago(90), "2026-01-01"),
        training(days_ago(80), "2026-02-01"),  # what the release of 70 days ago was trained with
        training(days_ago(60), "2026-03-01"),
        training(days_ago(6), "2026-04-01"),  # recent
        training(days_ago(5), "2026-05-01", status="failed"),
    ]
    kept = [{"run_id": "k", "published_at": days_ago(70)}]
    assert used_cuts(needed_trainings(runs, kept, since=days_ago(7))) == {"2026-02-01", "2026-04-01"}
    assert used_cuts(needed_trainings(runs[:3], kept, since=days_ago(7))) == {"2026-02-01", "2026-03-01"}, "the last training stays whatever its age"
    folders = [StoredFile(f"{folder}/{cut}", days_ago(60)) for folder in ("shards", "models/graph") for cut in ("2026-01-01", "2026-02-01")]
    young = StoredFile("shards/2026-01-02", days_ago(6))
    pages = [StoredFile("reports/k.html", days_ago(999)), StoredFile("reports/old.html", days_ago(101)), StoredFile("reports/new.html", days_ago(99))]
    indexes = [StoredFile(f"search_indexes/{name}", days_ago(days)) for name, days in (("live", 99), ("gone", 8), ("begun", 6))]
    going = old_files([*folders, young, *pages, *indexes], runs=runs, kept=kept, keep_days=7, report_days=100, now=NOW, indexes={"live"})
    assert going == ["models/graph/2026-01-01", "reports/old.html", "search_indexes/gone", "shards/2026-01-01"]
    older = [{**row, "cuts": None} if row is runs[3] else row for row in runs]  # logged before ops.runs had cuts
    assert old_files([*folders, young, *pages], runs=older, kept=kept, keep_days=7, report_days=100, now=NOW) == ["reports/old.html"]


def test_shard_sets_and_models_are_looked_for_where_training_puts_them(spark: SparkSession, tmp_path: Path) -> None:
    work, warehouse = tmp_path / "work", tmp_path / "warehouse"
    index = warehouse / "search_indexes" / ("ab" * 16)
    for folder in (work / "shards" / "2026-01-01", work / "models" / "graph" / "2026-01-01", warehouse / "reports", index):
        folder.mkdir(parents=True)
    (warehouse / "reports" / "old.html").write_text("old")
    release = RunTables(spark, str(warehouse), "run-1", work_root=f"file://{work}")
    paths = [file.path for file in stored_files(release)]
    assert sorted(paths) == ["models/graph/2026-01-01", "reports/old.html", f"search_indexes/{index.name}", "shards/2026-01-01"]
    remove_files(release, paths)
    assert [path for path in tmp_path.rglob("*") if "2026" in path.name or path.name in ("old.html", index.name)] == []


@pytest.mark.slow
def test_a_folder_is_not_listed_in_ten_thousand_tasks(spark: SparkSession, tmp_path: Path) -> None:
    release = RunTables(spark, str(tmp_path / "warehouse"), "run-1")
    release.overwrite(rows(spark, PAIRS, [{"campaign_id": "1", "user_id": "a"}]), PAIRS)
    spark.sparkContext.setJobGroup("listing", "of VACUUM")
    spark.conf.set(LISTING, "9999")
    try:
        release.vacuum(PAIRS, retain_hours=maintenance.DELTA_LEAST_HOURS)
        assert release.vacuumable(PAIRS, retain_hours=maintenance.DELTA_LEAST_HOURS) == 0
        assert spark.conf.get(LISTING) == "9999", "a user's own setting outlives it"
    finally:
        spark.conf.unset(LISTING)
        spark.sparkContext.setLocalProperty("spark.jobGroup.id", None)  # type: ignore[arg-type]
    tracker = spark.sparkContext.statusTracker()
    jobs = [tracker.getJobInfo(job) for job in tracker.getJobIdsForGroup("listing")]
    stages = [tracker.getStageInfo(stage) for job in jobs if job for stage in job.stageIds]
    assert 0 < max(stage.numTasks for stage in stages if stage) <= 64


STEP_HOURS = 100  # so that more than a week goes by: by itself Delta remembers no longer when a file was replaced


def age(spark: SparkSession, *tables: str) -> None:
    """Make all files of these tables, and Delta's notes of when files were deleted, so many hours older."""
    for file in (file for table in tables for file in Path(table).rglob("*") if file.is_file()):
        if file.parent.name == "_delta_log" and file.suffix == ".json":
            lines = [json.loads(text) for text in file.read_text().splitlines()]
            for gone in (entry["remove"] for entry in lines if "remove" in entry):
                gone["deletionTimestamp"] -= STEP_HOURS * 3_600_000
            (file.parent / f".{file.name}.crc").unlink(missing_ok=True)  # Hadoop's checksum
            file.write_text("".join(json.dumps(entry) + "\n" for entry in lines))
        written = file.stat().st_mtime - STEP_HOURS * 3600
        os.utime(file, (written, written))
    spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()


@pytest.mark.long
def test_after_maintenance_every_kept_release_can_be_gone_back_to(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With real VACUUM: its least age and our margin are lowered, and days go by between all that happens."""
    monkeypatch.setattr(maintenance, "DELTA_LEAST_HOURS", 0)
    monkeypatch.setattr(maintenance, "MARGIN_HOURS", 0)
    release = RunTables(spark, str(tmp_path / "warehouse"), "run-1")
    for number, user in enumerate("abc", 1):
        release.overwrite(rows(spark, PAIRS, [{"campaign_id": "1", "user_id": user}]), PAIRS)
        release.overwrite_day(rows(spark, EDGES, [{"as_of": date(2026, 1, number), "user_id": user}]), EDGES, date(2026, 1, number))
        age(spark, release.path(PAIRS), release.path(EDGES))
        publish(release, as_of=date(2026, 1, number), now=utc_now() - timedelta(hours=STEP_HOURS * (7 - 2 * number)))
        age(spark, release.path(PAIRS), release.path(EDGES))
    newest = date(2027, 1, 1)
    release.overwrite_day(rows(spark, EDGES, [{"as_of": newest, "user_id": "d"}]), EDGES, newest)
    page = tmp_path / "warehouse" / "reports" / "run-0.html"
    page.parent.mkdir()
    page.write_text("old")
    os.utime(page, times=(time.time() - 2 * 86400,) * 2)
    settings = MaintainSettings(keep_releases=2, keep_days=0, report_days=1)
    would = maintain(release, settings, now=utc_now(), dry_run=True)
    assert (would["rows_removed"], would["files_removed"], would["kept_releases"]) == ({EDGES: 3}, ["reports/run-0.html"], [2, 3])
    assert (page.exists(), release.read(EDGES).count()) == (True, 4)
    assert would["vacuumable"][PAIRS] >= 1
    told = maintain(release, settings, now=utc_now())
    assert {name: told[name] for name in ("rows_removed", "files_removed")} == {name: would[name] for name in ("rows_removed", "files_removed")}
    assert (page.exists(), [row.user_id for row in release.read(EDGES).collect()]) == (False, ["d"])
    assert maintain(release, settings, now=utc_now())["rows_removed"] == {}
    live = LiveRelease(spark, release.root)
    assert sorted(row.user_id for row in live.read(EDGES).collect()) == ["a", "b", "c"]
    rollback(release, "run-2", now=utc_now(), keep=30)
    back = LiveRelease(spark, release.root)
    assert [row.user_id for row in back.read(PAIRS).collect()] == ["b"]
    assert sorted(row.user_id for row in back.read(EDGES).collect()) == ["a", "b"]
    with pytest.raises(Exception, match=r"(?i)file"):  # of the release that is not kept the files are gone: VACUUM did its work
        release.read_version(PAIRS, 1).collect()


@pytest.mark.long
def test_lists_stay_that_later_releases_go_on_showing_while_newer_ones_are_refused(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With real VACUUM, as above."""
    monkeypatch.setattr(maintenance, "DELTA_LEAST_HOURS", 0)
    monkeypatch.setattr(maintenance, "MARGIN_HOURS", 0)
    release, day = RunTables(spark, str(tmp_path / "warehouse"), "run-1"), date(2026, 1, 1)

    def written(table: str, *users: str) -> None:
        given = [{"campaign_id": "1", "user_id": u} if table == PAIRS else {"as_of": day, "user_id": u} for u in users]
        release.overwrite(rows(spark, table, given), table)
        age(spark, *(release.path(name) for name in (PAIRS, EDGES) if release.exists(name)))

    written(EDGES, "live")
    written(PAIRS, "a")
    publish(release, as_of=day, now=utc_now() - timedelta(hours=4 * STEP_HOURS))
    written(EDGES, "refused")
    for number, user in enumerate("bcd"):
        written(PAIRS, user)
        publish(release, as_of=day, now=utc_now() - timedelta(hours=(2 - number) * STEP_HOURS), tables=[PAIRS])
    maintain(release, MaintainSettings(keep_releases=2, keep_days=0, report_days=1), now=utc_now())
    assert [row.user_id for row in LiveRelease(spark, release.root).read(EDGES).collect()] == ["live"]
    with pytest.raises(Exception, match=r"(?i)file"):  # VACUUM did its work
        release.read_version(PAIRS, 1).collect()
