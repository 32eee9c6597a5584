"""Training by real ranks over sealed sets: a planted order is learned, and any number of ranks gives the same losses."""

import json
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from basketgraph.foundation.config import UserError
from basketgraph.foundation.distributed.epoch_log import append_epoch
from basketgraph.foundation.distributed.workers import OneProcess
from basketgraph.sequences.leave_one_out import Held, LeaveOneOut
from basketgraph.sequences.model import SequenceModel
from basketgraph.sequences.results import MODEL, PROGRESS, VECTORS
from basketgraph.sequences.scoring import Transformer
from basketgraph.sequences.sequence_vectors import write_vectors
from basketgraph.sequences.settings import SequenceSettings
from basketgraph.sequences.train import Epoch, Schedule
from basketgraph.sequences.training import read_result, train_sequences
from basketgraph.sequences.worker_main import train_shards
from basketgraph.shards.plain import Nodes, seal_sequences
from basketgraph.shards.reader import Sequences

ITEMS = 30
SETTINGS = SequenceSettings(
    dim=16,
    length=10,
    epochs=4,
    batch_rows=16,
    steps_per_epoch=8,
    negatives=20,
    dropout=0.3,
    warmup_steps=5,
    learning_rate=0.01,
    minutes=None,
    threads=1,
)


def circles(people: int) -> list[np.ndarray]:
    """Everybody goes round the items one by one, from anywhere; only the order says what follows."""
    draw = np.random.default_rng(0)
    return [(draw.integers(ITEMS) + np.arange(draw.integers(3, 9))) % ITEMS for _ in range(people)]


@pytest.fixture(scope="module")
def sealed(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("set") / "shards"
    seal_sequences(folder, circles(300), Nodes([str(item) for item in range(ITEMS)]), shards=4, cut=date.max)
    return folder


@pytest.fixture(scope="module")
def alone(sealed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    train_shards(sealed, folder, SETTINGS, OneProcess())
    return read_result(folder)


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [2, pytest.param(3, marks=pytest.mark.long)])
def test_any_number_of_ranks_gives_one_ranks_losses(ranks, sealed, alone, tmp_path):
    seen = []
    result = train_sequences(sealed, tmp_path, SETTINGS, ranks=ranks, on_epoch=seen.append, vectors=True)
    assert result.ranks == ranks
    assert result.losses == pytest.approx(alone.losses, rel=1e-4)
    assert [epoch["loss"] for epoch in seen] == list(result.losses)
    assert result.losses[-1] < 0.8 * result.losses[0]
    vectors = {table: pa.concat_tables(map(pq.read_table, sorted((tmp_path / VECTORS).glob(f"{table}*")))) for table in ("users", "items")}
    people = dict(zip(vectors["users"]["user_id"].to_pylist(), vectors["users"]["vector"].to_pylist(), strict=True))
    own = circles(300)[7]
    scores = Transformer.read(tmp_path / MODEL, [own], ITEMS, SETTINGS).scores([own])[0]
    exported = np.array(vectors["items"]["vector"].to_pylist()) @ people["000000007"]
    assert len(people) == 300
    np.testing.assert_allclose(exported[own], scores[own], rtol=1e-4)  # the trained model's logits, whichever rank wrote them


@pytest.mark.slow
def test_a_planted_order_is_learned(tmp_path):
    sequences = circles(400)
    held = Held([items[:-1] for items in sequences], np.array([items[-1] for items in sequences]))
    data = LeaveOneOut(tuple(map(str, range(ITEMS + 1))), held.histories, held, held)
    settings = SETTINGS.model_copy(update={"epochs": 20})
    shards = tmp_path / "shards"
    seal_sequences(shards, data.training, Nodes(data.items), shards=2, cut=date.max)
    train_shards(shards, tmp_path, settings, OneProcess())
    transformer = Transformer.read(tmp_path / MODEL, data.training, len(data.items), settings)
    scores = transformer.scores(held.histories)
    assert (scores.argmax(1) == held.targets).mean() > 0.95
    assert (scores[:, ITEMS] == -np.inf).all()  # an item that was not trained on comes last


def test_more_ranks_than_shards_are_refused(sealed, tmp_path):
    with pytest.raises(UserError, match="ranks: want at most 4"):
        train_sequences(sealed, tmp_path / "model", SETTINGS, ranks=5)


def test_the_rate_rises_stays_and_falls_to_nothing_and_the_clock_only_brings_the_fall_forward():
    settings = SETTINGS.model_copy(update={"epochs": 10, "decay_share": 0.4, "minutes": 1.0})
    schedule = Schedule(settings, steps=10)
    rates = [schedule.rate(epoch, step) for epoch in range(10) for step in range(10)]
    assert rates[0] < rates[4] < rates[5] == rates[59] == settings.learning_rate > rates[61] > rates[99] > 0
    for epoch in range(3):  # ten epochs would take 120 s, of which there are 60: three at the full rate, two falling
        assert schedule.end == 10
        schedule.look_at_clock(Epoch(epoch, 1.0, 0.01, seconds=12.0 * (epoch + 1)))
    assert (schedule.begin, schedule.end) == (3, 5)
    assert schedule.rate(2, 9) == settings.learning_rate > schedule.rate(3, 1) > schedule.rate(4, 9) > 0


def test_a_killed_training_goes_on_from_its_checkpoint_and_only_from_one_of_the_same_training(sealed, alone, tmp_path, monkeypatch):
    class Killed(Exception):
        pass

    def dies(path, epoch):
        if epoch["number"] == 1:
            raise Killed
        append_epoch(path, epoch)

    monkeypatch.setattr("basketgraph.sequences.worker_main.append_epoch", dies)
    with pytest.raises(Killed):
        train_shards(sealed, tmp_path, SETTINGS, OneProcess(), "mine")
    monkeypatch.undo()
    shutil.copytree(tmp_path, tmp_path / "other")
    train_shards(sealed, tmp_path, SETTINGS, OneProcess(), "mine")
    assert read_result(tmp_path).losses == alone.losses
    assert [json.loads(line)["number"] for line in (tmp_path / PROGRESS).read_text().splitlines()] == [0, 2, 3]
    train_shards(sealed, tmp_path / "other", SETTINGS, OneProcess(), "another")
    assert [json.loads(line)["number"] for line in (tmp_path / "other" / PROGRESS).read_text().splitlines()] == [0, 0, 1, 2, 3]


def test_people_whose_items_taught_nothing_have_no_vector(tmp_path):
    people = Sequences(np.array(["ann", "bob", "cid"], object), [np.array([0, 1]), np.array([2]), np.array([2])])
    both = Sequences(np.array(["dan"], object), [np.array([0])])
    write_vectors(tmp_path, SequenceModel(3, SETTINGS), {0: people, 1: both}, np.array(["a", "b", "c"], object), OneProcess())
    found = {path.name: pq.read_table(path).column(0).to_pylist() for path in sorted(tmp_path.glob("*.parquet"))}
    assert found == {"items.parquet": ["a", "b"], "users-00000.parquet": ["ann"], "users-00001.parquet": ["dan"]}
