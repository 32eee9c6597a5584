"""Sparse x dense products of the user-item graph: a numba kernel over blocks of rows with equal numbers of edges, torch's own on CUDA.

torch's CSR product on a CPU is 4 to 8 times slower than this kernel: it splits rows evenly, and a popular item's row holds most of the edges.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numba
import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[Any]

BLOCKS_PER_THREAD = 4  # more than one, so that a thread with slow rows does not delay the others


@numba.njit(nogil=True, cache=True, fastmath={"contract", "reassoc"})  # type: ignore[untyped-decorator]
def _multiply_rows(begin: int, end: int, rows: Array, indptr: Array, columns: Array, values: Array, dense: Array, out: Array) -> None:
    width = dense.shape[1]
    for position in range(begin, end):
        total = out[position]
        total[:] = 0.0
        edge, stop = indptr[rows[position]], indptr[rows[position] + 1]
        while edge + 3 < stop:  # four at once: the running total is read and written a quarter as often
            first, second, third, fourth = dense[columns[edge]], dense[columns[edge + 1]], dense[columns[edge + 2]], dense[columns[edge + 3]]
            a, b, c, d = values[edge], values[edge + 1], values[edge + 2], values[edge + 3]
            for k in range(width):
                total[k] += a * first[k] + b * second[k] + c * third[k] + d * fourth[k]
            edge += 4
        while edge < stop:
            one, value = dense[columns[edge]], values[edge]
            for k in range(width):
                total[k] += value * one[k]
            edge += 1


@numba.njit(nogil=True, cache=True, fastmath={"contract"})  # type: ignore[untyped-decorator]
def _scatter_rows(rows: Array, indptr: Array, columns: Array, values: Array, dense: Array, out: Array) -> None:
    width = dense.shape[1]
    for position in range(rows.shape[0]):
        row = rows[position]
        one = dense[position]
        for edge in range(indptr[row], indptr[row + 1]):
            total, value = out[columns[edge]], values[edge]
            for k in range(width):
                total[k] += value * one[k]


@dataclass(frozen=True)
class Csr:
    """A sparse matrix by rows: indptr int64 [rows + 1], columns int32 [edges], values float32 [edges], and its number of columns."""

    indptr: Array
    columns: Array
    values: Array
    width: int

    @property
    def rows(self) -> int:
        return len(self.indptr) - 1

    def transposed(self) -> "Csr":
        """The same matrix by columns; within a column the rows ascend."""
        order = np.argsort(self.columns, kind="stable")
        row_of_edge = np.repeat(np.arange(self.rows, dtype=np.int32), np.diff(self.indptr))
        indptr = np.zeros(self.width + 1, np.int64)
        np.cumsum(np.bincount(self.columns, minlength=self.width), out=indptr[1:])
        return Csr(indptr, row_of_edge[order], self.values[order], self.rows)


def balanced_blocks(indptr: Array, blocks: int) -> Array:
    """Bounds of at most `blocks` runs of rows with about equal numbers of edges (a row itself counts as one); int64, from 0 to the rows."""
    rows = len(indptr) - 1
    work = indptr + np.arange(rows + 1)
    bounds = np.searchsorted(work, np.linspace(0, work[-1], blocks + 1))
    distinct: Array = np.unique(np.concatenate([[0], np.clip(bounds, 0, rows), [rows]]))
    return distinct


class CpuMatrix:
    """A sparse float32 matrix whose products run in numba on `threads` threads; the result does not depend on their number."""

    device = torch.device("cpu")

    def __init__(self, csr: Csr, threads: int) -> None:
        self.csr, self.threads = csr, threads
        self.every_row = np.arange(csr.rows)
        self.bounds = balanced_blocks(csr.indptr, threads * BLOCKS_PER_THREAD if threads > 1 else 1)
        self.pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def times(self, dense: torch.Tensor) -> torch.Tensor:
        """This matrix [rows, columns] times dense [columns, d] -> [rows, d]."""
        return self._product(self.every_row, self.bounds, dense)

    def times_at(self, rows: torch.Tensor, dense: torch.Tensor) -> torch.Tensor:
        """Only the named rows [b] of the product -> [b, d]."""
        wanted = rows.numpy()
        return self._product(wanted, np.linspace(0, len(wanted), len(self.bounds)).astype(np.int64), dense)

    def transposed_times_at(self, rows: torch.Tensor, dense: torch.Tensor) -> torch.Tensor:
        """The transpose [columns, rows] times a matrix that is zero outside the named rows [b], where it is dense [b, d] -> [columns, d]."""
        out = torch.zeros(self.csr.width, dense.shape[1])
        _scatter_rows(rows.numpy(), self.csr.indptr, self.csr.columns, self.csr.values, dense.numpy(), out.numpy())
        return out

    def _product(self, rows: Array, bounds: Array, dense: torch.Tensor) -> torch.Tensor:
        out = torch.empty(len(rows), dense.shape[1])
        arguments = (rows, self.csr.indptr, self.csr.columns, self.csr.values, dense.contiguous().numpy(), out.numpy())
        if self.pool is None:
            _multiply_rows(0, len(rows), *arguments)
        else:
            blocks = [self.pool.submit(_multiply_rows, begin, end, *arguments) for begin, end in pairwise(bounds)]
            for block in blocks:
                block.result()
        return out


class TorchMatrix:
    """The same products by torch's sparse CSR: the path for CUDA, which runs (slowly) on a CPU too."""

    def __init__(self, csr: Csr, device: torch.device) -> None:
        self.device = device
        self.matrix = self._on_device(csr)
        self.transpose = self._on_device(csr.transposed())

    def times(self, dense: torch.Tensor) -> torch.Tensor:
        return self.matrix @ dense

    def times_at(self, rows: torch.Tensor, dense: torch.Tensor) -> torch.Tensor:
        return self.times(dense)[rows]

    def transposed_times_at(self, rows: torch.Tensor, dense: torch.Tensor) -> torch.Tensor:
        spread = torch.zeros(self.matrix.shape[0], dense.shape[1], device=self.device)
        spread[rows] = dense
        return self.transpose @ spread

    def _on_device(self, csr: Csr) -> torch.Tensor:
        return torch.sparse_csr_tensor(
            torch.from_numpy(csr.indptr),
            torch.from_numpy(csr.columns.astype(np.int64)),
            torch.from_numpy(csr.values),
            size=(csr.rows, csr.width),
            device=self.device,
            check_invariants=False,
        )


Matrix = CpuMatrix | TorchMatrix


def matrix(csr: Csr, device: torch.device, threads: int, kernel: str = "auto") -> Matrix:
    """The fastest implementation for the device; kernel "torch" or "numba" forces one (numba needs a CPU)."""
    if kernel == "torch" or (kernel == "auto" and device.type != "cpu"):
        return TorchMatrix(csr, device)
    return CpuMatrix(csr, threads)
