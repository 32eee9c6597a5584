"""The training loop: it yields an Epoch after each pass over the users; the caller logs, saves and stops."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from basketgraph.foundation.adam import Adam
from basketgraph.graph.model import LightGCN


@dataclass(frozen=True)
class Epoch:
    """What one pass over the users came to. The loss is the weighted mean over all ranks' positives."""

    number: int
    loss: float
    learning_rate: float
    gradient_norm: float


def learning_rate(model: LightGCN, step: int, steps: int) -> float:
    """Linear warm-up over the first epochs, then half a cosine down to 0 at the last step."""
    warmup = model.settings.warmup_epochs * steps
    if step < warmup:
        return model.settings.learning_rate * (step + 1) / (warmup + 1)
    progress = (step - warmup) / max(model.settings.epochs * steps - warmup, 1)
    return model.settings.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


def batches(model: LightGCN, epoch: int) -> list[torch.Tensor]:
    """This rank's rows of each global batch of an epoch, int64; the seed fixes the batches whatever the number of ranks."""
    users, settings = model.part.users_total, model.settings
    draw = torch.Generator().manual_seed(settings.seed * 1_000_003 + epoch)
    place = torch.empty(users, dtype=torch.int64)
    place[torch.randperm(users, generator=draw)] = torch.arange(users)
    step_of_row = place[torch.from_numpy(model.part.user_index)] * settings.steps(users) // users
    return [torch.nonzero(step_of_row == step).squeeze(1).to(model.device) for step in range(settings.steps(users))]


def train(model: LightGCN, optimizer: Adam, first_epoch: int = 0) -> Iterator[Epoch]:
    """Train from `first_epoch` to the last; model and optimizer hold the state of the epochs before it."""
    workers, settings = model.workers, model.settings
    for number in range(first_epoch, settings.epochs):
        rows_of_step = batches(model, number)
        weights = workers.sum(torch.stack([model.user_weight[rows].double().sum().cpu() for rows in rows_of_step]))  # [steps], of all ranks
        losses = torch.zeros((), dtype=torch.float64, device=model.device)  # stays on the device; .item() in a step would stall it
        rate, norm = 0.0, 0.0
        for step, rows in enumerate(rows_of_step):
            rate = learning_rate(model, number * len(rows_of_step) + step, len(rows_of_step))
            losses += model.step(rows, float(weights[step].clamp_min(1e-12)))
            optimizer.step(rate)
        norm = float(model.item_vectors.grad.norm()) if model.item_vectors.grad is not None else 0.0
        loss = float(workers.sum(losses)) / max(float(weights.sum()), 1e-12)
        yield Epoch(number, loss, rate, norm)
