"""Dropout whose masks belong to rows: a row gets the same masks whichever rank works on it."""

from collections.abc import Iterable

import numpy as np
import torch

LEVELS = 256  # a byte decides on each number, so a share is rounded to 1/256


class RowDropout:
    """Dropout of a batch (Srivastava et al. 2014). Each row's masks are drawn from (seed, epoch, row) alone, by Philox (Salmon et al. 2011)."""

    def __init__(self, share: float, seed: int, epoch: int, rows: Iterable[int]) -> None:
        self.level = round(share * LEVELS)
        self.draws = [np.random.Generator(np.random.Philox(key=[seed * 1_000_003 + epoch, row])) for row in rows]

    def __call__(self, values: torch.Tensor) -> torch.Tensor:
        """values [rows, ...], a share of them 0, the others scaled up. Each call draws anew."""
        if not self.level or not len(values):
            return values
        drawn = np.frombuffer(b"".join(draw.bytes(values[0].numel()) for draw in self.draws), np.uint8).reshape(values.shape)
        return values * torch.from_numpy(drawn >= self.level) * (LEVELS / (LEVELS - self.level))


def no_dropout(values: torch.Tensor) -> torch.Tensor:
    """All values: what scoring uses in dropout's place."""
    return values
