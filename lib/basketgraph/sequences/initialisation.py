"""The item vectors that training starts from: those of what lies close together in the sequences."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from basketgraph.foundation.distributed.workers import Workers
from basketgraph.sequences.packing import SequenceRows
from basketgraph.sequences.settings import SequenceSettings

Array = NDArray[Any]
STEPS = 5  # the longest gap that counts
ITERATIONS = 4
SHIFT = 0.5  # turns the iteration to the positive end of the spectrum
NOISE = 0.3  # of the vectors' scale, so that items without neighbours differ


def item_vectors(rows: SequenceRows, items: int, scale: float, settings: SequenceSettings, workers: Workers) -> torch.Tensor:
    """float32 [items, d] with root mean square `scale`: the leading eigenvectors of D^-1/2 C D^-1/2 times the roots of their eigenvalues.

    C counts how often two items lie at most STEPS apart in a sequence of any rank, with weight 1/gap, in both directions; D has its sums on
    the diagonal.
    The eigenvectors come from subspace iteration (Halko et al. 2011, arXiv 0909.4061), whose products are summed over the ranks.
    """
    counts = close_pairs(rows, items)
    degrees = workers.sum(torch.from_numpy(np.asarray(counts.sum(1)).ravel())).numpy()
    scales = sparse.diags(np.where(degrees > 0, degrees, 1.0) ** -0.5)
    normalised = scales @ counts @ scales  # this rank's part of the sum

    def times(vectors: Array) -> Array:
        product: Array = workers.sum(torch.from_numpy(normalised @ vectors)).numpy()
        return product

    width = min(settings.dim, items)
    vectors = np.random.default_rng(settings.seed).normal(size=(items, width))
    for _ in range(ITERATIONS):
        vectors, _ = np.linalg.qr(times(vectors) + SHIFT * vectors)
    product = vectors.T @ times(vectors)
    values, mixing = np.linalg.eigh((product + product.T) / 2)
    found = np.zeros((items, settings.dim))
    found[:, :width] = vectors @ mixing * np.sqrt(np.maximum(values, 0))
    found *= scale / max(float(np.sqrt((found**2).mean())), 1e-12)
    noise = torch.randn(items, settings.dim, generator=torch.Generator().manual_seed(settings.seed))
    return torch.from_numpy(found).float() + NOISE * scale * noise


def close_pairs(rows: SequenceRows, items: int) -> sparse.csr_matrix:
    """float64 [items, items], symmetric: the sum of 1/gap over the pairs of a sequence's entries that lie at most STEPS apart."""
    counts = sparse.csr_matrix((items, items))
    for gap in range(1, STEPS + 1):
        ahead = rows.positions[:, gap - 1 :]
        behind = rows.positions[:, : ahead.shape[1]]
        same = (behind >= 0) & (ahead == behind + gap - 1)
        pairs = rows.items[:, : ahead.shape[1]][same], rows.targets[:, gap - 1 :][same]
        counts = counts + sparse.csr_matrix((np.full(len(pairs[0]), 1 / gap), pairs), shape=(items, items))
    return (counts + counts.T).tocsr()
