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
    people:   shard -> the people of this rank, by whose last items they are known.
    item_ids: in order of their index; None on other ranks than 0.
    """
    folder.mkdir(parents=True, exist_ok=True)
    seen = np.zeros(model.items)
    for shard, of_shard in people.items():
        for items in of_shard.items:
            if len(items) > 1:  # alone it teaches nothing, and nothing is learned of it
                seen[items] = 1
        written(folder / f"users-{shard:05d}.parquet", "user_id", of_shard.ids, last_states(model, of_shard.items))
    trained = workers.sum(torch.from_numpy(seen)).numpy() > 0
    if item_ids is not None:
        written(folder / "items.parquet", "item_id", item_ids[trained], model.parameters()["item"][torch.from_numpy(trained)])


def written(path: Path, name: str, ids: Array, vectors: torch.Tensor) -> None:
    """ids [n], vectors float32 [n, d]: a row each."""
    flat = vectors.detach().numpy()
    offsets = np.arange(len(flat) + 1, dtype=np.int32) * flat.shape[1]
    lists = pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat.ravel(), pa.float32()))
    pq.write_table(pa.table({name: pa.array(ids.tolist(), pa.string()), "vector": lists}), path)
