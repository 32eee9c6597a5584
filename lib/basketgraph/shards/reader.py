"""petastorm's only door: sealed shards as arrays, in the order of their indices."""

import io
import logging
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from basketgraph.foundation.config import UserError
from basketgraph.foundation.paths import file_url
from basketgraph.shards.manifest import CURE, Manifest, ShardFile, ids_sha256, read_manifest, verify

Array = NDArray[Any]


@dataclass(frozen=True)
class NodeRows:
    """Users of some shards, or all items, by index: int64 [n], ids [n], float32 [n, width] each (width may be 0)."""

    index: Array
    ids: Array
    start: Array
    features: Array


@dataclass(frozen=True)
class EdgeRows:
    """Edges by user, then item: int64, int64, float32, all [edges]."""

    users: Array
    items: Array
    weights: Array


class ShardSet:
    """A sealed set, checked against its manifest before a row is read: `files` of the shards asked for, not the others'."""

    def __init__(self, folder: Path, shards: Sequence[int] | None = None) -> None:
        self.folder = folder
        self.manifest: Manifest = read_manifest(folder)
        self.shards = tuple(range(self.manifest.shards)) if shards is None else tuple(shards)
        verify(folder, self.manifest, [file for file in self.manifest.files if file.shard is None or file.shard in self.shards])

    def users(self, shard: int) -> NodeRows:
        files = self.manifest.of_kind("users", [shard])
        return self._nodes("user", files, len(self.manifest.user_features))

    def items(self) -> NodeRows:
        """All items; refused where their ids are not those the manifest was sealed over."""
        items = self._nodes("item", self.manifest.of_kind("items"), len(self.manifest.item_features))
        whole = np.array_equal(items.index, np.arange(self.manifest.items))
        have = ids_sha256(items.ids)
        if not whole or have != self.manifest.item_ids_sha256:
            fault = f"items: want indices 0..{self.manifest.items - 1} of ids {self.manifest.item_ids_sha256[:12]}..., have {have[:12]}..."
            raise UserError(f"{self.folder}: the shard set does not match its manifest", [fault], CURE)
        return items

    def edges(self, shard: int) -> EdgeRows:
        files = self.manifest.of_kind("edges", [shard])
        names = {"user_index": np.int64, "item_index": np.int64, "weight": np.float32}
        columns = self._read(files, {name: np.zeros(0, kind) for name, kind in names.items()})
        order = np.lexsort((columns["item_index"], columns["user_index"]))
        return EdgeRows(columns["user_index"][order], columns["item_index"][order], columns["weight"][order].astype(np.float32))

    def _nodes(self, name: str, files: list[ShardFile], features: int) -> NodeRows:
        empty = {f"{name}_index": np.zeros(0, np.int64), f"{name}_id": np.zeros(0, object)}
        lists = {"start": np.zeros((0, self.manifest.start_width), np.float32), "features": np.zeros((0, features), np.float32)}
        columns = self._read(files, {**empty, **{which: rows for which, rows in lists.items() if rows.shape[1]}})
        index = columns[f"{name}_index"]
        order = np.argsort(index, kind="stable")
        matrices = {
            which: columns[which][order].astype(np.float32, copy=False) if rows.shape[1] else np.zeros((len(index), 0), np.float32)
            for which, rows in lists.items()
        }
        return NodeRows(index[order], columns[f"{name}_id"][order], matrices["start"], matrices["features"])

    def _read(self, files: list[ShardFile], empty: dict[str, Array]) -> dict[str, Array]:
        """Columns of the files' rows, in no order; `empty` names them and says their types and widths."""
        wanted = [file for file in files if file.rows]
        have = {file.name: pq.read_metadata(self.folder / file.name).num_rows for file in wanted}
        faults = [f"{file.name}: want {file.rows} rows, have {have[file.name]}" for file in wanted if have[file.name] != file.rows]
        if faults:
            raise UserError(f"{self.folder}: the shard set does not match its manifest", faults, CURE)
        found = {name: [rows] for name, rows in empty.items()}
        if wanted:
            for batch in _batches(self.folder, [file.name for file in wanted], list(empty), sum(have.values())):
                for name, column in batch.items():
                    found[name].append(column)
        return {name: np.concatenate(parts) for name, parts in found.items()}


def _batches(folder: Path, names: list[str], columns: list[str], rows: int) -> list[dict[str, Array]]:
    """The row groups of the folder's files, in order; `rows` is what they hold together.

    A petastorm reader of one epoch may end early: it asks "has every row group handed out been read?", then "has every one been handed out?", and
    where the last ones are handed out between the two questions they are lost (of files with many row groups, a read in four). So it is told to
    read for ever, by one thread, which keeps the order, and is stopped at the last row of the first round.

    It takes URLs alone, and decodes none: a # or ? in the folder's name would end the path. So it comes to the files by a link.
    """
    # petastorm still speaks pyarrow's legacy dialect, which pyarrow 14 understands and complains about; and it prints when it ends
    with TemporaryDirectory(prefix="shards") as beside, warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        link = Path(beside) / "set"
        link.symlink_to(folder.absolute())
        warnings.simplefilter("ignore")
        logging.getLogger("petastorm").setLevel(logging.ERROR)
        from petastorm import make_batch_reader

        with make_batch_reader(
            [file_url(link / name) for name in names],
            schema_fields=columns,
            reader_pool_type="thread",
            workers_count=1,
            shuffle_row_groups=False,
            num_epochs=None,
        ) as reader:
            found: list[dict[str, Array]] = []
            lacking = rows
            while lacking > 0:
                found.append(next(reader)._asdict())
                lacking -= len(found[-1][columns[0]])
            if lacking < 0:
                raise RuntimeError(f"{folder}: petastorm gave {-lacking} rows more than {rows}")
            return found
