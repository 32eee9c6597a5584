"""The vectors that training starts from: ALS factors, or a few subspace iterations on the normalised graph."""

import torch

from basketgraph.foundation.config import UserError
from basketgraph.foundation.distributed.workers import Workers
from basketgraph.graph.partition import Part
from basketgraph.graph.settings import GraphSettings
from basketgraph.graph.sparse import Matrix

RIDGE = 10.0  # in rows: the map of a feature that fewer rows have is held near 0


def start_vectors(part: Part, settings: GraphSettings, workers: Workers, to_users: Matrix, to_items: Matrix) -> tuple[torch.Tensor, torch.Tensor]:
    """User vectors [users, d] and item vectors [items, d] whose coordinates have the root mean square settings.start_scale over all ranks."""
    if part.user_start is not None and part.item_start is not None:
        users, items = (_widened(torch.from_numpy(start).clone(), settings) for start in (part.user_start, part.item_start))
    else:
        users, items = _subspace(part, settings, workers, to_users, to_items)
    return _scaled(users, settings.start_scale, workers), _scaled(items, settings.start_scale, None)


def _subspace(part: Part, settings: GraphSettings, workers: Workers, to_users: Matrix, to_items: Matrix) -> tuple[torch.Tensor, torch.Tensor]:
    """Approximate leading singular vectors of D^-1/2 A D^-1/2 by subspace iteration (Halko et al. 2011, arXiv 0909.4061)."""
    draw = torch.Generator().manual_seed(settings.seed)
    width = min(settings.dim, part.items)
    items = torch.randn(part.items, width, generator=draw).to(to_items.device)
    for _ in range(settings.start_iterations):
        items = torch.linalg.qr(workers.sum(to_items.times(to_users.times(items)))).Q
    return _widened(to_users.times(items), settings), _widened(items, settings)


def _widened(vectors: torch.Tensor, settings: GraphSettings) -> torch.Tensor:
    """Vectors of the settings' width; missing coordinates start at 0 and are learned."""
    have = vectors.shape[1]
    if have > settings.dim:
        raise UserError(
            "graph: the start vectors do not fit the model",
            [f"start vectors: want at most {settings.dim} coordinates (graph.dim), have {have}"],
            "Train ALS with fewer factors, or set graph.dim to theirs.",
        )
    padded: torch.Tensor = torch.nn.functional.pad(vectors, (0, settings.dim - have))
    return padded


def _scaled(vectors: torch.Tensor, scale: float, workers: Workers | None) -> torch.Tensor:
    sums = torch.tensor([float(vectors.double().square().sum()), float(vectors.numel())], dtype=torch.float64)
    squares, count = (workers.sum(sums) if workers else sums).tolist()
    scaled: torch.Tensor = vectors * (scale / max((squares / max(count, 1)) ** 0.5, 1e-12))
    return scaled


def explained(vectors: torch.Tensor, features: torch.Tensor, workers: Workers | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Split start vectors [n, d] by ridge regression on features [n, f]: a map [f, d], and the residuals [n, d].

    vectors = residual + features @ map for every row with a start vector. A row without one (all zeros: nobody bought
    it) has residual 0 and starts from its features alone. `workers` sums over ranks where the rows are sharded.
    """
    known = vectors.abs().sum(dim=1, keepdim=True) > 0
    seen = (features * known).double()
    squares, products = seen.T @ seen, seen.T @ vectors.double()
    if workers is not None and features.shape[1]:
        squares, products = workers.sum(squares), workers.sum(products)
    weights = torch.linalg.solve(squares + RIDGE * torch.eye(len(squares), dtype=torch.float64, device=squares.device), products).float()
    return weights, vectors - known * (features @ weights)
