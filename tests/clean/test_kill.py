"""kill -9 of a real cleaning job, group and all, at points where something is written and something is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from pyspark.sql import SparkSession

from basketgraph.foundation.config import data_text
from support.corner_shop import ITEMS, KEY, Shop, deliver, line, mapping

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 600


def start(shop: Shop, conf: Path) -> subprocess.Popen[bytes]:
    """jobs/clean.py on the shop, in a process group of its own."""
    (conf / "conf" / "sources").mkdir(parents=True)
    (conf / "conf" / "spark").mkdir()
    (conf / "conf" / "sources" / "corner.yaml").write_text(yaml.safe_dump(dict(shop.given), sort_keys=False))
    (conf / "conf" / "spark" / "local.conf").write_text(data_text("conf/spark/local.conf").replace("4g", "1g"))
    environment = {**os.environ, "BASKETGRAPH_CONF": str(conf), "BASKETGRAPH_KEY": KEY.secret.decode(), "PYTHONPATH": str(REPOSITORY / "lib")}
    command = [sys.executable, str(REPOSITORY / "jobs" / "clean.py"), "--env", "local", "--source", "corner"]
    settings = ["--set", f"landing={shop.landing}", "--set", f"warehouse={shop.warehouse}"]
    return subprocess.Popen([*command, *settings], env=environment, start_new_session=True, stderr=subprocess.DEVNULL)


def kill_when(process: subprocess.Popen[bytes], there: Path) -> None:
    """SIGKILL to the whole group as soon as the file `there` exists."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not there.exists():
        assert process.poll() is None, "the job ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.long
@pytest.mark.parametrize(
    "written",
    [
        "ops/files/_delta_log/00000000000000000001.json",  # nothing else is written
        "silver/rejected_rows/_delta_log/00000000000000000001.json",
        "silver/events/_delta_log/00000000000000000001.json",  # a table of two is committed
    ],
)
def test_a_killed_job_leaves_what_the_next_run_completes(spark: SparkSession, tmp_path: Path, written: str) -> None:
    given = mapping(items=ITEMS)
    undisturbed, killed = Shop(spark, tmp_path / "undisturbed", given), Shop(spark, tmp_path / "killed", given)
    lines = [line(n, customer=f"u{n % 50}", product=f"p{n % 70}", pieces=str(n % 9), at=f"2026-03-{n % 28 + 1:02d} 10:00") for n in range(3000)]
    for shop in (undisturbed, killed):
        for part in range(3):
            deliver(shop.landing, f"{part}.csv", *lines[part * 900 : part * 900 + 1200], minute=part)  # neighbours overlap
    undisturbed.clean()
    kill_when(start(killed, tmp_path / "conf"), killed.warehouse / written)
    killed.clean()
    assert killed.rejected() == undisturbed.rejected()
    for table in ("silver.events", "silver.items"):
        assert killed.rows(table) == undisturbed.rows(table)
    for table in ("silver.events", "silver.items"):
        assert killed.counts(table) == undisturbed.counts(table)
    assert {row.status for row in killed.table("ops.files").collect()} == {"done"}
