"""Checkpoints by shard of users, which any number of ranks can read."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from basketgraph.foundation.adam import Adam
from basketgraph.foundation.tables.files import rename_folder
from basketgraph.graph.model import LightGCN
from basketgraph.graph.train import Epoch

USERS = "user_vectors"
KEPT = 2  # the last one, and one more in case it cannot be read


class Checkpoints:
    """The checkpoints of one training, in a folder that all ranks see; those of other trainings are removed from it."""

    def __init__(self, folder: Path, fingerprint: str, model: LightGCN, optimizer: Adam) -> None:
        self.folder, self.fingerprint, self.model, self.optimizer = folder, fingerprint, model, optimizer

    def resume(self) -> list[Epoch]:
        """Load the newest complete checkpoint into model and optimizer. returns: its epochs; none where there is no checkpoint."""
        workers = self.model.workers
        if workers.rank == 0:
            self.folder.mkdir(parents=True, exist_ok=True)
            for checkpoint in self.folder.iterdir():
                if checkpoint.name.startswith(".") or self._meta(checkpoint).get("fingerprint") != self.fingerprint:
                    shutil.rmtree(checkpoint)
        workers.barrier()
        complete = self._complete()
        if not complete:
            return []
        newest = complete[-1]
        shared = torch.load(newest / "shared.pt", weights_only=True, map_location=self.model.device)
        for name in self.model.shared_parameters():
            self._restore(name, slice(None), shared[name])
        for shard in self.model.part.shards:
            state = torch.load(newest / f"users-{shard.shard:05d}.pt", weights_only=True, map_location=self.model.device)
            self._restore(USERS, slice(shard.begin, shard.end), state)
        return [Epoch(**epoch) for epoch in self._meta(newest)["epochs"]]

    def save(self, epochs: list[Epoch]) -> None:
        """Write the state after the last of `epochs`. Every rank calls it and writes its own shards."""
        workers = self.model.workers
        name = f"epoch-{epochs[-1].number:05d}"
        writing = self.folder / f".{name}"
        writing.mkdir(parents=True, exist_ok=True)
        for shard in self.model.part.shards:
            torch.save(self._state(USERS, slice(shard.begin, shard.end)), writing / f"users-{shard.shard:05d}.pt")
        if workers.rank == 0:
            shared = {name: self._state(name, slice(None)) for name in self.model.shared_parameters()}
            torch.save(shared, writing / "shared.pt")
            meta = {"fingerprint": self.fingerprint, "epochs": [asdict(epoch) for epoch in epochs]}
            (writing / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
        workers.barrier()
        if workers.rank == 0:
            rename_folder(writing, self.folder / name)
            for old in self._complete()[:-KEPT]:
                shutil.rmtree(old)
        workers.barrier()

    def _complete(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("epoch-*") if path.is_dir())

    @staticmethod
    def _meta(checkpoint: Path) -> dict[str, Any]:
        path = checkpoint / "meta.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def _state(self, name: str, rows: slice) -> dict[str, torch.Tensor]:
        held = self.optimizer
        state = {"value": held.parameters[name][rows], "first": held.first[name][rows], "second": held.second[name][rows]}
        return {**{key: tensor.clone() for key, tensor in state.items()}, "steps": held.steps[name].clone()}

    def _restore(self, name: str, rows: slice, saved: dict[str, torch.Tensor]) -> None:
        held = self.optimizer
        for tensors, key in ((held.parameters, "value"), (held.first, "first"), (held.second, "second")):
            tensors[name][rows] = saved[key]
        held.steps[name].copy_(saved["steps"])
