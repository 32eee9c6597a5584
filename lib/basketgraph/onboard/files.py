"""Find the files of a new shop and read excerpts of them."""

from __future__ import annotations

import glob
import gzip
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from basketgraph.foundation.config import UserError

HEAD_BYTES = 2 << 20
BLOCK_BYTES = 128 << 10
BLOCKS = 24
STEP_BYTES = 4 << 20  # of a compressed file, which can only be read from its start, one block in so many bytes is kept
PACKED_BYTES = 128 << 20  # and no more is unpacked
GZIP = b"\x1f\x8b"  # what packed bytes begin with
REFUSED = {
    **dict.fromkeys((".xlsx", ".xls", ".ods"), "a spreadsheet, which Spark cannot read; save it as CSV (UTF-8)"),
    ".zip": "a zip archive, which Spark cannot read; unpack it: unzip {file}",
    ".bz2": "packed with bzip2, which can only be read whole; unpack it: bunzip2 {file}",
    ".7z": "a 7-Zip archive, which Spark cannot read; unpack it: 7z x {file}",
    ".rar": "a RAR archive, which Spark cannot read; unpack it: unrar x {file}",
    **dict.fromkeys((".tar", ".tgz"), "a tar archive, which Spark cannot read; unpack it: tar -xf {file}"),
    ".xz": "packed with xz, which Spark cannot read; unpack it: unxz {file}",
    ".zst": "packed with zstd, which Spark reads only with native libraries; unpack it: unzstd {file}",
    ".xml": "XML, which a mapping cannot name; make it JSON lines or CSV",
    ".orc": "ORC, which a mapping cannot name; write it as Parquet",
    ".avro": "Avro, which a mapping cannot name; write it as Parquet or JSON lines",
}
ENDINGS = (".csv", ".tsv", ".txt", ".tab", ".psv", ".dat", ".json", ".jsonl", ".ndjson", ".parquet", ".pq", ".gz", *REFUSED)


@dataclass(frozen=True)
class SourceFile:
    """A file of the shop. `path` is where its bytes are, `name` what it is called below the landing folder."""

    path: Path
    name: str

    @property
    def is_packed(self) -> bool:
        return self.path.suffix.lower() == ".gz"

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def open(self) -> IO[bytes]:
        """Its bytes, unpacked."""
        if not self.is_packed:
            return self.path.open("rb")
        with self.path.open("rb") as raw:
            have = raw.read(len(GZIP))
        if have != GZIP:
            raise UserError(f"{self.path}: want a file packed as its name says ({self.path.suffix}), have {have!r}", cure="Rename it.")
        return cast("IO[bytes]", gzip.open(self.path, "rb"))


@dataclass(frozen=True)
class Excerpt:
    """The head of a file, and blocks spread over the rest. whole: whether the head is all of it. size: unpacked bytes, as far as known."""

    head: bytes
    blocks: tuple[bytes, ...]
    whole: bool
    size: int


def excerpt(file: SourceFile) -> Excerpt:
    """Read some megabytes spread over the file: the head of a file in order of time has one day only."""
    with file.open() as stream:
        head, size = stream.read(HEAD_BYTES), file.size
        seekable = not file.is_packed
        if len(head) == HEAD_BYTES and seekable and size < HEAD_BYTES + BLOCKS * BLOCK_BYTES:
            head += stream.read()
        if len(head) != HEAD_BYTES:
            return Excerpt(head, (), True, len(head))
        blocks = []
        if seekable:
            for number in range(BLOCKS):
                stream.seek(HEAD_BYTES + (size - HEAD_BYTES) * number // BLOCKS // 4 * 4)  # whole characters, whatever their width
                blocks.append(stream.read(BLOCK_BYTES))
            return Excerpt(head, tuple(blocks), False, size)
        done = len(head)
        while done < PACKED_BYTES and (block := stream.read(BLOCK_BYTES)):
            blocks.append(block)
            done += len(block) + len(stream.read(STEP_BYTES - BLOCK_BYTES))
        return Excerpt(head, tuple(blocks), False, max(done, size))


def find_files(named: Sequence[str], landing: Path | None) -> tuple[Path, list[SourceFile]]:
    """Find (landing folder, files) for the files, folders and patterns that a user named.

    errors: UserError for what is not there, what Spark cannot read (with how to unpack it) and files outside the landing folder.
    """
    paths, bases = [], []
    for text in named:
        here = Path(text).expanduser()
        if here.is_dir():
            bases.append(here)
            paths += [p for p in sorted(here.rglob("*")) if p.is_file() and _plain(p.relative_to(here)) and p.name.lower().endswith(ENDINGS)]
        elif here.is_file():
            bases.append(here.parent)
            paths.append(here)
        else:
            base = next(folder for folder in here.parents if folder.is_dir())  # brackets in the name of a folder that is there are no pattern
            below = glob.glob(str(here.relative_to(base)), root_dir=base, recursive=True)
            matched = [base / name for name in sorted(below) if (base / name).is_file()]
            if not matched:
                raise UserError(f"{text}: want files of the shop, have no such file", cure="Name files, a folder, or a quoted pattern.")
            bases += [p.parent for p in matched]
            paths += matched
    if not paths:
        raise UserError(f"{', '.join(named)}: want CSV, JSON or Parquet files, have none there", cure="Name the files themselves.")
    faults = [f"{p}: {REFUSED[p.suffix.lower()].format(file=shlex.quote(str(p)))}" for p in paths if p.suffix.lower() in REFUSED]
    if faults:
        raise UserError("these files cannot be landing files", faults, "Then name what that gives.")
    folder = landing.resolve() if landing else Path(os.path.commonpath([base.resolve() for base in bases]))
    files = []
    for path in dict.fromkeys(p.resolve() for p in paths):
        if not path.is_relative_to(folder):
            raise UserError(
                f"{path}: want a file below the landing folder, which is {folder}", cure="Move it there, or name its folder by --landing."
            )
        files.append(SourceFile(path, path.relative_to(folder).as_posix()))
    return folder, files


def _plain(relative: Path) -> bool:
    """Whether cleaning reads it: names that start with . or _ are left out."""
    return not any(part.startswith((".", "_")) for part in relative.parts)
