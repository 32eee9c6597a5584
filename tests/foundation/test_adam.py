"""Adam against its formula."""

import pytest
import torch

from basketgraph.foundation.adam import BETAS, EPSILON, Adam


def test_every_step_follows_the_formula_of_kingma_and_ba():
    draw = torch.Generator().manual_seed(0)
    weights = torch.randn(7, 5, generator=draw).requires_grad_()
    want = weights.detach().double()
    first, second = torch.zeros_like(want), torch.zeros_like(want)
    adam = Adam({"x": weights})
    for step in range(1, 6):
        gradient = torch.randn(7, 5, generator=draw)
        weights.grad = gradient.clone()
        adam.step(0.1 / step)
        first = BETAS[0] * first + (1 - BETAS[0]) * gradient
        second = BETAS[1] * second + (1 - BETAS[1]) * gradient**2
        want = want - 0.1 / step * (first / (1 - BETAS[0] ** step)) / ((second / (1 - BETAS[1] ** step)).sqrt() + EPSILON)
        torch.testing.assert_close(weights.detach().double(), want, rtol=1e-5, atol=1e-6)


def test_a_gradient_with_other_strides_is_refused():
    weights = torch.zeros(4, 3).requires_grad_()
    weights.grad = torch.ones(3, 4).T
    with pytest.raises(ValueError, match="contiguous"):
        Adam({"x": weights}).step(0.1)
