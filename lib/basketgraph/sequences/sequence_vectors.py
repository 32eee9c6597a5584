"""gold.sequence_user_vectors and gold.sequence_item_vectors: vectors whose inner product is the score of what comes next."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from basketgraph.foundation.distributed.workers import Workers
from basketgraph.sequences.model import SequenceModel
from basketgraph.sequences.packing import Array
from basketgraph.sequences.scoring import last_states
from basketgraph.shards.reader import Sequences


@torch.no_grad()
def write_vectors(folder: Path, model: SequenceModel, people: Mapping[int, Sequences], item_ids: Array | None, workers: Workers) -> None:
    """Write users-<shard>.parquet (user_id, vector) of this rank's shards, and on rank 0 items.parquet (item_id, vector) of the items trained on.

    Every rank calls it.
    people:   shard -> the people of this rank, by whose last items they are known; who took none that was trained on has no vector.
    item_ids: in order of their index; None on other ranks than 0.
    """
    folder.mkdir(parents=True, exist_ok=True)
    seen = np.zeros(model.items)
    for items in (items for of_shard in people.values() for items in of_shard.items if len(items) > 1):
        seen[items] = 1  # alone an item teaches nothing, and nothing is learned of it
    trained = workers.sum(torch.from_numpy(seen)).numpy() > 0
    for shard, of_shard in people.items():
        learned = [items[trained[items]] for items in of_shard.items]
        known = [row for row, items in enumerate(learned) if len(items)]
        written(folder / f"users-{shard:05d}.parquet", "user_id", of_shard.ids[known], last_states(model, [learned[row] for row in known]))
    if item_ids is not None:
        written(folder / "items.parquet", "item_id", item_ids[trained], model.parameters()["item"][torch.from_numpy(trained)])


def written(path: Path, name: str, ids: Array, vectors: torch.Tensor) -> None:
    """ids [n], vectors float32 [n, d]: a row each."""
    flat = vectors.detach().numpy()
    offsets = np.arange(len(flat) + 1, dtype=np.int32) * flat.shape[1]
    lists = pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat.ravel(), pa.float32()))
    pq.write_table(pa.table({name: pa.array(ids.tolist(), pa.string()), "vector": lists}), path)
