"""Where settings come from, which one wins, and how a user's mistake is told."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from basketgraph.foundation.code_hash import step_code
from basketgraph.foundation.config import CONF_VARIABLE, Settings, UserError, data_files, data_text, data_yaml, load
from basketgraph.foundation.runs.steps import pipelines

REPOSITORY = Path(__file__).resolve().parents[2]
SHOP = "shop: corner\nlanding: /landing\ntime_zone: UTC\ncurrency: EUR\nfiles: {}\ntables: {}\n"


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own that is looked at before the checkout."""
    monkeypatch.setenv(CONF_VARIABLE, str(tmp_path))
    (tmp_path / "conf" / "sources").mkdir(parents=True)
    return tmp_path


def add_shop(conf: Path, text: str) -> None:
    (conf / "conf" / "sources" / "corner.yaml").write_text(text)


class Numbers(Settings):
    shards: int
    buckets: int
    new_items: bool
    text: int
    vectors: int


def test_a_new_shop_needs_no_new_build(conf: Path) -> None:
    add_shop(conf, SHOP)
    assert load("local", "corner").warehouse == f"{Path.cwd()}/warehouse/corner"
    assert {"corner", "complete_journey"} <= {stem for stem, _ in data_files("conf/sources")}


def test_a_shop_overrides_the_settings_and_the_command_line_overrides_the_shop(conf: Path) -> None:
    add_shop(conf, SHOP + "settings: {shards: {shards: 14, buckets: 30}}\n")
    assert load("local", "corner").section("shards", Numbers) == Numbers(shards=14, buckets=30, new_items=True, text=0, vectors=0)
    told = load("local", "corner", {"shards.shards": "7", "warehouse": "/w", "landing": "/l", "ranks": "3"})
    assert told.section("shards", Numbers).shards == 7
    assert (told.warehouse, told.source["landing"], told.environment.ranks) == ("/w", "/l", 3)


def test_unknown_keys_are_told_all_at_once() -> None:
    with pytest.raises(UserError) as caught:
        load("local", "complete_journey", {"warehous": "/w", "recal.seed": "1", "interactions.window": "2", "landing": "/fine"})
    assert [fault.partition(":")[0] for fault in caught.value.faults] == ["warehous", "recal.seed", "interactions.window"]
    assert [fault.partition("did you mean ")[2] for fault in caught.value.faults] == ["warehouse?", "recall.seed?", "interactions.window_days?"]


def test_unknown_settings_of_a_shop_are_told_all_at_once(conf: Path) -> None:
    add_shop(conf, SHOP + "settings: {interactions: {windows: 14}, nothing: {at: all}}\n")
    with pytest.raises(UserError, match=r"settings\.interactions\.windows.*did you mean interactions\.window_days\?\n.*settings\.nothing\.at"):
        load("local", "corner")


def test_settings_that_are_no_sections_are_a_mistake_and_no_crash(conf: Path) -> None:
    add_shop(conf, SHOP + "settings: {interactions: 14}\n")
    with pytest.raises(UserError, match=r"settings\.interactions"):
        load("local", "corner")


def test_a_section_tells_every_unusable_value_at_once(conf: Path) -> None:
    add_shop(conf, SHOP)
    with pytest.raises(UserError) as caught:
        load("local", "corner", {"shards.shards": "soon", "shards.buckets": "[]"}).section("shards", Numbers)
    assert len(caught.value.faults) == 2


def test_an_environment_that_does_not_know_a_key_is_refused(conf: Path) -> None:
    add_shop(conf, SHOP)
    (conf / "conf" / "environments").mkdir()
    text = (REPOSITORY / "conf" / "environments" / "local.yaml").read_text()
    (conf / "conf" / "environments" / "odd.yaml").write_text(text + "rankz: 3\nlock_wait: 1\n")
    with pytest.raises(UserError) as caught:
        load("odd", "corner")
    assert [fault.partition(":")[0].rpartition(".")[2] for fault in caught.value.faults] == ["rankz", "lock_wait"]
    assert [fault.partition("did you mean ")[2] for fault in caught.value.faults] == ["ranks?", "lock_wait_seconds?"]


def test_an_unknown_shop_is_told_with_those_that_are_known() -> None:
    with pytest.raises(UserError, match="complete_journey, online_retail") as told:
        load("local", "corner")
    assert "did you mean" not in str(told.value)
    with pytest.raises(UserError, match=r"did you mean online_retail\?"):
        load("local", "Online-Retail")
    with pytest.raises(UserError, match=r"conf/environments/: have cluster, local; did you mean local\?"):
        load("locla", "online_retail")


def test_a_key_that_is_there_twice_is_refused(conf: Path) -> None:
    add_shop(conf, SHOP + "currency: GBP\n")
    with pytest.raises(UserError, match=r"(?s)'currency' is there twice.*line 7"):
        load("local", "corner")


def test_a_file_that_is_no_yaml_is_told_with_its_line(conf: Path) -> None:
    add_shop(conf, SHOP + "cuts: {validation: 2026-01-01\n")
    with pytest.raises(UserError, match="line"):
        data_yaml("conf/sources/corner.yaml")


def test_a_conf_folder_that_is_not_there_is_a_mistake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(CONF_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="nowhere"):
        data_text("conf/settings.yaml")


@pytest.mark.parametrize("place", ["/w/my%20shop", "file:///w/my%20shop", "file:/w/my%20shop"])
def test_shard_sets_lie_in_the_warehouse_where_that_is_a_folder(conf: Path, place: str) -> None:
    add_shop(conf, SHOP)
    told = load("local", "corner", {"warehouse": place})
    assert (told.shared_folder(), told.work_root) == (Path("/w/my%20shop"), "file:///w/my%20shop")


def test_shard_sets_of_a_warehouse_with_a_scheme_lie_in_the_work_folder(conf: Path, tmp_path: Path) -> None:
    add_shop(conf, SHOP)
    told = load("cluster", "corner", {"warehouse": "s3a://lake/corner", "work_dir": str(tmp_path / "new")})
    assert (told.shared_folder(), told.work_root) == (tmp_path / "new", f"file://{tmp_path}/new")
    assert load("cluster", "corner").environment.work_dir == "/mnt/basketgraph/corner"


def test_without_a_work_folder_a_warehouse_with_a_scheme_is_a_mistake_for_training_alone(conf: Path, tmp_path: Path) -> None:
    add_shop(conf, SHOP)
    told = load("local", "corner", {"warehouse": "hdfs:///basketgraph/corner"})
    assert told.work_root == "hdfs:///basketgraph/corner"
    with pytest.raises(UserError, match=r"(?s)hdfs:///basketgraph/corner and no work_dir.*--set work_dir=DIR"):
        told.shared_folder()
    with pytest.raises(UserError, match="have work_dir s3a://lake/work"):
        load("local", "corner", {"work_dir": "s3a://lake/work"}).shared_folder()
    with pytest.raises(UserError, match=f"have no {tmp_path}/nowhere"):
        load("local", "corner", {"work_dir": f"{tmp_path}/nowhere/corner"}).shared_folder()


@pytest.mark.parametrize("name", ["seal_shards", "train_graph"])
def test_the_jobs_around_training_take_no_url_for_a_folder(conf: Path, name: str) -> None:
    from basketgraph.cli.runner import load_job

    add_shop(conf, SHOP)
    with pytest.raises(UserError, match="no work_dir"):
        load_job(name)(None, load("local", "corner", {"warehouse": "hdfs:///basketgraph/corner"}), date(2026, 3, 1), None)  # type: ignore[arg-type]


def test_conf_schemas_and_jobs_are_found_inside_the_zip(tmp_path: Path) -> None:
    """In a process of its own, which sees the zip and not the checkout."""
    subprocess.run([sys.executable, str(REPOSITORY / "scripts" / "package.py"), str(tmp_path)], check=True, capture_output=True)
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path / "basketgraph.zip")!r})
sys.path[:] = [p for p in sys.path if not p.endswith("/lib")]
import basketgraph
from basketgraph.foundation.config import data_files, load
from basketgraph.foundation.contracts import contract, contracts
from basketgraph.cli.runner import load_job
from basketgraph.foundation.code_hash import step_code
from basketgraph.foundation.runs.steps import pipelines
assert ".zip" in str(basketgraph.__path__), basketgraph.__path__
assert len(contracts()) >= 16 and contract("silver.events").keys == ["event_id"]
assert "clean" in {{stem for stem, _ in data_files("jobs", ".py")}}
assert callable(load_job("publish")) and "all" in pipelines().pipelines
print(load("local", "online_retail").source["currency"], *map(step_code, pipelines().steps))
"""
    environment = {key: value for key, value in os.environ.items() if key != CONF_VARIABLE}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["GBP", *map(step_code, pipelines().steps)], "a zip of the same code must not make every step run again"
