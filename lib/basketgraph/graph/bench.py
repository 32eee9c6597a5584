"""Training and scoring the graph recommender on plain edge lists, without Spark: `basketgraph bench graph`."""

import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch

from basketgraph.foundation.adam import Adam
from basketgraph.foundation.distributed.launch import free_threads
from basketgraph.foundation.distributed.workers import OneProcess
from basketgraph.foundation.peak_memory import peak_memory_bytes
from basketgraph.foundation.progress import at
from basketgraph.graph.edgelist import EdgeLists, read_edge_lists
from basketgraph.graph.evaluate import quality
from basketgraph.graph.export import Serving, serving
from basketgraph.graph.model import LightGCN
from basketgraph.graph.partition import whole_part
from basketgraph.graph.results import EMBEDDINGS
from basketgraph.graph.settings import GraphSettings, recipe
from basketgraph.graph.sparse import Csr
from basketgraph.graph.train import train
from basketgraph.graph.training import Training, train_each
from basketgraph.graph.tune import split_edges, tune
from basketgraph.graph.worker_main import choose_device
from basketgraph.shards.plain import Nodes, seal_arrays

Say = Callable[[str], None]


def silent(text: str) -> None:
    """Say nothing."""


def bench(
    train_file: Path,
    test_file: Path,
    *,
    valid_file: Path | None = None,
    tuned: bool = False,
    dim: int = 64,
    ranks: int = 1,
    epochs: int | None = None,
    seed: int = 0,
    say: Say = silent,
) -> dict[str, Any]:
    """Train on all edges of one file and score on another, by the protocol of graph.evaluate.

    valid_file: edges that settings are chosen on; None: a random tenth of the training edges.
    tuned:      choose settings on validation edges; else `recipe` takes them from the graph's size.
    returns:    recall@20, ndcg@20, losses, seconds, peak_memory_bytes, dim, ranks, seed; also settings, and seconds of tuning.
    """
    started = time.monotonic()
    lists = read_edge_lists([train_file, test_file, *([valid_file] if valid_file else [])], say)
    edges, test = lists.matrices[0], lists.matrices[1]
    fixed = {"dim": dim, "seed": seed, **({} if epochs is None else {"epochs": epochs})}
    settings = GraphSettings.model_validate({**recipe(len(lists.users), len(edges.columns)), **fixed})
    tuning = 0.0
    if tuned:
        fit_edges, valid = (edges, lists.matrices[2]) if valid_file else split_edges(edges, seed=seed)
        settings = tune(fit_edges, valid, settings, lambda part, candidate: fit(part, candidate)[0], fixed=frozenset(fixed), say=say)
        tuning = time.monotonic() - started
        say("chosen: " + ", ".join(f"{name} {getattr(settings, name)}" for name in ("temperature", "own_weight", "epochs", "layers", "beta")))
    training_started = time.monotonic()
    vectors, losses, peak = fit(edges, settings, say) if ranks == 1 else _fit_ranks(lists, settings, ranks, say)
    training = time.monotonic() - training_started
    (reached,) = quality(vectors, edges, test)
    return {
        "recall@20": reached.recall,
        "ndcg@20": reached.ndcg,
        "losses": losses,
        "seconds": round(time.monotonic() - started, 2),
        "training_seconds": round(training, 2),
        "tuning_seconds": round(tuning, 2),
        "peak_memory_bytes": max(peak, peak_memory_bytes()) if ranks == 1 else peak,
        "dim": dim,
        "ranks": ranks,
        "seed": seed,
        "users": len(lists.users),
        "items": len(lists.items),
        "edges": len(edges.columns),
        "settings": settings.model_dump(),
    }


def fit(edges: Csr, settings: GraphSettings, say: Say = silent) -> tuple[Serving, list[float], int]:
    """Train in this process. returns: embeddings, the loss of each epoch, peak memory in bytes."""
    threads = settings.threads or free_threads(1)  # counted anew for each fit of a tuning
    torch.set_num_threads(threads)
    model = LightGCN(whole_part(edges), settings, OneProcess(), choose_device(settings, 0), threads)
    losses = []
    for epoch in train(model, Adam(model.parameters())):
        losses.append(epoch.loss)
        at("epochs done", epoch.number + 1, settings.epochs)
        say(f"epoch {epoch.number + 1} of {settings.epochs}: loss {epoch.loss:.4f}")
    return serving(model), losses, peak_memory_bytes()


def _fit_ranks(lists: EdgeLists, settings: GraphSettings, ranks: int, say: Say) -> tuple[Serving, list[float], int]:
    """Train by Horovod ranks over a sealed set of as many shards."""
    edges = lists.matrices[0]
    rows = np.repeat(np.arange(edges.rows), np.diff(edges.indptr))
    with tempfile.TemporaryDirectory(prefix="basketgraph-bench-", ignore_cleanup_errors=True) as folder:
        shards, model = Path(folder) / "shards", Path(folder) / "model"
        arrays = (rows, edges.columns.astype(np.int64), edges.values)
        seal_arrays(shards, arrays, Nodes(lists.users), Nodes(lists.items), shards=ranks, cut=date.max)
        (result,) = train_each(
            [Training(shards=shards, model=model)],
            settings,
            ranks=ranks,
            on_epoch=lambda _, epoch: say(f"epoch {epoch['number'] + 1}: loss {epoch['loss']:.4f}"),
        )
        width = settings.dim + 1  # of serving's vectors
        users = torch.cat([_embedding(model / EMBEDDINGS / f"users-{shard:05d}.parquet", width) for shard in range(ranks)])
        items = _embedding(model / EMBEDDINGS / "items.parquet", width)
    nothing = torch.zeros(0)
    return Serving(users, items, nothing, nothing), list(result.losses), result.peak_memory_bytes


def _embedding(file: Path, width: int) -> torch.Tensor:
    """float32 [rows, width]; the width of a shard without users cannot be read from its file."""
    column = pq.read_table(file, columns=["embedding"])["embedding"].combine_chunks()
    return torch.from_numpy(column.flatten().to_numpy().reshape(len(column), width))
