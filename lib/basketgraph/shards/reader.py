"""Reading sealed shards as arrays, in the order of their indices; the only module that imports petastorm."""

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
from basketgraph.shards.manifest import CURE, EMPTY, Manifest, ShardFile, ids_sha256, read_manifest, verify

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


@dataclass(frozen=True)
class Sequences:
    """People of some shard: ids [n], and of each the items in order, int32 indices."""

    ids: Array
    items: list[Array]


class ShardSet:
    """A sealed set. The files of the items and of `shards` (None: all) are verified before a row is read."""

    def __init__(self, folder: Path, shards: Sequence[int] | None = None) -> None:
        self.folder = folder
        self.manifest: Manifest = read_manifest(folder)
        self.shards = tuple(range(self.manifest.shards)) if shards is None else tuple(shards)
        verify(folder, self.manifest, [file for file in self.manifest.files if file.shard is None or file.shard in self.shards])

    def users(self, shard: int) -> NodeRows:
        files = self.manifest.of_kind("users", [shard])
        return self._nodes("user", files, len(self.manifest.user_features))

    def items(self) -> NodeRows:
        """All items. Raises UserError where their ids are not those of the manifest."""
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
        return EdgeRows(columns["user_index"][order], columns["item_index"][order], columns["weight"][order])

    def sequences(self, shard: int) -> Sequences:
        """The people of a shard, by id."""
        empty = {"user_id": np.zeros(0, object), "items": np.zeros((0, self.manifest.sequence_length), np.int32)}
        columns = self._read(self.manifest.of_kind("sequences", [shard]), empty)
        order = np.argsort(columns["user_id"], kind="stable")
        return Sequences(columns["user_id"][order], [taken[taken != EMPTY] for taken in columns["items"][order]])

    def _nodes(self, name: str, files: list[ShardFile], features: int) -> NodeRows:
        empty = {f"{name}_index": np.zeros(0, np.int64), f"{name}_id": np.zeros(0, object)}
        widths = {"start": self.manifest.start_width, "features": features}
        empty |= {which: np.zeros((0, width), np.float32) for which, width in widths.items() if width}
        columns = self._read(files, empty)
        index = columns[f"{name}_index"]
        order = np.argsort(index, kind="stable")
        columns |= {which: np.zeros((len(index), 0), np.float32) for which, width in widths.items() if not width}
        return NodeRows(*(columns[which][order] for which in (f"{name}_index", f"{name}_id", *widths)))

    def _read(self, files: list[ShardFile], empty: dict[str, Array]) -> dict[str, Array]:
        """The columns named in `empty`, with the files' rows in no order; `empty` has arrays of their types without rows."""
        wanted = [file for file in files if file.rows]
        have = {file.name: pq.read_metadata(self.folder / file.name).num_rows for file in wanted}
        faults = [f"{file.name}: want {file.rows} rows, have {have[file.name]}" for file in wanted if have[file.name] != file.rows]
        if faults:
            raise UserError(f"{self.folder}: the shard set does not match its manifest", faults, CURE)
        batches = _batches(self.folder, list(have), list(empty), sum(have.values())) if have else []
        return {name: np.concatenate([rows, *(batch[name] for batch in batches)]) for name, rows in empty.items()}


def _batches(folder: Path, names: list[str], columns: list[str], rows: int) -> list[dict[str, Array]]:
    """The row groups of the folder's files, in order; `rows` is the number of rows in all of them.

    A petastorm reader of one epoch has a race: it asks whether every row group handed out was read, then whether all were
    handed out. Row groups handed out in between are lost (one read in four, of files with many row groups). So this
    reader repeats for ever, on one thread, which keeps the order, and is stopped at the last row of the first round.

    petastorm takes only URLs and does not decode them: a # or ? in the folder's name would end the path. So the files
    are reached by a link.
    """
    # petastorm calls parts of pyarrow that are deprecated, which warns; and it prints when it ends
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
            batches: list[dict[str, Array]] = []
            lacking = rows
            while lacking > 0:
                batches.append(next(reader)._asdict())
                lacking -= len(batches[-1][columns[0]])
            if lacking < 0:
                raise RuntimeError(f"{folder}: petastorm gave {-lacking} rows more than {rows}")
            return batches
