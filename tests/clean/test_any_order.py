"""However the same events are delivered, the tables end the same: any order, any batching, twice, late, overwritten, killed.

What depends on the way by nature: a file that is delivered twice adds its rows to `read` and to `duplicates`; which of two versions came first, and
so whether one replaced the other or was late, does not show, but a version that was replaced in a path before anybody read it was never read.
What may not depend on it: the tables, of rejected rows their distinct contents (each file has its own), rows of the table = accepted - superseded -
retracted, and rejected = rows of silver.rejected_rows, reasons and all. Refused rows retract older versions, whichever of the two comes first.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from basketgraph.foundation.config import data_text
from support.corner_shop import HEADER, ITEMS, KEY, Shop, deliver, line, mapping

REPOSITORY = Path(__file__).resolve().parents[2]
TABLES = ("silver.events", "silver.items")
VERSIONED = mapping(
    columns={"channel": "split(title, '/')[0]", "order_id": "product"},
    version="timestamp_seconds(cast(split(title, '/')[1] as bigint))",
    items={
        **ITEMS,
        "reject": {"withdrawn": "pieces = '2'"},
        "version": "timestamp_seconds(cast(split(title, '/')[1] as bigint))",
        "columns": {**ITEMS["columns"], "name": "split(title, '/')[0]"},
    },
)
# Of one key: what a version says, when, and on which day. Equal rows of different times, ties, other days, and rows that are refused.
ROWS = st.tuples(
    st.integers(1, 12),  # key
    st.sampled_from("ABC"),  # what the version says
    st.integers(1, 3),  # its time
    st.sampled_from(["2026-03-01 10:00", "2026-03-04 23:30", "2026-03-29 01:30"]),
    st.sampled_from(["1", "1", "1", "2", "0", "x", ""]),  # pieces
    st.sampled_from(["1.50", "1.50", "0.00"]),
)


@dataclass(frozen=True)
class Plan:
    """Which lines lie in which file, and when each file comes. `again` are deliveries of a file under another name."""

    files: tuple[tuple[str, ...], ...]
    waves: tuple[int, ...]  # per file: the run before which it comes
    again: tuple[tuple[int, int], ...]  # (file, wave)
    overwritten: tuple[int, int] | None  # (file, other file's lines are put into its path in the last wave)

    def put(self, landing: Path, wave: int) -> None:
        """Deliver what comes in this wave; times of files go backwards, since they must not matter."""
        for number, lines in enumerate(self.files):
            if self.waves[number] == wave:
                deliver(landing, f"{number}.csv", *lines, minute=50 - number)
            for copy, (original, when) in enumerate(self.again):
                if (original, when) == (number, wave):
                    deliver(landing, f"again-{copy}.csv", *lines, minute=55 - copy)
        if self.overwritten is not None and wave == LAST:
            path, other = self.overwritten
            deliver(landing, f"{path}.csv", *self.files[path], *self.files[other], minute=59)


LAST = 3  # the wave in which paths are overwritten, after all files have come


def text(row: tuple[int, str, int, str, str, str]) -> str:
    key, says, moment, at, pieces, price = row
    return line(key, product=f"p{key % 4}", pieces=pieces, price=price, at=at, title=f"{says}/{moment}")


def set_apart(plans: Sequence[Plan]) -> list[Plan]:
    """The plans with keys and products of their own each, so that one warehouse goes through all of them at once."""

    def apart(number: int, one: str) -> str:
        return f"{number}-{one}".replace(",p", f",{number}-p")

    return [
        Plan(tuple(tuple(apart(n, one) for one in lines) for lines in plan.files), plan.waves, plan.again, plan.overwritten)
        for n, plan in enumerate(plans)
    ]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    lines = [*map(text, draw(st.lists(ROWS, min_size=6, max_size=40))), "1,u1", "13,u1,p1,1,1.00,2026-03-01 10:00,A/x"]  # no row; no version
    lines = draw(st.permutations([*lines, *lines[: draw(st.integers(0, 6))]]))
    number = draw(st.integers(1, 4))
    cuts = sorted(draw(st.lists(st.integers(0, len(lines)), min_size=number - 1, max_size=number - 1)))
    files = tuple(tuple(lines[a:b]) for a, b in zip([0, *cuts], [*cuts, len(lines)], strict=True))
    waves = draw(st.lists(st.integers(0, 2), min_size=number, max_size=number).map(tuple))
    indices = st.integers(0, number - 1)
    again = draw(st.lists(st.tuples(indices, st.integers(0, 2)), max_size=2).map(tuple))
    return Plan(files, waves, again, draw(st.none() | st.tuples(indices, indices)))


def tables(shop: Shop) -> dict[str, list[Any]]:
    return {**{name: shop.rows(name) for name in TABLES}, "rejected": shop.rejected()}


def adds_up(shop: Shop, found: dict[str, list[Any]]) -> None:
    """Per file and in sum, the ledger says of every row what became of it."""
    ledger = [row.asDict(recursive=True) for row in shop.table("ops.files").collect()]
    for entry in ledger:
        assert entry["rows_read"] == entry["rows_accepted"] + entry["rows_rejected"] + entry["rows_duplicate"] + entry["rows_left_out"], entry
        assert entry["status"] == "done", entry
    all_rejected = shop.rows("silver.rejected_rows")
    for name in TABLES:
        of_table = [entry for entry in ledger if entry["table_name"] == name]
        assert sum(entry["rows_accepted"] - entry["rows_superseded"] - entry["rows_retracted"] for entry in of_table) == len(found[name])
        assert sum(entry["rows_retracted"] for entry in of_table) > 0
        rejected = [row for row in all_rejected if row["table_name"] == name]
        assert sum(entry["rows_rejected"] for entry in of_table) == len(rejected)
        reasons = Counter(reason for row in rejected for reason in row["reasons"])
        told: Counter[str] = Counter()
        for entry in of_table:
            told.update({one["reason"]: one["rows"] for one in entry["rejected_by_reason"]})
        assert told == reasons
        assert len({str([row[key] for key in ("event_id", "item_id", "valid_from") if key in row and (name, key) != ("silver.events", "item_id")])
                    for row in found[name]}) == len(found[name])  # fmt: skip


def in_table(counts: dict[str, Any]) -> int:
    return int(counts["accepted"] - counts["superseded"] - counts["retracted"])


def in_one_file(spark: SparkSession, folder: Path, plans: Sequence[Plan]) -> tuple[dict[str, list[Any]], dict[str, dict[str, Any]]]:
    shop = Shop(spark, folder / "plain", VERSIONED)
    deliver(shop.landing, "all.csv", *[one for plan in plans for lines in plan.files for one in lines])
    shop.clean()
    return tables(shop), {name: shop.counts(name) for name in TABLES}


def check(spark: SparkSession, folder: Path, given: Sequence[Plan], *, batch_bytes: int) -> None:
    plans = set_apart(given)
    expected, plain = in_one_file(spark, folder, plans)
    shop = Shop(spark, folder / "way", VERSIONED)
    deliver(shop.landing, "none.csv")  # so that no wave finds an empty folder
    for wave in range(LAST + 1):
        for number, plan in enumerate(plans):
            plan.put(shop.landing / str(number), wave)
        shop.clean(batch_bytes=batch_bytes)
    found = tables(shop)
    for name in found:
        assert found[name] == expected[name], name
    adds_up(shop, found)
    for name in TABLES:
        counts = shop.counts(name)
        assert set(counts["rejected_by_reason"]) == set(plain[name]["rejected_by_reason"])
        assert in_table(counts) == in_table(plain[name])


def varied(several: Sequence[Plan]) -> bool:
    """Not the plainest example, which hypothesis tries first."""
    return all(sum(map(bool, kinds)) > 2 for kinds in zip(*[(len(p.files) > 2, p.again, p.overwritten, max(p.waves)) for p in several], strict=True))


FEW = settings(max_examples=1, deadline=None, database=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
MANY = settings(max_examples=10, deadline=None, database=None, print_blob=True, suppress_health_check=list(HealthCheck))
DOZENS, A_DOZEN = (st.lists(plans(), min_size=least, max_size=least * 3 // 2).filter(varied) for least in (24, 12))


@pytest.mark.long
@FEW
@given(several=A_DOZEN)
def test_any_way_of_delivery_ends_in_the_tables_of_one_file(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, several: list[Plan]
) -> None:
    check(spark, tmp_path_factory.mktemp("way"), several, batch_bytes=20_000)


@pytest.mark.long
@MANY
@given(several=DOZENS, batch_bytes=st.sampled_from([5_000, 1 << 20]))
def test_hundreds_of_ways_of_delivery_end_in_the_tables_of_one_file(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, several: list[Plan], batch_bytes: int
) -> None:
    check(spark, tmp_path_factory.mktemp("way"), several, batch_bytes=batch_bytes)


# One key each, so that one run goes through all orders: three versions, one of them on another day, two of them equal, two of the same time.
VERSIONS = (("A", 1, "2026-03-01 10:00"), ("B", 2, "2026-03-04 10:00"), ("A", 3, "2026-03-01 10:00"), ("C", 3, "2026-03-01 10:00"))


@pytest.mark.long
def test_the_winner_is_the_same_in_one_batch_and_in_every_order_of_several(spark: SparkSession, tmp_path: Path) -> None:
    orders = list(permutations(VERSIONS))
    by_wave = [
        [line(number, at=order[wave][2], title=f"{order[wave][0]}/{order[wave][1]}") for number, order in enumerate(orders)]
        for wave in range(len(VERSIONS))
    ]
    several, one = Shop(spark, tmp_path / "several", VERSIONED), Shop(spark, tmp_path / "one", VERSIONED)
    for wave, lines in enumerate(by_wave):
        deliver(several.landing, f"{wave}.csv", *lines)
        several.clean()
    deliver(one.landing, "all.csv", *[text for lines in by_wave for text in lines])
    one.clean()
    rows = several.rows("silver.events")
    assert rows == one.rows("silver.events")
    assert len(rows) == len(orders)  # a version on another day is the same event
    assert len({(row["channel"], row["event_date"]) for row in rows}) == 1
    assert several.rows("silver.items") == one.rows("silver.items")


KILLS = 3


def kill_after(shop: Shop, conf: Path, seconds: float) -> bool:
    """Start a real cleaning job, and SIGKILL it and its children so long after it has begun to write; whether it was still running."""
    (conf / "conf" / "sources").mkdir(parents=True, exist_ok=True)
    (conf / "conf" / "spark").mkdir(exist_ok=True)
    (conf / "conf" / "sources" / "corner.yaml").write_text(yaml.safe_dump(dict(shop.given), sort_keys=False))
    (conf / "conf" / "spark" / "local.conf").write_text(data_text("conf/spark/local.conf").replace("4g", "1g"))
    environment = {**os.environ, "BASKETGRAPH_CONF": str(conf), "BASKETGRAPH_KEY": KEY.secret.decode(), "PYTHONPATH": str(REPOSITORY / "lib")}
    command = [sys.executable, str(REPOSITORY / "jobs" / "clean.py"), "--env", "local", "--source", "corner", "--set", "clean.batch_bytes=600"]
    where = ["--set", f"landing={shop.landing}", "--set", f"warehouse={shop.warehouse}"]
    started = shop.warehouse / "ops" / "files" / "_delta_log"
    before = started.stat().st_mtime_ns if started.exists() else 0
    job = subprocess.Popen([*command, *where], env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while job.poll() is None and (not started.exists() or started.stat().st_mtime_ns == before):
        time.sleep(0.005)
    time.sleep(seconds)
    running = job.poll() is None
    if running:
        os.killpg(job.pid, signal.SIGKILL)
    job.wait()
    return running


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_jobs_killed_at_any_point_leave_nothing_that_the_next_one_does_not_mend(spark: SparkSession, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    lines = [
        text((chance.randrange(1, 300), chance.choice("ABC"), chance.randrange(1, 4), f"2026-03-{chance.randrange(1, 29):02d} 10:00",
              chance.choice(["1", "2", "0", "x"]), chance.choice(["1.50", "0.00"])))
        for _ in range(600)
    ]  # fmt: skip
    files = tuple(tuple(lines[start : start + 120]) for start in range(0, 600, 100))  # neighbours overlap
    plan = Plan(files, tuple(chance.randrange(3) for _ in files), ((0, 2), (3, 1)), (1, 2))
    expected, _ = in_one_file(spark, tmp_path, [plan])
    shop = Shop(spark, tmp_path / "killed", VERSIONED)
    deliver(shop.landing, "none.csv")
    killed = 0
    for wave in range(LAST + 1):
        plan.put(shop.landing, wave)
        if killed < KILLS and kill_after(shop, tmp_path / "conf", chance.uniform(0, 20)):
            killed += 1
        if chance.random() < 0.5:  # else the next wave's files come on top of what the killed job left
            shop.clean(batch_bytes=600)
    shop.clean(batch_bytes=600)
    assert killed > 0
    found = tables(shop)
    for name in found:
        assert found[name] == expected[name], name
    adds_up(shop, found)


def test_the_plan_delivers_every_line(tmp_path: Path) -> None:
    plan = Plan((("a", "b"), ("c",)), (1, 0), ((0, 2),), (1, 0))
    seen: list[Sequence[str]] = []
    for wave in range(LAST + 1):
        plan.put(tmp_path, wave)
        seen.append(sorted(place.name for place in tmp_path.iterdir()))
    assert seen == [["1.csv"], ["0.csv", "1.csv"], ["0.csv", "1.csv", "again-0.csv"], ["0.csv", "1.csv", "again-0.csv"]]  # then one is overwritten
    assert (tmp_path / "1.csv").read_text().splitlines() == [HEADER, "c", "a", "b"]
