"""Files on the local disk and on two other file systems of Hadoop, and that nothing else in the package speaks to Hadoop's file systems."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from importlib.resources import files as package_files
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from basketgraph.foundation.tables.files import Files, replaced_folder, write_atomically
from support.contract_rows import mounted

SYSTEMS = ["local", "file", "viewfs", "other"]  # a path, a URL, and two of Hadoop's; "other" has no FileContext


class Store:
    """A folder as `Files` sees it, and where it lies on the disk."""

    def __init__(self, system: str, folder: Path, root: str, spark: SparkSession | None) -> None:
        self.system, self.folder, self.root, self.files = system, folder, root, Files(spark)

    def on_disk(self, folder: str = ".") -> list[str]:
        """The names on the disk, hidden ones too."""
        return sorted(file.name for file in (self.folder / folder).iterdir())


@pytest.fixture(params=SYSTEMS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    local = {"local": str(tmp_path), "file": f"file://{tmp_path}"}.get(request.param)
    spark = None if local else request.getfixturevalue("spark")
    return Store(request.param, tmp_path, local or mounted(spark, tmp_path, request.param), spark)


def test_a_file_is_written_listed_read_and_deleted(store: Store) -> None:
    path = f"{store.root}/a/b/page.html"
    assert (store.files.exists(path), store.files.info(path), store.files.list_names(f"{store.root}/a")) == (False, None, [])
    store.files.write(path, "é" * 10)
    assert (store.files.exists(path), store.files.exists(f"{store.root}/a"), store.files.read(path).decode()) == (True, True, "é" * 10)
    store.files.write(f"{store.root}/a/b/2", "")
    page = store.files.info(path)
    assert page is not None
    assert page.size == 20
    assert timedelta(0) <= datetime.now(timezone.utc) - page.modified_at + timedelta(seconds=1) < timedelta(minutes=1)
    assert store.files.list_names(f"{store.root}/a/b") == ["2", "page.html"] == store.on_disk("a/b")
    with pytest.raises(OSError, match="empty"):
        store.files.delete(f"{store.root}/a", recursive=False)
    store.files.delete(f"{store.root}/a")
    store.files.delete(f"{store.root}/a")  # gone already
    assert store.files.list_names(f"{store.root}/a") == []


def test_what_is_not_there_is_told_by_pythons_own_error(store: Store) -> None:
    with pytest.raises(FileNotFoundError, match="none"):
        store.files.read(f"{store.root}/none")


def test_a_reader_never_sees_a_part_of_a_file(store: Store) -> None:
    path, contents = f"{store.root}/page", [letter * 2_000_000 for letter in "ab"]
    store.files.write(path, contents[0])
    ended, seen = threading.Event(), set()

    def read() -> None:
        while not ended.is_set():
            try:
                seen.add(store.files.read(path).decode())
            except FileNotFoundError:
                assert store.system in ("viewfs", "other"), "a rename that does not replace: for a moment there is no file"

    with ThreadPoolExecutor() as pool:
        reading = [pool.submit(read) for _ in range(2)]
        for number in range(30):
            store.files.write(path, contents[number % 2])
        ended.set()
        for reader in reading:
            reader.result()
    assert seen <= set(contents)
    assert store.on_disk() == ["page"]


def test_a_write_that_fails_leaves_what_was_there_and_nothing_else(store: Store) -> None:
    (store.folder / "page").mkdir()
    (store.folder / "page" / "inner").write_text("kept")
    with pytest.raises(OSError, match="page"):
        store.files.write(f"{store.root}/page", "a file cannot take the place of a folder")
    with pytest.raises(UnicodeEncodeError):
        store.files.write(f"{store.root}/other", "\ud800")
    assert (store.on_disk(), store.on_disk("page")) == (["page"], ["inner"])


def test_a_file_that_is_overwritten_is_there_at_any_moment(store: Store) -> None:
    path = f"{store.root}/lease"
    store.files.overwrite(path, "0")
    ended = threading.Event()

    def missed() -> int:
        count = 0
        while not ended.is_set():
            count += not store.files.exists(path)
        return count

    with ThreadPoolExecutor() as pool:
        watching = pool.submit(missed)
        for number in range(50):
            store.files.overwrite(path, str(number))
        ended.set()
        assert watching.result() == 0
    assert (store.files.read(path), store.on_disk()) == (b"49", ["lease"])


def test_of_several_that_create_a_file_one_does(store: Store) -> None:
    path = f"{store.root}/lock/1.json"
    # At once only on this machine: what viewfs has below it here looks for the file before it creates it, as HDFS does not.
    with ThreadPoolExecutor(8 if store.system in ("local", "file") else 1) as pool:
        created = list(pool.map(lambda number: store.files.create(path, f"{number}" * 1000), range(8)))
    assert created.count(True) == 1
    assert store.files.read(path).decode() == f"{created.index(True)}" * 1000
    assert store.on_disk("lock") == ["1.json"]


def test_an_uploaded_folder_takes_the_place_of_the_old_one(store: Store, tmp_path_factory: pytest.TempPathFactory) -> None:
    site = tmp_path_factory.mktemp("site")
    (site / "inner").mkdir()
    (site / "inner" / "page").write_text("new")
    store.files.write(f"{store.root}/docs/old", "old")
    store.files.upload(site, f"{store.root}/docs")
    assert (store.on_disk(), store.on_disk("docs")) == (["docs"], ["inner"])
    assert store.files.read(f"{store.root}/docs/inner/page") == b"new"
    assert (site / "inner" / "page").exists()


def test_an_upload_that_fails_leaves_the_old_folder(store: Store, tmp_path: Path) -> None:
    store.files.write(f"{store.root}/docs/old", "old")
    with pytest.raises(OSError, match="nothing"):
        store.files.upload(tmp_path / "nothing", f"{store.root}/docs")
    assert (store.on_disk(), store.on_disk("docs")) == (["docs"], ["old"])


def test_without_spark_only_files_of_this_machine_are_reached(tmp_path: Path) -> None:
    Files().write(f"{tmp_path}/here", "x")
    with pytest.raises(OSError, match=r"s3a://bucket/x: want a path of this machine"):
        Files().exists("s3a://bucket/x")


def failing(write: Callable[[], None]) -> None:
    with pytest.raises(UnicodeEncodeError):
        write()


def test_a_local_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    write_atomically(tmp_path / "new" / "result.json", "first")
    failing(lambda: write_atomically(tmp_path / "new" / "result.json", "x" * 100_000 + "\ud800"))
    assert [file.read_text() for file in (tmp_path / "new").iterdir()] == ["first"]


def test_a_folder_is_replaced_when_the_block_ends_and_kept_when_it_fails(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    (tmp_path / ".set.new").mkdir()  # by a writer that was killed

    def fill(text: str) -> None:
        with replaced_folder(folder) as new:
            (new / text.strip()[:5]).write_text(text)
            assert [file.name for file in folder.glob("*")] == ([] if text == "first" else ["first"]), "nobody sees the new one yet"
            (new / "more").write_text(text)

    fill("first")
    (folder / "more").unlink()
    failing(lambda: fill("other\ud800"))
    assert [file.name for file in folder.iterdir()] == ["first"]
    fill("second")
    assert sorted(file.name for file in folder.iterdir()) == ["more", "secon"]
    assert [file.name for file in tmp_path.iterdir()] == ["set"]


SPEAKS_TO_FILE_SYSTEMS = re.compile(r"\b_jvm\b|\bhadoop\.fs\b|\bos\.(replace|rename|link)\b|\.rename\(")
MAY = {
    "foundation/tables/files.py",
    "foundation/runs/session.py",  # which schemes this JVM has, and its locale
    "foundation/privacy/pseudonyms.py",  # a file that only its user may read, before it has its name
    "clean/landing_files.py",  # Java's decompression, hashes and Parquet footers
    "clean/file_validation.py",  # Java's charsets and line reader
    "clean/raw_rows.py",  # Java's encoding of a URI
    "shards/writer.py",  # names Spark's part files in a folder that nobody reads yet
    "onboard/draft.py",  # the mapping, on this machine
}


def test_nothing_else_speaks_to_hadoops_file_systems_or_renames_files() -> None:
    package = Path(str(package_files("basketgraph")))
    modules = [file for file in package.rglob("*.py") if SPEAKS_TO_FILE_SYSTEMS.search(file.read_text())]
    assert {str(file.relative_to(package)) for file in modules} <= MAY
