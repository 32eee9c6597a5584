"""`basketgraph bench graph`: the protocol, the JSON, and what it reaches on a public graph."""

import json
from collections import defaultdict
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from basketgraph.cli.bench import app
from basketgraph.foundation.distributed.workers import OneProcess
from basketgraph.graph.bench import _embedding, bench
from basketgraph.graph.results import EMBEDDINGS
from basketgraph.graph.settings import GraphSettings
from basketgraph.graph.training import Training
from basketgraph.graph.worker_main import train_source
from basketgraph.shards.manifest import read_manifest
from basketgraph.shards.plain import Nodes, seal_arrays
from support.planted_graphs import planted


def write(path: Path, csr) -> Path:
    lines = [[user, *csr.columns[csr.indptr[user] : csr.indptr[user + 1]]] for user in range(csr.rows)]
    path.write_text("".join(f"{' '.join(map(str, line))}\n" for line in lines))
    return path


def files(folder: Path) -> tuple[Path, Path]:
    train, test = planted()
    return write(folder / "train.txt", train), write(folder / "test.txt", test)


def test_the_last_line_of_stdout_is_the_json_object_of_the_design(tmp_path):
    train, test = files(tmp_path)
    given = ["graph", "--train", str(train), "--test", str(test), "--dim", "8", "--epochs", "2", "--seed", "5", "--json"]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout.splitlines()[-1])
    assert set(found) >= {"recall@20", "ndcg@20", "losses", "seconds", "peak_memory_bytes", "dim", "ranks", "seed"}
    assert (found["dim"], found["ranks"], found["seed"], len(found["losses"])) == (8, 1, 5, 2)
    assert 0 < found["recall@20"] <= 1


def test_tuning_keeps_what_the_user_fixed_and_says_what_it_tried(tmp_path, monkeypatch):
    monkeypatch.setattr("basketgraph.graph.tune.AXES", (("temperature", (0.2, 0.4)), ("epochs", (1, 2))))
    train, test = files(tmp_path)
    said = []
    found = bench(train, test, tuned=True, dim=8, epochs=3, say=said.append)
    assert found["settings"]["epochs"] == len(found["losses"]) == 3
    assert [line for line in said if line.startswith("temperature")]
    assert not [line for line in said if line.startswith("epochs")]


def test_a_shard_without_users_adds_none_to_the_embeddings(tmp_path):
    shards, model = tmp_path / "shards", tmp_path / "model"
    edges = (np.array([0, 0, 1]), np.array([0, 1, 1]), np.ones(3))
    seal_arrays(shards, edges, Nodes(["ann", "bob"]), Nodes(["tea", "jam"]), shards=3, cut=date.max)
    assert [file.rows for file in read_manifest(shards).of_kind("users")] == [0, 1, 1]
    settings = GraphSettings(dim=2, epochs=1)
    train_source(Training(shards=shards, model=model), settings, OneProcess())
    parts = [_embedding(model / EMBEDDINGS / f"users-{shard:05d}.parquet", 3) for shard in range(3)]
    assert [tuple(part.shape) for part in parts] == [(0, 3), (1, 3), (1, 3)]


@pytest.mark.long
def test_more_ranks_than_users_train_all_the_same(tmp_path):
    (tmp_path / "train.txt").write_text("0 1 2 3\n1 2 3 4\n")
    (tmp_path / "test.txt").write_text("0 4\n1 1\n")
    found = bench(tmp_path / "train.txt", tmp_path / "test.txt", dim=4, ranks=3, epochs=2)
    assert (found["users"], found["ranks"], found["recall@20"]) == (2, 3, 1.0)


@pytest.mark.long
def test_lastfm_reaches_what_was_promised(shared_data, tmp_path):
    paths = []
    for name in ("data1", "test1"):
        lines = defaultdict(list)
        for line in (shared_data / "lastfm" / f"{name}.txt").read_text().splitlines():
            user, item = line.split()[:2]
            lines[user].append(item)
        paths.append(tmp_path / f"{name}.txt")
        paths[-1].write_text("".join(f"{user} {' '.join(items)}\n" for user, items in lines.items()))
    found = bench(*paths, tuned=True, dim=64)
    assert found["recall@20"] >= 0.275
    assert found["ndcg@20"] >= 0.215
