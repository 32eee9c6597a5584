"""Our graph recommender and its peers on the same edges, the same protocol, in one run; ratios to ours are printed.

Peers: implicit's ALS and EASE, tuned on validation edges; item cosine; PyTorch Geometric's LightGCN with its authors' settings (64 wide,
3 layers, BPR, Adam .001, L2 1e-4, batches of 2,048), stopped on validation. Data: `lastfm` and `amazon_baby` below --data, as published.
All models are fitted on the training edges alone; validation edges (given for amazon_baby, a random tenth of the training edges of lastfm)
only choose settings, after which a model is fitted again on all training edges.

    PYTHONPATH=lib .venv-bench/bin/python benchmarks/graph_peers.py --data DIR [--dataset lastfm] [--peers als,cosine,ease,pyg] [--pyg-epochs 300]
"""

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from graph_peer_models import als, ease, item_cosine, pyg_lightgcn

from basketgraph.foundation.distributed.launch import free_threads
from basketgraph.graph.bench import bench
from basketgraph.graph.edgelist import read_edge_lists
from basketgraph.graph.evaluate import Quality, quality_of
from basketgraph.graph.sparse import Csr
from basketgraph.graph.tune import split_edges

Scores = Callable[[np.ndarray], torch.Tensor]


def edge_lists(data: Path, dataset: str, folder: Path) -> dict[str, Path]:
    """The published files as edge lists `user item item ...`: train, test and, where the split has one, valid."""
    lines: dict[str, dict[str, list[str]]] = {}
    if dataset == "lastfm":
        for part, name in (("train", "data1.txt"), ("test", "test1.txt")):
            found: dict[str, list[str]] = defaultdict(list)
            for line in (data / "lastfm" / name).read_text().splitlines():
                user, item = line.split()[:2]
                found[user].append(item)
            lines[part] = found
    else:
        for part, name in (("train", "train.json"), ("valid", "val.json"), ("test", "test.json")):
            loaded = json.loads((data / "amazon_baby" / name).read_text())
            lines[part] = {user: [str(item) for item in items] for user, items in loaded.items()}
    files = {}
    for part, users in lines.items():
        files[part] = folder / f"{dataset}-{part}.txt"
        files[part].write_text("".join(f"{user} {' '.join(items)}\n" for user, items in users.items() if items))
    return files


def tuned(
    fit: Callable[..., Scores], grid: list[dict[str, float]], split: tuple[Csr, Csr], train: Csr, test: Csr
) -> tuple[Quality, dict[str, float]]:
    """Fit with every entry of the grid, keep the best on validation, fit it again on all training edges, score it on test."""
    best = max(grid, key=lambda settings: score(fit(split[0], **settings), split[0], split[1]).both) if len(grid) > 1 else grid[0]
    return score(fit(train, **best), train, test), best


def score(scores: Scores, train: Csr, held: Csr) -> Quality:
    def one(users: np.ndarray) -> Iterator[torch.Tensor]:
        yield scores(users)

    (found,) = quality_of(one, train, held)
    return found


ALS_GRID = [{"regularisation": r, "alpha": a, "iterations": 15} for r in (0.01, 0.1, 1.0, 10.0) for a in (1.0, 5.0, 20.0)]
EASE_GRID = [{"penalty": penalty} for penalty in (50.0, 100.0, 200.0, 400.0, 800.0)]


def measure(dataset: str, files: dict[str, Path], peers: list[str], options: argparse.Namespace) -> list[tuple[str, Quality, float, object]]:
    """(name, quality on test, seconds, settings) of ours and each peer."""
    ours = bench(files["train"], files["test"], valid_file=files.get("valid"), tuned=True, dim=options.dim, seed=options.seed)
    chosen = {name: ours["settings"][name] for name in ("temperature", "own_weight", "epochs", "layers", "user_power", "beta")}
    rows: list[tuple[str, Quality, float, object]] = [("basketgraph", Quality(ours["recall@20"], ours["ndcg@20"]), ours["seconds"], chosen)]
    lists = read_edge_lists(list(files.values()))
    train, test = lists.matrices[0], lists.matrices[list(files).index("test")]
    split = (train, lists.matrices[list(files).index("valid")]) if "valid" in files else split_edges(train, seed=options.seed)
    for peer in peers:
        started = time.monotonic()
        print(f"{dataset}: {peer} ...", flush=True)
        settings: object = None
        if peer == "cosine":
            found = score(item_cosine(train), train, test)
        elif peer == "ease":
            found, settings = tuned(ease, EASE_GRID, split, train, test)
        elif peer == "als":
            found, settings = tuned(lambda edges, **s: als(edges, dim=options.dim, seed=options.seed, **s), ALS_GRID, split, train, test)
        else:
            epochs = pyg_lightgcn(split[0], dim=options.dim, epochs=options.pyg_epochs, seed=options.seed, valid=split[1], score=score)[1]
            found = score(pyg_lightgcn(train, dim=options.dim, epochs=epochs, seed=options.seed)[0], train, test)
            settings = {"epochs": epochs}
        rows.append((peer, found, time.monotonic() - started, settings))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--data", type=Path, required=True, help="folder with lastfm/ and amazon_baby/")
    parser.add_argument("--dataset", choices=["lastfm", "amazon_baby"], action="append", help="both unless named")
    parser.add_argument("--peers", default="cosine,ease,als,pyg")
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pyg-epochs", type=int, default=1000, help="at most; validation stops it before")
    options = parser.parse_args()
    torch.set_num_threads(free_threads(1))
    with tempfile.TemporaryDirectory() as folder:
        for dataset in options.dataset or ["lastfm", "amazon_baby"]:
            files = edge_lists(options.data, dataset, Path(folder))
            rows = measure(dataset, files, options.peers.split(","), options)
            ours = rows[0][1]
            print(f"\n{dataset}, dim {options.dim}: model, Recall@20, NDCG@20, ours / it, seconds with tuning, settings")
            for name, found, seconds, settings in rows:
                ratios = f"{ours.recall / found.recall:.3f} / {ours.ndcg / found.ndcg:.3f}"
                print(f"  {name:12s} {found.recall:.4f}  {found.ndcg:.4f}  {ratios}  {seconds:7.1f}  {settings or ''}", flush=True)


if __name__ == "__main__":
    main()
