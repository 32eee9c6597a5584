"""Sequences packed into rows of one length, so that little of a row is empty."""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from basketgraph.shards.manifest import EMPTY

Array = NDArray[Any]


@dataclass(frozen=True)
class SequenceRows:
    """Rows of `length` entries, each of which may hold several sequences, one after the other; EMPTY at the end of a row that is not full.

    index:     int64 [rows]: the row's number among those of all ranks.
    items:     int32 [rows, length]: item indices in the sequence's order.   targets: likewise, the item that follows each.
    positions: int32 [rows, length]: 0 at a sequence's first item, 1 at its second, ...
    """

    index: Array
    items: Array
    targets: Array
    positions: Array

    @property
    def length(self) -> int:
        return int(self.items.shape[1])

    def numbered_from(self, first: int) -> "SequenceRows":
        """The same rows, with numbers that begin at `first`."""
        return SequenceRows(self.index + first, self.items, self.targets, self.positions)

    @classmethod
    def joined(cls, parts: "Sequence[SequenceRows]") -> "SequenceRows":
        """The rows of all parts, of which there has to be one."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("index", "items", "targets", "positions")))


@dataclass(frozen=True)
class Packed:
    """Rows, and where each sequence begins in them: int64 [sequences] each. A sequence without items has row 0, and no entry in it."""

    rows: SequenceRows
    row_of: Array
    begin_of: Array


def training_rows(sequences: Sequence[Array], length: int) -> SequenceRows:
    """Rows that teach each item of a sequence from those before it; longer sequences are cut into pieces, from the end on."""
    inputs, targets = [], []
    for items in sequences:
        for end in range(len(items) - 1, 0, -length):
            begin = max(end - length, 0)
            inputs.append(items[begin:end])
            targets.append(items[begin + 1 : end + 1])
    return pack(inputs, targets, length).rows


def pack(inputs: Sequence[Array], targets: Sequence[Array], length: int) -> Packed:
    """Pack sequences of at most `length` items, with the items that follow each."""
    sizes = np.array([len(items) for items in inputs], np.int64)
    row_of, begin_of, rows = _places(sizes, length)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    positions = np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    place = (row_of[owner], begin_of[owner] + positions)

    def laid_out(values: Array) -> Array:
        packed = np.full((rows, length), EMPTY, np.int32)
        packed[place] = values
        return packed

    flat = [np.concatenate([np.zeros(0, np.int64), *parts]) for parts in (inputs, targets)]
    return Packed(SequenceRows(np.arange(rows), *map(laid_out, (*flat, positions))), row_of, begin_of)


def _places(sizes: Array, length: int) -> tuple[Array, Array, int]:
    """The row and the first entry of each sequence, longest first, each where the least room stays; and the number of rows."""
    rows_with: list[list[int]] = [[] for _ in range(length + 1)]  # by the room that they have
    rooms: list[int] = []  # those of `rows_with` that have rows, ascending
    row_of, begin_of, rows = np.zeros(len(sizes), np.int64), np.zeros(len(sizes), np.int64), 0
    for number in np.argsort(-sizes, kind="stable").tolist():
        size = int(sizes[number])
        if size == 0:
            break
        fits = bisect_left(rooms, size)
        if fits < len(rooms):
            room = rooms[fits]
            row = rows_with[room].pop()
            if not rows_with[room]:
                del rooms[fits]
        else:
            row, room, rows = rows, length, rows + 1
        row_of[number], begin_of[number] = row, length - room
        if room > size:
            if not rows_with[room - size]:
                insort(rooms, room - size)
            rows_with[room - size].append(row)
    return row_of, begin_of, rows
