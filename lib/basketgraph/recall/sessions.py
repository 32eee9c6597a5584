"""Sessions of clicks as flat arrays, and the prefixes from which next clicks are predicted."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from basketgraph.recall.matrix import Floats, Numbers

PREFIX = 50  # clicks back from the predicted one that count; older ones weigh next to nothing
BLOCK = 10_000_000  # scores, predictions times items, in memory at once


@dataclass(frozen=True)
class Sessions:
    """Sessions in the order of their first clicks.

    items:  int64 [clicks], item numbers in the order of clicks.
    starts: int64 [sessions + 1], the first click of each session, and the end.
    """

    items: Numbers
    starts: Numbers

    def __len__(self) -> int:
        return len(self.starts) - 1

    @cached_property
    def session(self) -> NDArray[np.int64]:
        """[clicks] the number of each click's session."""
        return np.asarray(np.repeat(np.arange(len(self)), np.diff(self.starts)))

    @cached_property
    def place(self) -> NDArray[np.int64]:
        """[clicks] how many clicks of the session come before this one."""
        return np.asarray(np.arange(len(self.items)) - self.starts[self.session])

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """[predictions] the clicks that are not the first of their session."""
        return np.flatnonzero(self.place > 0)

    def part(self, first: int, last: int) -> "Sessions":
        """Sessions `first` to `last`, without `last`."""
        clicks = slice(self.starts[first], self.starts[last])
        return Sessions(self.items[clicks], self.starts[first : last + 1] - self.starts[first])


def item_numbers(lists: Sequence[Sequence[str]]) -> dict[str, int]:
    """Each item's number, in the order of their ids."""
    return {item: number for number, item in enumerate(sorted({item for items in lists for item in items}))}


def as_sessions(lists: Sequence[Sequence[str]], numbers: Mapping[str, int]) -> Sessions:
    """Lists of item ids in the order of clicks as arrays; each item has a number."""
    clicks = np.fromiter((numbers[item] for each in lists for item in each), dtype=np.int64)
    return Sessions(clicks, np.cumsum([0, *map(len, lists)], dtype=np.int64))


def blocks(predicted: Numbers, items: int) -> Iterator[Numbers]:
    """The predicted clicks in parts whose scores of all items fit into memory."""
    size = max(1, BLOCK // max(1, items))
    for start in range(0, len(predicted), size):
        yield predicted[start : start + size]


def prefixes(sessions: Sessions, predicted: Numbers, items: int, weight: Callable[[int, Numbers], Numbers]) -> sparse.csr_matrix:
    """float32 CSR [predictions, items]: the weights of the clicks before each predicted one, summed over clicks on the same item.

    weight: of the clicks of one age (0 is the click just before), given that age and the lengths of the prefixes that reach it.
    """
    rows, columns, values = [], [], []
    lengths = sessions.place[predicted]
    for age in range(min(PREFIX, int(lengths.max(initial=0)))):
        reached = np.flatnonzero(lengths > age)
        rows.append(reached)
        columns.append(sessions.items[predicted[reached] - 1 - age])
        values.append(weight(age, lengths[reached]))
    coordinates = (np.concatenate([[], *rows]).astype(np.int64), np.concatenate([[], *columns]).astype(np.int64))
    return sparse.csr_matrix((np.concatenate([[], *values]).astype(np.float32), coordinates), shape=(len(predicted), items))


def click_shares(sessions: Sessions, items: int) -> Floats:
    """float32 [items]: the share of each item in all clicks."""
    clicks = np.bincount(sessions.items, minlength=items)
    return np.asarray(clicks / max(1, len(sessions.items)), dtype=np.float32)
