"""The manifest of a shard set, and sealing: files are written beside the set, the manifest last, then the folder is renamed."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pyarrow.parquet as pq
from pydantic import ValidationError

from basketgraph.foundation.config import Settings, UserError
from basketgraph.foundation.tables.files import replaced_folder, write_atomically

Kind = Literal["users", "edges", "items", "sequences"]

MANIFEST = "manifest.json"
FORMAT = 1
EMPTY = -1  # fills the end of a list of item indices
CURE = "Seal the set again (jobs/seal_shards.py, of sequences jobs/seal_sequences.py) and train on that."

COLUMNS = {  # of each kind of file; all lists of a column in a set have one length, as petastorm wants it
    "users": ("user_index bigint", "user_id string", "start array<float>", "features array<float>"),
    "edges": ("user_index bigint", "item_index bigint", "weight float"),
    "items": ("item_index bigint", "item_id string", "start array<float>", "features array<float>"),
    "sequences": ("user_id string", "items array<int>"),
}
SCHEMA_HASH = hashlib.sha256(repr(sorted(COLUMNS.items())).encode()).hexdigest()


class ShardFile(Settings):
    """A Parquet file of the set; items belong to no shard."""

    name: str
    kind: Kind
    shard: int | None
    rows: int
    bytes: int
    sha256: str


class Manifest(Settings):
    """What a set holds. An index counts the sorted ids of this set alone: warm starts join by id."""

    format: int
    cut: date  # every edge is older than this day
    tables: dict[str, int]  # table -> version that was read
    schema_hash: str
    shards: int
    users: int
    items: int
    edges: int
    sequences: int = 0  # people whose items are in order
    sequence_length: int = 0  # entries of each list of theirs; EMPTY fills the end
    start_width: int  # 0: training finds a start of its own
    user_features: tuple[str, ...]
    item_features: tuple[str, ...]
    user_ids_sha256: str  # over the ids in order of their index
    item_ids_sha256: str
    files: tuple[ShardFile, ...]

    @property
    def fingerprint(self) -> str:
        """Hash of the manifest: two sets with one fingerprint hold the same rows."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def check_ranks(self, ranks: int) -> None:
        """Raise UserError where some rank would have no shard."""
        if ranks > self.shards:
            raise UserError(
                "training: more ranks than shards",
                [f"ranks: want at most {self.shards} (the set's shards), have {ranks}"],
                f"Start {self.shards} ranks or fewer, or seal the set with at least {ranks} shards.",
            )

    def of_kind(self, kind: str, shards: Sequence[int] | None = None) -> list[ShardFile]:
        """The files of a kind, all or those of some shards, in order of the shard."""
        of_kind = [file for file in self.files if file.kind == kind and (shards is None or file.shard in shards)]
        return sorted(of_kind, key=lambda file: (file.shard or 0, file.name))


def ids_sha256(ids: Iterable[str]) -> str:
    """Hash of a list of ids in order; no id contains a line break."""
    digest = hashlib.sha256()
    for name in ids:
        digest.update(name.encode() + b"\n")
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def described(folder: Path, name: str, kind: Kind, shard: int | None) -> ShardFile:
    """The manifest's entry for a file that was written in `folder`."""
    path = folder / name
    rows = pq.read_metadata(path).num_rows
    return ShardFile(name=name, kind=kind, shard=shard, rows=rows, bytes=path.stat().st_size, sha256=file_sha256(path))


def manifest_of(folder: Path, files: Sequence[ShardFile], **fields: Any) -> Manifest:
    """The manifest of files that were written in `folder`. fields: those of Manifest that the files do not tell."""

    def ids_hash(node: str) -> str:
        by_shard = sorted((file for file in files if file.kind == f"{node}s"), key=lambda file: file.shard or 0)
        columns = (pq.read_table(folder / file.name, columns=[f"{node}_id"])[f"{node}_id"] for file in by_shard)
        return ids_sha256(name for column in columns for name in column.to_pylist())

    fields |= {kind: sum(file.rows for file in files if file.kind == kind) for kind in COLUMNS}
    hashes = {"user_ids_sha256": ids_hash("user"), "item_ids_sha256": ids_hash("item")}
    fields |= {"format": FORMAT, "schema_hash": SCHEMA_HASH, "files": tuple(files)}
    return Manifest.model_validate({**fields, **hashes})


def seal_set(folder: Path, fill: Callable[[Path], Manifest]) -> Manifest:
    """Seal `folder`. fill: writes the files into the folder that it is given, and returns their manifest."""
    with replaced_folder(folder) as writing:
        manifest = fill(writing)
        write_atomically(writing / MANIFEST, manifest.model_dump_json(indent=1))
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a sealed set. Raises UserError where there is none, or one of another format or schema."""
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{folder}: not a sealed shard set", [f"{MANIFEST}: want a file, have {error.strerror}"], CURE) from error
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc'])) or MANIFEST}: {fault['msg']}" for fault in error.errors()]
        raise UserError(f"{folder}: the manifest cannot be used", faults, CURE) from error
    wants = {"format": FORMAT, "schema_hash": SCHEMA_HASH}
    faults = [f"{key}: want {want}, have {getattr(manifest, key)}" for key, want in wants.items() if getattr(manifest, key) != want]
    if faults:
        raise UserError(f"{folder}: the shard set was sealed by another version of basketgraph", faults, CURE)
    return manifest


def verify(folder: Path, manifest: Manifest, files: Iterable[ShardFile] | None = None) -> None:
    """Compare the files (all, unless named) with the manifest, bytes and hashes. Raises UserError with every difference."""
    faults = []
    for file in manifest.files if files is None else files:
        path = folder / file.name
        if not path.is_file():
            faults.append(f"{file.name}: want {file.bytes} bytes, have no file")
        elif path.stat().st_size != file.bytes:
            faults.append(f"{file.name}: want {file.bytes} bytes, have {path.stat().st_size}")
        elif (have := file_sha256(path)) != file.sha256:
            faults.append(f"{file.name}: want sha256 {file.sha256[:12]}..., have {have[:12]}...")
    if faults:
        raise UserError(f"{folder}: the shard set does not match its manifest", faults, CURE)
