"""The gradient that is written by hand against autograd's."""

import numpy as np
import pytest
import torch

from basketgraph.graph import loss as loss_module
from basketgraph.graph.loss import Positives, softmax_loss, unit
from basketgraph.graph.partition import csr_from_edges
from support.planted_graphs import model_of, planted


def dense_loss(model, batch):
    """The loss from its formula: dense matrices and autograd, float64."""
    part, settings = model.part, model.settings
    weights = torch.zeros(part.users, part.items, dtype=torch.float64)
    rows = np.repeat(np.arange(part.users), np.diff(part.edges.indptr))
    weights[rows, part.edges.columns.astype(np.int64)] = torch.from_numpy(part.edges.values.astype(np.float64))
    user_degree, item_degree = weights.sum(1), weights.sum(0)
    scaled = weights / (user_degree[:, None] * item_degree[None, :]).clamp_min(1e-12).sqrt()
    parameters = {name: value.detach().double().requires_grad_() for name, value in model.parameters().items()}
    users = parameters["user_vectors"] + model.user_features.double() @ parameters["user_map"]
    items = parameters["item_vectors"] + model.item_features.double() @ parameters["item_map"]
    share = (1 - settings.own_weight) / settings.layers
    final_users, final_items = settings.own_weight * users, settings.own_weight * items
    for _ in range(settings.layers):
        users, items = scaled @ items, scaled.T @ users
        final_users, final_items = final_users + share * users, final_items + share * items
    cosine = torch.nn.functional.normalize(final_users) @ torch.nn.functional.normalize(final_items).T
    logits = cosine / settings.temperature + settings.popularity_power * item_degree.log()
    positives = weights * user_degree[:, None].clamp_min(1e-12) ** -settings.user_power
    positives = positives * item_degree[None, :].clamp_min(1e-12) ** -settings.item_power
    log_likelihood = torch.log_softmax(logits, dim=1)
    return -(positives * torch.where(positives > 0, log_likelihood, 0))[batch].sum(), parameters


@pytest.mark.parametrize(
    "settings",
    [{}, {"layers": 3, "own_weight": 0.1, "item_power": 0.5, "user_power": 0.0}, {"layers": 1, "temperature": 0.5}, {"kernel": "torch"}],
    ids=["defaults", "three layers", "one layer", "torch's own sparse product"],
)
def test_the_gradient_of_every_parameter_is_autograds(settings, monkeypatch):
    monkeypatch.setitem(loss_module.CHUNK_BYTES, "cpu", 4 * 80 * 10)  # several chunks in a batch
    edges, _ = planted(users=60)
    draw = np.random.default_rng(1)
    edges = csr_from_edges(
        np.repeat(np.arange(60), np.diff(edges.indptr)), edges.columns, draw.uniform(0.5, 2, len(edges.columns)).astype(np.float32), (61, 82)
    )  # weighted, with a user and items that have no edge
    model = model_of(edges, **settings)
    model.user_features = torch.from_numpy(draw.normal(size=(61, 3)).astype(np.float32))
    model.item_features = torch.from_numpy(draw.normal(size=(82, 5)).astype(np.float32))
    model.user_map = torch.full((3, 8), 0.02, requires_grad=True)
    model.item_map = torch.full((5, 8), -0.03, requires_grad=True)
    batch = torch.arange(0, 61, 2)
    got = model.step(batch, global_weight=1.0)
    want, parameters = dense_loss(model, batch)
    want.backward()
    assert float(got) == pytest.approx(float(want.detach()), rel=1e-5)
    for name, parameter in model.parameters().items():
        scale = float(parameters[name].grad.abs().max())
        assert torch.allclose(parameter.grad.double(), parameters[name].grad, rtol=2e-4, atol=2e-5 * scale), name


def test_a_batch_without_users_adds_nothing_but_takes_part():
    edges, _ = planted(users=60)
    model = model_of(edges)
    assert float(model.step(torch.zeros(0, dtype=torch.int64), 1.0)) == 0
    assert not model.item_vectors.grad.any()


def test_the_loss_is_the_log_of_the_items_when_all_are_alike():
    users, _ = unit(torch.ones(3, 4))
    items, _ = unit(torch.ones(7, 4))
    positives = Positives(torch.tensor([0, 1, 2]), torch.tensor([1, 5, 6]), torch.ones(3), torch.tensor([0, 1, 2, 3]))
    loss, by_users, by_items = softmax_loss(users, items, torch.ones(7), positives, 0.1)
    assert float(loss) == pytest.approx(3 * np.log(7), rel=1e-6)
    assert by_users.shape == users.shape
    assert by_items.shape == items.shape
