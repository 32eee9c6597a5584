"""Files and folders on any file system that Hadoop knows: read, list, write atomically, delete.

Those of this machine are read and written without the JVM: training workers and `basketgraph status` have none.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from basketgraph.foundation.failures import at_the_end, handling
from basketgraph.foundation.paths import file_url, local_folder

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ERRORS = {"FileNotFoundException": FileNotFoundError, "AlreadyExistsException": FileExistsError}  # Java's name -> Python's


class FileInfo(NamedTuple):
    """Size in bytes and time of the last change of a file or folder."""

    size: int
    modified_at: datetime


class Files:
    """Files by path or URI. Without a Spark session only those of this machine.

    errors: OSError of every method, also for what Hadoop throws: FileNotFoundError and FileExistsError where it is one.
    """

    def __init__(self, spark: SparkSession | None = None) -> None:
        self.spark = spark

    def hadoop(self, path: str) -> tuple[Any, Any]:
        """Hadoop's FileSystem and Path of a path, in the JVM."""
        if self.spark is None:
            raise OSError(f"{path}: want a path of this machine where there is no Spark session")
        place = self.spark._jvm.org.apache.hadoop.fs.Path(path)  # type: ignore[union-attr]
        return place.getFileSystem(self.spark._jsc.hadoopConfiguration()), place

    def qualified(self, path: str) -> str:
        """The path with its scheme, as Delta's SQL takes it."""
        system, place = self.hadoop(path)
        return str(system.makeQualified(place).toString())

    def exists(self, path: str) -> bool:
        local = local_folder(path)
        if local is not None:
            return os.path.exists(local)
        with _java_errors(path):
            system, place = self.hadoop(path)
            return bool(system.exists(place))

    def info(self, path: str) -> FileInfo | None:
        """Size and time of a file or folder; None where there is none."""
        local = local_folder(path)
        try:
            if local is not None:
                size, seconds = local.stat().st_size, local.stat().st_mtime
            else:
                with _java_errors(path):
                    system, place = self.hadoop(path)
                    status = system.getFileStatus(place)
                    size, seconds = status.getLen(), status.getModificationTime() / 1000
        except FileNotFoundError:
            return None
        return FileInfo(size, datetime.fromtimestamp(seconds, timezone.utc))

    def list_names(self, folder: str) -> list[str]:
        """The names in a folder, in order; none where there is no such folder."""
        local = local_folder(folder)
        if local is not None:
            return sorted(os.listdir(local)) if local.is_dir() else []
        try:
            with _java_errors(folder):
                system, place = self.hadoop(folder)
                return sorted(str(status.getPath().getName()) for status in system.listStatus(place))
        except FileNotFoundError:
            return []

    def read(self, path: str) -> bytes:
        local = local_folder(path)
        if local is not None:
            return local.read_bytes()
        with _java_errors(path):
            system, place = self.hadoop(path)
            stream = system.open(place)
            with at_the_end(f"{path}: left open", stream.close):
                return bytes(stream.readAllBytes())

    def write(self, path: str, content: str) -> None:
        """Write a file, in place of the one that is there: readers never see a part of it; a write that fails leaves the old one.

        Local disks and HDFS replace a file in one operation; on other stores there may be none for a moment.
        """
        local = local_folder(path)
        if local is not None:
            write_atomically(local, content)
            return
        with self._path_beside(path) as beside:
            self._create(beside, content, overwrite=False)
            if not self._replace(beside, path):
                self._delete_and_rename(beside, path, recursive=False)

    def overwrite(self, path: str, content: str) -> None:
        """Write a file of which there is one at any moment, old or new. On HDFS a reader may see the new one before all of it is written."""
        local = local_folder(path)
        if local is not None:
            write_atomically(local, content)
        else:
            self._create(path, content, overwrite=True)

    def create(self, path: str, content: str) -> bool:
        """Write a new file; False where there is one. Of several writers that create it at once one gets True, where the store's create is exclusive.

        A local file appears whole. HDFS creates exclusively, but a reader may see the file before all of it is written.
        """
        local = local_folder(path)
        try:
            if local is None:
                self._create(path, content, overwrite=False)
            else:
                with _file_beside(local, content) as beside:
                    os.link(beside, local)
        except FileExistsError:
            return False
        return True

    def upload(self, folder: Path, path: str) -> None:
        """Copy a folder of this machine to `path`, in place of the folder that is there, which goes once all is copied."""
        local = local_folder(path)
        if local is not None:
            with replaced_folder(local) as new:
                shutil.copytree(folder, new, dirs_exist_ok=True)
            return
        with self._path_beside(path) as beside:
            system, place = self.hadoop(beside)
            system.copyFromLocalFile(False, True, self.hadoop(file_url(folder))[1], place)
            self._delete_and_rename(beside, path, recursive=True)

    def download(self, path: str, folder: Path) -> None:
        """Copy a folder to `folder` of this machine, which is not there yet."""
        local = local_folder(path)
        if local is not None:
            shutil.copytree(local, folder)
            return
        with _java_errors(path):
            system, place = self.hadoop(path)
            system.copyToLocalFile(False, place, self.hadoop(file_url(folder))[1], True)

    def delete(self, path: str, *, recursive: bool = True) -> None:
        """Delete a file or folder, if it is there. recursive: a folder with all that is in it; else one that is not empty is an OSError."""
        local = local_folder(path)
        if local is None:
            with _java_errors(path):
                system, place = self.hadoop(path)
                system.delete(place, recursive)
        elif local.is_dir() and not local.is_symlink():
            shutil.rmtree(local) if recursive else local.rmdir()
        else:
            local.unlink(missing_ok=True)

    def _create(self, path: str, content: str, *, overwrite: bool) -> None:
        encoded = bytearray(content.encode())
        with _java_errors(path):
            system, place = self.hadoop(path)
            stream = system.create(place, overwrite)
            with at_the_end(f"{path}: left open", stream.close):
                stream.write(encoded)

    @contextmanager
    def _path_beside(self, path: str) -> Iterator[str]:
        """A hidden path beside `path`, for what the block renames to `path`; where the block fails it is removed."""
        folder, _, name = path.rpartition("/")
        beside = f"{folder}/.{name}.{secrets.token_hex(4)}"
        try:
            with _java_errors(path):
                yield beside
        except BaseException as first:
            with handling(first, f"{beside}: not removed"):
                self.delete(beside)
            raise

    def _replace(self, source: str, target: str) -> bool:
        """Rename a file in place of another, in one operation; False where Hadoop has no such rename for the scheme."""
        from py4j.protocol import Py4JJavaError

        hadoop, gateway = self.spark._jvm.org.apache.hadoop.fs, self.spark.sparkContext._gateway  # type: ignore[union-attr]
        options = gateway.new_array(hadoop.Options.Rename, 1)  # type: ignore[union-attr]
        options[0] = hadoop.Options.Rename.OVERWRITE
        system, place = self.hadoop(target)
        try:
            hadoop.FileContext.getFileContext(place.toUri(), system.getConf()).rename(self.hadoop(source)[1], place, options)
        except Py4JJavaError as error:
            if "UnsupportedFileSystemException" not in str(error.java_exception):
                raise
            return False
        return True

    def _delete_and_rename(self, source: str, target: str, *, recursive: bool) -> None:
        """For a moment there is nothing at `target`."""
        system, place = self.hadoop(target)
        system.delete(place, recursive)
        if not system.rename(self.hadoop(source)[1], place):
            raise OSError(f"{target}: not written, {source} could not be renamed to it")


@contextmanager
def _java_errors(path: str) -> Iterator[None]:
    """Raises Hadoop's errors as Python's."""
    from py4j.protocol import Py4JJavaError

    try:
        yield
    except Py4JJavaError as error:
        text = str(error.java_exception)
        kind = next((kind for name, kind in ERRORS.items() if name in text), OSError)
        raise kind(f"{path}: {text.splitlines()[0]}") from error


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file of this machine: readers see the old or the new one, never a part; a write that fails leaves the old."""
    with _file_beside(path, content) as beside:
        os.replace(beside, path)


@contextmanager
def _file_beside(path: Path, content: str | bytes) -> Iterator[Path]:
    """A hidden file beside `path` with the content, on the disk; it is gone after the block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with at_the_end(f"{beside}: not removed", lambda: beside.unlink(missing_ok=True)):
        with beside.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        yield beside


@contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder` that takes its place at the end of the block; after a block that fails `folder` is as it was.

    There is one writer at a time: what killed writers left beside `folder` is removed first.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(f".{folder.name}.*"):
        shutil.rmtree(left, ignore_errors=True)
    new = folder.with_name(f".{folder.name}.new")
    new.mkdir()
    with at_the_end(f"{new}: not removed", lambda: shutil.rmtree(new, ignore_errors=True)):
        yield new
        rename_folder(new, folder)


def rename_folder(source: Path, target: Path) -> None:
    """Rename a folder that is whole, in place of the one that is there."""
    old = target.with_name(f".{target.name}.old")
    if target.exists():
        target.rename(old)
    source.rename(target)
    shutil.rmtree(old, ignore_errors=True)
