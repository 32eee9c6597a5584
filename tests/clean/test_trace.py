"""From a row to its file, run, versions, days and releases; and `basketgraph replay`, `trace` and `maintain` as their users call them."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from typer.testing import CliRunner, Result

from basketgraph.clean.trace import _is_there, trace
from basketgraph.cli.app import app
from basketgraph.foundation.config import CONF_VARIABLE, UserError
from basketgraph.foundation.tables.releases import publish, utc_now
from basketgraph.foundation.tables.warehouse import RunTables, Warehouse
from support.contract_rows import rows
from support.corner_shop import KEY, Shop, deliver, line, mapping

EVENTS, REJECTED = "silver.events", "silver.rejected_rows"


@pytest.mark.long
def test_a_row_leads_to_its_file_its_versions_its_day_and_its_releases(spark: SparkSession, tmp_path: Path) -> None:
    shop = Shop(spark, tmp_path)
    first = deliver(shop.landing, "a.csv", line(1), line(2, price="0.00"))
    shop.clean()  # run-1
    publish(shop.release(), as_of=date(2026, 3, 2), now=utc_now())
    deliver(shop.landing, "b.csv", line(1, pieces="5"), line(7), minute=1)
    (shop.landing / "copy.csv").write_bytes((shop.landing / "b.csv").read_bytes())
    shop.clean()  # run-3
    warehouse = Warehouse(spark, str(shop.warehouse))
    user = shop.rows(EVENTS)[0]["user_id"]
    release = shop.release()
    release.overwrite(
        rows(spark, "gold.user_days", [{"user_id": user, "event_date": date(2026, 3, 1), "lines": 2}, {"user_id": "other"}]), "gold.user_days"
    )
    publish(release, as_of=date(2026, 3, 2), now=utc_now())

    found = trace(warehouse, "1")
    assert (found["key"], found["row"]["quantity"]) == ({"event_id": "1"}, 5)
    assert (found["file"]["path"], found["file"]["same_content"], found["file"]["picked_up_by"]) == ("b.csv", ["copy.csv"], "run-3")
    assert (found["file"]["size_bytes"], found["file"]["rows"]["read"]) == ((shop.landing / "b.csv").stat().st_size, 2)
    assert [(one["what"], one["changed"], one["source_file"]) for one in found["versions"]] == [
        ("inserted", {}, "a.csv"),
        ("updated", {"quantity": [2, 5], "amount_minor": [300, 750]}, "b.csv"),
    ]
    assert [commit["version"] for commit in found["commits"]] == [found["versions"][-1]["version"]]
    assert found["run"]["run_id"] == "run-3"
    assert [(day["event_date"], day["lines"]) for day in found["user_days"]] == [(date(2026, 3, 1), 2)]
    assert [(one["release"], one["live"], one["shows"]) for one in found["releases"]] == [(2, True, True), (1, False, True)]
    late = trace(warehouse, "7")
    assert [(one["release"], one["shows"]) for one in late["releases"]] == [(2, True), (1, False)]

    rejected = shop.rows(REJECTED)[0]["rejected_id"]
    found = trace(warehouse, rejected)
    assert (found["table"], found["row"]["reasons"], found["file"]["path"]) == (REJECTED, ["free"], "a.csv")
    assert found["file"]["sha256"] == found["row"]["file_hash"]
    assert (found["file"]["modified_at"].timestamp(), found["user_days"]) == (first.stat().st_mtime, [])
    with pytest.raises(UserError, match=r"(?s)no such row.*want a key \(event_id\) of silver.events.*have nowhere.*--table"):
        trace(warehouse, "nowhere")
    with pytest.raises(UserError, match="want item_id/valid_from, have p1"):
        trace(warehouse, "p1", "silver.items")

    shop.release().delete(EVENTS, "event_id = '1'")
    gone = trace(warehouse, "1")
    assert (gone["row"], [one["what"] for one in gone["versions"]]) == (None, ["inserted", "updated", "deleted"])


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def last_json(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    loaded: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return loaded


@pytest.mark.long
def test_the_commands_mend_trace_and_keep_house(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONF_VARIABLE, "")
    monkeypatch.setenv("BASKETGRAPH_KEY", KEY.secret.decode())
    shop = Shop(spark, tmp_path)
    deliver(shop.landing, "a.csv", *[line(n, customer=f"u{n}", at=f"2026-03-0{n} 10:00", price="0.00" if n == 4 else "1.50") for n in range(1, 7)])
    conf = tmp_path / "conf-dir" / "conf" / "sources"
    conf.mkdir(parents=True)
    flags = [
        "--source",
        "corner",
        "--conf-dir",
        str(tmp_path / "conf-dir"),
        "--set",
        f"landing={shop.landing}",
        "--set",
        f"warehouse={shop.warehouse}",
    ]
    (conf / "corner.yaml").write_text(yaml.safe_dump(mapping(), sort_keys=False))
    assert last_json(call("run", "clean", *flags, "--json"))["rows"][EVENTS]["rejected"] == 1
    mended = mapping()
    del mended["tables"][EVENTS]["reject"]["free"]
    (conf / "corner.yaml").write_text(yaml.safe_dump(mended, sort_keys=False))

    told = last_json(call("replay", "--rejected", "--reason", "free", *flags, "--json"))
    assert (told["release"], told["rows"][EVENTS]["rejected"], told["changes"][EVENTS]["newly_accepted"]) == (2, 0, 1)
    assert [step["name"] for step in told["steps"]] == ["replay", "kept_purchases", "publish", "report"]
    assert Path(told["report"]).name == f"{told['run_id']}.html"
    log = shop.table("ops.runs").where("step = 'replay'").collect()
    assert [(row.run_id, row.pipeline, row.status) for row in log] == [(told["run_id"], "replay", "done")]
    again = call("replay", "--from", "2026-03-01", "--to", "2026-03-09", *flags)
    assert again.exit_code == 0, again.output
    assert "silver.events" in again.stdout
    assert call("replay", *flags).exit_code == 2
    assert "have neither" in call("replay", *flags).stderr

    traced = last_json(call("trace", "4", *flags, "--json"))
    assert (traced["file"]["path"], traced["run"]["run_id"]) == ("a.csv", told["run_id"])
    assert [(one["release"], one["shows"]) for one in traced["releases"]] == [(2, True), (1, False)]
    assert "release 2" in call("trace", "4", *flags).stdout
    unknown = call("trace", "99", *flags)
    assert (unknown.exit_code, "have 99" in unknown.stderr) == (2, True)

    would = last_json(call("maintain", "--dry-run", *flags, "--json"))
    done = last_json(call("maintain", *flags, "--json"))
    assert (would["tables"], would["kept_releases"]) == (done["tables"], [1, 2])
    assert "releases 1 to 2" in call("maintain", "--dry-run", *flags).stdout
    assert call("rollback", *flags).exit_code == 0


@pytest.mark.slow
def test_versions_whose_files_are_gone_are_told_as_such(spark: SparkSession, tmp_path: Path) -> None:
    release = RunTables(spark, str(tmp_path), "run-1")
    release.append(rows(spark, EVENTS, [{"event_id": "1", "quantity": 1}]), EVENTS)
    first, old = release.version(EVENTS), list(Path(release.path(EVENTS)).glob("*.parquet"))
    release.overwrite(rows(spark, EVENTS, [{"event_id": "1", "quantity": 2}]), EVENTS)
    for file in old:
        file.unlink()
    found = trace(release, "1")
    assert (found["row"]["quantity"], found["versions"]) == (2, [])
    assert first is not None
    assert _is_there(release, EVENTS, first, F.col("event_id") == "1", {}) is None


@pytest.mark.slow
@pytest.mark.parametrize("table", ["silver.items", "silver.users", EVENTS])
def test_a_refused_row_is_found_by_its_id_whatever_table_it_is_sought_in(spark: SparkSession, tmp_path: Path, table: str) -> None:
    release = RunTables(spark, str(tmp_path), "run-1")
    release.append(rows(spark, REJECTED, [{"rejected_id": "f00d", "table_name": EVENTS}]), REJECTED)
    found = trace(release, "f00d", table)
    assert (found["table"], found["key"]) == (REJECTED, {"rejected_id": "f00d"})
