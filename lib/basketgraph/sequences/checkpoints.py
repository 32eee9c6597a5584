"""The state of a training after its last epoch, which any number of ranks can go on from."""

import io
from dataclasses import asdict
from pathlib import Path

import torch

from basketgraph.foundation.adam import Adam
from basketgraph.foundation.distributed.workers import Workers
from basketgraph.foundation.tables.files import write_atomically
from basketgraph.sequences.train import Epoch


class Checkpoint:
    """One file in a folder that all ranks see. That of another training (by its fingerprint) is overwritten."""

    def __init__(self, file: Path, fingerprint: str, optimizer: Adam, workers: Workers) -> None:
        self.file, self.fingerprint, self.optimizer, self.workers = file, fingerprint, optimizer, workers

    @torch.no_grad()
    def resume(self) -> list[Epoch]:
        """Load parameters and moments. returns: the epochs done; none where there is no checkpoint of this training."""
        if not self.file.is_file():
            return []
        saved = torch.load(self.file, weights_only=True)
        if saved["fingerprint"] != self.fingerprint:
            return []
        for name, tensors in self._state().items():
            for key, tensor in tensors.items():
                tensor.copy_(saved["state"][name][key])
        return [Epoch(**epoch) for epoch in saved["epochs"]]

    def save(self, epochs: list[Epoch]) -> None:
        """Write the state after the last of `epochs`: every rank holds the same, and rank 0 writes it."""
        if self.workers.rank == 0:
            content = io.BytesIO()
            torch.save({"fingerprint": self.fingerprint, "state": self._state(), "epochs": [asdict(epoch) for epoch in epochs]}, content)
            write_atomically(self.file, content.getvalue())

    def _state(self) -> dict[str, dict[str, torch.Tensor]]:
        own = self.optimizer
        state = {"parameters": own.parameters, "first": own.first, "second": own.second, "steps": own.steps}
        return {name: dict(tensors) for name, tensors in state.items()}
