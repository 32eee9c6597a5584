"""Checkpoints by shard: written beside, renamed when whole, and readable by any number of ranks."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from basketgraph.graph.model import LightGCN
from basketgraph.graph.train import Epoch

KEPT = 2  # the last, and one more in case a disk loses it


class Checkpoints:
    """The checkpoints of one training in a folder that all ranks see; those of any other training there are stale and go."""

    def __init__(self, folder: Path, fingerprint: str, model: LightGCN, optimizer: torch.optim.Optimizer) -> None:
        self.folder, self.fingerprint, self.model, self.optimizer = folder, fingerprint, model, optimizer

    def resume(self) -> list[Epoch]:
        """Load the newest whole checkpoint into model and optimizer; its epochs, or none where training starts afresh."""
        workers = self.model.workers
        if workers.rank == 0:
            self.folder.mkdir(parents=True, exist_ok=True)
            for found in self.folder.iterdir():
                if found.name.startswith(".") or self._meta(found).get("fingerprint") != self.fingerprint:
                    shutil.rmtree(found)
        workers.barrier()
        whole = self._whole()
        if not whole:
            return []
        newest = whole[-1]
        shared = torch.load(newest / "shared.pt", weights_only=True, map_location=self.model.device)
        for name, parameter in self.model.shared_parameters().items():
            self._restore(parameter, slice(None), shared[name])
        for shard in self.model.part.shards:
            state = torch.load(newest / f"users-{shard.shard:05d}.pt", weights_only=True, map_location=self.model.device)
            self._restore(self.model.user_vectors, slice(shard.begin, shard.end), state)
        return [Epoch(**epoch) for epoch in self._meta(newest)["epochs"]]

    def save(self, epochs: list[Epoch]) -> None:
        """Write the state after the last of `epochs`. Every rank calls it and writes its own shards."""
        workers = self.model.workers
        name = f"epoch-{epochs[-1].number:05d}"
        writing = self.folder / f".{name}"
        writing.mkdir(parents=True, exist_ok=True)
        for shard in self.model.part.shards:
            torch.save(self._state(self.model.user_vectors, slice(shard.begin, shard.end)), writing / f"users-{shard.shard:05d}.pt")
        if workers.rank == 0:
            shared = {name: self._state(parameter, slice(None)) for name, parameter in self.model.shared_parameters().items()}
            torch.save(shared, writing / "shared.pt")
            meta = {"fingerprint": self.fingerprint, "epochs": [asdict(epoch) for epoch in epochs]}
            (writing / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
        workers.barrier()
        if workers.rank == 0:
            writing.rename(self.folder / name)
            for old in self._whole()[:-KEPT]:
                shutil.rmtree(old)
        workers.barrier()

    def _whole(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("epoch-*") if path.is_dir())

    @staticmethod
    def _meta(checkpoint: Path) -> dict[str, Any]:
        path = checkpoint / "meta.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def _state(self, parameter: torch.Tensor, rows: slice) -> dict[str, torch.Tensor]:
        state = self.optimizer.state[parameter]
        moments = {name: state[name][rows].clone() for name in ("exp_avg", "exp_avg_sq")}
        return {"value": parameter.detach()[rows].clone(), **moments, "step": torch.as_tensor(state["step"]).clone()}

    def _restore(self, parameter: torch.Tensor, rows: slice, saved: dict[str, torch.Tensor]) -> None:
        state = self.optimizer.state[parameter]
        if not state:
            state.update(step=saved["step"].clone(), exp_avg=torch.zeros_like(parameter), exp_avg_sq=torch.zeros_like(parameter))
        with torch.no_grad():
            parameter[rows] = saved["value"]
            for name in ("exp_avg", "exp_avg_sq"):
                state[name][rows] = saved[name]
