"""Writers at the same time: of two merges at once both finish, and of two runs the second waits."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyspark.sql import SparkSession

from basketgraph.foundation.tables import warehouse
from basketgraph.foundation.tables.warehouse import RunTables
from support.contract_rows import rows
from support.corner_shop import KEY, Shop, deliver, line, mapping

EVENTS = "silver.events"
REPOSITORY = Path(__file__).resolve().parents[3]
FIRST, SECOND = date(2026, 3, 1), date(2026, 3, 2)


class Meeting:
    """Lets every writer read the table before any of them commits: called before each commit, it holds the first call of each back."""

    def __init__(self, writers: int) -> None:
        self.barrier, self.met = threading.Barrier(writers), threading.local()

    def __call__(self) -> None:
        if not getattr(self.met, "done", False):
            self.met.done = True
            self.barrier.wait(120)


def write_at_once(spark: SparkSession, root: str, *batches: dict[str, Any]) -> None:
    """Each batch by a driver of its own, all at the same time, with no lock between them."""
    RunTables(spark, root, "first").merge(rows(spark, EVENTS, [{"event_id": "there", "event_date": FIRST}]), EVENTS)
    meeting = Meeting(len(batches))

    def one(number: int) -> None:
        release = RunTables(spark.newSession(), root, f"driver-{number}", before_commit=meeting)
        release.create(EVENTS)
        frame = rows(release.spark, EVENTS, [{"event_id": f"{number}-{row}", "run_id": f"driver-{number}", **batches[number]} for row in range(50)])
        for_all = rows(release.spark, EVENTS, [{"event_id": "both", **batches[number]}])
        release.merge(frame.unionByName(for_all), EVENTS, batch_id=f"batch-{number}", prune_by="event_date")

    with ThreadPoolExecutor(len(batches)) as pool:
        list(pool.map(one, range(len(batches))))


@pytest.mark.slow
def test_two_merges_at_once_both_finish_and_no_row_is_lost_or_doubled(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    day = {"event_date": FIRST}
    older, newer = (datetime(2026, 3, 3, hour, tzinfo=timezone.utc) for hour in (1, 2))
    with monkeypatch.context() as patched:
        patched.setattr(warehouse, "MERGE_TRIES", 1)
        with pytest.raises(warehouse.CONFLICTS):
            write_at_once(spark, str(tmp_path / "once"), day, day)
    write_at_once(spark, str(tmp_path / "again"), {**day, "quantity": 2, "source_time": newer}, {**day, "quantity": 3, "source_time": older})
    release = RunTables(spark, str(tmp_path / "again"), "reader")
    found = {row.event_id: row for row in release.read(EVENTS).collect()}
    assert (len(found), release.read(EVENTS).count()) == (102, 102)
    assert found["both"].quantity == 2, "whichever came last, the newer version is there"
    assert set(release.committed_batches(EVENTS)) == {"batch-0", "batch-1"}


def start(shop: Shop, conf: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "BASKETGRAPH_CONF": str(conf), "BASKETGRAPH_KEY": KEY.secret.decode(), "PYTHONPATH": str(REPOSITORY / "lib")}
    settings = ["--source", "corner", "--set", f"landing={shop.landing}", "--set", f"warehouse={shop.warehouse}"]
    command = [sys.executable, "-m", "basketgraph.cli.app", *arguments, *settings]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


@pytest.mark.long
def test_a_backfill_beside_todays_run_waits_and_nothing_is_lost(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "1.csv", *[line(n, price="0.00" if n % 5 == 0 else "1.50") for n in range(1, 101)])
    shop.clean()
    given = mapping()
    given["tables"][EVENTS]["reject"].pop("free")
    conf = tmp_path / "conf-dir"
    for folder in ("sources", "spark"):
        (conf / "conf" / folder).mkdir(parents=True)
    (conf / "conf" / "sources" / "corner.yaml").write_text(yaml.safe_dump(given, sort_keys=False))
    (conf / "conf" / "spark" / "local.conf").write_text((REPOSITORY / "conf" / "spark" / "local.conf").read_text().replace("4g", "1g"))
    deliver(shop.landing, "2.csv", *[line(n, at="2026-03-02 10:00") for n in range(101, 201)], minute=1)
    runs = [start(shop, conf, "run", "clean"), start(shop, conf, "replay", "--from", "2026-03-01", "--to", "2026-03-01")]
    impatient = start(shop, conf, "replay", "--rejected", "--set", "lock_wait_seconds=0")
    said = [process.communicate(timeout=1500)[1] for process in (*runs, impatient)]
    assert [process.returncode for process in runs] == [0, 0], said
    assert sum("which holds the warehouse" in text for text in said[:2]) >= 1, "one waited for the other, and said for whom"
    assert impatient.returncode in (0, 2), said[2]
    if impatient.returncode == 2:
        assert "want no other run, have run" in said[2]
    assert sorted(int(row["event_id"]) for row in shop.rows(EVENTS)) == list(range(1, 201))
    counts = shop.counts()
    assert (counts["read"], counts["accepted"], counts["rejected"], counts["duplicates"]) == (200, 200, 0, 0)
