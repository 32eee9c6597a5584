"""Sparse products against dense ones."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from basketgraph.graph.partition import csr_from_edges
from basketgraph.graph.sparse import balanced_blocks, matrix


def random_csr(rows=37, columns=23, edges=300, seed=0):
    draw = np.random.default_rng(seed)
    pairs = np.unique(np.stack([draw.integers(rows, size=edges) ** 2 // rows, draw.integers(columns, size=edges)], 1), axis=0)
    return csr_from_edges(pairs[:, 0], pairs[:, 1], draw.normal(size=len(pairs)).astype(np.float32), (rows, columns))


def dense(csr):
    out = np.zeros((csr.rows, csr.width), np.float32)
    for row in range(csr.rows):
        out[row, csr.columns[csr.indptr[row] : csr.indptr[row + 1]]] = csr.values[csr.indptr[row] : csr.indptr[row + 1]]
    return torch.from_numpy(out)


@pytest.mark.parametrize(("kernel", "threads"), [("numba", 1), ("numba", 3), ("torch", 1)])
def test_every_product_is_the_dense_one(kernel, threads):
    csr = random_csr()
    sparse = matrix(csr, torch.device("cpu"), threads, kernel)
    by_columns, by_rows = torch.randn(csr.width, 5), torch.randn(csr.rows, 5)
    rows = torch.tensor([30, 2, 0, 36])
    torch.testing.assert_close(sparse.times(by_columns), dense(csr) @ by_columns)
    torch.testing.assert_close(sparse.times_at(rows, by_columns), (dense(csr) @ by_columns)[rows])
    torch.testing.assert_close(sparse.transposed_times_at(rows, by_rows[rows]), dense(csr)[rows].T @ by_rows[rows])


def test_the_transpose_is_the_dense_one():
    csr = random_csr()
    torch.testing.assert_close(dense(csr.transposed()), dense(csr).T)


def test_the_numbers_do_not_depend_on_the_threads():
    csr, vectors = random_csr(), torch.randn(23, 16)
    one, four = (matrix(csr, torch.device("cpu"), threads).times(vectors) for threads in (1, 4))
    assert torch.equal(one, four)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=40), st.integers(1, 8))
def test_blocks_cover_every_row_once_and_none_has_more_than_its_part_and_one_row(degrees, blocks):
    indptr = np.concatenate([[0], np.cumsum(degrees)])
    bounds = balanced_blocks(indptr, blocks)
    assert (bounds[0], bounds[-1]) == (0, len(degrees))
    assert (np.diff(bounds) > 0).all()
    work = np.array([sum(degrees[a:b]) + b - a for a, b in pairwise(bounds)])
    assert work.max() <= (sum(degrees) + len(degrees)) / blocks + max(degrees) + 2
