"""A trained model as a recommender: the last items of a history in, a score of every item out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from basketgraph.sequences.dropout import no_dropout
from basketgraph.sequences.model import SequenceModel
from basketgraph.sequences.packing import pack
from basketgraph.sequences.settings import SequenceSettings

Array = NDArray[Any]
ROWS = 64  # of a pass through the model


class Transformer:
    """A model and the items it was trained on; it says nothing of others, so they come last."""

    def __init__(self, model: SequenceModel, trained: Array) -> None:
        self.model, self.trained = model, trained

    @classmethod
    def read(cls, file: Path, training: Sequence[Array], items: int, settings: SequenceSettings) -> "Transformer":
        """The model that lies in a file. training: the sequences it was trained on, item indices below `items`."""
        model = SequenceModel(items, settings)
        model.load(torch.load(file, weights_only=True))
        return cls(model, np.bincount(np.concatenate(training), minlength=items) > 0)

    @torch.no_grad()
    def scores(self, histories: Sequence[Array]) -> Array:
        """Logits of the item that follows each history, of at least one item: float32 [histories, items], -inf for items not trained on."""
        logits: Array = self.model.logits(last_states(self.model, histories)).numpy()
        logits[:, ~self.trained] = -np.inf
        return logits


@torch.no_grad()
def last_states(model: SequenceModel, histories: Sequence[Array]) -> torch.Tensor:
    """The state after the last items of each history, of at least one item: float32 [histories, d]."""
    recent = [history[-model.settings.length :] for history in histories]
    packed = pack(recent, recent, model.settings.length)
    last = packed.begin_of + np.array([len(history) for history in recent], np.int64) - 1
    states = torch.zeros(len(recent), model.settings.dim)
    for begin in range(0, len(packed.rows.index), ROWS):
        items, positions = (torch.from_numpy(values[begin : begin + ROWS]).long() for values in (packed.rows.items, packed.rows.positions))
        inside = np.flatnonzero((packed.row_of >= begin) & (packed.row_of < begin + ROWS))
        states[inside] = model.hidden(items, positions, no_dropout)[packed.row_of[inside] - begin, last[inside]]
    return states
