"""The training loop: it yields an Epoch after each pass over the rows; the caller logs, saves and stops."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from basketgraph.foundation.adam import Adam
from basketgraph.foundation.distributed.workers import Workers
from basketgraph.sequences.dropout import RowDropout
from basketgraph.sequences.initialisation import item_vectors
from basketgraph.sequences.loss import draw_negatives
from basketgraph.sequences.model import START, SequenceModel
from basketgraph.sequences.packing import SequenceRows
from basketgraph.sequences.settings import SequenceSettings


@dataclass(frozen=True)
class Epoch:
    """What one pass over the rows came to. The loss is the mean over all ranks' targets; the rate is that of its last step.

    seconds: of all epochs so far, by rank 0's clock.
    """

    number: int
    loss: float
    learning_rate: float
    seconds: float


class Schedule:
    """The learning rate: it rises over the first steps, stays, and falls to 0 over the last `decay_share` of the epochs.

    Where `minutes` are set, it begins to fall as soon as another epoch would not leave enough of them. Until then, steps are the same
    however many minutes there are.
    """

    def __init__(self, settings: SequenceSettings, steps: int) -> None:
        self.settings, self.steps = settings, steps
        self.begin = settings.epochs - self._falling(settings.epochs)  # the first epoch in which the rate falls
        self.end = settings.epochs

    def _falling(self, epochs: int) -> int:
        return math.ceil(self.settings.decay_share * epochs)

    def rate(self, epoch: int, step: int) -> float:
        done = epoch * self.steps + step
        rising = min((done + 1) / (self.settings.warmup_steps + 1), 1.0)
        left = (self.end * self.steps - done) / max((self.end - self.begin) * self.steps, 1)
        return self.settings.learning_rate * rising * min(left, 1.0)

    def look_at_clock(self, epoch: Epoch) -> None:
        """Let the rate fall after this epoch where one more at the full rate would take too long."""
        epochs, seconds = epoch.number + 1, epoch.seconds
        if self.settings.minutes is None or epochs >= self.begin:
            return
        after_one_more = math.ceil((epochs + 1) / (1 - self.settings.decay_share))  # epochs in all
        if after_one_more * seconds / epochs > self.settings.minutes * 60:
            self.begin, self.end = epochs, min(max(math.ceil(epochs / (1 - self.settings.decay_share)), epochs + 1), self.settings.epochs)


def item_chances(rows: SequenceRows, items: int, power: float, workers: Workers) -> torch.Tensor:
    """How probably a negative is each item: in proportion to its count in all ranks' rows ** power. float64 [items]."""
    entries = torch.from_numpy(rows.items[rows.items >= 0]).long(), torch.from_numpy(rows.targets[rows.targets >= 0]).long()
    counts: torch.Tensor = workers.sum(torch.bincount(torch.cat(entries), minlength=items).double())
    weights = torch.where(counts > 0, counts**power, 0)
    return weights / weights.sum()


def first_vectors(model: SequenceModel, rows: SequenceRows, workers: Workers) -> None:
    """Start the item vectors at what all ranks' rows say of the items that lie close together."""
    model.start_from(item_vectors(rows, model.items, START / model.settings.dim, model.settings, workers))


def train(
    model: SequenceModel,
    rows: SequenceRows,
    rows_total: int,
    optimizer: Adam,
    workers: Workers,
    before: Sequence[Epoch] = (),
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Epoch]:
    """Train on this rank's rows of `rows_total` in all. The seed fixes each step's batch, negatives and dropout, whatever the number of ranks.

    before: the epochs that were done; model and optimizer hold the state after them.
    """
    settings = model.settings
    steps = settings.steps(rows_total)
    schedule = Schedule(settings, steps)
    for epoch in before:
        schedule.look_at_clock(epoch)
    started, number = clock() - (before[-1].seconds if before else 0), len(before)
    chances = item_chances(rows, model.items, settings.negative_power, workers)
    items, targets, positions = (torch.from_numpy(entries).long() for entries in (rows.items, rows.targets, rows.positions))
    while number < schedule.end:
        draw = torch.Generator().manual_seed(settings.seed * 1_000_003 + number)
        batches = own_batches(rows, rows_total, steps, draw)
        weights = workers.sum(torch.tensor([float((targets[batch] >= 0).sum()) for batch in batches], dtype=torch.float64))  # [steps]
        losses = torch.zeros((), dtype=torch.float64)
        for step, batch in enumerate(batches):
            negatives = draw_negatives(chances, settings.negatives, draw)
            dropout = RowDropout(settings.dropout, settings.seed, number, rows.index[batch.numpy()].tolist())
            losses += model.step(items[batch], targets[batch], positions[batch], negatives, dropout, float(weights[step]), workers)
            optimizer.step(schedule.rate(number, step))
        seconds = workers.sum(torch.tensor(clock() - started if workers.rank == 0 else 0.0, dtype=torch.float64))
        epoch = Epoch(number, float(workers.sum(losses) / weights.sum()), schedule.rate(number, steps - 1), round(float(seconds), 3))
        yield epoch
        schedule.look_at_clock(epoch)
        number += 1


def own_batches(rows: SequenceRows, rows_total: int, steps: int, draw: torch.Generator) -> list[torch.Tensor]:
    """The places of this rank's rows in each step's batch, int64; the batches of all ranks together are a random split of all rows."""
    place = torch.empty(rows_total, dtype=torch.int64)
    place[torch.randperm(rows_total, generator=draw)] = torch.arange(rows_total)
    step_of_row = place[torch.from_numpy(rows.index)] * steps // rows_total
    return [torch.nonzero(step_of_row == step).squeeze(1) for step in range(steps)]
