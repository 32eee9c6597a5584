"""`basketgraph bench graph`: the protocol, the JSON, and what it reaches on a public graph."""

import json
import subprocess
from collections import defaultdict
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from basketgraph.foundation.config import UserError
from basketgraph.foundation.distributed.workers import OneProcess
from basketgraph.graph.bench import _embedding, bench
from basketgraph.graph.bench_cli import app
from basketgraph.graph.edgelist import read_edge_lists
from basketgraph.graph.evaluate import quality, quality_of
from basketgraph.graph.export import Serving
from basketgraph.graph.partition import csr_from_edges
from basketgraph.graph.results import EMBEDDINGS
from basketgraph.graph.settings import GraphSettings, recipe
from basketgraph.graph.training import Training
from basketgraph.graph.tune import split_edges
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


def test_a_user_unknown_in_train_gets_the_most_popular_items_and_every_user_with_test_items_counts():
    train = csr_from_edges(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 2, 1]), None, (4, 40))
    test = csr_from_edges(np.array([3, 0]), np.array([1, 39]), None, (4, 40))
    worst = Serving(torch.zeros(4, 2), -torch.arange(40.0)[:, None].expand(40, 2), torch.zeros(0), torch.zeros(0))
    (found,) = quality(worst, train, test)
    assert found.recall == 0.5  # user 3 finds item 1, the most popular, first; user 0's item 39 is last
    assert found.ndcg == 0.5


def test_training_items_are_masked_and_ties_go_to_the_lower_index():
    train = csr_from_edges(np.array([0]), np.array([0]), None, (1, 30))
    in_list, outside = (csr_from_edges(np.array([0]), np.array([item]), None, (1, 30)) for item in (20, 21))
    flat = [lambda users: [torch.zeros(len(users), 30)]][0]
    assert quality_of(flat, train, in_list)[0].recall == 1  # items 1 to 20 are listed: item 0 was bought
    assert quality_of(flat, train, outside)[0].recall == 0


def test_a_validation_split_keeps_an_edge_of_every_user_and_loses_none():
    train, _ = planted()
    fitted, held = split_edges(train, share=0.9, seed=1)
    assert (np.diff(fitted.indptr) >= 1).all()
    assert len(fitted.columns) + len(held.columns) == len(train.columns)
    assert len(held.columns) > 0.7 * len(train.columns)
    again, _ = split_edges(train, share=0.9, seed=1)
    assert np.array_equal(again.columns, fitted.columns)


def test_names_are_numbered_over_all_files_and_a_repeated_edge_counts_once(tmp_path):
    (tmp_path / "a.txt").write_text("10 7 7 8\n2 8\n11\n")
    (tmp_path / "b.txt").write_text("12 9\n")
    lists = read_edge_lists([tmp_path / "a.txt", tmp_path / "b.txt"])
    assert (lists.users, lists.items) == (("2", "10", "12"), ("7", "8", "9"))
    assert lists.matrices[0].indptr.tolist() == [0, 1, 3, 3]
    assert lists.matrices[0].columns.tolist() == [1, 0, 1]


@pytest.mark.parametrize(("content", "said"), [("", "holds no edge"), ("1\n2\n", "holds no edge"), (None, "cannot be read")])
def test_a_file_without_edges_is_a_mistake(tmp_path, content, said):
    if content is not None:
        (tmp_path / "a.txt").write_text(content)
    with pytest.raises(UserError, match=said):
        read_edge_lists([tmp_path / "a.txt"])


COLUMNS = {  # what people have, and the command that makes an edge list of it
    "u.data": ("1\t9\t4\t883522457\n1\t37\t1\t888184876\n2\t9\t5\t886539906\n", "awk '{print $1, $2}' "),
    "weights": ("1 9 120\n1 37 4\n2 9 5\n", "awk '{print $1, $2}' "),
    "a user a line, timed": ("1 9 4 883522457\n2 37 1 888184876\n", "awk '{print $1, $2}' "),
    "a user a line, rated": ("ann b00k 4.5\nbob t0y 3.0\n", "awk '{print $1, $2}' "),
    "a user a line, named": ("user item rating\nann b00k 4\nbob t0y 3\n", "awk 'NR > 1 {print $1, $2}' "),
    "RecBole": ("user_id:token\titem_id:token\trating:float\n1\t9\t4\n1\t37\t1\n", "awk 'NR > 1 {print $1, $2}' "),
    "commas": ("userId,movieId,rating\n1,9,4.0\n2,37,1.0\n", "tr ',' ' ' < "),
    "pairs with commas": ("1, 9\n2, 37\n", "tr ',' ' ' < "),
    "MovieLens": ("1::9::5::978300760\n2::37::3::978302109\n", "sed 's/::/ /g' < "),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_of_another_layout_are_refused_with_the_command_that_makes_an_edge_list(tmp_path, name):
    text, command = COLUMNS[name]
    file = tmp_path / "it's.dat"
    file.write_text(text)
    with pytest.raises(UserError, match="want `user item item") as caught:
        read_edge_lists([file])
    made = caught.value.cure.partition(": ")[2]
    assert made.startswith(command)
    subprocess.run(["bash", "-c", made], cwd=tmp_path, check=True)
    (result,) = tmp_path.glob("*.edges.txt")
    (edges,) = read_edge_lists([result]).matrices
    assert len(edges.columns) == text.count("\n") - sum(word in text for word in ("user_id", "userId", "user item"))


@pytest.mark.parametrize("header", ["user_id:token\titem_id:token", "user item", "org remap", "#userID artistID"])
def test_a_header_is_left_out_and_told(tmp_path, header):
    file, said = tmp_path / "train.inter", []
    file.write_text(f"\ufeff{header}\n1\t9\n1\t37\n2\t9\n")
    lists = read_edge_lists([file], said.append)
    assert (lists.users, lists.items) == (("1", "2"), ("9", "37"))
    assert [f"`{' '.join(header.split())}`, is a header" in text for text in said] == [True]


@pytest.mark.parametrize(
    "text", ["1 9 4 7\n2 9 4 8\n", "ann tea jam\nbob jam\nann figs\n", "ann,b tea\nbob jam\n", "user1 item2\nuser1 item3\n", "a b\n"]
)
def test_edge_lists_that_look_a_little_like_columns_are_read_whole(tmp_path, text):
    (tmp_path / "a.txt").write_text(text)
    (edges,) = read_edge_lists([tmp_path / "a.txt"], pytest.fail).matrices
    assert len(edges.columns) == len(text.split()) - text.count("\n")


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


def test_the_recipe_goes_from_what_small_graphs_want_to_what_large_ones_do():
    assert recipe(1_892, 42_135) == {"temperature": 0.2, "own_weight": 0.3, "epochs": 12}
    assert recipe(29_858, 810_128) == {"temperature": 0.1, "own_weight": 0.5, "epochs": 5}
    between = recipe(25_000, 400_000)
    assert 0.1 < between["temperature"] < 0.2
    assert 5 <= between["epochs"] <= 12
