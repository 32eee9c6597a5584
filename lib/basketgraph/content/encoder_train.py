"""The training loop of a text encoder: it yields the loss of each step; the caller logs, saves and stops."""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from scipy import sparse

from basketgraph.content.contrastive import related_loss
from basketgraph.content.encoder_tuning import EncoderSettings
from basketgraph.content.text_model import TextModel, Tokens
from basketgraph.foundation.adam import Adam
from basketgraph.foundation.distributed.workers import Workers


def train(model: TextModel, tokens: Tokens, targets: sparse.csr_matrix, settings: EncoderSettings, workers: Workers) -> Iterator[float]:
    """Train on the texts of `targets`; each rank encodes its part of a step's texts. The seed fixes the batches, whatever the number of ranks.

    Texts that are not in the batch have the vectors of the step that encoded them last (cross-batch memory: Wang et al. 2020, arXiv 1912.06798).
    Every rank has the whole batch's vectors and so the same loss; only what leads from texts to vectors is shared out.

    tokens: of the trained texts.   targets: float32 [texts, texts], rows that add up to 1, or are empty.
    yields: the loss of each step.
    """
    memory = model.all_vectors(tokens, workers)  # [texts, dim]
    optimizer, draw = Adam(model.parameters), np.random.default_rng(settings.seed)
    trained = np.flatnonzero(np.diff(targets.indptr))
    for step in range(1, settings.steps + 1):
        batch = np.sort(draw.choice(trained, min(settings.batch, len(trained)), replace=False))
        places, mine = torch.from_numpy(batch), slice(workers.rank, None, workers.size)
        own = model.vectors([tokens[text] for text in batch[mine]])  # [batch / ranks, dim]; may be empty
        fresh = torch.zeros((len(batch), model.dim))
        fresh[mine] = own.detach()
        fresh = workers.sum(fresh).requires_grad_()
        loss = related_loss(memory.index_copy(0, places, fresh), places, torch.from_numpy(targets[batch].toarray()), settings.temperature)
        (slopes,) = torch.autograd.grad(loss, fresh)
        for weights in model.parameters.values():
            weights.grad = None
        if len(own):
            own.backward(slopes[mine])  # type: ignore[no-untyped-call]
        sum_gradients(model.parameters, workers)
        optimizer.step(settings.learning_rate * min(step / max(settings.warmup, 1), 1.0))
        memory[places] = fresh.detach()
        yield float(loss.detach())


def sum_gradients(parameters: Mapping[str, torch.Tensor], workers: Workers) -> None:
    """Each gradient becomes the sum over all ranks, in one exchange."""
    if workers.size == 1:
        return
    slopes = [torch.zeros_like(weights) if weights.grad is None else weights.grad for weights in parameters.values()]
    total = workers.sum(torch.cat([slope.reshape(-1) for slope in slopes]))
    for weights, part in zip(parameters.values(), torch.split(total, [slope.numel() for slope in slopes]), strict=True):
        weights.grad = part.view_as(weights)
