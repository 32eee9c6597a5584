"""The estimated softmax, its correction and its gradient."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from basketgraph.sequences import loss as loss_module
from basketgraph.sequences.loss import SampledSoftmax, draw_negatives

ITEMS, WIDTH, POSITIONS = 9, 4, 7


def scored():
    draw = torch.Generator().manual_seed(0)
    hidden, vectors = (torch.randn(rows, WIDTH, generator=draw).requires_grad_() for rows in (POSITIONS, ITEMS))
    return hidden, vectors, torch.randint(ITEMS, (POSITIONS,), generator=draw)


@pytest.mark.parametrize("expected", [torch.ones(ITEMS), torch.linspace(0.2, 3, ITEMS)], ids=["each once: the whole softmax", "not alike"])
def test_a_negative_counts_by_how_often_it_was_expected_and_the_gradient_is_autograds(expected, monkeypatch):
    monkeypatch.setattr(loss_module, "CHUNK", 3)  # several chunks
    hidden, vectors, targets = scored()
    got = SampledSoftmax.apply(hidden, vectors, targets, torch.arange(ITEMS), expected.log())
    own = F.one_hot(targets, ITEMS)
    want = F.cross_entropy(hidden @ vectors.T - expected.log() * (1 - own), targets, reduction="sum")  # the target itself is not corrected
    assert float(got.detach()) == pytest.approx(float(want.detach()), rel=1e-5)
    for one, other in zip(torch.autograd.grad(got, (hidden, vectors)), torch.autograd.grad(want, (hidden, vectors)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_the_drawn_items_stand_for_all_items_on_average():
    chances = torch.tensor([0.5, 0.3, 0.15, 0.05, 0.0], dtype=torch.float64)
    exponentials = torch.tensor([1.0, 5.0, 2.0, 8.0, 100.0])
    draw, sums = torch.Generator().manual_seed(0), []
    for _ in range(4000):
        negatives, log_expected = draw_negatives(chances, 6, draw)
        assert len(set(negatives.tolist())) == len(negatives)
        sums.append(float((exponentials[negatives] / log_expected.exp()).sum()))
    assert np.mean(sums) == pytest.approx(16, rel=0.03)  # the last item is never drawn


def test_without_negatives_but_the_target_nothing_is_to_be_learned():
    hidden, vectors, _ = scored()
    targets = torch.zeros(POSITIONS, dtype=torch.int64)
    loss = SampledSoftmax.apply(hidden, vectors, targets, torch.tensor([0]), torch.zeros(1))
    assert float(loss.detach()) == pytest.approx(0, abs=1e-6)
