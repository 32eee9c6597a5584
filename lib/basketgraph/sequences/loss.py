"""The softmax over all items, estimated from shared negatives with the logQ correction; its gradient is written by hand."""

from typing import Any

import torch

CHUNK = 512  # positions whose logits stay in a CPU's cache between the products that use them


class SampledSoftmax(torch.autograd.Function):
    """Sum over positions of log(exp(s_t) + sum over negatives j != t of exp(s_j - log_expected_j)) - s_t, with s_j = <h, v_j>.

    A negative that is drawn in proportion to q, k times in all, is expected k q_j times; dividing by that makes the sum over the drawn an
    unbiased estimate of the sum over all items but the target (logQ correction; Bengio and Senecal 2008).
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        vectors: torch.Tensor,
        targets: torch.Tensor,
        negatives: torch.Tensor,
        log_expected: torch.Tensor,
    ) -> torch.Tensor:
        """hidden [n, d], vectors [items, d], targets int64 [n], negatives int64 [k] each once, log_expected [k]."""
        by_hidden, by_vectors = torch.empty_like(hidden), torch.zeros_like(vectors)
        drawn = vectors[negatives]  # [k, d]
        slot = torch.full((len(vectors),), -1, dtype=torch.int64, device=vectors.device)
        slot[negatives] = torch.arange(len(negatives), device=vectors.device)
        by_drawn = torch.zeros_like(drawn)
        loss = torch.zeros((), dtype=torch.float64, device=hidden.device)
        buffer = torch.empty(min(CHUNK, len(hidden)), len(negatives), device=hidden.device)
        for begin in range(0, len(hidden), CHUNK):
            h, t = hidden[begin : begin + CHUNK], targets[begin : begin + CHUNK]
            v = vectors[t]
            positive = (h * v).sum(1)  # [c]
            logits = torch.addmm(-log_expected, h, drawn.T, out=buffer[: len(h)])  # [c, k]
            own = slot[t]
            rows = torch.nonzero(own >= 0).squeeze(1)
            logits[rows, own[rows]] = float("-inf")
            top = torch.maximum(logits.amax(1), positive)
            logits.sub_(top[:, None]).exp_()
            of_positive = (positive - top).exp()
            total = logits.sum(1) + of_positive
            loss += (total.log() + top - positive).sum()
            logits.div_(total[:, None])
            pull = of_positive / total - 1  # the gradient by the positive's score
            torch.addmm(pull[:, None] * v, logits, drawn, out=by_hidden[begin : begin + CHUNK])
            by_drawn.addmm_(logits.T, h)
            by_vectors.index_add_(0, t, pull[:, None] * h)
        by_vectors.index_add_(0, negatives, by_drawn)
        ctx.save_for_backward(by_hidden, by_vectors)
        return loss

    @staticmethod
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (factor,) = upstream
        return (*(gradient * factor.to(gradient.dtype) for gradient in ctx.saved_tensors), None, None, None)


def draw_negatives(chances: torch.Tensor, number: int, draw: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw `number` items with replacement, in proportion to chances float64 [items].

    returns: the items drawn, each once, int64 [k], and float32 [k]: the log of how often each was expected for each time that it was drawn.
    """
    drawn, times = torch.unique(torch.multinomial(chances, number, replacement=True, generator=draw), return_counts=True)
    return drawn, (chances[drawn] * number / times).log().float()
