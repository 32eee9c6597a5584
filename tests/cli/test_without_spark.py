"""What needs no Spark answers without it: help, the version, and every mistake that the flags, the conf and the folders show."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from basketgraph.cli.preflight import check_run
from basketgraph.foundation.config import CONF_VARIABLE, UserError, load
from support.tiny_shop import TinyShop

HEAVY = ("pyspark", "py4j", "pandas", "numpy", "pyarrow", "torch", "great_expectations", "numba", "lightgbm", "scipy", "altair", "tensorboard")
CODE = f"""
import json, sys
from typer.main import get_command
from basketgraph.cli.app import app

def lines(command, given):
    yield [*given, "--help"]
    for name, inner in getattr(command, "commands", {{}}).items():
        yield from lines(inner, [*given, name])

for arguments in [*lines(get_command(app), []), *json.loads(sys.argv[1])]:
    try:
        app(arguments)
        code = 0
    except SystemExit as ended:
        code = ended.code
    print(json.dumps([arguments, code, sorted(set(sys.modules) & set({HEAVY!r}))]), file=sys.stderr)
"""
MAPPING = """
shop: myshop
landing: {landing}
time_zone: Europe/Berlin
currency: EUR
files:
  sales: {{pattern: "sales_*.csv", format: csv, columns: {{day: string, user: string, item: string, qty: string, paid: string}}}}
tables:
  silver.events:
    files: sales
    columns:
      event_time: to_timestamp(day)
      event_date: to_date(day)
      user_id: user
      item_id: item
      order_id: concat(user, day)
      event_type: "'purchase'"
      quantity: int(qty)
      amount_minor: bigint(paid)
      currency: source_currency
"""


def shop(root: Path, landing: str, **changed: str) -> None:
    """conf/sources/myshop.yaml below `root`, with texts of the mapping changed."""
    text = MAPPING.format(landing=landing)
    for old, new in changed.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    place = root / "conf" / "sources" / "myshop.yaml"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


def test_help_version_and_mistakes_import_neither_spark_nor_anything_else_that_takes_seconds(tmp_path: Path) -> None:
    tiny = TinyShop(tmp_path)
    shop(tmp_path, str(tmp_path / "no landing"))
    mine = ["--source", "myshop", "--conf-dir", str(tmp_path)]
    wrong = [
        ["run", "al", *tiny.flags],
        ["run", "all", *tiny.flags, "--from", "fly"],
        ["run", "all", *tiny.flags, "--set", "rank=2"],
        ["run", "all", "--source", "no_such_shop"],
        ["run", "all", "--env", "no_such_environment"],
        ["run", "all", *mine],
        ["run", "clean", *mine, "--set", f"landing={tmp_path}"],
        ["check-source", "myshop", "--conf-dir", str(tmp_path)],
        ["check-source", "myshop", "--conf-dir", str(tmp_path), "--sample-rows", "0"],
        ["replay", *mine, "--rejected", "--table", "silver.event"],
        ["replay", *mine],
        ["trace", "x", "--table", "silver.event"],
        ["rollback", "--source", "no_such_shop"],
        ["maintain", "--set", "ranks=two"],
        ["status", *tiny.flags],
    ]
    looks = [["onboard", str(tmp_path / "nothing*.csv"), "--shop", "x", "--conf-dir", str(tmp_path)]]  # its readers of files are Arrow's
    environment = {**os.environ, "JAVA_HOME": "/no/java", CONF_VARIABLE: ""}
    given = json.dumps([["--version"], *wrong, *looks])
    done = subprocess.run([sys.executable, "-c", CODE, given], capture_output=True, text=True, check=False, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("[[")]
    assert [row for row in told[: -len(looks)] if row[2]] == []
    assert {"pyspark", "py4j", "pandas", "torch"} & set(told[-1][2]) == set()
    assert "basketgraph " in done.stdout
    helps = len(told) - 1 - len(wrong) - len(looks)
    assert helps > 8
    assert [row for row in told[: helps + 1] if row[1] != 0] == []
    assert [row for row in told[helps + 1 :] if row[1] != 2] == []
    assert "Traceback" not in done.stderr
    assert "starting Spark" not in done.stderr
    assert not tiny.warehouse.exists()


def checked(root: Path, monkeypatch: pytest.MonkeyPatch, pipeline: str = "clean", **more: bool) -> None:
    monkeypatch.setenv(CONF_VARIABLE, str(root))
    check_run(load("local", "myshop", pipeline=pipeline), pipeline, **more)


def test_files_are_looked_for_where_and_as_cleaning_would_pick_them_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    landing = tmp_path / "landing"
    shop(tmp_path, f"file://{landing}")
    with pytest.raises(UserError, match=f"want a folder with sales_\\*.csv, have no folder {landing}"):
        checked(tmp_path, monkeypatch)
    for name in ("sales_1.csv.part", ".sales_1.csv", "_tmp/sales_1.csv", "other.csv"):
        (landing / name).parent.mkdir(parents=True, exist_ok=True)
        (landing / name).touch()
    with pytest.raises(UserError, match=f"want files like sales_\\*.csv, have none in {landing}"):
        checked(tmp_path, monkeypatch)
    checked(tmp_path, monkeypatch, files=False)  # of a dry run
    checked(tmp_path, monkeypatch, "maintain")
    (landing / "sales_1.csv").touch()
    checked(tmp_path, monkeypatch)
    shop(tmp_path, "s3a://bucket/landing")
    checked(tmp_path, monkeypatch)  # Hadoop's to look at
    shop(tmp_path, "package:no_such_package/data")
    with pytest.raises(UserError, match="pip install no-such-package"):
        checked(tmp_path, monkeypatch)


def test_all_names_of_a_mapping_that_are_not_known_are_told_with_the_ones_that_are_like_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {
        "time_zone: Europe/Berlin": "time_zone: Europe/Berlni",
        "format: csv, columns": "format: csv, optionl: [qty], columns",
        "    files: sales\n": "    files: sale\n    nulable: [paid]\n",
        "      amount_minor:": "      amount_mino: paid\n      amount_minor:",
    }
    shop(tmp_path, str(tmp_path), **changes)
    with pytest.raises(UserError) as told:
        checked(tmp_path, monkeypatch)
    assert sorted(fault.rpartition("; ")[2] for fault in told.value.faults) == [
        "did you mean Europe/Berlin?",
        "did you mean amount_minor?",
        "did you mean nullable?",
        "did you mean optional?",
        "did you mean sales?",
    ]
    shop(tmp_path, str(tmp_path), **{"  silver.events:": "  silver.event:"})
    with pytest.raises(UserError, match=r"tables\.silver\.event: .*; did you mean silver\.events\?"):
        checked(tmp_path, monkeypatch)
