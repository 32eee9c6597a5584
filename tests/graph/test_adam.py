"""Our Adam against torch's."""

import pytest
import torch

from basketgraph.graph.adam import Adam


def test_every_step_is_torchs_own():
    mine, theirs = torch.randn(7, 5).requires_grad_(), None
    theirs = mine.detach().clone().requires_grad_()
    ours, reference = Adam({"x": mine}), torch.optim.Adam([theirs], lr=1.0)
    for number in range(5):
        gradient = torch.randn(7, 5)
        mine.grad, theirs.grad = gradient.clone(), gradient.clone()
        ours.step(0.1 / (number + 1))
        reference.param_groups[0]["lr"] = 0.1 / (number + 1)
        reference.step()
        torch.testing.assert_close(mine, theirs)


def test_a_gradient_with_other_strides_is_refused():
    weights = torch.zeros(4, 3).requires_grad_()
    weights.grad = torch.ones(3, 4).T
    with pytest.raises(ValueError, match="contiguous"):
        Adam({"x": weights}).step(0.1)
