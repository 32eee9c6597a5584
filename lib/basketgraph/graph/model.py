"""LightGCN over users that are sharded and items that are replicated (He et al. 2020, arXiv 2002.02126), with its exact adjoint.

E(k+1) = D^-1/2 A D^-1/2 E(k); F = w0 E(0) + (1 - w0)/L sum over k = 1..L of E(k); score(u, j) = cosine(F_u, F_j)/temperature + beta log degree_j.
A user's layer needs only the items; an item's layer is a sum over all ranks' users. The operator is symmetric, so the gradient by E(0) is
the operator applied to the gradient by F.
"""

from dataclasses import dataclass

import numpy as np
import torch

from basketgraph.foundation.distributed.workers import Workers
from basketgraph.graph.initialisation import explained, start_vectors
from basketgraph.graph.loss import Positives, softmax_loss, unit, unit_gradient
from basketgraph.graph.partition import Part
from basketgraph.graph.settings import GraphSettings
from basketgraph.graph.sparse import Csr, matrix


@dataclass(frozen=True)
class Final:
    """Final vectors F of the local users [users, d] and of all items [items, d]."""

    users: torch.Tensor
    items: torch.Tensor


class LightGCN:
    """The parameters of one rank, and the propagation over its part of the graph."""

    def __init__(self, part: Part, settings: GraphSettings, workers: Workers, device: torch.device, threads: int) -> None:
        self.part, self.settings, self.workers, self.device = part, settings, workers, device
        edges = part.edges
        item_degree = torch.zeros(part.items, dtype=torch.float64)
        item_degree.index_add_(0, torch.from_numpy(edges.columns.astype(np.int64)), torch.from_numpy(edges.values.astype(np.float64)))
        self.item_degree = workers.sum(item_degree).float().to(device)  # [items]
        user_degree = np.add.reduceat(np.append(edges.values, 0), edges.indptr[:-1]) * (np.diff(edges.indptr) > 0)
        self.user_degree = torch.from_numpy(user_degree.astype(np.float32)).to(device)  # [users]

        scaled = self._normalised(edges)
        self.to_users = matrix(scaled, device, threads, settings.kernel)  # [users, items]
        self.to_items = matrix(scaled.transposed(), device, threads, settings.kernel)  # [items, users]
        self.bought = torch.nonzero(self.item_degree > 0).squeeze(1)  # [n]: the items that take part in the softmax
        self.popularity = self.item_degree[self.bought] ** settings.popularity_power  # [n]
        items_of_edges = torch.from_numpy(edges.columns.astype(np.int64)).to(device)
        self.edge_items = torch.searchsorted(self.bought, items_of_edges)  # [edges], among those
        row_of_edge = torch.repeat_interleave(torch.from_numpy(np.diff(edges.indptr)).to(device))
        self.edge_weights = (
            torch.from_numpy(edges.values).to(device)
            * self.user_degree[row_of_edge].clamp_min(1e-12) ** -settings.user_power
            * self.item_degree[items_of_edges] ** -settings.item_power
        )
        self.user_weight = torch.zeros(part.users, device=device).index_add_(0, row_of_edge, self.edge_weights)  # [users]

        users, items = start_vectors(part, settings, workers, self.to_users, self.to_items)
        self.user_features = torch.from_numpy(part.user_features).to(device)
        self.item_features = torch.from_numpy(part.item_features).to(device)
        user_map, users = explained(users.to(device), self.user_features, workers)
        item_map, items = explained(items.to(device), self.item_features, None)
        # contiguous, parameters and gradients: torch's fused Adam takes a gradient's strides to be its parameter's
        self.user_vectors, self.item_vectors = users.contiguous().requires_grad_(), items.contiguous().requires_grad_()  # [users, d], [items, d]
        self.user_map, self.item_map = user_map.contiguous().requires_grad_(), item_map.contiguous().requires_grad_()  # [f, d], [g, d]

    def shared_parameters(self) -> dict[str, torch.Tensor]:
        """The parameters that every rank holds alike."""
        return {"item_vectors": self.item_vectors, "user_map": self.user_map, "item_map": self.item_map}

    def parameters(self) -> dict[str, torch.Tensor]:
        return {"user_vectors": self.user_vectors, **self.shared_parameters()}

    @torch.no_grad()
    def first_layer(self) -> tuple[torch.Tensor, torch.Tensor]:
        """E(0) of users and items: their own vectors plus the maps of their features."""
        return self.user_vectors + self.user_features @ self.user_map, self.item_vectors + self.item_features @ self.item_map

    @torch.no_grad()
    def propagate(self, users: torch.Tensor, items: torch.Tensor) -> Final:
        """F from E(0): users [users, d], items [items, d]."""
        share = (1 - self.settings.own_weight) / self.settings.layers
        final_users, final_items = self.settings.own_weight * users, self.settings.own_weight * items
        for _ in range(self.settings.layers):
            users, items = self.to_users.times(items), self.workers.sum(self.to_items.times(users))
            final_users.add_(users, alpha=share)
            final_items.add_(items, alpha=share)
        return Final(final_users, final_items)

    @torch.no_grad()
    def forward(self) -> Final:
        return self.propagate(*self.first_layer())

    @torch.no_grad()
    def step(self, batch: torch.Tensor, global_weight: float) -> torch.Tensor:
        """Set every parameter's gradient for a batch; `batch` is this rank's rows of it, int64 [b], and may be empty.

        returns: this rank's loss sum, not yet divided by the weight of all ranks' batches.
        """
        final = self._forward_at(batch)
        user_units, user_lengths = unit(final.users)
        item_units, item_lengths = unit(final.items[self.bought])
        loss, by_users, by_items = softmax_loss(user_units, item_units, self.popularity, self._positives(batch), self.settings.temperature)
        user_gradient = unit_gradient(by_users, user_units, user_lengths) / global_weight
        item_gradient = torch.zeros_like(final.items)
        item_gradient[self.bought] = unit_gradient(by_items, item_units, item_lengths) / global_weight
        item_gradient = self.workers.sum(item_gradient)
        by_first = self._adjoint_at(batch, user_gradient, item_gradient)
        self.user_vectors.grad, self.item_vectors.grad = by_first.users.contiguous(), by_first.items.contiguous()
        self.item_map.grad = (self.item_features.T @ by_first.items).contiguous()
        self.user_map.grad = (self.user_features.T @ by_first.users).contiguous()
        if self.user_map.numel():
            self.user_map.grad = self.workers.sum(self.user_map.grad)
        return loss

    def _forward_at(self, batch: torch.Tensor) -> Final:
        """`forward` with the final vectors of the users of a batch only [b, d]."""
        settings = self.settings
        share = (1 - settings.own_weight) / settings.layers
        users, items = self.first_layer()
        final_users, final_items = settings.own_weight * users[batch], settings.own_weight * items
        for layer in range(1, settings.layers + 1):
            next_items = self.workers.sum(self.to_items.times(users))
            if layer < settings.layers:
                users = self.to_users.times(items)
                final_users.add_(users[batch], alpha=share)
            else:
                final_users.add_(self.to_users.times_at(batch, items), alpha=share)
            items = next_items
            final_items.add_(items, alpha=share)
        return Final(final_users, final_items)

    def _adjoint_at(self, batch: torch.Tensor, users: torch.Tensor, items: torch.Tensor) -> Final:
        """`propagate` of gradients that are zero for users outside a batch: users [b, d], items [items, d]."""
        settings = self.settings
        share = (1 - settings.own_weight) / settings.layers
        first_users = torch.zeros(self.part.users, settings.dim, device=self.device)
        first_users[batch] = settings.own_weight * users
        first_items = settings.own_weight * items
        for layer in range(settings.layers):
            to_items = self.to_users.transposed_times_at(batch, users) if layer == 0 else self.to_items.times(users)
            users, items = self.to_users.times(items), self.workers.sum(to_items)
            first_users.add_(users, alpha=share)
            first_items.add_(items, alpha=share)
        return Final(first_users, first_items)

    def _normalised(self, edges: Csr) -> Csr:
        rows = np.repeat(np.arange(edges.rows), np.diff(edges.indptr))
        degrees = self.user_degree.cpu().numpy()[rows].astype(np.float64) * self.item_degree.cpu().numpy()[edges.columns]
        values = edges.values / np.sqrt(np.maximum(degrees, 1e-12))
        return Csr(edges.indptr, edges.columns, values.astype(np.float32), edges.width)

    def _positives(self, batch: torch.Tensor) -> Positives:
        indptr = self.part.edges.indptr
        local = batch.cpu().numpy()
        lengths = indptr[local + 1] - indptr[local]
        bounds = np.concatenate([[0], np.cumsum(lengths)])
        edges = np.repeat(indptr[local] - bounds[:-1], lengths) + np.arange(bounds[-1])
        rows = torch.from_numpy(np.repeat(np.arange(len(local)), lengths)).to(self.device)
        taken = torch.from_numpy(edges).to(self.device)
        return Positives(rows, self.edge_items[taken], self.edge_weights[taken], torch.from_numpy(bounds))
