"""Real ranks: Horovod processes, killed and started again."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from basketgraph.foundation.config import UserError
from basketgraph.foundation.distributed.launch import RanksFailed, free_threads, rank_environment, run_ranks
from basketgraph.graph import training as graph_training
from basketgraph.graph.results import RESULT, Result
from basketgraph.graph.settings import GraphSettings
from basketgraph.graph.training import Training, train_each
from basketgraph.shards.plain import Nodes, seal_arrays
from support.contract_rows import ODD

SHARDS = 4
SETTINGS = GraphSettings(dim=8, epochs=4, batch_users=100, temperature=0.2, threads=1)


def small_set(folder: Path, users: int = 300, items: int = 90) -> Path:
    draw = np.random.default_rng(0)
    pairs = np.unique(np.stack([np.repeat(np.arange(users), 8), draw.integers(items, size=users * 8)], 1), axis=0)
    weights = draw.uniform(0.5, 2, len(pairs)).astype(np.float32)
    of_users = Nodes([f"u{k:04d}" for k in range(users)], None, draw.normal(size=(users, 3)).astype("f4"), ("a", "b", "c"))
    of_items = Nodes([f"i{k:04d}" for k in range(items)], None, draw.normal(size=(items, 2)).astype("f4"), ("a", "b"))
    seal_arrays(folder, (pairs[:, 0], pairs[:, 1], weights), of_users, of_items, shards=SHARDS, cut=date(2026, 3, 1))
    return folder


def train_shards(shards: Path, model: Path, settings: GraphSettings, *, tensorboard=None, on_epoch=lambda epoch: None, **how) -> Result:
    """`train_each` of one training; `on_epoch` is called with the epoch alone."""
    training = Training(shards=shards, model=model, tensorboard=tensorboard)
    (result,) = train_each([training], settings, on_epoch=lambda _, epoch: on_epoch(epoch), **how)
    return result


@pytest.fixture(scope="module")
def sealed(tmp_path_factory) -> Path:
    return small_set(tmp_path_factory.mktemp("set") / ODD / "shards")


@pytest.fixture(scope="module")
def alone(sealed, tmp_path_factory):
    """One rank's training: its result and its model folder."""
    folder = tmp_path_factory.mktemp("alone")
    return train_shards(sealed, folder, SETTINGS, ranks=1), folder


def embeddings(folder: Path, name: str) -> np.ndarray:
    return np.array(pq.read_table(folder / "embeddings" / name)["embedding"].to_pylist())


def check_same(result, folder, alone):
    want, where = alone
    assert result.losses == pytest.approx(want.losses, rel=1e-4)
    for name in ["items.parquet", *(f"users-{shard:05d}.parquet" for shard in range(SHARDS))]:
        np.testing.assert_allclose(embeddings(folder, name), embeddings(where, name), atol=2e-3)


@pytest.mark.parametrize("ranks", [2, pytest.param(3, marks=pytest.mark.long), pytest.param(4, marks=pytest.mark.long)])
def test_any_number_of_ranks_gives_one_ranks_numbers(ranks, sealed, alone, tmp_path):
    seen, model, board = [], tmp_path / ODD / "model", tmp_path / ODD / "board"
    result = train_shards(sealed, model, SETTINGS, ranks=ranks, tensorboard=board, on_epoch=seen.append)
    assert result.ranks == ranks
    check_same(result, model, alone)
    assert [epoch["loss"] for epoch in seen] == list(result.losses)
    assert len(list(board.glob("events.*"))) == 1


SCRIPT = """
import sys
from pathlib import Path
from basketgraph.graph.settings import GraphSettings
from basketgraph.graph.training import Training, train_each
training = Training(shards=Path(sys.argv[1]), model=Path(sys.argv[2]))
train_each([training], GraphSettings.model_validate_json(sys.argv[3]), ranks=int(sys.argv[4]))
"""


@pytest.mark.long
@pytest.mark.parametrize(("ranks", "then"), [(1, 1), (2, 1), (3, 2)])
def test_a_training_killed_between_epochs_goes_on_from_its_checkpoint_also_with_fewer_ranks(ranks, then, sealed, tmp_path):
    settings = SETTINGS.model_copy(update={"epochs": 15})
    model = tmp_path / "model"
    command = [sys.executable, "-c", SCRIPT, str(sealed), str(model), settings.model_dump_json(), str(ranks)]
    process = subprocess.Popen(command, start_new_session=True, env=rank_environment(1))
    started = time.monotonic()
    while len(list((model / "checkpoints").glob("epoch-*"))) < 2:
        assert process.poll() is None, "the training ended before it could be killed"
        assert time.monotonic() - started < 300
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    progress = (model / "progress.jsonl").read_text().splitlines()
    assert 0 < len(progress) < 15
    assert not (model / RESULT).exists()
    time.sleep(3)  # ranks leave the group, see their launcher gone and end

    seen = []
    result = train_shards(sealed, model, settings, ranks=then, on_epoch=seen.append)
    assert 0 < seen[0]["number"] <= len(progress) + 1
    whole = train_shards(sealed, tmp_path / "whole", settings, ranks=1)
    assert result.losses == pytest.approx(whole.losses, rel=1e-4)
    np.testing.assert_allclose(embeddings(model, "items.parquet"), embeddings(tmp_path / "whole", "items.parquet"), atol=5e-3)


def test_a_whole_training_is_not_repeated_unless_settings_or_code_changed(sealed, alone, tmp_path, monkeypatch):
    want, where = alone
    copy = tmp_path / "model"
    shutil.copytree(where, copy)
    assert train_shards(sealed, copy, SETTINGS, ranks=1) == want
    short = SETTINGS.model_copy(update={"epochs": 1})
    other = train_shards(sealed, copy, short, ranks=1)
    assert len(other.losses) == 1
    assert other.fingerprint != want.fingerprint
    monkeypatch.setattr(graph_training, "module_code", lambda module: f"another {module}")
    anew = train_shards(sealed, copy, short, ranks=1)
    assert anew.losses == other.losses
    assert anew.fingerprint != other.fingerprint


@pytest.mark.long
def test_several_sets_are_trained_by_the_same_ranks_each_as_if_alone(sealed, alone, tmp_path):
    other = small_set(tmp_path / "other", users=120, items=40)
    trainings = [Training(shards=shards, model=tmp_path / name) for shards, name in ((sealed, "first"), (other, "second"))]
    seen = []
    first, second = train_each(trainings, SETTINGS, ranks=2, on_epoch=lambda training, epoch: seen.append((training.model.name, epoch["number"])))
    check_same(first, tmp_path / "first", alone)
    assert second.losses == pytest.approx(train_shards(other, tmp_path / "again", SETTINGS).losses, rel=1e-4)
    assert sorted(seen) == [(name, epoch) for name in ("first", "second") for epoch in range(SETTINGS.epochs)]


def test_more_ranks_than_shards_is_a_mistake_and_nothing_is_written(sealed, tmp_path):
    with pytest.raises(UserError, match="ranks: want at most 4") as mistake:
        train_shards(sealed, tmp_path / "model", SETTINGS, ranks=5)
    assert "Start 4 ranks or fewer" in str(mistake.value)
    assert not list(tmp_path.iterdir())


def test_a_set_that_does_not_match_its_manifest_is_a_mistake_and_nothing_is_written(sealed, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(sealed, broken)
    file = broken / "edges-00002.parquet"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    (broken / "users-00001.parquet").unlink()
    with pytest.raises(UserError) as mistake:
        train_shards(broken, tmp_path / "model", SETTINGS)
    assert "edges-00002.parquet: want sha256" in str(mistake.value)
    assert "users-00001.parquet: want" in str(mistake.value)
    assert not (tmp_path / "model").exists()


def test_a_rank_that_fails_is_reported_with_its_last_lines(tmp_path):
    with pytest.raises(RanksFailed, match="No module named"):
        run_ranks("basketgraph.graph.nothing", [], 1)


def test_secrets_do_not_reach_the_ranks_command_lines(monkeypatch):
    monkeypatch.setenv("BASKETGRAPH_PSEUDONYM_KEY", "hunter2")
    monkeypatch.setenv("SHOP_PASSWORD", "hunter2")
    assert "hunter2" not in json.dumps(rank_environment(1))


def test_threads_are_shared_among_ranks_and_the_users_word_holds(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert free_threads(2) == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr("basketgraph.foundation.distributed.launch.psutil.cpu_percent", lambda interval: 50.0)
    monkeypatch.setattr("basketgraph.foundation.distributed.launch.os.sched_getaffinity", lambda _: set(range(8)))
    assert free_threads(2) == 2
    assert free_threads(100) == 1


@pytest.mark.long
def test_ranks_inside_sparks_executors_give_one_ranks_numbers(spark, sealed, alone, tmp_path):
    result = train_shards(sealed, tmp_path / "model", SETTINGS, ranks=2, launcher="spark")
    assert result.ranks == 2
    check_same(result, tmp_path / "model", alone)
