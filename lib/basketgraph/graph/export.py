"""gold.user_embeddings and gold.item_embeddings: vectors whose inner product is the score, and what explains it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from basketgraph.graph.loss import unit
from basketgraph.graph.model import LightGCN
from basketgraph.graph.shard_input import Source


@dataclass(frozen=True)
class Serving:
    """Embeddings, float32, of the rank's users and of all items.

    users [users, d + 1] = (F_u / |F_u| / temperature, 1); items [items, d + 1] = (F_j / |F_j|, beta log degree_j): score = users @ items'.
    scale [users] and messages [items, d] explain a score, because LightGCN is linear in a user's items: item i, which the
    user bought with weight w, adds w * scale_u * <message_i, item_j[:d]> to the score of j. The rest of
    users[:d] @ item_j[:d] comes from the user's own vector.
    """

    users: torch.Tensor
    items: torch.Tensor
    scale: torch.Tensor
    messages: torch.Tensor


@torch.no_grad()
def serving(model: LightGCN) -> Serving:
    """The embeddings of the model as it is. Every rank calls it."""
    settings = model.settings
    final = model.forward()
    user_units, user_lengths = unit(final.users)
    item_units, _ = unit(final.items)
    prior = settings.beta * model.item_degree.clamp_min(1).log()
    users = torch.cat([user_units / settings.temperature, torch.ones(len(user_units), 1, device=model.device)], dim=1)
    items = torch.cat([item_units, prior[:, None]], dim=1)
    scale = model.user_degree.clamp_min(1e-12).rsqrt() / (user_lengths[:, 0] * settings.temperature)
    return Serving(users, items, torch.where(model.user_degree > 0, scale, 0), _messages(model))


def _messages(model: LightGCN) -> torch.Tensor:
    """What an item adds to the vector of a user who bought it: its layers 0..L-1 over the root of its degree."""
    settings = model.settings
    users, items = model.first_layer()
    total = items.clone()
    for _ in range(settings.layers - 1):
        users, items = model.to_users.times(items), model.workers.sum(model.to_items.times(users))
        total += items
    share = (1 - settings.own_weight) / settings.layers
    return total * (share * model.item_degree.clamp_min(1e-12).rsqrt())[:, None]


def write_serving(folder: Path, model: LightGCN, source: Source) -> None:
    """Write users-<shard>.parquet (user_id, embedding, scale) of this rank's shards, and on rank 0 items.parquet (item_id, embedding, message)."""
    vectors = serving(model)
    folder.mkdir(parents=True, exist_ok=True)
    for shard in model.part.shards:
        rows = slice(shard.begin, shard.end)
        columns = {
            "user_id": pa.array(source.user_ids[rows].tolist(), pa.string()),
            "embedding": _lists(vectors.users[rows]),
            "scale": pa.array(vectors.scale[rows].cpu().numpy()),
        }
        pq.write_table(pa.table(columns), folder / f"users-{shard.shard:05d}.parquet")
    if model.workers.rank == 0:
        columns = {
            "item_id": pa.array(source.item_ids.tolist(), pa.string()),
            "embedding": _lists(vectors.items),
            "message": _lists(vectors.messages),
        }
        pq.write_table(pa.table(columns), folder / "items.parquet")


def _lists(rows: torch.Tensor) -> pa.ListArray:
    flat = rows.cpu().numpy()
    offsets = np.arange(len(flat) + 1, dtype=np.int32) * flat.shape[1]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat.ravel(), pa.float32()))
