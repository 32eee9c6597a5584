"""The loss of fine-tuning: cross entropy of each item over all items, with soft targets."""

import torch


def related_loss(vectors: torch.Tensor, places: torch.Tensor, wanted: torch.Tensor, temperature: float) -> torch.Tensor:
    """The mean over the items at `places` of the cross entropy between `wanted` and the softmax of the cosines to all other items.

    vectors: float32 [items, dim], of length 1.   places: int64 [batch].   wanted: float32 [batch, items], whose rows add up to 1, 0 for itself.
    source:  van den Oord et al. 2018 (arXiv 1807.03748), with soft targets.
    """
    logits = vectors[places] @ vectors.T / temperature  # [batch, items]
    logits[torch.arange(len(places)), places] = -torch.inf  # no item is its own neighbour
    kept = wanted > 0  # beside the item's own logit, which is -inf
    return -(wanted[kept] * torch.log_softmax(logits, dim=1)[kept]).sum() / len(places)
