"""Packed sequences: what a Transformer reads, in lists of one length, since petastorm rejects ragged ones."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
EMPTY = -1  # fills the end of a row
COLUMNS = ("items", "targets", "positions")


@dataclass(frozen=True)
class SequenceRows:
    """Rows of `length` entries, each of which may hold several sequences, one after the other; EMPTY at the end of a row that is not full.

    index:     int64 [rows]: the row's number in the whole set.
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

    def take(self, rows: Array) -> "SequenceRows":
        """Some of the rows, by their place here."""
        return SequenceRows(self.index[rows], *(getattr(self, name)[rows] for name in COLUMNS))

    @classmethod
    def joined(cls, parts: "list[SequenceRows]") -> "SequenceRows":
        """The rows of all parts, of which there has to be one."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("index", *COLUMNS)))
